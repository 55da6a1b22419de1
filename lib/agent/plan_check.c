#include "lib/agent/plan_check.h"

#include <stdio.h>
#include <string.h>

#include "lib/agent/plan_rows.h"
#include "lib/base/text.h"
#include "lib/run/settings.h"

const struct check *
plan_check_named(const struct check *const *table, const char *name)
{
	for (; *table != NULL; table++) {
		const char *full = (*table)->name;

		if (strcmp(full, name) == 0 || (text_starts(full, "pg_") && strcmp(full + 3, name) == 0))
			return *table;
	}
	return NULL;
}

const struct check *
plan_check_of_section(const struct check *const *table, const char *word)
{
	while (*table != NULL && !((*table)->has_section && strcmp((*table)->name, word) == 0))
		table++;
	return *table;
}

const char *
plan_check_section(const struct plan_check *check, char to[PLAN_CHECK_SECTION_SIZE])
{
	bool has_own = check->check != NULL && check->check->has_section,
	     is_named = !has_own || strcmp(check->name, check->check->name) != 0;

	snprintf(to, PLAN_CHECK_SECTION_SIZE, "%s%s%s", has_own ? check->check->name : "check",
		is_named ? " " : "", is_named ? check->name : "");
	return to;
}

struct plan_check *
plan_check_add(struct plan *plan, const char *name, struct err *err)
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

int
plan_check_choose(struct plan_check *to, const struct check *check, struct err *err)
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
