#include "lib/collect/repmgr.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/parse.h"
#include "lib/base/text.h"
#include "lib/collect/collect.h"
#include "lib/collect/facets.h"
#include "lib/collect/fleet.h"
#include "lib/collect/node_places.h"
#include "lib/collect/pg.h"
#include "lib/collect/repmgr_conninfo.h"
#include "lib/collect/repmgr_facet.h"
#include "lib/collect/repmgr_nodes.h"
#include "lib/collect/source.h"

const struct facet repmgr_facet = {.part = SNAPSHOT_REPMGR};

static const struct facet *const facets[] = {
	&repmgr_facet_nodes, &facet_role, &facet_identity, &facet_standby, NULL};

/* -- where the nodes are ------------------------------------------------------------------------- */

/* One inquiry: the server whose metadata count, and the others. */
struct inquiry {
	struct target target;
	struct snapshot *snapshot; /* of that server */
	struct place places[SNAPSHOT_REPMGR_MAX];
	struct fleet_node nodes[SNAPSHOT_REPMGR_MAX];
	size_t rows[SNAPSHOT_REPMGR_MAX]; /* which row a node is */
};

static size_t
row_count(const struct snapshot *snapshot)
{
	return snapshot_row_count(snapshot, snapshot_list_of(SNAPSHOT_REPMGR));
}

/* The node's number and its conninfo, which goes no further than to the place that it names. */
static void
take_place(void *context, const struct pg_row *row)
{
	struct inquiry *inquiry = context;
	const char *number = pg_row_value(row, 0), *conninfo = pg_row_value(row, 1);
	struct snapshot_repmgr *repmgr = &inquiry->snapshot->repmgr;
	char storage[sizeof(struct place)];
	struct text text;
	struct err err;
	int64_t id;
	size_t i;

	if (number == NULL || conninfo == NULL || parse_integer(number, INT32_MIN, INT32_MAX, &id, &err) != 0)
		return;
	i = repmgr_nodes_find_id(repmgr, id);
	if (i == REPMGR_NODES_NONE)
		return;
	if (repmgr_conninfo_place(conninfo, &inquiry->places[i], &err) != 0) {
		repmgr_nodes_fail(&repmgr->rows[i], &err);
		return;
	}
	repmgr_nodes_fail(&repmgr->rows[i], NULL);
	text_init(&text, storage, sizeof storage);
	place_write(&inquiry->places[i], &text);
	text_clean(repmgr->rows[i].place, sizeof repmgr->rows[i].place, storage);
}

static void
fail_all(void *context, const struct err *fault)
{
	struct inquiry *inquiry = context;

	for (size_t i = 0; i < row_count(inquiry->snapshot); i++)
		repmgr_nodes_fail(&inquiry->snapshot->repmgr.rows[i], fault);
}

static void
ask_places(struct inquiry *inquiry, struct pg *pg, int64_t deadline_ms)
{
	const struct node_places places = {
		.statement = "SELECT n.node_id, n.conninfo FROM repmgr.nodes n ORDER BY n.node_id LIMIT 1000",
		.columns = 2,
		.take = take_place,
		.fail = fail_all,
		.context = inquiry,
	};

	node_places_ask(&places, pg, deadline_ms);
}

/* -- the nodes themselves ------------------------------------------------------------------------ */

/* Makes the row's node one that is asked, unless its place is not known. */
static bool
prepare(struct inquiry *inquiry, size_t row, size_t count)
{
	const struct place *place = &inquiry->places[row];
	struct snapshot_repmgr_node *to = &inquiry->snapshot->repmgr.rows[row];
	const char *host = place->hostaddr[0] != '\0' ? place->hostaddr : place->host;
	struct err err;
	int64_t port;

	if (to->place[0] == '\0')
		return false;
	if (parse_integer(place->port, 1, 65535, &port, &err) != 0
		|| fleet_target(&inquiry->target, host, port, NULL, &inquiry->nodes[count].target, &err)
			!= 0) {
		repmgr_nodes_fail(to, &err);
		return false;
	}
	inquiry->rows[count] = row;
	return true;
}

/* Which row the server is that was asked, by what the others said. */
static size_t
recognize(const struct inquiry *inquiry, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (repmgr_nodes_is_same_server(inquiry->snapshot, &inquiry->nodes[i].snapshot))
			return inquiry->rows[i];
	return REPMGR_NODES_NONE;
}

/*
 * Which row's server it was that answered as node `i`; its own but where an address leads to another: a
 * virtual one, or PGHOSTADDR. One server that is counted twice would look like two primaries.
 */
static size_t
find_rival(const struct inquiry *inquiry, size_t i, size_t asked)
{
	const struct snapshot *said = &inquiry->nodes[i].snapshot;

	if (asked != REPMGR_NODES_NONE && repmgr_nodes_is_same_server(inquiry->snapshot, said))
		return asked;
	/* It tells whose it is by repmgrd's number, which goes before which row comes first. */
	if (snapshot_has(said, SNAPSHOT_REPMGR) && said->repmgr.own_id != SNAPSHOT_NONE)
		return inquiry->rows[i];
	for (size_t other = 0; other < i; other++)
		if (repmgr_nodes_is_same_server(&inquiry->nodes[other].snapshot, said))
			return inquiry->rows[other];
	return inquiry->rows[i];
}

/* What the server of a row said, and from which of the others it streams. */
static void
keep_answer(struct inquiry *inquiry, size_t row, const struct snapshot *said, const struct snapshot *like)
{
	struct snapshot_repmgr *repmgr = &inquiry->snapshot->repmgr;

	repmgr_nodes_answer(&repmgr->rows[row], said, like);
	if (repmgr->rows[row].fault[0] == '\0' && snapshot_has(said, SNAPSHOT_STANDBY))
		repmgr->rows[row].own_upstream_id = repmgr_nodes_sender(
			repmgr, inquiry->places, &said->standby);
}

static void
take_answer(struct inquiry *inquiry, size_t i, size_t asked, const struct snapshot *like)
{
	struct snapshot_repmgr_node *rows = inquiry->snapshot->repmgr.rows;
	size_t row = inquiry->rows[i], rival = find_rival(inquiry, i, asked);
	struct err err;

	if (rival == row) {
		keep_answer(inquiry, row, &inquiry->nodes[i].snapshot, like);
		return;
	}
	err_set(&err, ERR_SETUP, "the server of %s answers there", rows[rival].name);
	repmgr_nodes_fail(&rows[row], &err);
}

/*
 * The server that was asked first, which is row `asked` where that is known, need not be asked again. Where
 * it is a witness, its cluster is its own, and tells nothing of which the others are to be of.
 */
static void
ask_nodes(struct inquiry *inquiry, size_t asked, int64_t deadline_ms)
{
	struct snapshot *snapshot = inquiry->snapshot;
	struct snapshot_repmgr_node *rows = snapshot->repmgr.rows;
	int64_t nodes_deadline_ms = clock_now_ms() + clock_left_ms(deadline_ms) / 2;
	const struct snapshot *like;
	size_t count = 0;

	for (size_t i = 0; i < row_count(snapshot); i++)
		if (i != asked && prepare(inquiry, i, count))
			count++;
	fleet_ask(inquiry->nodes, count, facets, nodes_deadline_ms);
	if (asked == REPMGR_NODES_NONE)
		asked = recognize(inquiry, count);
	like = asked != REPMGR_NODES_NONE && repmgr_nodes_is_witness(&rows[asked]) ? NULL : snapshot;
	for (size_t i = 0; i < count; i++)
		take_answer(inquiry, i, asked, like);
	if (asked != REPMGR_NODES_NONE) {
		repmgr_nodes_fail(&rows[asked], NULL);
		keep_answer(inquiry, asked, snapshot, like);
		snapshot->repmgr.own_id = rows[asked].id;
	}
}

/* -- which node it is about ---------------------------------------------------------------------- */

/* Which row the server is that was asked: repmgrd told it its number, or it is where the row's node is. */
static size_t
find_asked(const struct snapshot *snapshot)
{
	const struct snapshot_repmgr *repmgr = &snapshot->repmgr;
	size_t row = repmgr_nodes_find_id(repmgr, repmgr->own_id);

	return row != REPMGR_NODES_NONE || repmgr->own_id != SNAPSHOT_NONE
		? row
		: repmgr_nodes_find(repmgr, snapshot->target);
}

/* The row of the node that a witness is asked about. */
static size_t
find_about(const struct inquiry *inquiry, const struct snapshot *node)
{
	const struct snapshot *snapshot = inquiry->snapshot;

	if (repmgr_nodes_is_same_server(snapshot, node) || strcmp(snapshot->target, node->target) == 0)
		return repmgr_nodes_find_id(&snapshot->repmgr, snapshot->repmgr.own_id);
	for (size_t i = 0; i < SNAPSHOT_REPMGR_MAX && inquiry->nodes[i].target.host[0] != '\0'; i++)
		if (repmgr_nodes_is_same_server(node, &inquiry->nodes[i].snapshot))
			return inquiry->rows[i];
	return repmgr_nodes_find(&snapshot->repmgr, node->target);
}

/* `asked` is the row of the server that was asked, `node` what a witness is asked about, or NULL. */
static int
mark_own(struct inquiry *inquiry, const struct repmgr_source *source, const struct snapshot *node,
	struct err *err)
{
	struct snapshot_repmgr *repmgr = &inquiry->snapshot->repmgr;
	size_t asked = repmgr_nodes_find_id(repmgr, repmgr->own_id);
	size_t own = node == NULL ? asked : find_about(inquiry, node);
	size_t named = source->node[0] == '\0' ? REPMGR_NODES_NONE : repmgr_nodes_find(repmgr, source->node);

	if (source->node[0] != '\0' && named == REPMGR_NODES_NONE) {
		err_set(err, ERR_SETUP, "repmgr's metadata have no node \"%s\"", source->node);
		return err_hint(err, "repmgr cluster show lists their names and numbers");
	}
	/* A connection string may lead to another node than the one in question, which was named for that. */
	if (node == NULL && source->conninfo[0] == '\0' && named != REPMGR_NODES_NONE
		&& asked != REPMGR_NODES_NONE && named != asked) {
		err_set(err, ERR_SETUP, "the server asked is node \"%s\" of repmgr, not \"%s\"",
			repmgr->rows[asked].name, source->node);
		return err_hint(err, "--node is the name of the node that is asked, which -H and -p lead to");
	}
	if (named != REPMGR_NODES_NONE)
		own = named;
	repmgr->is_own_asked = node == NULL && named == REPMGR_NODES_NONE;
	repmgr->own_id = own == REPMGR_NODES_NONE ? SNAPSHOT_NONE : repmgr->rows[own].id;
	if (own != REPMGR_NODES_NONE)
		repmgr->rows[own].is_own = true;
	return 0;
}

/* -- the source ---------------------------------------------------------------------------------- */

/* The server answered, and has no such schema or function, or none for this user. */
static void
explain(const struct snapshot *snapshot, struct err *err)
{
	if (err->class == ERR_SETUP && snapshot->server_version != SNAPSHOT_NONE)
		err_hint(err,
			"name repmgr's database (-d, or dbname=); its user needs USAGE on the schema repmgr, "
			"SELECT on repmgr.nodes and more: see monitoring-repmgr.sql");
}

static void
inquire(struct inquiry *inquiry, const struct repmgr_source *source, const struct snapshot *node,
	int64_t deadline_ms)
{
	struct collect_session session = {.target = &inquiry->target};
	struct snapshot *snapshot = inquiry->snapshot;
	size_t asked;
	struct err err;

	collect_probe(&session, facets, deadline_ms, snapshot);
	if (!snapshot_has(snapshot, SNAPSHOT_REPMGR)) {
		err = snapshot->faults[SNAPSHOT_REPMGR];
		explain(snapshot, &err);
		snapshot_fail(snapshot, SNAPSHOT_REPMGR, &err);
		collect_close(&session);
		return;
	}
	if (!source->trusts_metadata)
		ask_places(inquiry, session.pg, deadline_ms);
	collect_close(&session);
	if (snapshot_has(snapshot, SNAPSHOT_IDENTITY))
		text_clean(snapshot->repmgr.system_identifier, sizeof snapshot->repmgr.system_identifier,
			snapshot->identity.system_identifier);
	asked = find_asked(snapshot);
	if (asked == REPMGR_NODES_NONE && node == NULL && source->node[0] != '\0')
		asked = repmgr_nodes_find(&snapshot->repmgr, source->node);
	if (asked != REPMGR_NODES_NONE)
		snapshot->repmgr.own_id = snapshot->repmgr.rows[asked].id;
	if (source->trusts_metadata) {
		if (asked != REPMGR_NODES_NONE)
			repmgr_nodes_answer(&snapshot->repmgr.rows[asked], snapshot, NULL);
	} else {
		ask_nodes(inquiry, asked, deadline_ms);
	}
	if (mark_own(inquiry, source, node, &err) != 0)
		snapshot_fail(snapshot, SNAPSHOT_REPMGR, &err);
}

static void
collect_about(const void *source_data, const struct check_look *look, const struct snapshot *node,
	struct snapshot *snapshot)
{
	const struct repmgr_source *source = source_data;
	int64_t begun_us = clock_now_us();
	struct inquiry *inquiry = calloc(1, sizeof *inquiry);
	struct err err;

	if (inquiry == NULL) {
		begun_us = source_begin(snapshot, "");
		err_set(&err, ERR_DOWN, "out of memory");
		snapshot_fail(snapshot, SNAPSHOT_REPMGR, &err);
	} else {
		source_target(source->conninfo, look, "check_repmgr", &inquiry->target);
		inquiry->snapshot = snapshot;
		inquire(inquiry, source, node, look->deadline_ms);
	}
	free(inquiry);
	source_end(snapshot, begun_us);
}

void
repmgr_collect(const struct repmgr_source *source, const struct check_look *look, struct snapshot *snapshot)
{
	collect_about(source, look, NULL, snapshot);
}

/* -- the witness --------------------------------------------------------------------------------- */

static void
collect_witness(
	const void *source, const struct snapshot *node, int64_t deadline_ms, struct snapshot *snapshot)
{
	source_collect_beside(collect_about, source, node, deadline_ms, SNAPSHOT_REPMGR, snapshot);
}

static const struct setting witness_settings[] = {
	{.name = "repmgr",
		.type = SETTING_TEXT,
		SETTING_AT(struct repmgr_source, conninfo),
		.argument = "CONNINFO",
		.help = "ask repmgr about the node as well: the connection string of its database",
		.is_secret = true,
		.is_source = true},
	{.name = "repmgr-node",
		.type = SETTING_TEXT,
		SETTING_AT(struct repmgr_source, node),
		.argument = "NODE",
		.help = "repmgr's name or number of the node, where its place does not tell which it is",
		.is_source = true,
		.needs = "repmgr"},
};

/* By it the node is found among those of repmgr. */
static const struct facet *const witness_facets[] = {&facet_identity, NULL};

const struct witness repmgr_witness = {
	.name = "repmgr",
	.part = SNAPSHOT_REPMGR,
	.settings = witness_settings,
	.setting_count = sizeof witness_settings / sizeof witness_settings[0],
	.source_size = sizeof(struct repmgr_source),
	.facets = witness_facets,
	.collect = collect_witness,
};
