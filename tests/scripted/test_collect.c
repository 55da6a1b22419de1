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

/* -- a connection that is kept ----------------------------------------------------------------- */

#define IDENTITY "system_identifier=7123456789012345678,started_ms=1690000000000"

static const struct facet *const role_facets[] = {&facet_role, NULL};
static const struct facet *const identity_facets[] = {&facet_role, &facet_identity, NULL};
static const struct target kept = {.host = "10.0.0.1", .port = "5432", .timeout_ms = 5000};
static struct collect_session session;

/* One look over the session, within so long. */
static void
look(const struct facet *const *facets, int within_ms)
{
	memset(&snapshot, 0xA5, sizeof snapshot);
	collect_probe(&session, facets, clock_now_ms() + within_ms, &snapshot);
}

static void
open_session(void)
{
	reset(NULL);
	session = (struct collect_session){.target = &kept};
	script.results = "rn";
	script.rows[0] = PRIMARY;
	look(role_facets, PLENTY_MS);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_ROLE));
	assert_non_null(session.pg);
}

static void
close_session(void)
{
	collect_close(&session);
	assert_null(session.pg);
	collect_close(&session);
	if (scripted_problem() != NULL)
		fail_msg("%s", scripted_problem());
}

static void
a_connection_is_kept_from_one_look_to_the_next(void **state)
{
	(void)state;
	open_session();
	for (int i = 0; i < 3; i++) {
		script.results = "rn";
		script.rows[seen.rows] = i % 2 == 0 ? STANDBY : PRIMARY;
		look(role_facets, PLENTY_MS);
		assert_int_equal(snapshot.role.in_recovery, i % 2 == 0);
		assert_string_equal(snapshot.target, "10.0.0.1:5432");
		assert_true(snapshot.server_version == 150004);
		assert_false(collect_is_lost(&session));
	}
	assert_int_equal(seen.attempts, 1);
	close_session();
}

static struct collect_memory memory;

/* Lets what was kept of a part grow older, instead of waiting. */
static void
age(enum snapshot_part part, int64_t by_ms)
{
	assert_true(snapshot_has(&memory.snapshot, part));
	memory.seen_ms[part] -= by_ms;
}

static int pairs_asked; /* how often both were asked over this connection */

/* What comes when both are asked: the second time they are prepared. `identity` is the kind of its result. */
static const char *
pair_of_results(char identity)
{
	static char results[16];

	if (session.pg == NULL)
		pairs_asked = 0;
	snprintf(results, sizeof results, ++pairs_asked == 2 ? "cnrnscn%cns" : "rns%cns", identity);
	return results;
}

/* A look that asks for both in one round trip, or for the role alone. */
static void
look_at_identity(bool is_asked, const char *identity)
{
	int asked_before = seen.params + seen.executions;

	seen.rows = 0;
	script.results = is_asked ? pair_of_results('r') : "rn";
	script.rows[0] = PRIMARY;
	script.rows[1] = identity;
	look(identity_facets, PLENTY_MS);
	assert_int_equal(seen.params + seen.executions - asked_before, is_asked ? 2 : 0);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_ROLE));
	assert_string_equal(snapshot.role.wal_file, "000000030000000000000014");
}

static void
begin_session(void)
{
	reset(NULL);
	memset(&memory, 0, sizeof memory);
	session = (struct collect_session){.target = &kept, .memory = &memory};
}

static void
identity_is_asked_again_when_its_period_is_over_and_not_before(void **state)
{
	(void)state;
	begin_session();
	look_at_identity(true, IDENTITY);
	assert_string_equal(snapshot.identity.system_identifier, "7123456789012345678");
	for (int i = 0; i < 3; i++) { /* each time it is seen makes it no younger */
		age(SNAPSHOT_IDENTITY, facet_identity.period_ms / 4);
		look_at_identity(false, "");
		assert_true(snapshot_has(&snapshot, SNAPSHOT_IDENTITY));
		assert_string_equal(snapshot.identity.system_identifier, "7123456789012345678");
		assert_true(snapshot.identity.started_ms == INT64_C(1690000000000));
	}
	age(SNAPSHOT_IDENTITY, facet_identity.period_ms / 4);
	look_at_identity(true, "system_identifier=8,started_ms=9");
	assert_string_equal(snapshot.identity.system_identifier, "8");
	look_at_identity(false, ""); /* and that is kept again */
	assert_string_equal(snapshot.identity.system_identifier, "8");
	assert_int_equal(seen.attempts, 1);
	close_session();
}

static void
what_is_kept_is_forgotten_with_its_connection(void **state)
{
	(void)state;
	begin_session();
	look_at_identity(true, IDENTITY);
	collect_close(&session); /* whoever is there next may be another one */
	look_at_identity(true, "system_identifier=8,started_ms=9");
	assert_string_equal(snapshot.identity.system_identifier, "8");
	/* The server ends it: found out while asking, and opened anew. */
	script.failing_query = seen.queries + 1;
	seen.rows = 0;
	script.results = "rnsrns";
	pairs_asked = 1;
	script.rows[1] = "system_identifier=10,started_ms=11";
	look(identity_facets, PLENTY_MS);
	assert_int_equal(seen.attempts, 3);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_ROLE) && snapshot_has(&snapshot, SNAPSHOT_IDENTITY));
	assert_string_equal(snapshot.identity.system_identifier, "10");
	/* The server is late. */
	script.is_always_busy = true;
	look(identity_facets, 60);
	script.is_always_busy = false;
	assert_null(session.pg);
	look_at_identity(true, "system_identifier=12,started_ms=13");
	assert_string_equal(snapshot.identity.system_identifier, "12");
	collect_close(&session);
}

static void
a_part_that_could_not_be_seen_is_asked_for_again_at_once(void **state)
{
	(void)state;
	begin_session();
	script.results = pair_of_results('e');
	script.rows[0] = PRIMARY;
	look(identity_facets, PLENTY_MS);
	assert_false(snapshot_has(&snapshot, SNAPSHOT_IDENTITY));
	assert_int_equal(snapshot.faults[SNAPSHOT_IDENTITY].class, ERR_SETUP);
	assert_non_null(session.pg);                   /* what may not be seen is no reason to go */
	look_at_identity(true, "system_identifier=8"); /* a column is missing */
	assert_false(snapshot_has(&snapshot, SNAPSHOT_IDENTITY));
	assert_int_equal(snapshot.faults[SNAPSHOT_IDENTITY].class, ERR_PROTOCOL);
	look_at_identity(true, IDENTITY);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_IDENTITY));
	assert_int_equal(snapshot.faults[SNAPSHOT_IDENTITY].class, ERR_NONE);
	look_at_identity(false, "");
	/* What was kept once does not stand in for what cannot be seen any more. */
	age(SNAPSHOT_IDENTITY, facet_identity.period_ms);
	seen.rows = 0;
	script.results = pair_of_results('e');
	look(identity_facets, PLENTY_MS);
	assert_false(snapshot_has(&snapshot, SNAPSHOT_IDENTITY));
	assert_int_equal(snapshot.faults[SNAPSHOT_IDENTITY].class, ERR_SETUP);
	assert_int_equal(seen.attempts, 1);
	close_session();
}

static void
what_is_kept_is_given_to_those_alone_who_ask_for_it(void **state)
{
	(void)state;
	begin_session();
	look_at_identity(true, IDENTITY);
	seen.rows = 0;
	script.results = "rn";
	look(role_facets, PLENTY_MS);
	assert_false(snapshot_has(&snapshot, SNAPSHOT_IDENTITY));
	assert_string_equal(snapshot.identity.system_identifier, "");
	look_at_identity(false, ""); /* it is still there */
	assert_true(snapshot_has(&snapshot, SNAPSHOT_IDENTITY));
	assert_false(snapshot_has(&memory.snapshot, SNAPSHOT_ROLE)); /* which is asked for at every look */
	close_session();
}

static void
without_a_memory_each_part_is_asked_at_every_look(void **state)
{
	(void)state;
	begin_session();
	session.memory = NULL;
	look_at_identity(true, IDENTITY);
	look_at_identity(true, "system_identifier=8,started_ms=9");
	assert_string_equal(snapshot.identity.system_identifier, "8");
	assert_int_equal(seen.attempts, 1);
	close_session();
}

/* Time that passes between the question and the answer. */
static const char *
slow_sql(int server_version)
{
	(void)server_version;
	age(SNAPSHOT_IDENTITY, 2000);
	return "SELECT";
}

/* A server that takes long to answer must not make what was seen before look new. */
static void
what_grows_too_old_while_others_are_asked_is_not_kept_for_longer(void **state)
{
	static const struct facet slow_role = {.part = SNAPSHOT_ROLE, .sql = slow_sql};
	static const struct facet *const slow_facets[] = {&slow_role, &facet_identity, NULL};

	(void)state;
	begin_session();
	look_at_identity(true, IDENTITY);
	age(SNAPSHOT_IDENTITY, facet_identity.period_ms - 1900);
	seen.rows = 0;
	script.results = "rn";
	look(slow_facets, PLENTY_MS);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_IDENTITY));
	look_at_identity(true, "system_identifier=8,started_ms=9");
	assert_string_equal(snapshot.identity.system_identifier, "8");
	close_session();
}

/* A part that comes from elsewhere is no statement. */
static void
a_facet_without_a_statement_is_not_asked(void **state)
{
	static const struct facet elsewhere = {.part = SNAPSHOT_BACKUP};
	static const struct facet *const facets[] = {&elsewhere, &facet_role, NULL};

	(void)state;
	script.results = "rn";
	script.rows[0] = PRIMARY;
	collect(facets);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_ROLE));
	assert_false(snapshot_has(&snapshot, SNAPSHOT_BACKUP));
	assert_int_equal(seen.queries, 1);
}

/* An administrator's pg_terminate_backend(), or a pooler, says nothing about the server. */
static void
a_connection_that_turns_out_to_be_closed_is_opened_anew_before_anything_is_said(void **state)
{
	(void)state;
	open_session();
	script.results = "rn";
	script.rows[seen.rows] = STANDBY;
	script.failing_query = seen.queries + 1;
	look(role_facets, PLENTY_MS);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_ROLE) && snapshot.role.in_recovery);
	assert_int_equal(snapshot.faults[SNAPSHOT_ROLE].class, ERR_NONE);
	assert_int_equal(seen.attempts, 2);
	close_session();
}

static void
it_is_opened_anew_once_and_no_more(void **state)
{
	(void)state;
	open_session();
	script.failing_query = seen.queries + 1;
	script.attempts[1] = (struct scripted_attempt){.polls = "f", .message = "Connection refused\n"};
	look(role_facets, PLENTY_MS);
	assert_false(snapshot_has(&snapshot, SNAPSHOT_ROLE));
	assert_int_equal(snapshot.faults[SNAPSHOT_ROLE].class, ERR_DOWN);
	assert_int_equal(seen.attempts, 2);
	assert_null(session.pg);
	assert_int_equal(collect_socket(&session), -1);
	assert_true(collect_is_lost(&session));
	close_session();
	/* It takes the new connection and ends that, too. */
	open_session();
	script.failing_query = seen.queries + 1;
	script.failing_flush = seen.flushes + 1;
	look(role_facets, PLENTY_MS);
	assert_false(snapshot_has(&snapshot, SNAPSHOT_ROLE));
	assert_int_equal(seen.attempts, 2);
	assert_null(session.pg);
	close_session();
}

static void
a_new_connection_that_fails_is_not_tried_again(void **state)
{
	(void)state;
	reset(NULL);
	session = (struct collect_session){.target = &kept};
	script.attempts[0] = (struct scripted_attempt){.polls = "f", .message = "Connection refused\n"};
	look(role_facets, PLENTY_MS);
	assert_int_equal(snapshot.faults[SNAPSHOT_ROLE].class, ERR_DOWN);
	assert_int_equal(seen.attempts, 1);
	close_session();
	reset(NULL);
	session = (struct collect_session){.target = &kept};
	script.failing_query = 1;
	look(role_facets, PLENTY_MS);
	assert_int_equal(snapshot.faults[SNAPSHOT_ROLE].class, ERR_DOWN);
	assert_int_equal(seen.attempts, 1);
	close_session();
}

/* There would be no time left, and a server that is slow is not made faster by another connection. */
static void
after_a_timeout_it_is_not_opened_anew(void **state)
{
	int64_t start_ms;

	(void)state;
	open_session();
	script.is_always_busy = true;
	start_ms = clock_now_ms();
	look(role_facets, 60);
	script.is_always_busy = false;
	assert_in_range(clock_now_ms() - start_ms, 55, 2000);
	assert_int_equal(snapshot.faults[SNAPSHOT_ROLE].class, ERR_TIMEOUT);
	assert_int_equal(seen.attempts, 1);
	assert_null(session.pg); /* an answer that comes now would be taken for the next one's */
	script.results = "rn";
	script.rows[seen.rows] = PRIMARY;
	look(role_facets, PLENTY_MS);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_ROLE));
	assert_int_equal(seen.attempts, 2);
	collect_close(&session);
}

/* -- lists ------------------------------------------------------------------------------------- */

#define SENDER_OF(name, count)                                                                               \
	count ",sender_timeout_ms=60000,pid=4711,place=1,application=" name ",address=10.0.0.12,"            \
	      "is_logical=f,state=streaming,sync_state=async,sync_priority=0,flush_lsn=0/14000060,"          \
	      "replay_lsn=0/14000000,sent_behind_bytes=0,write_behind_bytes=0,flush_behind_bytes=0,"         \
	      "behind_bytes=96,write_lag_ms=1,flush_lag_ms=2,replay_lag_ms,reply_age_ms=250"
#define SENDER(name, sum) SENDER_OF(name, "total=" sum)

static const struct facet *const sender_facets[] = {&facet_senders, NULL};

static void
a_list_is_filled_row_by_row(void **state)
{
	(void)state;
	script.results = "2n";
	script.rows[0] = SENDER("n2", "2");
	collect(sender_facets);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_SENDERS));
	assert_true(snapshot.senders.total == 2);
	for (int i = 0; i < 2; i++) {
		assert_true(snapshot.senders.rows[i].pid == 4711);
		assert_string_equal(snapshot.senders.rows[i].application, "n2");
		assert_true(snapshot.senders.rows[i].replay_lsn == 0x14000000);
		assert_true(snapshot.senders.rows[i].behind_bytes == 96);
		assert_true(snapshot.senders.rows[i].replay_lag_ms == SNAPSHOT_NONE);
		assert_true(snapshot.senders.rows[i].reply_age_ms == 250);
	}
	assert_true(snapshot.senders.rows[2].pid == SNAPSHOT_NONE);
}

static void
a_list_without_rows_is_an_empty_one(void **state)
{
	(void)state;
	script.results = "0n";
	script.rows[0] = SENDER("n2", "0");
	collect(sender_facets);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_SENDERS));
	assert_true(snapshot.senders.total == 0);
	assert_true(snapshot.senders.sender_timeout_ms == SNAPSHOT_NONE);
	/* One row may carry what is no row's own. */
	reset(NULL);
	script.results = "rn";
	script.rows[0] = SENDER("n2", "0");
	collect(sender_facets);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_SENDERS));
	assert_true(snapshot.senders.total == 0);
	assert_true(snapshot.senders.sender_timeout_ms == 60000);
	assert_true(snapshot.senders.rows[0].pid == SNAPSHOT_NONE);
}

static void
rows_of_another_shape_are_a_fault(void **state)
{
	static const struct {
		const char *results, *row;
	} cases[] = {
		{"2n", SENDER("n2", "3")}, /* one is missing */
		{"2n", SENDER("n2", "1")}, /* one would be hidden */
		{"2n", SENDER("n2", "0")}, /* both would be */
		{"rn", SENDER("n2", "-1")},
		{"rn", SENDER("n2", "x")},
		{"rn", SENDER("n2", "0") ",more=1"},
		{"rn", "total=0"},
		{"rn", SENDER("n2", "1") ",more=1"},
		{"rn", "total=1,pid=4711"},
		{"0n", "total=1,pid=4711"},
		{"rn", SENDER("0123456789012345678901234567890123456789012345678901234567890123", "1")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		reset(NULL);
		script.results = cases[i].results;
		script.rows[0] = cases[i].row;
		collect(sender_facets);
		if (snapshot_has(&snapshot, SNAPSHOT_SENDERS))
			fail_msg("taken: %s of \"%s\"", cases[i].results, cases[i].row);
		assert_int_equal(snapshot.faults[SNAPSHOT_SENDERS].class, ERR_PROTOCOL);
		assert_non_null(strstr(snapshot.faults[SNAPSHOT_SENDERS].text, "senders"));
	}
}

/* A single row that counts none is no row; one that does not count may be one that is hidden so. */
static void
a_row_without_a_count_is_a_fault(void **state)
{
	(void)state;
	script.results = "rn";
	script.rows[0] = SENDER_OF("n2", "total");
	collect(sender_facets);
	assert_false(snapshot_has(&snapshot, SNAPSHOT_SENDERS));
	assert_int_equal(snapshot.faults[SNAPSHOT_SENDERS].class, ERR_PROTOCOL);
}

/* Of what is no list there is one row. */
static void
any_number_of_rows_is_right_for_a_list_alone(void **state)
{
	static const struct facet *const both[] = {&facet_role, &facet_senders, NULL};

	(void)state;
	script.results = "2ns2ns";
	script.rows[0] = PRIMARY;
	script.rows[1] = SENDER("n2", "2");
	collect(both);
	assert_false(snapshot_has(&snapshot, SNAPSHOT_ROLE));
	assert_int_equal(snapshot.faults[SNAPSHOT_ROLE].class, ERR_PROTOCOL);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_SENDERS));
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
		cmocka_unit_test_setup(a_connection_is_kept_from_one_look_to_the_next, reset),
		cmocka_unit_test_setup(identity_is_asked_again_when_its_period_is_over_and_not_before, reset),
		cmocka_unit_test_setup(what_is_kept_is_forgotten_with_its_connection, reset),
		cmocka_unit_test_setup(a_part_that_could_not_be_seen_is_asked_for_again_at_once, reset),
		cmocka_unit_test_setup(what_is_kept_is_given_to_those_alone_who_ask_for_it, reset),
		cmocka_unit_test_setup(without_a_memory_each_part_is_asked_at_every_look, reset),
		cmocka_unit_test_setup(
			what_grows_too_old_while_others_are_asked_is_not_kept_for_longer, reset),
		cmocka_unit_test_setup(a_facet_without_a_statement_is_not_asked, reset),
		cmocka_unit_test_setup(
			a_connection_that_turns_out_to_be_closed_is_opened_anew_before_anything_is_said,
			reset),
		cmocka_unit_test_setup(it_is_opened_anew_once_and_no_more, reset),
		cmocka_unit_test_setup(a_new_connection_that_fails_is_not_tried_again, reset),
		cmocka_unit_test_setup(after_a_timeout_it_is_not_opened_anew, reset),
		cmocka_unit_test_setup(a_list_is_filled_row_by_row, reset),
		cmocka_unit_test_setup(a_list_without_rows_is_an_empty_one, reset),
		cmocka_unit_test_setup(rows_of_another_shape_are_a_fault, reset),
		cmocka_unit_test_setup(a_row_without_a_count_is_a_fault, reset),
		cmocka_unit_test_setup(any_number_of_rows_is_right_for_a_list_alone, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
