#include "lib/collect/auto_failover.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/parse.h"
#include "lib/base/text.h"
#include "lib/collect/auto_failover_facet.h"
#include "lib/collect/auto_failover_nodes.h"
#include "lib/collect/collect.h"
#include "lib/collect/conf_conninfo.h"
#include "lib/collect/facets.h"
#include "lib/collect/fleet.h"
#include "lib/collect/node_places.h"
#include "lib/collect/pg.h"
#include "lib/collect/source.h"

const struct facet auto_failover_facet = {.part = SNAPSHOT_AUTO_FAILOVER};

static const struct facet *const monitor_facets[] = {&auto_failover_facet_monitor, NULL};
static const struct facet *const node_facets[] = {&facet_role, &facet_identity, &facet_standby, NULL};

/* One inquiry: what the monitor said, and the nodes that are asked. */
struct inquiry {
	struct target monitor;
	struct target like; /* how the nodes are reached */
	bool has_dbname;    /* which names a database of its own */
	struct snapshot *snapshot;
	struct target targets[SNAPSHOT_AUTO_FAILOVER_MAX]; /* of each row; no host: it is not asked */
	size_t count;
	struct fleet_node nodes[SNAPSHOT_AUTO_FAILOVER_MAX];
	size_t rows[SNAPSHOT_AUTO_FAILOVER_MAX]; /* which row a node is */
};

static size_t
row_count(const struct snapshot *snapshot)
{
	return snapshot_row_count(snapshot, snapshot_list_of(SNAPSHOT_AUTO_FAILOVER));
}

/* -- where the nodes are ------------------------------------------------------------------------- */

/* Number, host, port, database of one node: the row may have cut the host. */
static void
take_place(void *context, const struct pg_row *row)
{
	struct inquiry *inquiry = context;
	const char *number = pg_row_value(row, 0), *host = pg_row_value(row, 1);
	const char *port_text = pg_row_value(row, 2), *dbname = pg_row_value(row, 3);
	struct snapshot_auto_failover *monitor = &inquiry->snapshot->auto_failover;
	struct err err;
	int64_t id, port;
	size_t i;

	if (number == NULL || host == NULL || host[0] == '\0' || port_text == NULL
		|| parse_integer(number, 0, INT64_MAX, &id, &err) != 0)
		return;
	i = auto_failover_nodes_find_id(monitor, id);
	if (i == AUTO_FAILOVER_NODES_NONE)
		return;
	if (parse_integer(port_text, 1, 65535, &port, &err) != 0
		|| fleet_target(&inquiry->like, host, port, inquiry->has_dbname ? NULL : dbname,
			   &inquiry->targets[i], &err)
			!= 0) {
		auto_failover_nodes_fail(&monitor->rows[i], &err);
		return;
	}
	auto_failover_nodes_fail(&monitor->rows[i], NULL);
}

static void
fail_all(void *context, const struct err *fault)
{
	struct inquiry *inquiry = context;

	for (size_t i = 0; i < row_count(inquiry->snapshot); i++)
		auto_failover_nodes_fail(&inquiry->snapshot->auto_failover.rows[i], fault);
}

static void
ask_places(struct inquiry *inquiry, struct pg *pg, int64_t deadline_ms)
{
	const struct node_places places = {
		.statement
		= "SELECT n.nodeid, n.nodehost, n.nodeport, f.dbname\n"
		  "FROM pgautofailover.node n JOIN pgautofailover.formation f USING (formationid)\n"
		  "ORDER BY n.nodeid LIMIT 1000",
		.columns = 4,
		.take = take_place,
		.fail = fail_all,
		.context = inquiry,
	};

	node_places_ask(&places, pg, deadline_ms);
}

/* -- the nodes themselves ------------------------------------------------------------------------ */

static bool
is_same_server(const struct snapshot *a, const struct snapshot *b)
{
	return snapshot_has(a, SNAPSHOT_IDENTITY) && snapshot_has(b, SNAPSHOT_IDENTITY)
		&& strcmp(a->identity.system_identifier, b->identity.system_identifier) == 0
		&& a->identity.started_ms == b->identity.started_ms;
}

/*
 * One server that is counted twice, by an address that leads to another node (a virtual one, or PGHOSTADDR),
 * would look like two primaries. The first row has it: those that are to take writes come first, so that a
 * primary is not taken for one that is to be none.
 */
static void
take_answer(struct inquiry *inquiry, size_t i)
{
	struct snapshot_auto_failover_node *rows = inquiry->snapshot->auto_failover.rows;
	const struct snapshot *said = &inquiry->nodes[i].snapshot;
	struct err err;

	for (size_t other = 0; other < i; other++) {
		if (!is_same_server(&inquiry->nodes[other].snapshot, said))
			continue;
		err_set(&err, ERR_SETUP, "the server of %s answers there", rows[inquiry->rows[other]].name);
		auto_failover_nodes_fail(&rows[inquiry->rows[i]], &err);
		return;
	}
	auto_failover_nodes_answer(&rows[inquiry->rows[i]], said);
}

static void
ask_nodes(struct inquiry *inquiry, int64_t deadline_ms)
{
	for (size_t i = 0; i < row_count(inquiry->snapshot); i++) {
		if (inquiry->targets[i].host[0] == '\0')
			continue;
		inquiry->nodes[inquiry->count].target = inquiry->targets[i];
		inquiry->rows[inquiry->count++] = i;
	}
	fleet_ask(
		inquiry->nodes, inquiry->count, node_facets, clock_now_ms() + clock_left_ms(deadline_ms) / 2);
	for (size_t i = 0; i < inquiry->count; i++)
		take_answer(inquiry, i);
}

/* -- which node it is about ---------------------------------------------------------------------- */

/* The row whose server a node is. Of several that lead to it none: which one it is, they do not tell. */
static size_t
find_server(const struct inquiry *inquiry, const struct snapshot *node)
{
	size_t found = AUTO_FAILOVER_NODES_NONE;

	for (size_t i = 0; i < inquiry->count; i++) {
		if (!is_same_server(node, &inquiry->nodes[i].snapshot))
			continue;
		if (found != AUTO_FAILOVER_NODES_NONE)
			return AUTO_FAILOVER_NODES_NONE;
		found = inquiry->rows[i];
	}
	return found;
}

/* `node` is what a witness is asked about, or NULL. */
static int
mark_own(struct inquiry *inquiry, const struct auto_failover_source *source, const struct snapshot *node,
	struct err *err)
{
	struct snapshot_auto_failover *monitor = &inquiry->snapshot->auto_failover;
	size_t own = AUTO_FAILOVER_NODES_NONE;

	if (source->node[0] != '\0') {
		own = auto_failover_nodes_find(monitor, source->node);
		if (own == AUTO_FAILOVER_NODES_NONE) {
			err_set(err, ERR_SETUP, "the monitor has no node \"%s\"", source->node);
			return err_hint(err,
				"pg_autoctl show state lists their names; of a name that two formations "
				"have, "
				"HOST:PORT tells which");
		}
	} else if (node != NULL) {
		own = find_server(inquiry, node);
		if (own == AUTO_FAILOVER_NODES_NONE)
			own = auto_failover_nodes_find(monitor, node->target);
	}
	if (own != AUTO_FAILOVER_NODES_NONE)
		monitor->rows[own].is_own = true;
	return 0;
}

/* -- the source ---------------------------------------------------------------------------------- */

/* The server answered, and has no such schema or table, or none for this user. */
static void
explain(const struct snapshot *snapshot, struct err *err)
{
	if (err->class == ERR_SETUP && snapshot->server_version != SNAPSHOT_NONE)
		err_hint(err,
			"name the monitor's database (-d, or dbname=pg_auto_failover), and a user with the "
			"rights of autoctl_node there: GRANT autoctl_node TO ...");
}

static void
inquire(struct inquiry *inquiry, const struct auto_failover_source *source, const struct snapshot *node,
	int64_t deadline_ms)
{
	struct collect_session session = {.target = &inquiry->monitor};
	struct snapshot *snapshot = inquiry->snapshot;
	struct err err;

	collect_probe(&session, monitor_facets, deadline_ms, snapshot);
	if (!snapshot_has(snapshot, SNAPSHOT_AUTO_FAILOVER)) {
		err = snapshot->faults[SNAPSHOT_AUTO_FAILOVER];
		explain(snapshot, &err);
		snapshot_fail(snapshot, SNAPSHOT_AUTO_FAILOVER, &err);
	} else {
		if (!source->trusts_monitor)
			ask_places(inquiry, session.pg, deadline_ms);
		ask_nodes(inquiry, deadline_ms);
		if (mark_own(inquiry, source, node, &err) != 0)
			snapshot_fail(snapshot, SNAPSHOT_AUTO_FAILOVER, &err);
	}
	collect_close(&session);
}

static void
collect_about(const void *source_data, const struct check_look *look, const struct snapshot *node,
	struct snapshot *snapshot)
{
	const struct auto_failover_source *source = source_data;
	int64_t begun_us = clock_now_us();
	struct inquiry *inquiry = calloc(1, sizeof *inquiry);
	struct err err;

	if (inquiry == NULL) {
		begun_us = source_begin(snapshot, "");
		err_set(&err, ERR_DOWN, "out of memory");
		snapshot_fail(snapshot, SNAPSHOT_AUTO_FAILOVER, &err);
	} else {
		source_target(source->conninfo, look, "check_pg_auto_failover", &inquiry->monitor);
		if (source->nodes_conninfo[0] != '\0')
			source_target(source->nodes_conninfo, look, "check_pg_auto_failover", &inquiry->like);
		else
			inquiry->like = inquiry->monitor;
		inquiry->has_dbname = conf_conninfo_has(source->nodes_conninfo, "dbname");
		inquiry->snapshot = snapshot;
		inquire(inquiry, source, node, look->deadline_ms);
	}
	free(inquiry);
	source_end(snapshot, begun_us);
}

void
auto_failover_collect(
	const struct auto_failover_source *source, const struct check_look *look, struct snapshot *snapshot)
{
	collect_about(source, look, NULL, snapshot);
}

/* -- the witness --------------------------------------------------------------------------------- */

static void
collect_witness(
	const void *source, const struct snapshot *node, int64_t deadline_ms, struct snapshot *snapshot)
{
	source_collect_beside(collect_about, source, node, deadline_ms, SNAPSHOT_AUTO_FAILOVER, snapshot);
}

static const struct setting witness_settings[] = {
	{.name = "monitor",
		.type = SETTING_TEXT,
		SETTING_AT(struct auto_failover_source, conninfo),
		.argument = "CONNINFO",
		.help = "ask pg_auto_failover's monitor about the node as well: its connection string",
		.is_secret = true,
		.is_source = true},
	{.name = "node",
		.type = SETTING_TEXT,
		SETTING_AT(struct auto_failover_source, node),
		.argument = "NODE",
		.help = "the monitor's name of the node, or its HOST:PORT, where its place does not tell",
		.is_source = true,
		.needs = "monitor"},
	{.name = "node-conninfo",
		.type = SETTING_TEXT,
		SETTING_AT(struct auto_failover_source, nodes_conninfo),
		.argument = "CONNINFO",
		.help = "user, database and TLS to ask the nodes with, where they are not the monitor's",
		.is_secret = true,
		.is_source = true,
		.needs = "monitor"},
};

/* By it the node is found among those of the monitor. */
static const struct facet *const witness_facets[] = {&facet_identity, NULL};

const struct witness auto_failover_witness = {
	.name = "pg_auto_failover",
	.part = SNAPSHOT_AUTO_FAILOVER,
	.settings = witness_settings,
	.setting_count = sizeof witness_settings / sizeof witness_settings[0],
	.source_size = sizeof(struct auto_failover_source),
	.facets = witness_facets,
	.collect = collect_witness,
};
