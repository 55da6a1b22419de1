#include "lib/collect/patroni.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/collect/facets.h"
#include "lib/collect/patroni_ask.h"
#include "lib/collect/patroni_cluster.h"
#include "lib/collect/patroni_view.h"
#include "lib/collect/patroni_whose.h"
#include "lib/collect/patroni_words.h"
#include "lib/collect/source.h"
#include "lib/collect/web_hosts.h"
#include "lib/model/lsn.h"

const struct facet patroni_facet = {.part = SNAPSHOT_PATRONI};

/* -- the leader's position ------------------------------------------------------------------------- */

/* Nobody waits longer for the leader's position than this: it is good to know, and not the question. */
enum { LEADER_WAIT_MS = 1000 };

/* Half of what is left, for something that the answer can do without. */
static int64_t
soon(int64_t deadline_ms)
{
	int64_t half_ms = clock_left_ms(deadline_ms) / 2;

	return clock_now_ms() + (half_ms < LEADER_WAIT_MS ? half_ms : LEADER_WAIT_MS);
}

/* Who the leader is, as /cluster has it; asked of the store anew each time, which takes long without one. */
static void
learn_leader(const struct patroni_ask *ask, int64_t deadline_ms, struct snapshot_patroni *patroni)
{
	char storage[WEB_URL_SIZE];
	struct web_request request = patroni_ask_request(ask, ask->urls[0], "/cluster", storage);
	const struct snapshot_patroni_member *leader = NULL;
	struct snapshot_patroni_cluster cluster;
	struct web_answer answer;
	struct err err;

	web_ask(ask->access, &request, 1, deadline_ms, NULL, NULL, &answer);
	if (patroni_ask_verify(&answer, ask->urls[0], 200, &err) == 0
		&& patroni_view_read(answer.body, answer.length, &cluster, &err) == 0
		&& !patroni_whose_differs(cluster.scope, patroni->scope))
		leader = patroni_cluster_leader(&cluster);
	web_release(&answer, 1);
	if (leader == NULL)
		return;
	text_clean(patroni->leader, sizeof patroni->leader, leader->name);
	text_clean(patroni->leader_url, sizeof patroni->leader_url, leader->api_url);
}

/* The leader's position by its own word; one that denies to be it, or is somebody else, has none to tell. */
static void
learn_position(const struct patroni_ask *ask, int64_t deadline_ms, struct snapshot_patroni *patroni)
{
	struct snapshot_patroni leader;
	struct err err;

	if (patroni->leader_url[0] != '\0'
		&& patroni_ask_member(ask, patroni->leader_url, deadline_ms, &leader, &err) == 0
		&& leader.has_lock && patroni_whose_is_one_cluster(&leader, patroni)
		&& !patroni_whose_differs(leader.name, patroni->leader)) {
		patroni->leader_lsn = leader.lsn;
		patroni->leader_timeline = leader.timeline;
	}
}

/* -- the check's own source ------------------------------------------------------------------------ */

/* No view of the cluster is asked for sooner than this after another, whatever has changed. */
enum { CLUSTER_PAUSE_MS = 1000 };

/* Whether what the last look of the agent saw of the cluster is not good enough any more. */
static bool
is_cluster_due(
	const struct patroni_source *source, const struct check_look *look, const struct snapshot *before)
{
	const struct snapshot_patroni_cluster *cluster = &before->patroni_cluster;
	int64_t age_ms;

	if (look->target != NULL || !snapshot_has(before, SNAPSHOT_PATRONI_CLUSTER))
		return true;
	age_ms = clock_wall_ms() - cluster->seen_ms;
	return age_ms < 0 || age_ms >= source->cluster_interval_ms
		|| (cluster->is_outdated && age_ms >= CLUSTER_PAUSE_MS);
}

static void
put_own(struct snapshot *snapshot, const struct err *fault)
{
	if (fault->class == ERR_NONE)
		snapshot_mark(snapshot, SNAPSHOT_PATRONI);
	else
		snapshot_fail(snapshot, SNAPSHOT_PATRONI, fault);
}

/* Whether the node's own member says something else than before, which is of more than itself. */
static bool
has_changed(const struct snapshot *before, const struct snapshot *snapshot)
{
	const struct snapshot_patroni *then = &before->patroni, *now = &snapshot->patroni;

	if (!snapshot_has(before, SNAPSHOT_PATRONI) || !snapshot_has(snapshot, SNAPSHOT_PATRONI))
		return snapshot_has(before, SNAPSHOT_PATRONI) != snapshot_has(snapshot, SNAPSHOT_PATRONI);
	return then->has_lock != now->has_lock || then->is_paused != now->is_paused
		|| then->is_unlocked != now->is_unlocked || then->is_failsafe != now->is_failsafe
		|| strcmp(then->role, now->role) != 0;
}

/* Only the first URL is asked; of the cluster there is what the last look saw. */
static void
ask_own(const struct patroni_ask *ask, const struct snapshot *before, int64_t deadline_ms,
	struct snapshot *snapshot)
{
	struct err fault;

	snapshot_copy_part(snapshot, before, SNAPSHOT_PATRONI_CLUSTER);
	if (patroni_ask_member(ask, ask->urls[0], deadline_ms, &snapshot->patroni, &fault) == 0)
		fault.class = ERR_NONE;
	put_own(snapshot, &fault);
	if (has_changed(before, snapshot))
		snapshot->patroni_cluster.is_outdated = true;
}

static int64_t
count_listed(const struct snapshot_patroni_cluster *cluster)
{
	int64_t count = 0;

	for (int64_t i = 0; i < patroni_words_row_count(cluster); i++)
		count += strcmp(cluster->rows[i].role, "unlisted") != 0;
	return count;
}

/* Patroni's own default. */
enum { LOOP_WAIT_DEFAULT_MS = 10000 };

/*
 * When members came or went is dated by who saw it. After the store was away their keys have run out, and
 * each is back with its own next turn: until all have had one, a view is soon outdated.
 */
static void
date_change(const struct snapshot_patroni_cluster *before, struct snapshot_patroni_cluster *cluster)
{
	int64_t turn_ms = cluster->loop_wait_ms == SNAPSHOT_NONE ? LOOP_WAIT_DEFAULT_MS
								 : cluster->loop_wait_ms;
	int64_t age_ms;

	if (before == NULL)
		return;
	cluster->changed_ms = before->changed_ms;
	if (cluster->view_fault[0] != '\0')
		return;
	if (count_listed(before) != count_listed(cluster))
		cluster->changed_ms = cluster->seen_ms;
	age_ms = cluster->seen_ms - cluster->changed_ms;
	if (cluster->changed_ms != SNAPSHOT_NONE && age_ms >= 0 && age_ms <= turn_ms)
		cluster->is_outdated = true;
}

static void
ask_cluster(const struct patroni_source *source, const struct patroni_ask *ask, const struct snapshot *before,
	int64_t deadline_ms, struct snapshot *snapshot)
{
	struct patroni_cluster_question question = {
		.ask = ask, .is_view_only = source->is_view_only, .deadline_ms = deadline_ms};
	struct err own_fault, fault;

	if (before != NULL && snapshot_has(before, SNAPSHOT_PATRONI_CLUSTER))
		question.before = &before->patroni_cluster;
	if (patroni_cluster_ask(&question, &snapshot->patroni, &own_fault, &snapshot->patroni_cluster, &fault)
		== 0) {
		date_change(question.before, &snapshot->patroni_cluster);
		snapshot_mark(snapshot, SNAPSHOT_PATRONI_CLUSTER);
	} else {
		snapshot_fail(snapshot, SNAPSHOT_PATRONI_CLUSTER, &fault);
	}
	put_own(snapshot, &own_fault);
}

/* A member without the lock is told who has it, and where that one is. */
static void
tell_leader(const struct patroni_ask *ask, int64_t deadline_ms, struct snapshot *snapshot)
{
	const struct snapshot_patroni_member *leader = patroni_cluster_leader(&snapshot->patroni_cluster);
	struct snapshot_patroni *own = &snapshot->patroni;

	if (!snapshot_has(snapshot, SNAPSHOT_PATRONI) || !snapshot_has(snapshot, SNAPSHOT_PATRONI_CLUSTER)
		|| own->has_lock || leader == NULL
		|| patroni_whose_differs(own->scope, snapshot->patroni_cluster.scope))
		return;
	text_clean(own->leader, sizeof own->leader, leader->name);
	text_clean(own->leader_url, sizeof own->leader_url, leader->api_url);
	learn_position(ask, soon(deadline_ms), own);
	/* It may be the leader no more. Without a store there is no other to be found. */
	if (own->leader_lsn == LSN_NONE && snapshot->patroni_cluster.view_fault[0] == '\0')
		snapshot->patroni_cluster.is_outdated = true;
}

/* Where its REST API listens unless it is told otherwise. */
static const char usual_port[] = "8008";

/* Without a URL the hosts of the command line are; in the agent there is no such thing. */
static int
begin(struct patroni_source *source, const struct target *target, struct patroni_ask *ask, struct err *err)
{
	if (source->url[0] == '\0' && target != NULL && target->host[0] != '\0'
		&& web_hosts_write(target, &source->access, usual_port, source->url, sizeof source->url, err)
			!= 0)
		return -1;
	if (source->url[0] != '\0')
		return patroni_ask_begin(source->url, &source->access, ask, err);
	err_set(err, ERR_USAGE, "no Patroni is named");
	return err_hint(
		err, "give the URL of its REST API, such as --url http://10.0.0.11:8008, or -H 10.0.0.11");
}

static void
fail(struct snapshot *snapshot, const struct err *fault)
{
	snapshot_fail(snapshot, SNAPSHOT_PATRONI, fault);
	snapshot_fail(snapshot, SNAPSHOT_PATRONI_CLUSTER, fault);
}

void
patroni_collect(const struct patroni_source *source, const struct check_look *look, struct snapshot *snapshot)
{
	int64_t begun_us = source_begin(snapshot, "");
	const struct snapshot *before = look->before;
	struct patroni_source named = *source;
	struct patroni_ask ask;
	struct err err;

	if (begin(&named, look->target, &ask, &err) != 0) {
		fail(snapshot, &err);
		source_end(snapshot, begun_us);
		return;
	}
	text_clean(snapshot->target, sizeof snapshot->target, named.url);
	if (before != NULL && strcmp(before->target, snapshot->target) != 0)
		before = NULL;
	if (before == NULL || is_cluster_due(source, look, before))
		ask_cluster(source, &ask, before, look->deadline_ms, snapshot);
	else
		ask_own(&ask, before, look->deadline_ms, snapshot);
	tell_leader(&ask, look->deadline_ms, snapshot);
	source_end(snapshot, begun_us);
}

/* -- the witness ----------------------------------------------------------------------------------- */

struct witness_source {
	char url[WEB_URL_SIZE];
	struct web_access access;
};

_Static_assert(sizeof(struct witness_source) <= WITNESS_SOURCE_SIZE, "no room for what the options say");

static int
ask_witness(const struct witness_source *source, int64_t deadline_ms, struct snapshot_patroni *ret,
	struct err *err)
{
	struct patroni_ask ask;

	if (patroni_ask_begin(source->url, &source->access, &ask, err) != 0)
		return -1;
	if (ask.url_count > 1)
		return err_set(err, ERR_USAGE, "one Patroni can be asked about a node, its own");
	if (patroni_ask_member(&ask, ask.urls[0], deadline_ms, ret, err) != 0)
		return -1;
	if (!ret->has_lock) {
		int64_t enough_ms = soon(deadline_ms);

		learn_leader(&ask, enough_ms, ret);
		learn_position(&ask, enough_ms, ret);
	}
	return 0;
}

static void
collect_witness(const void *data, const struct snapshot *node, int64_t deadline_ms, struct snapshot *snapshot)
{
	const struct witness_source *source = data;
	struct err err;

	(void)node;
	if (ask_witness(source, deadline_ms, &snapshot->patroni, &err) == 0)
		snapshot_mark(snapshot, SNAPSHOT_PATRONI);
	else
		snapshot_fail(snapshot, SNAPSHOT_PATRONI, &err);
}

/* Whether it is this node that Patroni speaks of. */
static const struct facet *const witness_facets[] = {&facet_identity, NULL};

static const struct setting witness_settings[] = {
	{.name = "patroni",
		.type = SETTING_TEXT,
		SETTING_AT(struct witness_source, url),
		.argument = "URL",
		.help = "ask this node's Patroni, too, at its REST API, such as http://127.0.0.1:8008",
		.is_source = true},
	WEB_ACCESS_SETTINGS(struct witness_source, access, "patroni-", "patroni"),
};

const struct witness patroni_witness = {
	.name = "patroni",
	.part = SNAPSHOT_PATRONI,
	.settings = witness_settings,
	.setting_count = sizeof witness_settings / sizeof witness_settings[0],
	.source_size = sizeof(struct witness_source),
	.facets = witness_facets,
	.collect = collect_witness,
};
