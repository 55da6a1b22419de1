#include "lib/evaluate/dcs_store.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/dcs_health.h"
#include "lib/evaluate/judge.h"

/* Room for what is said of several endpoints in one finding. */
enum { COUNT_SIZE = 64, FAULTS_SIZE = 192 };

/* What the endpoints say together. */
struct tally {
	size_t total;
	size_t away;    /* did not answer */
	size_t quorum;  /* have one */
	size_t asked;   /* members that vote and answer, each once */
	size_t voters;  /* of those, that have a quorum */
	size_t without; /* answer, and have none */
	size_t refused; /* answer, and did not say */
	int64_t unseen; /* members that vote, and that nobody asked or knows of */
	int64_t spare;  /* how many more may fail; none: not known */
};

static size_t
row_count(const struct snapshot_dcs *dcs)
{
	return dcs->total < 0 ? 0 : dcs->total > SNAPSHOT_DCS_MAX ? SNAPSHOT_DCS_MAX : (size_t)dcs->total;
}

const char *
dcs_store_label(const struct snapshot_dcs *dcs, const struct snapshot_dcs_endpoint *row)
{
	const char *place = strstr(row->url, "://");
	bool is_taken = row->name[0] == '\0';

	for (const struct snapshot_dcs_endpoint *other = dcs->rows; other < row && !is_taken; other++)
		is_taken = other->is_asked && strcmp(other->name, row->name) == 0;
	if (!is_taken)
		return row->name;
	return place == NULL ? row->url : place + strlen("://");
}

/* The endpoint before this one that leads to the same member, such as its own address and 127.0.0.1. */
static const struct snapshot_dcs_endpoint *
find_same(const struct snapshot_dcs *dcs, const struct snapshot_dcs_endpoint *row)
{
	for (const struct snapshot_dcs_endpoint *other = dcs->rows; other < row; other++) {
		if (row->is_asked && row->id[0] != '\0' && other->is_asked && strcmp(other->id, row->id) == 0
			&& strcmp(other->cluster, row->cluster) == 0)
			return other;
	}
	return NULL;
}

/* Members that do not vote, and Consul's clients, are no part of a quorum. */
static bool
votes(const struct snapshot_dcs_endpoint *row)
{
	return strcmp(row->role, "learner") != 0 && strcmp(row->role, "observer") != 0
		&& strcmp(row->role, "client") != 0;
}

/* Whether an endpoint can tell if there is a quorum; a learner of etcd serves no such read. */
static bool
can_tell(const struct snapshot_dcs_endpoint *row)
{
	return row->is_asked && strcmp(row->role, "learner") != 0;
}

/* Members that are not among the endpoints, and that the store does not watch itself: one may be long dead.
 */
static int64_t
unseen(const struct snapshot_dcs *dcs, const struct tally *tally)
{
	int64_t seen = (int64_t)(tally->asked + tally->away);

	if (dcs->members > SNAPSHOT_NUMBER_MAX || dcs->members_alive != SNAPSHOT_NONE || seen >= dcs->members)
		return 0;
	return dcs->members - seen;
}

/*
 * How many more may fail: known if the store counts its members itself, or if all of them are among the
 * endpoints.
 */
static int64_t
spare(const struct snapshot_dcs *dcs, const struct tally *tally)
{
	int64_t alive = dcs->members_alive;

	if (dcs->members <= 0 || dcs->members > SNAPSHOT_NUMBER_MAX)
		return SNAPSHOT_NONE;
	if (alive == SNAPSHOT_NONE && tally->unseen == 0 && tally->refused == 0)
		alive = (int64_t)tally->voters;
	return alive == SNAPSHOT_NONE ? SNAPSHOT_NONE : alive - (dcs->members / 2 + 1);
}

/* Whether a member of which several endpoints tell has a quorum by any of them. */
static bool
has_quorum(const struct snapshot_dcs *dcs, const struct snapshot_dcs_endpoint *row)
{
	bool is_told = row->has_quorum;

	for (size_t i = 0; i < row_count(dcs) && !is_told; i++)
		is_told = dcs->rows[i].has_quorum && find_same(dcs, &dcs->rows[i]) == row;
	return is_told;
}

static struct tally
count(const struct snapshot_dcs *dcs)
{
	struct tally tally = {.total = row_count(dcs)};

	for (size_t i = 0; i < tally.total; i++) {
		const struct snapshot_dcs_endpoint *row = &dcs->rows[i];

		if (!row->is_asked)
			tally.away++;
		else if (row->has_quorum)
			tally.quorum++;
		else if (row->is_refused)
			tally.refused++;
		else if (can_tell(row))
			tally.without++;
		if (!row->is_asked || !votes(row) || find_same(dcs, row) != NULL)
			continue;
		tally.asked++;
		if (has_quorum(dcs, row))
			tally.voters++;
	}
	tally.unseen = unseen(dcs, &tally);
	tally.spare = spare(dcs, &tally);
	return tally;
}

/* "1 of 3 endpoints does not answer" */
static const char *
count_away(const struct tally *tally, char storage[COUNT_SIZE])
{
	struct text text;

	text_init(&text, storage, COUNT_SIZE);
	text_add(&text, "%zu of %zu endpoint%s %s not answer", tally->away, tally->total,
		tally->total == 1 ? "" : "s", tally->away == 1 ? "does" : "do");
	return storage;
}

/* What the only one that is away says; of several who they are, and what the first says. */
static const char *
describe_away(const struct snapshot_dcs *dcs, const struct tally *tally, char storage[FAULTS_SIZE])
{
	const char *first = "";
	struct text text;

	text_init(&text, storage, FAULTS_SIZE);
	for (size_t i = 0; i < tally->total; i++) {
		const struct snapshot_dcs_endpoint *row = &dcs->rows[i];

		if (row->is_asked)
			continue;
		if (tally->away > 1)
			text_add(&text, "%s%s", text.length == 0 ? "" : ", ", row->url);
		if (first[0] == '\0')
			first = row->fault;
	}
	text_add(&text, "%s%s", tally->away > 1 ? "; " : "", first);
	return storage;
}

/* What the first of the endpoints that answer without a quorum says. */
static const char *
fault_without(const struct snapshot_dcs *dcs, const struct tally *tally)
{
	for (size_t i = 0; i < tally->total; i++) {
		const struct snapshot_dcs_endpoint *row = &dcs->rows[i];

		if (can_tell(row) && !row->has_quorum && row->fault[0] != '\0')
			return row->fault;
	}
	return "there is no leader";
}

static void
judge_no_quorum(const struct snapshot_dcs *dcs, const struct tally *tally, const struct policy *policy,
	struct verdict *verdict)
{
	char counted[COUNT_SIZE], storage[FAULTS_SIZE];

	if (tally->without > 0) {
		judge_reason(verdict, STATE_CRITICAL, "%s has no quorum%s%s: %s", dcs->kind,
			tally->away > 0 ? ", " : "", tally->away > 0 ? count_away(tally, counted) : "",
			tally->away > 0 ? describe_away(dcs, tally, storage) : fault_without(dcs, tally));
		judge_hint(verdict,
			"no lock can be renewed: Patroni demotes its primary within the ttl, but for "
			"failsafe_mode; bring the members back, a majority must run");
	} else if (tally->refused > 0) {
		judge_reason(verdict, policy->on[ERR_SETUP], "cannot tell whether %s has a quorum: %s",
			dcs->kind, fault_without(dcs, tally));
		judge_hint(verdict, "it refuses the read: see --auth-file and --token-file");
	} else {
		judge_reason(verdict, STATE_UNKNOWN,
			"cannot tell whether %s has a quorum: only learners answer", dcs->kind);
		judge_hint(verdict, "name the voting members in --endpoints");
	}
}

/* Who is not there while the others go on. */
static void
judge_away(const struct snapshot_dcs *dcs, const struct tally *tally, struct verdict *verdict)
{
	const char *margin = tally->spare == 0 && dcs->members > 1 ? ", one more and the quorum is lost" : "";
	char counted[COUNT_SIZE], storage[FAULTS_SIZE];

	if (tally->away > 0) {
		judge_reason(verdict, STATE_WARNING, "%s%s: %s", count_away(tally, counted), margin,
			describe_away(dcs, tally, storage));
		judge_hint(verdict, "the store goes on with the others; see to that member");
	} else if (dcs->members_alive != SNAPSHOT_NONE && dcs->members_alive < dcs->members) {
		judge_reason(verdict, STATE_WARNING, "%lld of %lld members of %s are there%s",
			(long long)dcs->members_alive, (long long)dcs->members, dcs->kind, margin);
		judge_hint(verdict, "name all members in --endpoints to see which one is away");
	}
	for (size_t i = 0; i < tally->total; i++) {
		const struct snapshot_dcs_endpoint *row = &dcs->rows[i];

		if (!can_tell(row) || row->has_quorum)
			continue;
		judge_reason(verdict, STATE_WARNING, "%s %s: %s", dcs_store_label(dcs, row),
			row->is_refused ? "refuses to be read"
					: "answers, but has not the quorum of the others",
			row->fault[0] == '\0' ? "it sees no leader" : row->fault);
		judge_hint(verdict,
			row->is_refused ? "see --auth-file and --token-file"
					: "is it cut off from the other members?");
	}
}

/*
 * Who names fewer endpoints than there are members may mean to; who names as many, and has two lead to one,
 * does not.
 */
static void
judge_unseen(const struct snapshot_dcs *dcs, const struct tally *tally, struct verdict *verdict)
{
	const char *verb = tally->unseen == 1 ? "is" : "are";

	for (size_t i = 0; i < tally->total && tally->unseen > 0; i++) {
		const struct snapshot_dcs_endpoint *row = &dcs->rows[i], *same = find_same(dcs, row);

		if (same == NULL || (int64_t)tally->total < dcs->members)
			continue;
		judge_reason(verdict, STATE_WARNING,
			"%lld of %lld members of %s %s not asked: %s and %s lead to one member, %s",
			(long long)tally->unseen, (long long)dcs->members, dcs->kind, verb, same->url,
			row->url, dcs_store_label(dcs, same));
		judge_hint(verdict, "name each member once in --endpoints");
		return;
	}
	if (tally->unseen > 0)
		judge_reason(verdict, STATE_OK, "%lld of %lld members %s not asked", (long long)tally->unseen,
			(long long)dcs->members, verb);
}

/* -- the leader -------------------------------------------------------------------------------- */

/* How the leader that this endpoint sees is called: by its name where one of the endpoints has that id, or
 * tells of it. */
static const char *
leader_label(const struct snapshot_dcs *dcs, const struct snapshot_dcs_endpoint *row)
{
	for (size_t i = 0; i < row_count(dcs); i++) {
		const struct snapshot_dcs_endpoint *other = &dcs->rows[i];

		if (other->is_asked
			&& (strcmp(other->id, row->leader) == 0
				|| (strcmp(other->role, "leader") == 0
					&& strcmp(other->leader, row->leader) == 0)))
			return dcs_store_label(dcs, other);
	}
	return dcs->leader_name[0] != '\0' && strcmp(dcs->leader_id, row->leader) == 0 ? dcs->leader_name
										       : row->leader;
}

static void
judge_same_leader(const struct snapshot_dcs *dcs, const struct snapshot_dcs_endpoint *first,
	const struct snapshot_dcs_endpoint *row, struct verdict *verdict)
{
	if (strcmp(first->cluster, row->cluster) != 0 && first->cluster[0] != '\0'
		&& row->cluster[0] != '\0') {
		judge_reason(verdict, STATE_CRITICAL,
			"%s and %s are of two different clusters (%s and %s): each may give the lock away",
			dcs_store_label(dcs, first), dcs_store_label(dcs, row), first->cluster, row->cluster);
		judge_hint(verdict,
			"are the endpoints right? if so, a member was started anew with a cluster of its "
			"own");
	} else if (strcmp(first->leader, row->leader) != 0) {
		judge_reason(verdict, STATE_WARNING, "%s says that %s leads, %s says that %s does",
			dcs_store_label(dcs, first), leader_label(dcs, first), dcs_store_label(dcs, row),
			leader_label(dcs, row));
		judge_hint(verdict,
			"an election is under way, or members are cut off from each other: look again");
	}
}

/* All endpoints that have a quorum must have the same one. */
static void
judge_leader(const struct snapshot_dcs *dcs, const struct tally *tally, struct verdict *verdict)
{
	const struct snapshot_dcs_endpoint *first = NULL;

	for (size_t i = 0; i < tally->total; i++) {
		const struct snapshot_dcs_endpoint *row = &dcs->rows[i];

		/* Status and read are two questions: one that had a quorum a moment ago may see no leader. */
		if (!row->is_asked || !row->has_quorum || row->leader[0] == '\0')
			continue;
		if (first != NULL)
			judge_same_leader(dcs, first, row, verdict);
		else
			first = row;
	}
	if (first != NULL)
		judge_reason(verdict, STATE_OK, "%s%s%s: %s leads, %zu of %zu endpoint%s %s a quorum",
			dcs->kind, first->version[0] == '\0' ? "" : " ", first->version,
			leader_label(dcs, first), tally->quorum, tally->total, tally->total == 1 ? "" : "s",
			tally->quorum == 1 ? "has" : "have");
	else
		judge_reason(verdict, STATE_OK, "%s serves, without a leader to name", dcs->kind);
}

void
dcs_store_judge(const struct snapshot_dcs *dcs, const struct policy *policy, struct verdict *verdict)
{
	struct tally tally = count(dcs);

	if (tally.quorum == 0) {
		judge_no_quorum(dcs, &tally, policy, verdict);
	} else {
		judge_away(dcs, &tally, verdict);
		judge_leader(dcs, &tally, verdict);
		judge_unseen(dcs, &tally, verdict);
	}
	dcs_health_judge(dcs, verdict);
	judge_figure(verdict, "endpoints", (double)tally.total, UNIT_NONE);
	judge_figure(verdict, "endpoints_with_quorum", (double)tally.quorum, UNIT_NONE);
}
