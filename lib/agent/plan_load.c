#include "lib/agent/plan_load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/agent/plan_check.h"
#include "lib/collect/pg.h"

static int
verify_targets(const struct plan *plan, const char *path, struct err *err)
{
	for (size_t i = 0; i < plan->target_count; i++)
		if (pg_verify(&plan->targets[i].target, err) != 0)
			return err_context(
				err, "%s: [%s%s]", path, i > 0 ? "peer " : "", plan->targets[i].name);
	return 0;
}

/* What says where a source is, and would be found wrong only when it is looked at. */
static int
verify_setting(const struct plan_check *check, const struct setting *row, struct err *err)
{
	static const char files[] = "-file";
	const char *value = check->limits.bytes + row->offset;
	size_t length = strlen(row->name);

	if (row->type != SETTING_TEXT || !row->is_source || value[0] == '\0')
		return 0;
	if (row->is_secret) {
		struct target target = {.application = "pgha-agent"};

		snprintf(target.dbname, sizeof target.dbname, "%s", value);
		return pg_verify(&target, err);
	}
	if (length > sizeof files && strcmp(row->name + length - (sizeof files - 1), files) == 0
		&& access(value, R_OK) != 0)
		return err_set(err, ERR_USAGE, "cannot read \"%s\": %s", value, strerror(errno));
	return 0;
}

static int
verify_sources(const struct plan *plan, const char *path, struct err *err)
{
	char section[PLAN_CHECK_SECTION_SIZE];

	for (size_t i = 0; i < plan->source_count; i++) {
		const struct plan_check *check = &plan->checks[plan->sources[i]];

		for (size_t j = 0; j < check->check->setting_count; j++)
			if (verify_setting(check, &check->check->settings[j], err) != 0)
				return err_context(err, "%s: [%s]: %s", path,
					plan_check_section(check, section), check->check->settings[j].name);
	}
	return 0;
}

int
plan_load(const char *path, const struct check *const *table, struct plan *ret, struct err *err)
{
	return plan_read(path, table, ret, err) != 0 || verify_targets(ret, path, err) != 0
			|| verify_sources(ret, path, err) != 0
		? -1
		: 0;
}
