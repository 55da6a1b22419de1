#include "lib/collect/repmgr_nodes.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/err.h"
#include "lib/base/parse.h"
#include "lib/base/text.h"
#include "lib/model/lsn.h"

static size_t
row_count(const struct snapshot_repmgr *repmgr)
{
	return repmgr->total < 0                      ? 0
		: repmgr->total > SNAPSHOT_REPMGR_MAX ? SNAPSHOT_REPMGR_MAX
						      : (size_t)repmgr->total;
}

size_t
repmgr_nodes_find(const struct snapshot_repmgr *repmgr, const char *node)
{
	char number[24];

	/* A name may be made of digits, and a number is then another node's: names come first. */
	for (size_t i = 0; i < row_count(repmgr); i++)
		if (strcmp(repmgr->rows[i].name, node) == 0)
			return i;
	for (size_t i = 0; i < row_count(repmgr); i++) {
		snprintf(number, sizeof number, "%lld", (long long)repmgr->rows[i].id);
		if (strcmp(number, node) == 0
			|| (repmgr->rows[i].place[0] != '\0' && strcmp(repmgr->rows[i].place, node) == 0))
			return i;
	}
	return REPMGR_NODES_NONE;
}

size_t
repmgr_nodes_find_id(const struct snapshot_repmgr *repmgr, int64_t id)
{
	for (size_t i = 0; i < row_count(repmgr); i++)
		if (id != SNAPSHOT_NONE && repmgr->rows[i].id == id)
			return i;
	return REPMGR_NODES_NONE;
}

int64_t
repmgr_nodes_primary(const struct snapshot_repmgr *repmgr)
{
	int64_t id = SNAPSHOT_NONE;

	for (size_t i = 0; i < row_count(repmgr); i++) {
		if (!repmgr->rows[i].is_active || strcmp(repmgr->rows[i].type, "primary") != 0)
			continue;
		if (id != SNAPSHOT_NONE)
			return SNAPSHOT_NONE;
		id = repmgr->rows[i].id;
	}
	return id;
}

static bool
is_other_cluster(const struct snapshot *a, const struct snapshot *b)
{
	return snapshot_has(a, SNAPSHOT_IDENTITY) && snapshot_has(b, SNAPSHOT_IDENTITY)
		&& strcmp(a->identity.system_identifier, b->identity.system_identifier) != 0;
}

bool
repmgr_nodes_is_same_server(const struct snapshot *a, const struct snapshot *b)
{
	return snapshot_has(a, SNAPSHOT_IDENTITY) && snapshot_has(b, SNAPSHOT_IDENTITY)
		&& !is_other_cluster(a, b) && a->identity.started_ms == b->identity.started_ms;
}

bool
repmgr_nodes_is_witness(const struct snapshot_repmgr_node *row)
{
	return strcmp(row->type, "witness") == 0;
}

/* Names are the same in any case; a place without a host is that of a row that names none. */
static bool
is_at(const struct place *place, const char *host, int64_t port)
{
	struct err ignored;
	int64_t its_port;

	return parse_integer(place->port, 1, 65535, &its_port, &ignored) == 0 && its_port == port
		&& (strcasecmp(place->host, host) == 0 || strcasecmp(place->hostaddr, host) == 0);
}

int64_t
repmgr_nodes_sender(const struct snapshot_repmgr *repmgr, const struct place *places,
	const struct snapshot_standby *standby)
{
	int64_t id = SNAPSHOT_NONE;
	int count = 0;

	if (standby->sender_host[0] == '\0' || strcmp(standby->receiver_status, "streaming") != 0)
		return SNAPSHOT_NONE;
	for (size_t i = 0; i < row_count(repmgr); i++)
		if (is_at(&places[i], standby->sender_host, standby->sender_port)) {
			id = repmgr->rows[i].id;
			count++;
		}
	return count == 1 ? id : SNAPSHOT_NONE;
}

static void
take_daemon(struct snapshot_repmgr_node *row, const struct snapshot_repmgr *said)
{
	const char *daemon = !said->is_daemon_running ? "absent"
		: said->is_daemon_paused              ? "paused"
						      : "running";

	text_clean(row->daemon, sizeof row->daemon, daemon);
	row->primary_id = repmgr_nodes_primary(said);
}

void
repmgr_nodes_fail(struct snapshot_repmgr_node *row, const struct err *fault)
{
	text_clean(row->fault, sizeof row->fault, fault == NULL ? "" : fault->text);
	text_clean(
		row->fault_class, sizeof row->fault_class, fault == NULL ? "" : err_class_name(fault->class));
}

/* What a standby says of its WAL receiver; without pg_monitor one learns only whether there is one. */
static void
take_receiver(struct snapshot_repmgr_node *row, const struct snapshot *said)
{
	bool is_told = said->role.in_recovery && snapshot_has(said, SNAPSHOT_STANDBY);

	if (is_told && !repmgr_nodes_is_witness(row))
		row->own_timeline = said->standby.received_timeline;
	text_clean(row->own_receiver, sizeof row->own_receiver,
		!is_told                                              ? ""
			: said->standby.receiver_pid == SNAPSHOT_NONE ? "none"
								      : said->standby.receiver_status);
}

void
repmgr_nodes_answer(
	struct snapshot_repmgr_node *row, const struct snapshot *said, const struct snapshot *like)
{
	bool is_witness = repmgr_nodes_is_witness(row);
	struct err err;

	if (!snapshot_has(said, SNAPSHOT_ROLE)) {
		repmgr_nodes_fail(row, &said->faults[SNAPSHOT_ROLE]);
		return;
	}
	if (!is_witness && like != NULL && is_other_cluster(said, like)) {
		err_set(&err, ERR_SETUP, "a server of another cluster answers there");
		repmgr_nodes_fail(row, &err);
		return;
	}
	if (snapshot_has(said, SNAPSHOT_REPMGR) && said->repmgr.own_id != SNAPSHOT_NONE
		&& said->repmgr.own_id != row->id) {
		err_set(&err, ERR_SETUP, "repmgr's node %lld answers there", (long long)said->repmgr.own_id);
		repmgr_nodes_fail(row, &err);
		return;
	}
	/* A witness server has a cluster of its own, in which it is a primary. */
	text_clean(row->own_role, sizeof row->own_role,
		said->role.in_recovery ? "standby"
			: is_witness   ? "witness"
				       : "primary");
	if (!said->role.in_recovery && !is_witness && lsn_timeline(said->role.wal_file) != 0)
		row->own_timeline = lsn_timeline(said->role.wal_file);
	take_receiver(row, said);
	if (snapshot_has(said, SNAPSHOT_IDENTITY) && !is_witness)
		row->own_started_ms = said->identity.started_ms;
	if (snapshot_has(said, SNAPSHOT_REPMGR))
		take_daemon(row, &said->repmgr);
}
