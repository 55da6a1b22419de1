#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/repmgr_conninfo.h"
#include "lib/collect/repmgr_nodes.h"

/* -- where a conninfo leads ---------------------------------------------------------------------- */

static void
leads(const char *conninfo, const char *host, const char *hostaddr, const char *port)
{
	struct place place;
	struct err err;

	if (repmgr_conninfo_place(conninfo, &place, &err) != 0)
		fail_msg("\"%s\": %s", conninfo, err.text);
	assert_string_equal(place.host, host);
	assert_string_equal(place.hostaddr, hostaddr);
	assert_string_equal(place.port, port);
}

static void
is_refused(const char *conninfo, const char *words)
{
	struct place place;
	struct err err;

	if (repmgr_conninfo_place(conninfo, &place, &err) == 0)
		fail_msg("\"%s\" leads to \"%s\"", conninfo, place.host);
	assert_int_equal(err.class, ERR_SETUP);
	assert_non_null(strstr(err.text, words));
	assert_null(strstr(err.text, "secret"));
}

static void
test_keywords(void **state)
{
	(void)state;
	leads("host=n1", "n1", "", "5432");
	leads("host=n1 user=repmgr dbname=repmgr connect_timeout=2", "n1", "", "5432");
	leads("  host = n1\tport\n=\n6432  ", "n1", "", "6432");
	leads("user='re pm' host='n1' port='5433'", "n1", "", "5433");
	leads("password='it\\'s host=else' host=n1", "n1", "", "5432");
	leads("password=a\\ b host=n1", "n1", "", "5432");
	leads("host=n1 hostaddr=10.0.0.11", "n1", "10.0.0.11", "5432");
	leads("hostaddr=fd00::11 port=5433", "", "fd00::11", "5433");
	leads("host=/run/postgresql", "/run/postgresql", "", "5432");
	leads("host=n1 host=n2", "n2", "", "5432"); /* the last counts, as in libpq */
	leads("host=n1 port=", "n1", "", "5432");
}

static void
test_uris(void **state)
{
	(void)state;
	leads("postgresql://n1/repmgr", "n1", "", "5432");
	leads("postgres://repmgr:secret@n1:6432/repmgr?sslmode=require", "n1", "", "6432");
	leads("postgresql://n1", "n1", "", "5432");
	leads("postgresql://n1?connect_timeout=2", "n1", "", "5432");
	leads("postgresql://repmgr@[fd00::11]:5433/repmgr", "fd00::11", "", "5433");
	leads("postgresql://[fd00::11]", "fd00::11", "", "5432");
	leads("postgresql://%2Frun%2Fpostgresql/repmgr", "/run/postgresql", "", "5432");
	leads("postgresql:///repmgr?host=n1&port=5433", "n1", "", "5433");
	leads("postgresql:///repmgr?user=x&hostaddr=10.0.0.11&host", "", "10.0.0.11", "5432");
	leads("postgresql://a:b%40c@n1/", "n1", "", "5432");
}

static void
test_refused(void **state)
{
	char long_host[600];

	(void)state;
	is_refused("", "names no host");
	is_refused("dbname=repmgr password=secret", "names no host");
	is_refused("service=repmgr", "names no host");
	is_refused("host='' port=5432", "names no host");
	is_refused("host=n1,n2 password=secret", "names several hosts");
	is_refused("hostaddr=10.0.0.1,10.0.0.2", "names several hosts");
	is_refused("postgresql://n1:1,n2:2/repmgr", "names");
	is_refused("postgresql:///repmgr", "names no host");
	is_refused("host", "is no connection string");
	is_refused("host n1", "is no connection string");
	is_refused("host='n1", "is no connection string");
	is_refused("password='secret host=n1", "is no connection string");
	is_refused("postgresql://[fd00::11/repmgr", "is no connection string");
	is_refused("postgresql://[fd00::11]x/repmgr", "is no connection string");
	is_refused("postgresql://n%1/repmgr", "is no connection string");
	is_refused("postgresql://n%zz/repmgr", "is no connection string");
	is_refused("postgresql://n%00/repmgr", "is no connection string");
	is_refused("postgresql://n%2", "is no connection string");
	memset(long_host, 'n', sizeof long_host - 1);
	long_host[sizeof long_host - 1] = '\0';
	memcpy(long_host, "host=", 5);
	is_refused(long_host, "too long");
	memcpy(long_host, "postgresql://", 13);
	is_refused(long_host, "too long");
}

/* -- the nodes ----------------------------------------------------------------------------------- */

static struct snapshot *
new_snapshot(void)
{
	struct snapshot *snapshot = malloc(sizeof *snapshot);

	assert_non_null(snapshot);
	snapshot_init(snapshot);
	return snapshot;
}

static void
set(char *to, size_t size, const char *from)
{
	text_clean(to, size, from);
}

static void
add(struct snapshot_repmgr *repmgr, int64_t id, const char *name, const char *type, bool is_active,
	const char *place)
{
	struct snapshot_repmgr_node *row = &repmgr->rows[repmgr->total == SNAPSHOT_NONE ? 0 : repmgr->total];

	repmgr->total = repmgr->total == SNAPSHOT_NONE ? 1 : repmgr->total + 1;
	row->id = id;
	row->is_active = is_active;
	set(row->name, sizeof row->name, name);
	set(row->type, sizeof row->type, type);
	set(row->place, sizeof row->place, place);
}

static void
test_find(void **state)
{
	struct snapshot *snapshot = new_snapshot();
	struct snapshot_repmgr *repmgr = &snapshot->repmgr;

	(void)state;
	assert_true(repmgr_nodes_find(repmgr, "n1") == REPMGR_NODES_NONE);
	assert_int_equal(repmgr_nodes_primary(repmgr), SNAPSHOT_NONE);
	add(repmgr, 1, "n1", "primary", true, "10.0.0.11:5432");
	add(repmgr, 2, "3", "standby", true, "");
	add(repmgr, 3, "n3", "standby", true, "10.0.0.13:5432");
	assert_int_equal(repmgr_nodes_find(repmgr, "n1"), 0);
	assert_int_equal(repmgr_nodes_find(repmgr, "1"), 0);
	assert_int_equal(repmgr_nodes_find(repmgr, "3"), 1); /* a name comes before a number */
	assert_int_equal(repmgr_nodes_find(repmgr, "10.0.0.13:5432"), 2);
	assert_true(repmgr_nodes_find(repmgr, "") == REPMGR_NODES_NONE);
	assert_true(repmgr_nodes_find(repmgr, "10.0.0.1:5432") == REPMGR_NODES_NONE);
	assert_int_equal(repmgr_nodes_find_id(repmgr, 3), 2);
	assert_true(repmgr_nodes_find_id(repmgr, 9) == REPMGR_NODES_NONE);
	assert_true(repmgr_nodes_find_id(repmgr, SNAPSHOT_NONE) == REPMGR_NODES_NONE);
	assert_int_equal(repmgr_nodes_primary(repmgr), 1);
	add(repmgr, 4, "n4", "primary", false, "");
	assert_int_equal(repmgr_nodes_primary(repmgr), 1);
	add(repmgr, 5, "n5", "primary", true, "");
	assert_int_equal(repmgr_nodes_primary(repmgr), SNAPSHOT_NONE);
	/* More than there is room for, as a recording may say. */
	repmgr->total = 1000;
	assert_true(repmgr_nodes_find(repmgr, "n9") == REPMGR_NODES_NONE);
	repmgr->total = -1;
	assert_true(repmgr_nodes_find(repmgr, "n1") == REPMGR_NODES_NONE);
	free(snapshot);
}

/* A server that was asked: its role, timeline, cluster and when it was started. */
static struct snapshot *
new_server(bool in_recovery, const char *wal_file, const char *system_identifier, int64_t started_ms)
{
	struct snapshot *snapshot = new_snapshot();

	snapshot->role.in_recovery = in_recovery;
	set(snapshot->role.wal_file, sizeof snapshot->role.wal_file, wal_file);
	snapshot_mark(snapshot, SNAPSHOT_ROLE);
	if (system_identifier[0] != '\0') {
		set(snapshot->identity.system_identifier, sizeof snapshot->identity.system_identifier,
			system_identifier);
		snapshot->identity.started_ms = started_ms;
		snapshot_mark(snapshot, SNAPSHOT_IDENTITY);
	}
	return snapshot;
}

#define PRIMARY "000000040000000000000007"

static void
test_answer(void **state)
{
	struct snapshot *asked = new_server(true, "", "77", 1);
	struct snapshot *said = new_server(false, PRIMARY, "77", 2);
	struct snapshot_repmgr_node *row = &asked->repmgr.rows[0];

	(void)state;
	add(&asked->repmgr, 1, "n1", "primary", true, "10.0.0.11:5432");
	repmgr_nodes_answer(row, said, asked);
	assert_string_equal(row->own_role, "primary");
	assert_int_equal(row->own_timeline, 4);
	assert_string_equal(row->fault, "");
	assert_string_equal(row->daemon, ""); /* its copy of the metadata was not seen */
	assert_int_equal(row->primary_id, SNAPSHOT_NONE);

	add(&said->repmgr, 1, "n1", "primary", true, "");
	snapshot_mark(said, SNAPSHOT_REPMGR);
	repmgr_nodes_answer(row, said, asked);
	assert_string_equal(row->daemon, "absent");
	assert_int_equal(row->primary_id, 1);
	said->repmgr.is_daemon_running = true;
	repmgr_nodes_answer(row, said, asked);
	assert_string_equal(row->daemon, "running");
	said->repmgr.is_daemon_paused = true;
	said->repmgr.own_id = 1;
	repmgr_nodes_answer(row, said, asked);
	assert_string_equal(row->daemon, "paused");
	assert_string_equal(row->fault, "");
	said->repmgr.own_id = 7;
	repmgr_nodes_answer(row, said, asked);
	assert_string_equal(row->fault, "repmgr's node 7 answers there");
	free(asked);
	free(said);
}

static void
test_answer_of_a_standby(void **state)
{
	struct snapshot *asked = new_server(false, PRIMARY, "77", 1);
	struct snapshot *said = new_server(true, "", "77", 2);
	struct snapshot_repmgr_node *row = &asked->repmgr.rows[0];

	(void)state;
	add(&asked->repmgr, 2, "n2", "standby", true, "10.0.0.12:5432");
	repmgr_nodes_answer(row, said, asked);
	assert_string_equal(row->own_role, "standby");
	assert_string_equal(row->own_receiver, ""); /* not told */
	snapshot_mark(said, SNAPSHOT_STANDBY);
	repmgr_nodes_answer(row, said, asked);
	assert_string_equal(row->own_receiver, "none");
	said->standby.receiver_pid = 5;
	repmgr_nodes_answer(row, said, asked);
	assert_string_equal(row->own_receiver, ""); /* there is one; more is not told without pg_monitor */
	set(said->standby.receiver_status, sizeof said->standby.receiver_status, "streaming");
	said->standby.received_timeline = 5;
	repmgr_nodes_answer(row, said, asked);
	assert_string_equal(row->own_receiver, "streaming");
	assert_int_equal(row->own_timeline, 5);
	/* What a primary has of the kind is left from before. */
	said->role.in_recovery = false;
	repmgr_nodes_answer(row, said, asked);
	assert_string_equal(row->own_receiver, "");
	free(asked);
	free(said);
}

/* Whom a standby streams from that is connected to `host` and `port`, of n1, n2 (n2.example), n3 and two at
 * v. */
static int64_t
sender(const char *host, int64_t port, const char *status)
{
	static const char *const conninfos[] = {"host=10.0.0.11",
		"host=n2.example hostaddr=10.0.0.12 port=5433", "host=10.0.0.11 port=5434", "host=v",
		"host=v port=5432", "port=1 host=''"};
	struct place places[SNAPSHOT_REPMGR_MAX] = {{.host = ""}};
	struct snapshot *asked = new_server(false, PRIMARY, "77", 1);
	struct snapshot_standby standby = {.sender_port = port};
	struct err err;
	int64_t id;

	for (size_t i = 0; i < sizeof conninfos / sizeof conninfos[0]; i++) {
		add(&asked->repmgr, (int64_t)i + 1, "n", "standby", true, "");
		(void)!repmgr_conninfo_place(conninfos[i], &places[i], &err);
	}
	set(standby.sender_host, sizeof standby.sender_host, host);
	set(standby.receiver_status, sizeof standby.receiver_status, status);
	id = repmgr_nodes_sender(&asked->repmgr, places, &standby);
	free(asked);
	return id;
}

static void
test_whom_it_streams_from(void **state)
{
	(void)state;
	assert_int_equal(sender("10.0.0.11", 5432, "streaming"), 1);
	assert_int_equal(sender("10.0.0.11", 5434, "streaming"), 3);
	assert_int_equal(sender("n2.example", 5433, "streaming"), 2);
	assert_int_equal(sender("N2.Example", 5433, "streaming"), 2);
	assert_int_equal(sender("10.0.0.12", 5433, "streaming"), 2);
	/* What is certain only: a port that nobody has, a name that may be anybody's, one that two have. */
	assert_int_equal(sender("10.0.0.11", 5433, "streaming"), SNAPSHOT_NONE);
	assert_int_equal(sender("n1", 5432, "streaming"), SNAPSHOT_NONE);
	assert_int_equal(sender("10.0.0.1", 5432, "streaming"), SNAPSHOT_NONE);
	assert_int_equal(sender("v", 5432, "streaming"), SNAPSHOT_NONE);
	/* Nor one that does not stream, or does not tell. */
	assert_int_equal(sender("10.0.0.11", 5432, "starting"), SNAPSHOT_NONE);
	assert_int_equal(sender("", 5432, "streaming"), SNAPSHOT_NONE);
	assert_int_equal(sender("", SNAPSHOT_NONE, ""), SNAPSHOT_NONE);
}

static void
test_answer_of_another_cluster(void **state)
{
	struct snapshot *asked = new_server(true, "", "77", 1);
	struct snapshot *said = new_server(false, PRIMARY, "78", 2);
	struct snapshot_repmgr_node *row = &asked->repmgr.rows[0];

	(void)state;
	add(&asked->repmgr, 1, "n1", "primary", true, "10.0.0.11:5432");
	repmgr_nodes_answer(row, said, asked);
	assert_string_equal(row->own_role, "");
	assert_string_equal(row->fault, "a server of another cluster answers there");
	assert_string_equal(row->fault_class, "setup");
	repmgr_nodes_fail(row, NULL);
	repmgr_nodes_answer(row, said, NULL); /* asked was a witness, whose cluster is its own */
	assert_string_equal(row->own_role, "primary");
	assert_string_equal(row->fault, "");
	free(asked);
	free(said);
}

static void
test_answer_of_a_witness(void **state)
{
	struct snapshot *asked = new_server(true, "", "77", 1);
	struct snapshot *said = new_server(false, PRIMARY, "78", 2);
	struct snapshot_repmgr_node *row = &asked->repmgr.rows[0];

	(void)state;
	add(&asked->repmgr, 4, "w", "witness", true, "10.0.0.14:5432");
	repmgr_nodes_answer(row, said, asked);
	assert_string_equal(row->own_role, "witness");
	assert_int_equal(row->own_timeline, SNAPSHOT_NONE);
	said->role.in_recovery = true;
	repmgr_nodes_answer(row, said, asked);
	assert_string_equal(row->own_role, "standby");
	free(asked);
	free(said);
}

static void
test_silence(void **state)
{
	struct snapshot *asked = new_server(true, "", "77", 1);
	struct snapshot *said = new_snapshot();
	struct snapshot_repmgr_node *row = &asked->repmgr.rows[0];
	struct err err;

	(void)state;
	add(&asked->repmgr, 1, "n1", "primary", true, "10.0.0.11:5432");
	err_set(&err, ERR_TIMEOUT, "no answer in time");
	snapshot_fail(said, SNAPSHOT_ROLE, &err);
	repmgr_nodes_answer(row, said, asked);
	assert_string_equal(row->own_role, "");
	assert_string_equal(row->fault, "no answer in time");
	assert_string_equal(row->fault_class, "timeout");
	repmgr_nodes_fail(row, NULL);
	assert_string_equal(row->fault, "");
	assert_string_equal(row->fault_class, "");
	free(asked);
	free(said);
}

static void
test_same_server(void **state)
{
	struct snapshot *a = new_server(true, "", "77", 1), *b = new_server(true, "", "77", 1);

	(void)state;
	assert_true(repmgr_nodes_is_same_server(a, b));
	b->identity.started_ms = 2;
	assert_false(repmgr_nodes_is_same_server(a, b));
	b->identity.started_ms = 1;
	set(b->identity.system_identifier, sizeof b->identity.system_identifier, "78");
	assert_false(repmgr_nodes_is_same_server(a, b));
	snapshot_init(b);
	assert_false(repmgr_nodes_is_same_server(a, b)); /* nothing is known of it */
	snapshot_init(a);
	assert_false(repmgr_nodes_is_same_server(a, b));
	free(a);
	free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keywords),
		cmocka_unit_test(test_uris),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_answer_of_a_standby),
		cmocka_unit_test(test_whom_it_streams_from),
		cmocka_unit_test(test_answer_of_another_cluster),
		cmocka_unit_test(test_answer_of_a_witness),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_same_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
