#include "lib/agent/plan_verify.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/agent/address.h"
#include "lib/agent/plan_check.h"
#include "lib/base/parse.h"
#include "lib/run/settings.h"

int
plan_verify_name(const char *name, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

	if (name[0] == '\0' || name[0] == '.' || strlen(name) >= PLAN_NAME_SIZE
		|| name[strspn(name, allowed)] != '\0') {
		err_set(err, ERR_USAGE, "\"%s\" is no name", name);
		return err_hint(err, "names have at most %d letters, digits, \"_\", \"-\" and \".\"",
			PLAN_NAME_SIZE - 1);
	}
	return 0;
}

enum { AGE_MAX_MS = 3600000 };

static int
verify_agent(const struct plan_agent *agent, struct err *err)
{
	if (agent->interval_ms + agent->timeout_ms > agent->max_age_ms) {
		err_set(err, ERR_USAGE, "[agent]: max_age is shorter than interval and timeout together");
		return err_hint(err, "facts would grow too old while a slow server is still being asked");
	}
	if (agent->max_age_ms > AGE_MAX_MS)
		return err_set(err, ERR_USAGE, "[agent]: max_age is longer than an hour");
	/* Names of sockets and track files are appended; a socket's path has 107 characters. */
	if (agent->run_directory[0] != '/' || strlen(agent->run_directory) > 90)
		return err_set(err, ERR_USAGE,
			"[agent]: run_directory is no absolute path of at most 90 characters");
	return agent->name[0] == '\0' ? 0 : plan_verify_name(agent->name, err);
}

static int
verify_listen(const struct plan_listen *listen, struct err *err)
{
	bool has_certificate = listen->tls_certificate[0] != '\0', has_key = listen->tls_key[0] != '\0';

	if (has_certificate != has_key || (listen->tls_client_ca[0] != '\0' && !has_key)) {
		err_set(err, ERR_USAGE, "[listen]: TLS needs both tls_certificate and tls_key");
		return err_hint(err, "tls_client_ca comes on top of them");
	}
	if (address_verify_list(listen->http, err) != 0)
		return err_context(err, "[listen]: http");
	return address_verify_list(listen->agent, err) == 0 ? 0 : err_context(err, "[listen]: agent");
}

/* The limits to come back within are of what the check measures, and not looser than critical. */
static int
verify_recover(const struct plan_check *check, struct err *err)
{
	char section[PLAN_CHECK_SECTION_SIZE];
	struct settings_group group = {.rows = check->check->settings,
		.count = check->check->setting_count,
		.base = (void *)check->limits.bytes};
	const struct setting *row = settings_find(&group, 1, "critical", NULL);
	const struct limit *critical = row == NULL ? NULL : settings_member(&group, row);

	for (enum unit unit = UNIT_NONE; unit < UNIT_COUNT; unit++) {
		const struct range *recover = &check->answer.recover.of[unit];

		if (!recover->is_set)
			continue;
		if (row == NULL || (row->accepted & 1U << unit) == 0)
			return err_set(err, ERR_USAGE,
				"[%s]: recover is of a unit that the check does not measure",
				plan_check_section(check, section));
		if (!critical->of[unit].is_set || !range_covers(recover, &critical->of[unit])) {
			err_set(err, ERR_USAGE,
				"[%s]: recover is looser than critical, or critical has no such limit",
				plan_check_section(check, section));
			return err_hint(err, "what is critical must not be good enough to come back");
		}
	}
	return 0;
}

/* Whether what stands behind "://" is a host, with a port if there is one: "db1", "db1:8008/x", "[::1]:8008".
 */
static bool
is_place(const char *rest)
{
	const char *end = rest[0] == '[' ? strchr(rest, ']') : rest + strcspn(rest, ":/");
	char port[8];
	int64_t number;
	struct err ignored;

	if (end == NULL || (!isalnum((unsigned char)rest[0]) && rest[0] != '['))
		return false;
	end += *end == ']';
	if (*end != ':')
		return *end == '\0' || *end == '/';
	snprintf(port, sizeof port, "%.*s", (int)strcspn(end + 1, "/"), end + 1);
	return parse_integer(port, 1, 65535, &number, &ignored) == 0;
}

/* Whether each item can be asked; one without a scheme only where that has a default. */
static bool
is_list_of_urls(const char *list, bool needs_scheme)
{
	char item[PLAN_PATH_SIZE];

	for (size_t i = 0; i < text_item_count(list); i++) {
		const char *start = item, *rest;

		text_item(list, i, item, sizeof item);
		start += strspn(start, " ");
		rest = strstr(start, "://");
		if (strpbrk(start, "?#") != NULL) /* a path behind it would be none */
			return false;
		if (rest == NULL ? needs_scheme
				 : (!text_starts(start, "http://") && !text_starts(start, "https://"))
					|| !is_place(rest + 3))
			return false;
	}
	return true;
}

/* A password in a URL would stand in messages, and in what --check-config shows. */
static int
verify_urls(const struct plan_check *check, struct err *err)
{
	char section[PLAN_CHECK_SECTION_SIZE];

	for (size_t i = 0; i < check->check->setting_count; i++) {
		const struct setting *row = &check->check->settings[i];
		bool is_text = row->type == SETTING_TEXT || row->type == SETTING_LIST;
		const char *value = check->limits.bytes + row->offset;

		bool is_url = row->argument != NULL && strcmp(row->argument, "URL") == 0;

		if (!is_text || !row->is_source || row->is_secret || value[0] == '\0'
			|| (!is_url && strstr(value, "://") == NULL))
			continue;
		if (strchr(value, '@') == NULL && is_list_of_urls(value, is_url))
			continue;
		if (strchr(value, '@') == NULL) {
			err_set(err, ERR_USAGE, "[%s]: %s: \"%s\" is not a URL that can be asked",
				plan_check_section(check, section), row->name, value);
			return err_hint(err, "write it like http://HOST:PORT, an IPv6 address in brackets");
		}
		err_set(err, ERR_USAGE, "[%s]: %s holds a user or a password (not shown)",
			plan_check_section(check, section), row->name);
		return err_hint(err, "write USER:PASSWORD into a file of mode 0600: auth-file = FILE");
	}
	return 0;
}

/* Whether a check asks servers or a source of its own is known once its settings are. */
static int
finish_source(struct plan *plan, struct plan_check *check, struct err *err)
{
	char section[PLAN_CHECK_SECTION_SIZE];

	check->source_index = -1;
	if (check->check->has_source == NULL || !check->check->has_source(check->limits.bytes)) {
		if (check->check->facets[0]->sql != NULL)
			return 0;
		err_set(err, ERR_USAGE, "[%s] does not say where to look",
			plan_check_section(check, section));
		return err_hint(err, "check_%s --help lists the settings that do", check->check->name);
	}
	if (plan->source_count == PLAN_SOURCES)
		return err_set(err, ERR_USAGE,
			"[%s]: more than %d checks of managers, poolers, tools and files",
			plan_check_section(check, section), PLAN_SOURCES);
	if (check->source.interval_ms > AGE_MAX_MS || check->source.timeout_ms > AGE_MAX_MS)
		return err_set(err, ERR_USAGE, "[%s]: interval or timeout is longer than an hour",
			plan_check_section(check, section));
	check->source_index = (int)plan->source_count;
	plan->sources[plan->source_count++] = (size_t)(check - plan->checks);
	return 0;
}

enum { RAMP_MAX_MS = 86400000 };

static int
finish_check(struct plan_check *check, struct err *err)
{
	char section[PLAN_CHECK_SECTION_SIZE];

	if (check->check == NULL) {
		err_set(err, ERR_USAGE, "[check %s] does not say which check it is", check->name);
		return err_hint(err, "begin the section with a line such as: check = pg_replica");
	}
	if (check->answer.damping.weight_ramp_ms > RAMP_MAX_MS)
		return err_set(err, ERR_USAGE, "[%s]: weight_ramp is longer than a day",
			plan_check_section(check, section));
	check->answer.damping.weight_min = 1;
	check->answer.damping.warning_is_failure = check->answer.warning_is_failure;
	if (check->answer.maintenance[0] != '\0' && check->answer.maintenance[0] != '/')
		return err_set(err, ERR_USAGE, "[%s]: maintenance: \"%s\" is no absolute path",
			plan_check_section(check, section), check->answer.maintenance);
	if (address_verify_list(check->answer.agent, err) != 0)
		return err_context(err, "[%s]: agent", plan_check_section(check, section));
	return verify_recover(check, err);
}

static int
finish_track(struct plan *plan, struct plan_track *track, struct err *err)
{
	const char *name = track->check[0] != '\0' ? track->check : track->name;
	const struct plan_check *check = plan_find_check(plan, name);

	if (check == NULL) {
		err_set(err, ERR_USAGE, "[track_file %s]: there is no [check %s]", track->name, name);
		return err_hint(
			err, "\"leader\" and \"replica\" are always there; others need their section");
	}
	track->check_index = (size_t)(check - plan->checks);
	if (track->file[0] == '\0') {
		char file[PLAN_NAME_SIZE + 8];

		snprintf(file, sizeof file, "%s.track", track->name);
		plan_path(plan, file, track->file);
	}
	if (track->file[0] != '/')
		return err_set(err, ERR_USAGE, "[track_file %s]: \"%s\" is no absolute path", track->name,
			track->file);
	for (const struct plan_track *other = plan->tracks; other < track; other++)
		if (strcmp(other->file, track->file) == 0)
			return err_set(err, ERR_USAGE, "[track_file %s] and [track_file %s] are one file",
				other->name, track->name);
	return 0;
}

/* What a witness says is believed for as long as what the server says, and has to come anew within that time.
 */
static int
verify_witnesses(const struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->check_count; i++) {
		const struct witness *const *witness = plan->checks[i].check->witnesses;

		for (; witness != NULL && *witness != NULL; witness++) {
			int index = plan_find_witness(plan, *witness);
			const struct plan_source *source = index < 0
				? NULL
				: &plan->checks[plan->sources[index]].source;

			if (source == NULL
				|| source->interval_ms + source->timeout_ms <= plan->agent.max_age_ms)
				continue;
			err_set(err, ERR_USAGE,
				"[%s]: interval and timeout together are longer than max_age of [agent]",
				(*witness)->name);
			return err_hint(err, "it says who leads, and must be heard of within that time");
		}
	}
	return 0;
}

int
plan_verify(struct plan *plan, struct err *err)
{
	bool is_bad = verify_agent(&plan->agent, err) != 0 || verify_listen(&plan->listen, err) != 0;

	for (size_t i = 0; i < plan->check_count && !is_bad; i++)
		is_bad = finish_check(&plan->checks[i], err) != 0 || verify_urls(&plan->checks[i], err) != 0
			|| finish_source(plan, &plan->checks[i], err) != 0;
	is_bad = is_bad || verify_witnesses(plan, err) != 0;
	for (size_t i = 0; i < plan->track_count && !is_bad; i++)
		is_bad = finish_track(plan, &plan->tracks[i], err) != 0;
	for (size_t i = 0; i < plan->target_count; i++) {
		plan->targets[i].target.application = "pgha-agent";
		plan->targets[i].target.timeout_ms = plan->agent.timeout_ms;
	}
	return is_bad ? -1 : 0;
}
