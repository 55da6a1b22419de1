#include "lib/agent/question.h"

#include <stdio.h>
#include <string.h>

#include "lib/agent/plan_rows.h"
#include "lib/agent/question_unreachable.h"
#include "lib/run/settings.h"

enum { PARAMETERS_MAX = 16, LINE_MAX_SIZE = 1024 };

/* What a question is read into, with the settings that its parameters may change. */
struct asking {
	struct question *question;
	struct plan_answer answer; /* only for its yes and no */
	struct settings_group groups[PLAN_QUESTION_GROUPS];
	struct settings_given given;
	bool is_changed;            /* something differs from what is configured */
	bool has_lag, has_critical; /* given as parameters; one excludes the other */
	bool has_mode;
};

/* A primary that is accepted among those who are read from is the leader: unless it is told otherwise, what
 * is said of the leader holds. */
static void
take_unconfirmed(struct asking *asking, const struct plan *plan)
{
	const struct settings_group *group;
	const struct setting *row = settings_find(asking->groups, 1, "unconfirmed-primary", &group);
	enum state *state = row == NULL ? NULL : settings_member(group, row);

	if (state != NULL && *state == STATE_CRITICAL)
		*state = question_unreachable_worst(plan);
}

static void
begin_check(struct asking *asking, const struct plan *plan, size_t index)
{
	const struct plan_check *configured = &plan->checks[index];
	struct question *question = asking->question;

	question->check = configured->check;
	question->check_index = question->owner_index = (int)index;
	memcpy(question->limits.bytes, configured->limits.bytes, sizeof question->limits.bytes);
	asking->answer = configured->answer;
	plan_rows_list_question(configured->check, question->limits.bytes, &asking->answer, asking->groups);
	take_unconfirmed(asking, plan);
}

static void
begin_health(struct asking *asking, const struct plan *plan, const struct check *check)
{
	struct question *question = asking->question;
	struct err ignored;

	question->check = check;
	question->check_index = question->owner_index = -1;
	question->limits.health.ready_bytes = HEALTH_READY_BYTES;
	question->limits.policy.on[ERR_USAGE] = STATE_UNKNOWN;
	question->limits.policy.wrong_role = STATE_CRITICAL;
	question_unreachable_take(plan, question->limits.health.unreachable);
	plan_rows_list_question(check, question->limits.bytes, &asking->answer, asking->groups);
	if (settings_set_initial(asking->groups, PLAN_QUESTION_GROUPS, &ignored) != 0)
		question->limits.policy = (struct policy){
			.wrong_role = STATE_UNKNOWN}; /* the table is tested */
}

static void
begin_route(struct asking *asking, const struct plan *plan, const struct route *route)
{
	static const struct check *const checks[] = {
		[ROUTE_HEALTH] = &health_up,
		[ROUTE_READINESS] = &health_ready,
		[ROUTE_LIVENESS] = &health_up,
		[ROUTE_STANDBY_LEADER] = &health_standby_leader,
	};

	asking->question->kind = route->kind;
	asking->question->sync = route->sync;
	asking->question->is_for_standby_leader = route->accepts_standby_leader;
	asking->question->is_for_any_leader = route->accepts_primary;
	asking->question->has_no_tags = route->has_no_tags;
	if (route->kind == ROUTE_CHECK)
		begin_check(asking, plan, (size_t)(plan_find_check(plan, route->base) - plan->checks));
	else
		begin_health(asking, plan, checks[route->kind]);
	asking->is_changed = route->sync != ROUTE_ANY_SYNC;
}

/* -- parameters -------------------------------------------------------------------------------- */

static int
take_setting(struct asking *asking, const char *name, const char *value, struct err *err)
{
	const struct setting *row = settings_find(asking->groups, PLAN_QUESTION_GROUPS, name, NULL);

	if (row != NULL && row->is_source) {
		err_set(err, ERR_USAGE, "parameter \"%s\" is for the configuration alone", name);
		return err_hint(err, "it says where the agent looks, which is the same for all who ask");
	}
	asking->is_changed = true;
	return settings_take(&asking->given, asking->groups, PLAN_QUESTION_GROUPS, name, value, err);
}

/* A limit in bytes takes the place of the configured ones, which may be of another tightness. */
static int
set_lag(struct asking *asking, double bytes, struct err *err)
{
	const struct settings_group *group;
	const struct setting *warning = settings_find(asking->groups, 1, "warning", &group);
	const struct setting *critical = settings_find(asking->groups, 1, "critical", &group);
	struct limit *limit;

	if (asking->question->check == &health_ready) {
		asking->question->limits.health.ready_bytes = (int64_t)bytes;
		return 0;
	}
	if (critical == NULL || (critical->accepted & 1U << UNIT_BYTES) == 0)
		return err_set(
			err, ERR_USAGE, "parameter \"lag\": \"%s\" has no lag", asking->question->name);
	limit = settings_member(group, critical);
	limit->of[UNIT_BYTES] = (struct range){.is_set = true, .start = 0, .end = bytes};
	if (warning != NULL)
		((struct limit *)settings_member(group, warning))->of[UNIT_BYTES].is_set = false;
	return 0;
}

/* Patroni's: bytes, or with a unit. What it does not understand, it takes for no limit; here it is refused.
 */
static int
take_lag(struct asking *asking, const char *value, struct err *err)
{
	struct parse_quantity quantity;
	const char *rest = value;

	asking->is_changed = true;
	if (asking->has_lag || asking->has_critical)
		return err_set(err, ERR_USAGE, "parameter \"lag\" is given twice, or beside \"critical\"");
	asking->has_lag = true;
	if (parse_quantity(&rest, &quantity, err) != 0)
		return err_context(err, "parameter \"lag\"");
	if (*rest != '\0' || quantity.value < 0 || quantity.value > 1e18
		|| (quantity.unit != UNIT_BYTES && quantity.unit != UNIT_NONE)) {
		err_set(err, ERR_USAGE, "parameter \"lag\": \"%s\" is no size", value);
		return err_hint(err, "write bytes, such as 1048576 or 1MB");
	}
	return set_lag(asking, quantity.value, err);
}

static int
take_replication_state(struct asking *asking, const char *value, struct err *err)
{
	bool is_streaming = strcmp(value, "streaming") == 0;

	if (is_streaming || strcmp(value, "in archive recovery") == 0)
		return take_setting(asking, "allow-archive-recovery", is_streaming ? "no" : "yes", err);
	err_set(err, ERR_USAGE, "parameter \"replication_state\": \"%s\" is none", value);
	return err_hint(err, "it is streaming or in archive recovery");
}

static int
take_critical(struct asking *asking, const char *value, struct err *err)
{
	if (asking->has_lag)
		return err_set(err, ERR_USAGE, "parameter \"critical\" is given beside \"lag\"");
	asking->has_critical = true;
	return take_setting(asking, "critical", value, err);
}

/* An agent-check beside it drains; the check that finds dead servers must not do so as well. */
static int
take_drained(struct asking *asking, const char *value, struct err *err)
{
	if (strcmp(value, "ok") != 0)
		return err_set(err, ERR_USAGE, "parameter \"drained\": \"%s\" is not ok", value);
	asking->question->is_drain_ignored = true;
	return 0;
}

static int
take_mode(struct asking *asking, const char *value, struct err *err)
{
	if (asking->has_mode)
		return err_set(err, ERR_USAGE, "parameter \"mode\" is given twice");
	asking->has_mode = true;
	asking->question->limits.health.is_by_write = strcmp(value, "write") == 0;
	if (asking->question->limits.health.is_by_write || strcmp(value, "apply") == 0)
		return 0;
	return err_set(err, ERR_USAGE, "parameter \"mode\": \"%s\" is neither apply nor write", value);
}

/* A tag of Patroni. One with a comma no node has: see lib/collect/patroni_json.h. */
static int
take_tag(struct asking *asking, const char *tag, const char *value, struct err *err)
{
	struct question *question = asking->question;
	size_t length = strlen(question->tags);
	struct text text;

	if (strchr(tag, ',') != NULL || strchr(value, ',') != NULL)
		question->never = true;
	text_init(&text, question->tags + length, sizeof question->tags - length);
	text_add(&text, "%s%s=%s", length > 0 ? "," : "", tag, value);
	return text.is_truncated
		? err_set(err, ERR_USAGE, "parameter \"tag_%.40s\": the tags are too long", tag)
		: 0;
}

static int
take_parameter(struct asking *asking, const struct question_parameter *parameter, struct err *err)
{
	const struct question *question = asking->question;

	if (strcmp(parameter->name, "lag") == 0)
		return take_lag(asking, parameter->value, err);
	if (strcmp(parameter->name, "replication_state") == 0 && question->kind == ROUTE_CHECK)
		return take_replication_state(asking, parameter->value, err);
	if (strcmp(parameter->name, "mode") == 0 && question->kind == ROUTE_READINESS)
		return take_mode(asking, parameter->value, err);
	if (strcmp(parameter->name, "critical") == 0)
		return take_critical(asking, parameter->value, err);
	if (strcmp(parameter->name, "drained") == 0 && question->kind == ROUTE_CHECK)
		return take_drained(asking, parameter->value, err);
	if (text_starts(parameter->name, "tag_"))
		return take_tag(asking, parameter->name + strlen("tag_"), parameter->value, err);
	return take_setting(asking, parameter->name, parameter->value, err);
}

static int
take_parameters(
	struct asking *asking, const struct question_parameter *parameters, size_t count, struct err *err)
{
	struct question *question = asking->question;

	for (size_t i = 0; i < count; i++)
		if (take_parameter(asking, &parameters[i], err) != 0)
			return -1;
	if (settings_check_section(asking->groups, PLAN_QUESTION_GROUPS, err) != 0)
		return -1;
	question->warning_is_failure = asking->answer.warning_is_failure;
	question->unknown_is_ok = asking->answer.unknown_is_ok;
	if (asking->is_changed)
		question->check_index = -1;
	return 0;
}

/* A primary is not the leader of a standby cluster, whatever [check leader] says of leaders. */
static int
refuse_standby_leader(struct asking *asking, struct err *err)
{
	const struct settings_group *group;
	const struct setting *row = settings_find(asking->groups, 1, "standby-leader", &group);

	if (row == NULL || !*(const bool *)settings_member(group, row))
		return 0;
	return take_setting(asking, "standby-leader", "no", err);
}

/* What a route wants other than the configured check does. */
static int
take_route(struct asking *asking, const struct route *route, struct err *err)
{
	if (route->accepts_primary && take_setting(asking, "accept-primary", "yes", err) != 0)
		return -1;
	if (route->is_for_primary && refuse_standby_leader(asking, err) != 0)
		return -1;
	memset(&asking->given, 0, sizeof asking->given);
	return 0;
}

/* -- the whole --------------------------------------------------------------------------------- */

static enum question_status
refuse_unknown(const struct plan *plan, const char *name, struct err *err)
{
	char storage[sizeof err->hint];
	struct text list;

	text_init(&list, storage, sizeof storage);
	for (size_t i = 0; i < plan->check_count; i++)
		text_add(&list, "%s%s", i > 0 ? ", " : "", plan->checks[i].name);
	err_set(err, ERR_USAGE, "there is no question \"%s\"", name);
	err_hint(err, "there are %s, and the names of Patroni's paths", storage);
	return QUESTION_UNKNOWN;
}

static enum question_status
read_question(const struct plan *plan, const char *name, const struct plan_check *configured,
	const struct question_parameter *parameters, size_t count, struct question *ret, struct err *err)
{
	struct asking asking = {.question = ret};
	const struct route *route = configured != NULL ? NULL : route_find(name);

	memset(ret, 0, sizeof *ret);
	if (text_copy(ret->name, sizeof ret->name, name) != 0 || (configured == NULL && route == NULL))
		return refuse_unknown(plan, name, err);
	if (route != NULL)
		begin_route(&asking, plan, route);
	else
		begin_check(&asking, plan, (size_t)(configured - plan->checks));
	if (route != NULL && take_route(&asking, route, err) != 0)
		return QUESTION_BAD;
	return take_parameters(&asking, parameters, count, err) == 0 ? QUESTION_OK : QUESTION_BAD;
}

enum question_status
question_read(const struct plan *plan, const char *name, const struct question_parameter *parameters,
	size_t count, struct question *ret, struct err *err)
{
	return read_question(plan, name, plan_find_check(plan, name), parameters, count, ret, err);
}

enum question_status
question_read_path(const struct plan *plan, const char *name, const struct question_parameter *parameters,
	size_t count, struct question *ret, struct err *err)
{
	return read_question(plan, name, NULL, parameters, count, ret, err);
}

enum question_status
question_read_line(const struct plan *plan, const char *line, struct question *ret, struct err *err)
{
	struct question_parameter parameters[PARAMETERS_MAX];
	char copy[LINE_MAX_SIZE], *rest = copy, *word;
	const char *name = "";
	size_t count = 0;

	memset(ret, 0, sizeof *ret);
	if (strcspn(line, "\r\n") >= sizeof copy) {
		err_set(err, ERR_USAGE, "the question is longer than %d characters", LINE_MAX_SIZE - 1);
		return QUESTION_BAD;
	}
	snprintf(copy, sizeof copy, "%.*s", (int)strcspn(line, "\r\n"), line);
	while ((word = strsep(&rest, " \t")) != NULL) {
		char *equals = strchr(word, '=');

		if (word[0] == '\0')
			continue;
		if (name[0] == '\0') {
			name = word;
			continue;
		}
		if (equals == NULL || count == PARAMETERS_MAX) {
			err_set(err, ERR_USAGE,
				equals == NULL ? "\"%s\" is no NAME=VALUE" : "too many parameters at \"%s\"",
				word);
			return QUESTION_BAD;
		}
		*equals = '\0';
		parameters[count++] = (struct question_parameter){.name = word, .value = equals + 1};
	}
	if (name[0] == '\0')
		return refuse_unknown(plan, name, err);
	return question_read(plan, name, parameters, count, ret, err);
}

void
question_of_check(const struct plan *plan, size_t index, struct question *ret)
{
	struct asking asking = {.question = ret};
	struct err ignored;

	memset(ret, 0, sizeof *ret);
	snprintf(ret->name, sizeof ret->name, "%s", plan->checks[index].name);
	begin_check(&asking, plan, index);
	if (take_parameters(&asking, NULL, 0, &ignored) != 0)
		ret->never = true; /* a plan is valid */
}
