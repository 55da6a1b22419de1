#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/collect/collect.h"
#include "lib/collect/facets.h"
#include "tests/scripted/libpq.h"

enum { PLENTY_MS = 10000 };

#define PRIMARY "in_recovery=f,is_read_only=off,wal_file=000000030000000000000014,wal_lsn=0/14000060"
#define READ_ONLY "in_recovery=f,is_read_only=on,wal_file=000000030000000000000014,wal_lsn=0/14000060"
#define STANDBY "in_recovery=t,is_read_only=off,wal_file,wal_lsn"
#define CAUGHT_UP                                                                                            \
	"replay_lsn=0/14000060,receive_lsn=0/14000060,replay_pause=not "                                     \
	"paused,replay_age_ms=5000,receiver_pid=77,"                                                         \
	"receiver_status=streaming,written_lsn=0/14000060,latest_end_lsn=0/14000060,received_timeline=3,"    \
	"has_heard=t,receipt_age_ms=100,apply_delay_ms=0,receiver_timeout_ms=60000,sender_host=db1,sender_"  \
	"port=5432,"                                                                                         \
	"application=n2"

static const struct facet *const leader_facets[] = {&facet_role, &facet_read_only, NULL};
static const struct facet *const replica_facets[] = {&facet_role, &facet_standby, NULL};

static struct snapshot snapshot;

static int
reset(void **state)
{
	(void)state;
	scripted_reset();
	memset(&snapshot, 0xA5, sizeof snapshot);
	return 0;
}

static void
collect(const struct facet *const *facets)
{
	struct target target = {.host = "10.0.0.1", .port = "5432", .timeout_ms = 5000};

	collect_once(&target, facets, clock_now_ms() + PLENTY_MS, &snapshot);
	if (scripted_problem() != NULL)
		fail_msg("%s", scripted_problem());
}

static void
a_part_is_filled_from_the_columns_of_its_names_in_any_order(void **state)
{
	(void)state;
	script.results = "rnsrns";
	script.rows[0] = "wal_lsn,wal_file,is_read_only=off,in_recovery=t";
	script.rows[1] = CAUGHT_UP;
	collect(replica_facets);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_ROLE) && snapshot_has(&snapshot, SNAPSHOT_STANDBY));
	assert_true(snapshot.role.in_recovery);
	assert_false(snapshot.role.is_read_only);
	assert_string_equal(snapshot.role.wal_file, "");
	assert_true(snapshot.standby.replay_lsn == 0x14000060);
	assert_true(snapshot.standby.sender_port == 5432);
	assert_string_equal(snapshot.standby.sender_host, "db1");
	assert_string_equal(snapshot.target, "10.0.0.1:5432");
	assert_true(snapshot.server_version == 150004);
	assert_true(snapshot.elapsed_us > 0 && snapshot.elapsed_us < PLENTY_MS * 1000);
	assert_true(snapshot.taken_ms > INT64_C(1600000000000));
}

static void
columns_of_another_shape_are_a_fault_of_their_part_alone(void **state)
{
	static const char *const rows[] = {
		"in_recovery=t,is_read_only=off,wal_file",               /* one is missing */
		STANDBY ",more=1",                                       /* one is too many */
		"in_recovery=t,is_read_only=off,wal_file,other",         /* one has another name */
		"in_recovery=t,in_recovery=t,is_read_only=off,wal_file", /* one stands for another */
		"in_recovery,is_read_only=off,wal_file,wal_lsn",         /* NULL is no truth value */
		"in_recovery=maybe,is_read_only=off,wal_file,wal_lsn",
		"in_recovery=t,is_read_only=off,wal_file,wal_lsn=14",
		"in_recovery=t,is_read_only=off,wal_file=000000030000000000000014 and more,wal_lsn",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		reset(NULL);
		script.results = "rnsrns";
		script.rows[0] = rows[i];
		script.rows[1] = CAUGHT_UP;
		collect(replica_facets);
		if (snapshot_has(&snapshot, SNAPSHOT_ROLE))
			fail_msg("taken: %s", rows[i]);
		assert_int_equal(snapshot.faults[SNAPSHOT_ROLE].class, ERR_PROTOCOL);
		assert_non_null(strstr(snapshot.faults[SNAPSHOT_ROLE].text, "\"role\""));
		assert_true(snapshot_has(&snapshot, SNAPSHOT_STANDBY));
	}
}

static void
every_part_carries_the_fault_of_a_connection_that_failed(void **state)
{
	(void)state;
	script.attempts[0] = (struct scripted_attempt){.polls = "rf", .message = "FATAL:  53300: sorry\n"};
	collect(replica_facets);
	assert_false(snapshot_has(&snapshot, SNAPSHOT_ROLE) || snapshot_has(&snapshot, SNAPSHOT_STANDBY));
	assert_int_equal(snapshot.faults[SNAPSHOT_ROLE].class, ERR_FULL);
	assert_int_equal(snapshot.faults[SNAPSHOT_STANDBY].class, ERR_FULL);
	assert_int_equal(snapshot.faults[SNAPSHOT_READ_ONLY].class, ERR_NONE); /* nobody asked for it */
	assert_string_equal(snapshot.target, "10.0.0.1:5432");
	assert_true(snapshot.server_version == SNAPSHOT_NONE);
	assert_true(snapshot.taken_ms > INT64_C(1600000000000));
}

static void
a_part_whose_statement_failed_carries_its_fault(void **state)
{
	(void)state;
	script.results = "rnsens";
	script.rows[0] = STANDBY;
	collect(replica_facets);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_ROLE));
	assert_false(snapshot_has(&snapshot, SNAPSHOT_STANDBY));
	assert_int_equal(snapshot.faults[SNAPSHOT_STANDBY].class, ERR_SETUP);
}

static void
a_facet_that_is_seldom_due_is_asked_only_then(void **state)
{
	static const char *const rows[] = {
		PRIMARY, STANDBY, "in_recovery=t,is_read_only=on,wal_file,wal_lsn"};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		reset(NULL);
		script.results = "rn";
		script.rows[0] = rows[i];
		collect(leader_facets);
		assert_true(snapshot_has(&snapshot, SNAPSHOT_ROLE));
		assert_false(snapshot_has(&snapshot, SNAPSHOT_READ_ONLY));
		assert_int_equal(snapshot.faults[SNAPSHOT_READ_ONLY].class, ERR_NONE);
		assert_int_equal(seen.queries, 1);
	}
	reset(NULL);
	script.results = "rnrn";
	script.rows[0] = READ_ONLY;
	script.rows[1] = "source=configuration file";
	collect(leader_facets);
	assert_int_equal(seen.queries, 2);
	assert_string_equal(snapshot.read_only.source, "configuration file");
}

static void
a_facet_that_is_due_and_cannot_be_asked_carries_its_fault(void **state)
{
	(void)state;
	script.results = "rnen";
	script.rows[0] = READ_ONLY;
	collect(leader_facets);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_ROLE));
	assert_int_equal(snapshot.faults[SNAPSHOT_READ_ONLY].class, ERR_SETUP);
	reset(NULL);
	script.results = "rn";
	script.rows[0] = READ_ONLY;
	script.failing_query = 2;
	collect(leader_facets);
	assert_int_equal(snapshot.faults[SNAPSHOT_READ_ONLY].class, ERR_DOWN);
	/* Of what was not seen nothing follows. */
	reset(NULL);
	script.results = "en";
	collect(leader_facets);
	assert_int_equal(seen.queries, 1);
	assert_int_equal(snapshot.faults[SNAPSHOT_ROLE].class, ERR_SETUP);
	assert_int_equal(snapshot.faults[SNAPSHOT_READ_ONLY].class, ERR_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_part_is_filled_from_the_columns_of_its_names_in_any_order, reset),
		cmocka_unit_test_setup(columns_of_another_shape_are_a_fault_of_their_part_alone, reset),
		cmocka_unit_test_setup(every_part_carries_the_fault_of_a_connection_that_failed, reset),
		cmocka_unit_test_setup(a_part_whose_statement_failed_carries_its_fault, reset),
		cmocka_unit_test_setup(a_facet_that_is_seldom_due_is_asked_only_then, reset),
		cmocka_unit_test_setup(a_facet_that_is_due_and_cannot_be_asked_carries_its_fault, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
