#include "lib/agent/plan.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/agent/route.h"
#include "lib/base/log.h"
#include "lib/run/ini.h"
#include "lib/run/options.h"
#include "lib/run/settings.h"

#define TEXT(owner, member) .type = SETTING_TEXT, SETTING_AT(owner, member)
#define FLAG(owner, member) .type = SETTING_FLAG, SETTING_AT(owner, member)
#define DURATION(owner, member) .type = SETTING_DURATION, SETTING_AT(owner, member), .argument = "DURATION"

static const struct setting agent_rows[] = {
	{.name = "name",
		TEXT(struct plan_agent, name),
		.help = "what this node is called in answers, metrics and logs; without it, the host's name"},
	{.name = "interval",
		DURATION(struct plan_agent, interval_ms),
		.initial = "250ms",
		.help = "from one look at a server to the next"},
	{.name = "timeout",
		DURATION(struct plan_agent, timeout_ms),
		.initial = "1s",
		.help = "for one look, connecting included; what takes longer is a timeout, which is a no"},
	{.name = "max-age",
		DURATION(struct plan_agent, max_age_ms),
		.initial = "3s",
		.help = "older facts are not believed: the answer is then a no that says how old they are"},
	{.name = "run-directory",
		TEXT(struct plan_agent, run_directory),
		.initial = "/run/pgha",
		.help = "where the socket, the track files and the operator's switch are by default"},
	{.name = "log",
		.type = SETTING_WORD,
		SETTING_AT(struct plan_agent, log),
		.initial = "info",
		.words = log_level_names,
		.help = "error, warning or info (each change of an answer, once)"},
};

static const struct setting target_rows[] = {
	{.name = "conninfo",
		TEXT(struct plan_target, target.dbname),
		.is_secret = true,
		.help = "connection string or URI; what it leaves out comes from libpq's own rules (service, password "
			"file, environment). Keep passwords in a password file: passfile=/etc/pgha/pgpass"},
};

static const struct setting listen_rows[] = {
	{.name = "http",
		TEXT(struct plan_listen, http),
		.initial = "127.0.0.1:8009",
		.help = "addresses for HTTP: Patroni's paths, /check/NAME, /metrics, /status; HOST:PORT, several with "
			"commas, [::]:8009 for all; empty: none"},
	{.name = "agent",
		TEXT(struct plan_listen, agent),
		.initial = "127.0.0.1:8010",
		.help = "addresses for HAProxy's agent-check that take the question from agent-send"},
	{.name = "socket",
		TEXT(struct plan_listen, socket),
		.help = "the socket for pgha-ask; without it, agent.sock in run_directory; \"none\": none. Who may "
			"write to it may ask, and drain"},
	{.name = "tls-certificate",
		TEXT(struct plan_listen, tls_certificate),
		.help = "PEM file with the certificate and its chain: HTTP then speaks TLS only"},
	{.name = "tls-key", TEXT(struct plan_listen, tls_key), .help = "PEM file with its private key"},
	{.name = "tls-client-ca",
		TEXT(struct plan_listen, tls_client_ca),
		.help = "PEM file with the authorities whose client certificates are let in; nobody else is"},
	{.name = "max-connections",
		.type = SETTING_INTEGER,
		SETTING_AT(struct plan_listen, max_connections),
		.initial = "1000",
		.min = 1,
		.max = 100000,
		.help = "clients that have sent something, of HTTP, and of the others; more are refused at once with "
			"503, and silent ones make room for new ones"},
	{.name = "request-timeout",
		DURATION(struct plan_listen, request_timeout_ms),
		.initial = "5s",
		.help = "for a client to send its whole request, however slowly, and to take the answer"},
};

static const struct setting answer_rows[] = {
	{.name = "check",
		TEXT(struct plan_answer, check),
		.help = "which check answers, such as pg_replica; without it, the one that the section is named after. "
			"Stands first"},
	{.name = "agent",
		TEXT(struct plan_answer, agent),
		.help = "addresses for HAProxy's agent-check that answer this question unasked"},
	{.name = "rise",
		.type = SETTING_INTEGER,
		SETTING_AT(struct plan_answer, damping.rise),
		.initial = "1",
		.min = 1,
		.max = 1000,
		.help = "so many good looks in a row make a yes"},
	{.name = "fall",
		.type = SETTING_INTEGER,
		SETTING_AT(struct plan_answer, damping.fall),
		.initial = "1",
		.min = 1,
		.max = 1000,
		.help = "so many bad ones make a no, if all that is bad is a figure over its limit, or one that was not "
			"answered in time; what is known for certain is a no at once"},
	{.name = "recover",
		.type = SETTING_LIMIT,
		SETTING_AT(struct plan_answer, recover),
		.accepted = 1U << UNIT_BYTES | 1U << UNIT_SECONDS,
		.plain = UNIT_BYTES,
		.help = "to come back after a no, the figure must be within this range, not just within critical"},
	{.name = "weight-ramp",
		DURATION(struct plan_answer, damping.weight_ramp_ms),
		.help = "HAProxy's weight climbs to its full value over so long after a return"},
	{.name = "maintenance",
		TEXT(struct plan_answer, maintenance),
		.help = "while this file is there, the node is drained; without it, NAME.drain in run_directory, which "
			"pgha-ask --drain makes"},
};

static const struct setting yes_rows[] = {
	{.name = "warning-is-failure",
		FLAG(struct plan_answer, warning_is_failure),
		.help = "a WARNING is a no to keepalived, HAProxy and HTTP"},
	{.name = "unknown-is-ok",
		FLAG(struct plan_answer, unknown_is_ok),
		.help = "an UNKNOWN is a yes to them"},
};

static const struct setting track_rows[] = {
	{.name = "check",
		TEXT(struct plan_track, check),
		.help = "whose answer it is; without it, the check that the section is named after"},
	{.name = "file",
		TEXT(struct plan_track, file),
		.help = "1 for yes and 0 for no, for keepalived's \"weight 0 reverse\"; without it, NAME in run_directory"},
};

#define GROUP(title_text, row_table, base_pointer)                                                                     \
	((struct settings_group){.title = (title_text),                                                              \
		.rows = (row_table),                                                                                   \
		.count = sizeof(row_table) / sizeof(row_table)[0],                                                     \
		.base = (base_pointer)})

/* -- sections ---------------------------------------------------------------------------------- */

enum section { SECTION_AGENT, SECTION_POSTGRES, SECTION_PEER, SECTION_LISTEN, SECTION_CHECK, SECTION_TRACK, SECTION_COUNT };

static const struct {
	const char *word;
	bool is_named;
} sections[SECTION_COUNT] = {
	[SECTION_AGENT] = {"agent", false},
	[SECTION_POSTGRES] = {"postgres", false},
	[SECTION_PEER] = {"peer", true},
	[SECTION_LISTEN] = {"listen", false},
	[SECTION_CHECK] = {"check", true},
	[SECTION_TRACK] = {"track_file", true},
};

enum { SECTION_GROUPS = PLAN_QUESTION_GROUPS + 1 };

struct reading {
	struct plan *plan;
	const struct check *const *table;
	struct plan_check *check; /* [check NAME] */
	struct settings_group groups[SECTION_GROUPS];
	size_t group_count;
	struct settings_given given;
};

void
plan_list_question_groups(const struct check *check, void *limits, struct plan_answer *answer,
	struct settings_group groups[PLAN_QUESTION_GROUPS])
{
	groups[0] = (struct settings_group){.title = "The question",
		.rows = check->settings,
		.count = check->setting_count,
		.base = limits};
	groups[1] = (struct settings_group){.title = "What a fault means",
		.rows = options_policy_rows,
		.count = options_policy_row_count,
		.base = limits};
	groups[2] = GROUP("Yes and no", yes_rows, answer);
}

static void
list_check_groups(struct plan_check *check, struct settings_group groups[SECTION_GROUPS])
{
	groups[0] = GROUP("The answer", answer_rows, &check->answer);
	plan_list_question_groups(check->check, check->limits.bytes, &check->answer, groups + 1);
}

/* "leader" is pg_leader as well. */
static const struct check *
find_in_table(const struct check *const *table, const char *name)
{
	for (; *table != NULL; table++) {
		const char *full = (*table)->name;

		if (strcmp(full, name) == 0 || (text_starts(full, "pg_") && strcmp(full + 3, name) == 0))
			return *table;
	}
	return NULL;
}

/* Makes a check of the plan answer as `check` does by default. */
static int
set_check(struct plan_check *to, const struct check *check, struct err *err)
{
	struct settings_group groups[SECTION_GROUPS];

	if (check->limits_size > sizeof to->limits)
		return err_set(err, ERR_USAGE, "the limits of check \"%s\" are too large", check->name);
	to->check = check;
	to->limits.policy.on[ERR_USAGE] = STATE_UNKNOWN;
	list_check_groups(to, groups);
	return settings_set_initial(groups + 1, PLAN_QUESTION_GROUPS, err);
}

/* A new check, whose own settings have their defaults; which check it is may be said later. */
static struct plan_check *
add_check(struct plan *plan, const char *name, struct err *err)
{
	struct plan_check *check = &plan->checks[plan->check_count];
	struct settings_group group = GROUP("The answer", answer_rows, &check->answer);

	if (plan->check_count == PLAN_CHECKS) {
		err_set(err, ERR_USAGE, "more than %d checks", PLAN_CHECKS);
		return NULL;
	}
	memset(check, 0, sizeof *check);
	snprintf(check->name, sizeof check->name, "%s", name);
	if (settings_set_initial(&group, 1, err) != 0)
		return NULL;
	plan->check_count++;
	return check;
}

static struct plan_check *
find_check(struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->check_count; i++)
		if (strcmp(plan->checks[i].name, name) == 0)
			return &plan->checks[i];
	return NULL;
}

const struct plan_check *
plan_find_check(const struct plan *plan, const char *name)
{
	return find_check((struct plan *)plan, name);
}

/* Names stand in paths, metrics and lines of words. */
static int
verify_name(const char *name, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

	if (name[0] == '\0' || name[0] == '.' || strlen(name) >= PLAN_NAME_SIZE || name[strspn(name, allowed)] != '\0') {
		err_set(err, ERR_USAGE, "\"%s\" is no name", name);
		return err_hint(err, "names have at most %d letters, digits, \"_\", \"-\" and \".\"", PLAN_NAME_SIZE - 1);
	}
	return 0;
}

static int
begin_check(struct reading *reading, const char *name, struct err *err)
{
	const struct check *named = find_in_table(reading->table, name);

	reading->check = find_check(reading->plan, name);
	if (reading->check == NULL && route_find(name) != NULL) {
		err_set(err, ERR_USAGE, "\"%s\" already is the name of a question that every agent answers", name);
		return err_hint(err, "it goes by [check leader] or [check replica]; take another name");
	}
	if (reading->check == NULL)
		reading->check = add_check(reading->plan, name, err);
	if (reading->check == NULL)
		return -1;
	if (reading->check->check == NULL && named != NULL && set_check(reading->check, named, err) != 0)
		return -1;
	reading->groups[0] = GROUP("The answer", answer_rows, &reading->check->answer);
	reading->group_count = 1;
	if (reading->check->check != NULL) {
		list_check_groups(reading->check, reading->groups);
		reading->group_count = SECTION_GROUPS;
	}
	return 0;
}

static int
begin_target(struct reading *reading, const char *name, struct err *err)
{
	struct plan *plan = reading->plan;
	struct plan_target *target = &plan->targets[0];

	if (name[0] != '\0') {
		if (plan->target_count == PLAN_TARGETS)
			return err_set(err, ERR_USAGE, "more than %d peers", PLAN_TARGETS - 1);
		target = &plan->targets[plan->target_count++];
		snprintf(target->name, sizeof target->name, "%s", name);
	}
	reading->groups[0] = GROUP("", target_rows, target);
	return 0;
}

static int
begin_track(struct reading *reading, const char *name, struct err *err)
{
	struct plan *plan = reading->plan;
	struct plan_track *track = &plan->tracks[plan->track_count];

	if (plan->track_count == PLAN_TRACKS)
		return err_set(err, ERR_USAGE, "more than %d track files", PLAN_TRACKS);
	plan->track_count++;
	snprintf(track->name, sizeof track->name, "%s", name);
	reading->groups[0] = GROUP("", track_rows, track);
	return 0;
}

static int
refuse_section(const char *word, struct err *err)
{
	const char *words[SECTION_COUNT + 1];
	const char *near;

	for (int i = 0; i < SECTION_COUNT; i++)
		words[i] = sections[i].word;
	words[SECTION_COUNT] = NULL;
	near = settings_nearest_word(words, word);
	err_set(err, ERR_USAGE, "unknown section \"[%s]\"", word);
	return near != NULL ? err_hint(err, "did you mean \"[%s]\"?", near)
			    : err_hint(err, "sections are agent, postgres, peer NAME, listen, check NAME and track_file NAME");
}

/* "check leader" is the section check with the name leader. */
static int
begin_section(void *context, const char *title, struct err *err)
{
	struct reading *reading = context;
	size_t length = strcspn(title, " \t");
	const char *name = title + length + strspn(title + length, " \t");
	enum section section = SECTION_AGENT;
	char word[PLAN_NAME_SIZE];

	snprintf(word, sizeof word, "%.*s", (int)length, title);
	while (section < SECTION_COUNT && strcmp(sections[section].word, word) != 0)
		section++;
	if (section == SECTION_COUNT)
		return refuse_section(word, err);
	if (!sections[section].is_named && name[0] != '\0')
		return err_set(err, ERR_USAGE, "section \"[%s]\" takes no name", word);
	if (sections[section].is_named && name[0] == '\0') {
		err_set(err, ERR_USAGE, "section \"[%s]\" needs a name", word);
		return err_hint(err, "write [%s NAME]", word);
	}
	if (sections[section].is_named && verify_name(name, err) != 0)
		return -1;
	memset(&reading->given, 0, sizeof reading->given);
	reading->check = NULL;
	reading->group_count = 1;
	switch (section) {
	case SECTION_AGENT:
		reading->groups[0] = GROUP("", agent_rows, &reading->plan->agent);
		return 0;
	case SECTION_LISTEN:
		reading->groups[0] = GROUP("", listen_rows, &reading->plan->listen);
		return 0;
	case SECTION_POSTGRES:
	case SECTION_PEER:
		return begin_target(reading, name, err);
	case SECTION_CHECK:
		return begin_check(reading, name, err);
	case SECTION_TRACK:
		return begin_track(reading, name, err);
	case SECTION_COUNT:
		break;
	}
	return -1;
}

/* "check = pg_replica": from here on its own settings are known. */
static int
choose_check(struct reading *reading, struct err *err)
{
	struct plan_check *check = reading->check;
	const struct check *chosen = find_in_table(reading->table, check->answer.check);
	const char *words[PLAN_CHECKS + 1];
	size_t count = 0;

	if (chosen == NULL) {
		for (; reading->table[count] != NULL && count < PLAN_CHECKS; count++)
			words[count] = reading->table[count]->name;
		words[count] = NULL;
		err_set(err, ERR_USAGE, "there is no check \"%s\"", check->answer.check);
		return settings_nearest_word(words, check->answer.check) == NULL
			? err_hint(err, "checks are named as their programs are, without \"check_\"")
			: err_hint(err, "did you mean \"%s\"?", settings_nearest_word(words, check->answer.check));
	}
	if (check->check != NULL && check->check != chosen) {
		err_set(err, ERR_USAGE, "[check %s] is already named after the check \"%s\"", check->name, check->check->name);
		return err_hint(err, "give the section another name");
	}
	if (check->check == NULL && set_check(check, chosen, err) != 0)
		return -1;
	list_check_groups(check, reading->groups);
	reading->group_count = SECTION_GROUPS;
	return 0;
}

static int
take_key(void *context, const char *key, const char *value, struct err *err)
{
	struct reading *reading = context;
	bool is_choice = reading->check != NULL && strcmp(key, "check") == 0;

	if (reading->check != NULL && reading->check->check == NULL && !is_choice) {
		err_set(err, ERR_USAGE, "[check %s] does not say which check it is", reading->check->name);
		return err_hint(err, "begin the section with a line such as: check = pg_replica");
	}
	if (settings_take(&reading->given, reading->groups, reading->group_count, key, value, err) != 0)
		return -1;
	return is_choice ? choose_check(reading, err) : 0;
}

static int
end_section(void *context, struct err *err)
{
	struct reading *reading = context;

	return settings_check_section(reading->groups, reading->group_count, err);
}

/* -- the whole --------------------------------------------------------------------------------- */

const char *
plan_path(const struct plan *plan, const char *name, char to[PLAN_PATH_SIZE])
{
	struct text text;

	text_init(&text, to, PLAN_PATH_SIZE);
	text_add(&text, "%s/%s", plan->agent.run_directory, name);
	return to;
}

const char *
plan_maintenance_path(const struct plan *plan, const struct plan_check *check, char to[PLAN_PATH_SIZE])
{
	char name[PLAN_NAME_SIZE + 8];

	if (check->answer.maintenance[0] != '\0')
		snprintf(to, PLAN_PATH_SIZE, "%s", check->answer.maintenance);
	else {
		snprintf(name, sizeof name, "%s.drain", check->name);
		plan_path(plan, name, to);
	}
	return to;
}

static int
verify_agent(const struct plan_agent *agent, struct err *err)
{
	if (agent->interval_ms + agent->timeout_ms > agent->max_age_ms) {
		err_set(err, ERR_USAGE, "[agent]: max_age is shorter than interval and timeout together");
		return err_hint(err, "facts would grow too old while a slow server is still being asked");
	}
	/* Names of sockets and track files are appended; a socket's path has 107 characters. */
	if (agent->run_directory[0] != '/' || strlen(agent->run_directory) > 90)
		return err_set(err, ERR_USAGE, "[agent]: run_directory is no absolute path of at most 90 characters");
	return agent->name[0] == '\0' ? 0 : verify_name(agent->name, err);
}

static int
verify_listen(const struct plan_listen *listen, struct err *err)
{
	bool has_certificate = listen->tls_certificate[0] != '\0', has_key = listen->tls_key[0] != '\0';

	if (has_certificate != has_key || (listen->tls_client_ca[0] != '\0' && !has_key)) {
		err_set(err, ERR_USAGE, "[listen]: TLS needs both tls_certificate and tls_key");
		return err_hint(err, "tls_client_ca comes on top of them");
	}
	return 0;
}

/* The limits to come back within are of what the check measures, and not looser than critical. */
static int
verify_recover(const struct plan_check *check, struct err *err)
{
	struct settings_group group = {.rows = check->check->settings, .count = check->check->setting_count,
		.base = (void *)check->limits.bytes};
	const struct setting *row = settings_find(&group, 1, "critical", NULL);
	const struct limit *critical = row == NULL ? NULL : settings_member(&group, row);

	for (enum unit unit = UNIT_NONE; unit < UNIT_COUNT; unit++) {
		const struct range *recover = &check->answer.recover.of[unit];

		if (!recover->is_set)
			continue;
		if (row == NULL || (row->accepted & 1U << unit) == 0)
			return err_set(err, ERR_USAGE, "[check %s]: recover is of a unit that the check does not measure", check->name);
		if (!critical->of[unit].is_set || !range_covers(recover, &critical->of[unit])) {
			err_set(err, ERR_USAGE, "[check %s]: recover is looser than critical, or critical has no such limit", check->name);
			return err_hint(err, "what is critical must not be good enough to come back");
		}
	}
	return 0;
}

enum { RAMP_MAX_MS = 86400000 };

static int
finish_check(struct plan_check *check, struct err *err)
{
	if (check->check == NULL) {
		err_set(err, ERR_USAGE, "[check %s] does not say which check it is", check->name);
		return err_hint(err, "begin the section with a line such as: check = pg_replica");
	}
	if (check->answer.damping.weight_ramp_ms > RAMP_MAX_MS)
		return err_set(err, ERR_USAGE, "[check %s]: weight_ramp is longer than a day", check->name);
	check->answer.damping.weight_min = 1;
	check->answer.damping.warning_is_failure = check->answer.warning_is_failure;
	return verify_recover(check, err);
}

static int
finish_track(struct plan *plan, struct plan_track *track, struct err *err)
{
	const char *name = track->check[0] != '\0' ? track->check : track->name;
	const struct plan_check *check = plan_find_check(plan, name);

	if (check == NULL) {
		err_set(err, ERR_USAGE, "[track_file %s]: there is no [check %s]", track->name, name);
		return err_hint(err, "\"leader\" and \"replica\" are always there; others need their section");
	}
	track->check_index = (size_t)(check - plan->checks);
	if (track->file[0] == '\0')
		plan_path(plan, track->name, track->file);
	if (track->file[0] != '/')
		return err_set(err, ERR_USAGE, "[track_file %s]: \"%s\" is no absolute path", track->name, track->file);
	for (const struct plan_track *other = plan->tracks; other < track; other++)
		if (strcmp(other->file, track->file) == 0)
			return err_set(err, ERR_USAGE, "[track_file %s] and [track_file %s] are one file", other->name, track->name);
	return 0;
}

static int
finish(struct plan *plan, const char *path, struct err *err)
{
	bool is_bad = verify_agent(&plan->agent, err) != 0 || verify_listen(&plan->listen, err) != 0;

	for (size_t i = 0; i < plan->check_count && !is_bad; i++)
		is_bad = finish_check(&plan->checks[i], err) != 0;
	for (size_t i = 0; i < plan->track_count && !is_bad; i++)
		is_bad = finish_track(plan, &plan->tracks[i], err) != 0;
	for (size_t i = 0; i < plan->target_count; i++) {
		plan->targets[i].target.application = "pgha-agent";
		plan->targets[i].target.timeout_ms = plan->agent.timeout_ms;
	}
	return is_bad ? err_context(err, "%s", path) : 0;
}

/* The plan of an empty file. */
static int
begin(struct plan *plan, const struct check *const *table, struct err *err)
{
	static const char *const always[] = {"leader", "replica"};
	const struct settings_group groups[] = {
		GROUP("", agent_rows, &plan->agent), GROUP("", listen_rows, &plan->listen)};

	memset(plan, 0, sizeof *plan);
	plan->target_count = 1;
	snprintf(plan->targets[0].name, sizeof plan->targets[0].name, "postgres");
	for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
		struct plan_check *check = add_check(plan, always[i], err);
		const struct check *named = find_in_table(table, always[i]);

		if (check == NULL || named == NULL || set_check(check, named, err) != 0)
			return -1;
	}
	return settings_set_initial(groups, 2, err);
}

/* `text` or, when it is NULL, the file. */
static int
read_plan(const char *text, const char *path, const struct check *const *table, struct plan *ret, struct err *err)
{
	struct reading reading = {.plan = ret, .table = table};
	struct ini_reader reader = {
		.section = begin_section, .key = take_key, .section_end = end_section, .context = &reading};

	if (begin(ret, table, err) != 0)
		return -1;
	if ((text == NULL ? ini_read(path, &reader, err) : ini_read_text(text, path, &reader, err)) != 0)
		return -1;
	return finish(ret, path, err);
}

int
plan_read(const char *path, const struct check *const *table, struct plan *ret, struct err *err)
{
	return read_plan(NULL, path, table, ret, err);
}

int
plan_read_text(const char *text, const char *path, const struct check *const *table, struct plan *ret, struct err *err)
{
	return read_plan(text, path, table, ret, err);
}

/* -- writing ----------------------------------------------------------------------------------- */

static void
write_header(const char *word, const char *name, struct text *text)
{
	text_add(text, "%s[%s%s%s]\n", text->length > 0 ? "\n" : "", word, name[0] != '\0' ? " " : "", name);
}

static void
write_check(const struct plan_check *check, bool is_documented, struct text *text)
{
	struct settings_group groups[SECTION_GROUPS];

	write_header("check", check->name, text);
	list_check_groups((struct plan_check *)check, groups);
	for (size_t i = 0; i < SECTION_GROUPS; i++)
		settings_write_section(&groups[i], is_documented, text);
}

static void
write_group(const char *word, const char *name, const struct settings_group *group, bool is_documented, struct text *text)
{
	write_header(word, name, text);
	settings_write_section(group, is_documented, text);
}

/* Sections of which there is none by default, shown as comments. */
static const char examples[]
	= "\n; Another node of the cluster, a section each. With peers, a stale primary is found out, and /sync,\n"
	  "; /async and /quorum can be answered: only the primary knows who is synchronous.\n"
	  ";[peer n2]\n"
	  ";conninfo = host=10.0.0.12 user=pgha passfile=/etc/pgha/pgpass\n"
	  "\n; A question of one's own, asked as /check/reporting, agent-send \"reporting\\n\" or pgha-ask reporting.\n"
	  ";[check reporting]\n"
	  ";check = pg_replica\n"
	  ";critical = 1GB\n"
	  "\n; A file for keepalived, which tracks it with \"weight 0 reverse\".\n"
	  ";[track_file leader]\n"
	  ";file = /run/pgha/leader\n";

void
plan_write(const struct plan *plan, bool is_documented, struct text *text)
{
	struct settings_group agent = GROUP("", agent_rows, (void *)&plan->agent);
	struct settings_group listen = GROUP("", listen_rows, (void *)&plan->listen);

	write_group("agent", "", &agent, is_documented, text);
	for (size_t i = 0; i < plan->target_count; i++) {
		struct settings_group target = GROUP("", target_rows, (void *)&plan->targets[i]);

		write_group(i == 0 ? "postgres" : "peer", i == 0 ? "" : plan->targets[i].name, &target, is_documented, text);
	}
	write_group("listen", "", &listen, is_documented, text);
	for (size_t i = 0; i < plan->check_count; i++)
		write_check(&plan->checks[i], is_documented, text);
	for (size_t i = 0; i < plan->track_count; i++) {
		struct settings_group track = GROUP("", track_rows, (void *)&plan->tracks[i]);

		write_group("track_file", plan->tracks[i].name, &track, is_documented, text);
	}
	if (is_documented)
		text_add(text, "%s", examples);
}
