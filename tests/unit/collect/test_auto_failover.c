#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/auto_failover_nodes.h"

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
add(struct snapshot_auto_failover *monitor, int64_t id, const char *name, const char *host, int64_t port)
{
	struct snapshot_auto_failover_node *row
		= &monitor->rows[monitor->total == SNAPSHOT_NONE ? 0 : monitor->total];

	monitor->total = monitor->total == SNAPSHOT_NONE ? 1 : monitor->total + 1;
	row->id = id;
	row->port = port;
	set(row->name, sizeof row->name, name);
	set(row->host, sizeof row->host, host);
}

static void
test_find(void **state)
{
	struct snapshot *snapshot = new_snapshot();
	struct snapshot_auto_failover *monitor = &snapshot->auto_failover;

	(void)state;
	assert_true(auto_failover_nodes_find(monitor, "n1") == AUTO_FAILOVER_NODES_NONE);
	add(monitor, 1, "n1", "10.0.0.11", 5432);
	add(monitor, 2, "n2", "fd00::12", 5433);
	add(monitor, 3, "twice", "10.0.0.13", 5432);
	add(monitor, 4, "twice", "10.0.0.14", 5432);
	assert_int_equal(auto_failover_nodes_find(monitor, "n1"), 0);
	assert_int_equal(auto_failover_nodes_find(monitor, "10.0.0.11:5432"), 0);
	assert_int_equal(auto_failover_nodes_find(monitor, "[fd00::12]:5433"), 1);
	assert_int_equal(auto_failover_nodes_find(monitor, "10.0.0.14:5432"), 3);
	assert_true(auto_failover_nodes_find(monitor, "twice") == AUTO_FAILOVER_NODES_NONE);
	assert_true(auto_failover_nodes_find(monitor, "10.0.0.11") == AUTO_FAILOVER_NODES_NONE);
	assert_true(auto_failover_nodes_find(monitor, "10.0.0.11:5433") == AUTO_FAILOVER_NODES_NONE);
	assert_true(auto_failover_nodes_find(monitor, "") == AUTO_FAILOVER_NODES_NONE);
	assert_int_equal(auto_failover_nodes_find_id(monitor, 3), 2);
	assert_true(auto_failover_nodes_find_id(monitor, 9) == AUTO_FAILOVER_NODES_NONE);
	assert_true(auto_failover_nodes_find_id(monitor, SNAPSHOT_NONE) == AUTO_FAILOVER_NODES_NONE);
	monitor->total = 1000;
	assert_true(auto_failover_nodes_find(monitor, "n9") == AUTO_FAILOVER_NODES_NONE);
	monitor->total = -1;
	assert_true(auto_failover_nodes_find(monitor, "n1") == AUTO_FAILOVER_NODES_NONE);
	free(snapshot);
}

/* A server that was asked, of the cluster with that identifier. */
static struct snapshot *
new_server(bool in_recovery, const char *wal_file, const char *system_identifier)
{
	struct snapshot *snapshot = new_snapshot();

	snapshot->role.in_recovery = in_recovery;
	set(snapshot->role.wal_file, sizeof snapshot->role.wal_file, wal_file);
	snapshot_mark(snapshot, SNAPSHOT_ROLE);
	set(snapshot->identity.system_identifier, sizeof snapshot->identity.system_identifier,
		system_identifier);
	snapshot_mark(snapshot, SNAPSHOT_IDENTITY);
	return snapshot;
}

static void
test_answer(void **state)
{
	struct snapshot *asked = new_snapshot();
	struct snapshot *primary = new_server(false, "000000040000000000000007", "77");
	struct snapshot *standby = new_server(true, "", "77");
	struct snapshot_auto_failover_node *rows = asked->auto_failover.rows;

	(void)state;
	add(&asked->auto_failover, 1, "n1", "10.0.0.11", 5432);
	add(&asked->auto_failover, 2, "n2", "10.0.0.12", 5432);
	set(rows[0].system_identifier, sizeof rows[0].system_identifier, "77");
	auto_failover_nodes_answer(&rows[0], primary);
	assert_string_equal(rows[0].own_role, "primary");
	assert_int_equal(rows[0].own_timeline, 4);
	auto_failover_nodes_answer(&rows[1], standby); /* the monitor does not know the identifier yet */
	assert_string_equal(rows[1].own_role, "standby");
	assert_int_equal(rows[1].own_timeline, SNAPSHOT_NONE);
	assert_string_equal(rows[1].fault, "");
	free(asked);
	free(primary);
	free(standby);
}

static void
test_answer_of_another_cluster(void **state)
{
	struct snapshot *asked = new_snapshot();
	struct snapshot *said = new_server(false, "000000040000000000000007", "78");
	struct snapshot_auto_failover_node *row = &asked->auto_failover.rows[0];

	(void)state;
	add(&asked->auto_failover, 1, "n1", "10.0.0.11", 5432);
	set(row->system_identifier, sizeof row->system_identifier, "77");
	auto_failover_nodes_answer(row, said);
	assert_string_equal(row->own_role, "");
	assert_string_equal(row->fault, "a server of another cluster answers there");
	assert_string_equal(row->fault_class, "setup");
	free(asked);
	free(said);
}

static void
test_silence(void **state)
{
	struct snapshot *asked = new_snapshot(), *said = new_snapshot();
	struct snapshot_auto_failover_node *row = &asked->auto_failover.rows[0];
	struct err err;

	(void)state;
	add(&asked->auto_failover, 1, "n1", "10.0.0.11", 5432);
	err_set(&err, ERR_DOWN, "Connection refused");
	snapshot_fail(said, SNAPSHOT_ROLE, &err);
	auto_failover_nodes_answer(row, said);
	assert_string_equal(row->own_role, "");
	assert_string_equal(row->fault, "Connection refused");
	assert_string_equal(row->fault_class, "down");
	auto_failover_nodes_fail(row, NULL);
	assert_string_equal(row->fault, "");
	assert_string_equal(row->fault_class, "");
	free(asked);
	free(said);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_answer_of_another_cluster),
		cmocka_unit_test(test_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
