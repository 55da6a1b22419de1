#include "lib/agent/plan.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/agent/plan_rows.h"
#include "lib/agent/plan_verify.h"
#include "lib/agent/route.h"
#include "lib/run/ini.h"

/* -- sections ---------------------------------------------------------------------------------- */

enum section {
	SECTION_AGENT,
	SECTION_POSTGRES,
	SECTION_PEER,
	SECTION_LISTEN,
	SECTION_CHECK,
	SECTION_TRACK,
	SECTION_COUNT
};

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

struct reading {
	struct plan *plan;
	const struct check *const *table;
	struct plan_check *check; /* [check NAME] */
	struct settings_group groups[PLAN_ROWS_CHECK_GROUPS];
	size_t group_count;
	struct settings_given given;
};

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
	struct settings_group groups[PLAN_ROWS_CHECK_GROUPS];

	if (check->limits_size > sizeof to->limits)
		return err_set(err, ERR_USAGE, "the limits of check \"%s\" are too large", check->name);
	to->check = check;
	if (check->has_section)
		to->source = (struct plan_source){
			.interval_ms = check->interval_ms, .timeout_ms = check->timeout_ms};
	to->limits.policy.on[ERR_USAGE] = STATE_UNKNOWN;
	plan_rows_list_check(to, groups);
	return settings_set_initial(groups + 1, PLAN_ROWS_CHECK_GROUPS - (check->has_section ? 2 : 1), err);
}

/* A new check, whose own settings have their defaults; which check it is may be said later. */
static struct plan_check *
add_check(struct plan *plan, const char *name, struct err *err)
{
	struct plan_check *check = &plan->checks[plan->check_count];
	struct settings_group group = plan_rows_of_answer(&check->answer);

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

static int
begin_check(struct reading *reading, const char *name, struct err *err)
{
	const struct check *named = find_in_table(reading->table, name);

	reading->check = find_check(reading->plan, name);
	if (reading->check == NULL && route_find(name) != NULL) {
		err_set(err, ERR_USAGE, "\"%s\" already is the name of a question that every agent answers",
			name);
		return named == NULL
			? err_hint(err, "it goes by [check leader] or [check replica]; take another name")
			: err_hint(err, "write [check %s]", named->name);
	}
	if (reading->check == NULL)
		reading->check = add_check(reading->plan, name, err);
	if (reading->check == NULL)
		return -1;
	if (reading->check->check == NULL && named != NULL && set_check(reading->check, named, err) != 0)
		return -1;
	reading->groups[0] = plan_rows_of_answer(&reading->check->answer);
	reading->group_count = 1;
	if (reading->check->check != NULL) {
		plan_rows_list_check(reading->check, reading->groups);
		reading->group_count = PLAN_ROWS_CHECK_GROUPS;
	}
	return 0;
}

/* The check whose own section `word` is, or NULL. */
static const struct check *
find_manager(const struct check *const *table, const char *word)
{
	while (*table != NULL && !((*table)->has_section && strcmp((*table)->name, word) == 0))
		table++;
	return *table;
}

/* [pgbouncer], [pgbouncer reads]: a check as well, which one is clear from the word. */
static int
begin_manager(struct reading *reading, const struct check *manager, const char *name, struct err *err)
{
	struct plan_check *check;

	if (begin_check(reading, name[0] != '\0' ? name : manager->name, err) != 0)
		return -1;
	check = reading->check;
	if (check->check != NULL && check->check != manager)
		return err_set(err, ERR_USAGE, "\"%s\" already is the name of the check \"%s\"", name,
			check->check->name);
	if (check->check == NULL && set_check(check, manager, err) != 0)
		return -1;
	snprintf(check->answer.check, sizeof check->answer.check, "%s",
		strcmp(check->name, manager->name) == 0 ? "" : manager->name);
	plan_rows_list_check(check, reading->groups);
	reading->group_count = PLAN_ROWS_CHECK_GROUPS;
	return 0;
}

static int
begin_target(struct reading *reading, const char *name, struct err *err)
{
	struct plan *plan = reading->plan;
	struct plan_target *target = &plan->targets[0];

	if (strcmp(name, target->name) == 0)
		return err_set(err, ERR_USAGE, "\"%s\" is the name of this node's own server", name);
	if (name[0] != '\0') {
		if (plan->target_count == PLAN_TARGETS)
			return err_set(err, ERR_USAGE, "more than %d peers", PLAN_TARGETS - 1);
		target = &plan->targets[plan->target_count++];
		snprintf(target->name, sizeof target->name, "%s", name);
	}
	reading->groups[0] = plan_rows_of_target(target);
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
	reading->groups[0] = plan_rows_of_track(track);
	return 0;
}

static int
refuse_section(const struct reading *reading, const char *word, struct err *err)
{
	const char *words[SECTION_COUNT + PLAN_CHECKS + 1];
	char managers[96] = "";
	size_t count = SECTION_COUNT;
	const char *near;
	struct text text;

	text_init(&text, managers, sizeof managers);
	for (int i = 0; i < SECTION_COUNT; i++)
		words[i] = sections[i].word;
	for (const struct check *const *check = reading->table;
		*check != NULL && count < SECTION_COUNT + PLAN_CHECKS; check++)
		if ((*check)->has_section) {
			words[count++] = (*check)->name;
			text_add(&text, ", %s", (*check)->name);
		}
	words[count] = NULL;
	near = settings_nearest_word(words, word);
	err_set(err, ERR_USAGE, "unknown section \"[%s]\"", word);
	return near != NULL
		? err_hint(err, "did you mean \"[%s]\"?", near)
		: err_hint(err,
			"sections are agent, postgres, peer NAME, listen, check NAME, track_file NAME%s",
			managers);
}

/* "check leader" is the section check with the name leader. */
static int
begin_section(void *context, const char *title, struct err *err)
{
	struct reading *reading = context;
	size_t length = strcspn(title, " \t");
	const char *name = title + length + strspn(title + length, " \t");
	enum section section = SECTION_AGENT;
	const struct check *manager;
	char word[PLAN_NAME_SIZE];

	snprintf(word, sizeof word, "%.*s", (int)length, title);
	while (section < SECTION_COUNT && strcmp(sections[section].word, word) != 0)
		section++;
	manager = find_manager(reading->table, word);
	if (section == SECTION_COUNT && manager == NULL)
		return refuse_section(reading, word, err);
	if (section == SECTION_COUNT && (name[0] == '\0' || plan_verify_name(name, err) == 0)) {
		memset(&reading->given, 0, sizeof reading->given);
		return begin_manager(reading, manager, name, err);
	}
	if (section == SECTION_COUNT)
		return -1;
	if (!sections[section].is_named && name[0] != '\0')
		return err_set(err, ERR_USAGE, "section \"[%s]\" takes no name", word);
	if (sections[section].is_named && name[0] == '\0') {
		err_set(err, ERR_USAGE, "section \"[%s]\" needs a name", word);
		return err_hint(err, "write [%s NAME]", word);
	}
	if (sections[section].is_named && plan_verify_name(name, err) != 0)
		return -1;
	memset(&reading->given, 0, sizeof reading->given);
	reading->check = NULL;
	reading->group_count = 1;
	switch (section) {
	case SECTION_AGENT:
		reading->groups[0] = plan_rows_of_agent(&reading->plan->agent);
		return 0;
	case SECTION_LISTEN:
		reading->groups[0] = plan_rows_of_listen(&reading->plan->listen);
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
			: err_hint(err, "did you mean \"%s\"?",
				settings_nearest_word(words, check->answer.check));
	}
	if (check->check != NULL && check->check != chosen) {
		err_set(err, ERR_USAGE, "[check %s] is already named after the check \"%s\"", check->name,
			check->check->name);
		return err_hint(err, "give the section another name");
	}
	if (check->check == NULL && set_check(check, chosen, err) != 0)
		return -1;
	plan_rows_list_check(check, reading->groups);
	reading->group_count = PLAN_ROWS_CHECK_GROUPS;
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

/* The plan of an empty file. */
static int
begin(struct plan *plan, const struct check *const *table, struct err *err)
{
	static const char *const always[] = {"leader", "replica"};
	const struct settings_group groups[] = {
		plan_rows_of_agent(&plan->agent), plan_rows_of_listen(&plan->listen)};

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
read_plan(const char *text, const char *path, const struct check *const *table, struct plan *ret,
	struct err *err)
{
	struct reading reading = {.plan = ret, .table = table};
	struct ini_reader reader = {
		.section = begin_section, .key = take_key, .section_end = end_section, .context = &reading};

	if (begin(ret, table, err) != 0)
		return -1;
	if ((text == NULL ? ini_read(path, &reader, err) : ini_read_text(text, path, &reader, err)) != 0)
		return -1;
	return plan_verify(ret, err) == 0 ? 0 : err_context(err, "%s", path);
}

int
plan_read(const char *path, const struct check *const *table, struct plan *ret, struct err *err)
{
	return read_plan(NULL, path, table, ret, err);
}

int
plan_read_text(const char *text, const char *path, const struct check *const *table, struct plan *ret,
	struct err *err)
{
	return read_plan(text, path, table, ret, err);
}

bool
plan_is_same_source(const struct check *check, const void *a, const void *b)
{
	for (size_t i = 0; i < check->setting_count; i++) {
		const struct setting *row = &check->settings[i];

		if (row->is_source
			&& memcmp((const char *)a + row->offset, (const char *)b + row->offset, row->size)
				!= 0)
			return false;
	}
	return true;
}

int
plan_find_witness(const struct plan *plan, const struct witness *witness)
{
	for (size_t i = 0; i < plan->source_count; i++) {
		const struct plan_check *check = &plan->checks[plan->sources[i]];

		if (strcmp(check->name, witness->name) == 0 && strcmp(check->check->name, witness->name) == 0)
			return (int)i;
	}
	return -1;
}

bool
plan_is_witness(const struct plan *plan, size_t index)
{
	for (size_t i = 0; i < plan->check_count; i++) {
		const struct witness *const *witness = plan->checks[i].check->witnesses;

		for (; witness != NULL && *witness != NULL; witness++)
			if (plan_find_witness(plan, *witness) == (int)index)
				return true;
	}
	return false;
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
	struct settings_group groups[PLAN_ROWS_CHECK_GROUPS];

	if (check->check->has_section && strcmp(check->name, check->check->name) == 0)
		write_header(check->name, "", text);
	else
		write_header("check", check->name, text);
	plan_rows_list_check((struct plan_check *)check, groups);
	for (size_t i = 0; i < PLAN_ROWS_CHECK_GROUPS; i++)
		settings_write_section(&groups[i], is_documented, text);
}

static void
write_group(const char *word, const char *name, const struct settings_group *group, bool is_documented,
	struct text *text)
{
	write_header(word, name, text);
	settings_write_section(group, is_documented, text);
}

/* Sections of which there is none by default, shown as comments. */
static const char examples[]
	= "\n; Another node of the cluster, a section each. With peers, a stale primary is found out, and "
	  "/sync,\n"
	  "; /async and /quorum can be answered: only the primary knows who is synchronous.\n"
	  ";[peer n2]\n"
	  ";conninfo = host=10.0.0.12 user=pgha passfile=/etc/pgha/pgpass\n"
	  "\n; The manager of the cluster: this node is the leader only if it agrees. [repmgr] and "
	  "[pg_auto_failover],\n"
	  "; with a conninfo, likewise. Its settings are those of check_patroni; the first url is this "
	  "node's own.\n"
	  ";[patroni]\n"
	  ";url = http://10.0.0.11:8008, http://10.0.0.12:8008, http://10.0.0.13:8008\n"
	  "\n; What else is to be watched, with the settings of check_dcs, check_pgbouncer, check_pgpool; "
	  "with a name, "
	  "more than one.\n"
	  ";[dcs]\n"
	  ";endpoints = http://10.0.0.11:2379, http://10.0.0.12:2379, http://10.0.0.13:2379\n"
	  ";scope = demo\n"
	  ";[pgbouncer]\n"
	  ";conninfo = host=127.0.0.1 port=6432 dbname=pgbouncer user=pgha passfile=/etc/pgha/pgpass\n"
	  ";[pgpool reads]\n"
	  ";conninfo = host=127.0.0.1 port=9999 user=pgha passfile=/etc/pgha/pgpass\n"
	  "\n; A question of one's own, asked as /check/reporting, agent-send \"reporting\\n\" or pgha-ask "
	  "reporting.\n"
	  ";[check reporting]\n"
	  ";check = pg_replica\n"
	  ";critical = 1GB\n"
	  "\n; A file for keepalived, which tracks it with \"weight 0 reverse\".\n"
	  ";[track_file leader]\n"
	  ";file = /run/pgha/leader.track\n";

void
plan_write(const struct plan *plan, bool is_documented, struct text *text)
{
	struct settings_group agent = plan_rows_of_agent((struct plan_agent *)&plan->agent);
	struct settings_group listen = plan_rows_of_listen((struct plan_listen *)&plan->listen);

	write_group("agent", "", &agent, is_documented, text);
	for (size_t i = 0; i < plan->target_count; i++) {
		struct settings_group target = plan_rows_of_target((struct plan_target *)&plan->targets[i]);

		write_group(i == 0 ? "postgres" : "peer", i == 0 ? "" : plan->targets[i].name, &target,
			is_documented, text);
	}
	write_group("listen", "", &listen, is_documented, text);
	for (size_t i = 0; i < plan->check_count; i++)
		write_check(&plan->checks[i], is_documented, text);
	for (size_t i = 0; i < plan->track_count; i++) {
		struct settings_group track = plan_rows_of_track((struct plan_track *)&plan->tracks[i]);

		write_group("track_file", plan->tracks[i].name, &track, is_documented, text);
	}
	if (is_documented)
		text_add(text, "%s", examples);
}
