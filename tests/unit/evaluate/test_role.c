#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "lib/evaluate/judge.h"
#include "lib/evaluate/role.h"

static const struct check check = {.name = "pg_test", .title = "PG TEST"};
static const struct policy policy = {.on = {[ERR_PROTOCOL] = STATE_UNKNOWN}};

static uint32_t
timeline_of(const char *wal_file, struct verdict *verdict)
{
	struct snapshot snapshot;

	snapshot_init(&snapshot);
	snprintf(snapshot.role.wal_file, sizeof snapshot.role.wal_file, "%s", wal_file);
	judge_begin(verdict, &check, &snapshot);
	return role_timeline(&snapshot.role, &policy, verdict);
}

static void
a_primary_has_the_timeline_of_its_wal_file(void **state)
{
	struct verdict verdict;

	(void)state;
	assert_int_equal(timeline_of("0000000A0000000100000014", &verdict), 10);
	assert_int_equal(verdict.state, STATE_OK);
	assert_int_equal(verdict.reason_count, 0);
	assert_int_equal(verdict.fault.class, ERR_NONE);
}

static void
a_primary_without_a_timeline_is_a_fault_of_the_class_protocol(void **state)
{
	static const char *const names[] = {"", "000000000000000100000014", "nonsense"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct verdict verdict;

		assert_int_equal(timeline_of(names[i], &verdict), 0);
		assert_int_equal(verdict.state, STATE_UNKNOWN);
		assert_int_equal(verdict.fault.class, ERR_PROTOCOL);
		assert_int_equal(verdict.reason_count, 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_primary_has_the_timeline_of_its_wal_file),
		cmocka_unit_test(a_primary_without_a_timeline_is_a_fault_of_the_class_protocol),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
