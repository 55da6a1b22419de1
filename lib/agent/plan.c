#include "lib/agent/plan.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/model/witness.h"

const struct plan_check *
plan_find_check(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->check_count; i++)
		if (strcmp(plan->checks[i].name, name) == 0)
			return &plan->checks[i];
	return NULL;
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
