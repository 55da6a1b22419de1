#include "lib/agent/plan.h"

#include <stdio.h>
#include <string.h>

#include "lib/agent/plan_check.h"
#include "lib/agent/plan_rows.h"
#include "lib/agent/plan_verify.h"
#include "lib/agent/route.h"
#include "lib/base/text.h"
#include "lib/run/ini.h"
#include "lib/run/settings.h"

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

static struct plan_check *
find_check(struct plan *plan, const char *name)
{
	return (struct plan_check *)plan_find_check(plan, name);
}

static int
begin_check(struct reading *reading, const char *name, struct err *err)
{
	const struct check *named = plan_check_named(reading->table, name);

	reading->check = find_check(reading->plan, name);
	if (reading->check == NULL && route_find(name) != NULL) {
		err_set(err, ERR_USAGE, "\"%s\" already is the name of a question that every agent answers",
			name);
		return named == NULL
			? err_hint(err, "it goes by [check leader] or [check replica]; take another name")
			: err_hint(err, "write [check %s]", named->name);
	}
	if (reading->check == NULL)
		reading->check = plan_check_add(reading->plan, name, err);
	if (reading->check == NULL)
		return -1;
	if (reading->check->check == NULL && named != NULL
		&& plan_check_choose(reading->check, named, err) != 0)
		return -1;
	reading->groups[0] = plan_rows_of_answer(&reading->check->answer);
	reading->group_count = 1;
	if (reading->check->check != NULL) {
		plan_rows_list_check(reading->check, reading->groups);
		reading->group_count = PLAN_ROWS_CHECK_GROUPS;
	}
	return 0;
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
	if (check->check == NULL && plan_check_choose(check, manager, err) != 0)
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
	manager = plan_check_of_section(reading->table, word);
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
	const struct check *chosen = plan_check_named(reading->table, check->answer.check);
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
	if (check->check == NULL && plan_check_choose(check, chosen, err) != 0)
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
		struct plan_check *check = plan_check_add(plan, always[i], err);
		const struct check *named = plan_check_named(table, always[i]);

		if (check == NULL || named == NULL || plan_check_choose(check, named, err) != 0)
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
