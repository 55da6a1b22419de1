#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "checks/table.h"
#include "lib/model/state.h"
#include "lib/run/options.h"
#include "lib/run/settings.h"

enum { GROUP_COUNT = 6 };

/* The rows of a check as its program has them; the caller frees `limits`. */
static void
list_groups(const struct check *check, void *limits, struct options *options,
	struct settings_group groups[GROUP_COUNT])
{
	groups[0] = (struct settings_group){
		.title = check->name, .rows = check->settings, .count = check->setting_count, .base = limits};
	groups[1] = (struct settings_group){
		.title = "options", .rows = options_rows, .count = options_row_count, .base = options};
	groups[2] = (struct settings_group){.title = "policy",
		.rows = options_policy_rows,
		.count = options_policy_row_count,
		.base = limits};
	/* What only some have; a name that stands for two things in two programs would be a trap, too. */
	groups[3] = (struct settings_group){
		.title = "primary", .rows = &options_row_primary, .count = 1, .base = options};
	groups[4] = (struct settings_group){
		.title = "publisher", .rows = &options_row_publisher, .count = 1, .base = options};
	groups[5] = (struct settings_group){
		.title = "state", .rows = &options_row_state, .count = 1, .base = options};
}

static size_t
size_of_type(enum setting_type type)
{
	static const size_t sizes[] = {
		[SETTING_FLAG] = sizeof(bool),
		[SETTING_COUNT] = sizeof(int),
		[SETTING_TEXT] = 0, /* any */
		[SETTING_INTEGER] = sizeof(int64_t),
		[SETTING_DURATION] = sizeof(int64_t),
		[SETTING_STATE] = sizeof(enum state),
		[SETTING_WORD] = sizeof(int),
		[SETTING_LIMIT] = sizeof(struct limit),
		[SETTING_LSN] = sizeof(uint64_t),
		[SETTING_SIZE] = sizeof(int64_t),
		[SETTING_LIST] = 0, /* any */
	};

	return sizes[type];
}

static void
verify_row(const struct check *check, const struct setting *row, size_t struct_size)
{
	bool takes_value = row->type != SETTING_FLAG && row->type != SETTING_COUNT;
	const char *problem = NULL;

	if (row->name == NULL || row->name[0] == '\0' || row->help == NULL || row->help[0] == '\0')
		problem = "no name or no help";
	else if (row->help[strlen(row->help) - 1] == '.')
		problem = "its help ends in a full stop";
	else if (takes_value != (row->argument != NULL))
		problem = "an argument is named where there is none, or the other way round";
	else if (size_of_type(row->type) != 0 && size_of_type(row->type) != row->size)
		problem = "its member is of another type";
	else if (row->type == SETTING_LIST && row->size < SNAPSHOT_NAME_SIZE)
		problem = "a list without room for a name";
	else if (row->offset + row->size > struct_size)
		problem = "its member lies outside the struct";
	else if (row->type == SETTING_WORD && row->words == NULL)
		problem = "no words";
	else if (row->type == SETTING_INTEGER && row->min >= row->max)
		problem = "no range";
	else if (row->type == SETTING_LIMIT && (row->accepted & 1U << row->plain) == 0)
		problem = "a plain number means a unit that is not measured";
	if (problem != NULL)
		fail_msg("%s: --%s: %s", check->name, row->name, problem);
}

static void
every_row_of_every_check_fits_its_member(void **state)
{
	(void)state;
	for (size_t i = 0; table_checks[i] != NULL; i++) {
		struct settings_group groups[GROUP_COUNT];
		size_t of_limits = table_checks[i]->limits_size, of_options = sizeof(struct options);
		size_t sizes[GROUP_COUNT] = {
			of_limits, of_options, of_limits, of_options, of_options, of_options};

		list_groups(table_checks[i], NULL, NULL, groups);
		for (size_t j = 0; j < GROUP_COUNT; j++)
			for (size_t k = 0; k < groups[j].count; k++)
				verify_row(table_checks[i], &groups[j].rows[k], sizes[j]);
	}
}

static void
no_name_and_no_letter_stands_for_two_rows(void **state)
{
	(void)state;
	for (size_t i = 0; table_checks[i] != NULL; i++) {
		struct settings_group groups[GROUP_COUNT];
		const struct setting *seen[SETTINGS_MAX];
		size_t count = 0;

		list_groups(table_checks[i], NULL, NULL, groups);
		for (size_t j = 0; j < GROUP_COUNT; j++)
			for (size_t k = 0; k < groups[j].count; k++) {
				const struct setting *row = &groups[j].rows[k];

				for (size_t l = 0; l < count; l++)
					if (strcmp(seen[l]->name, row->name) == 0
						|| (row->letter != 0 && seen[l]->letter == row->letter))
						fail_msg("%s: --%s and --%s", table_checks[i]->name,
							seen[l]->name, row->name);
				assert_true(count < SETTINGS_MAX);
				seen[count++] = row;
			}
	}
}

static void
every_default_reads_and_makes_the_documented_policy(void **state)
{
	(void)state;
	for (size_t i = 0; table_checks[i] != NULL; i++) {
		struct policy *policy = calloc(1, table_checks[i]->limits_size);
		struct options options = {.timeout_ms = 0};
		struct settings_group groups[GROUP_COUNT];
		struct err err;

		list_groups(table_checks[i], policy, &options, groups);
		if (settings_set_initial(groups, GROUP_COUNT, &err) != 0
			|| settings_check_section(groups, GROUP_COUNT, &err) != 0)
			fail_msg("%s: %s", table_checks[i]->name, err.text);
		assert_true(options.timeout_ms == 5000);
		assert_int_equal(policy->on[ERR_DOWN], STATE_CRITICAL);
		assert_int_equal(policy->on[ERR_TIMEOUT], STATE_CRITICAL);
		assert_int_equal(policy->on[ERR_FULL], STATE_CRITICAL);
		assert_int_equal(policy->on[ERR_SETUP], STATE_UNKNOWN);
		assert_int_equal(policy->on[ERR_PROTOCOL], STATE_UNKNOWN);
		free(policy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_every_check_fits_its_member),
		cmocka_unit_test(no_name_and_no_letter_stands_for_two_rows),
		cmocka_unit_test(every_default_reads_and_makes_the_documented_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
