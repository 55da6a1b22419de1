#include "lib/collect/patroni_words.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/patroni_view.h"
#include "lib/model/lsn.h"

int64_t
patroni_words_row_count(const struct snapshot_patroni_cluster *cluster)
{
	return cluster->total < SNAPSHOT_PATRONI_CLUSTER_MAX ? cluster->total : SNAPSHOT_PATRONI_CLUSTER_MAX;
}

void
patroni_words_recall(const struct snapshot_patroni_cluster *before, struct snapshot_patroni_cluster *cluster)
{
	text_clean(cluster->scope, sizeof cluster->scope, before->scope);
	text_clean(cluster->config_hash, sizeof cluster->config_hash, before->config_hash);
	cluster->ttl_ms = before->ttl_ms;
	cluster->loop_wait_ms = before->loop_wait_ms;
	cluster->is_synchronous = before->is_synchronous;
	cluster->is_failsafe_enabled = before->is_failsafe_enabled;
	cluster->is_standby_cluster = before->is_standby_cluster;
	for (int64_t i = 0; i < patroni_words_row_count(before); i++) {
		struct snapshot_patroni_member *row = &cluster->rows[cluster->total];

		if (before->rows[i].api_url[0] == '\0')
			continue;
		patroni_view_init_member(row);
		text_clean(row->name, sizeof row->name, before->rows[i].name);
		text_clean(row->host, sizeof row->host, before->rows[i].host);
		text_clean(row->api_url, sizeof row->api_url, before->rows[i].api_url);
		row->port = before->rows[i].port;
		cluster->total++;
	}
}

/* -- one member ------------------------------------------------------------------------------------ */

/* What /cluster would call it. */
static const char *
role_of(const struct snapshot_patroni *said)
{
	if (said->has_lock)
		return strcmp(said->role, "standby_leader") == 0 ? "standby_leader" : "leader";
	return said->is_quorum_standby  ? "quorum_standby"
		: said->is_sync_standby ? "sync_standby"
					: "replica";
}

/* The state as /cluster tells it, but of now: there it is as old as the member's last turn. */
static const char *
state_of(const struct snapshot_patroni_member *row, const struct snapshot_patroni *said)
{
	bool is_told = said->replication_state[0] != '\0' && strcmp(said->state, "running") == 0;
	bool leads = said->has_lock && strcmp(row->role, "leader") == 0;

	return is_told && !leads ? said->replication_state : said->state;
}

static void
take_word(struct snapshot_patroni_member *row, const struct snapshot_patroni *said)
{
	row->is_asked = true;
	row->has_lock = said->has_lock;
	row->sees_pause = said->is_paused;
	row->is_failsafe = said->is_failsafe;
	row->has_failed_watchdog = said->has_failed_watchdog;
	row->has_pending_restart = said->has_pending_restart;
	row->is_replay_paused = said->is_replay_paused;
	row->has_noloadbalance = said->has_noloadbalance;
	row->has_nofailover = said->has_nofailover;
	row->dcs_seen_ms = said->dcs_seen_ms;
	if (said->timeline != SNAPSHOT_NONE)
		row->timeline = said->timeline;
	text_clean(row->own_role, sizeof row->own_role, said->role);
	text_clean(row->version, sizeof row->version, said->version);
	if (row->role[0] == '\0')
		text_clean(row->role, sizeof row->role, role_of(said));
	text_clean(row->state, sizeof row->state, state_of(row, said));
}

static void
take_fault(struct snapshot_patroni_member *row, const struct err *fault)
{
	text_clean(row->fault, sizeof row->fault, fault->text);
	row->is_unheard = fault->class == ERR_USAGE || fault->class == ERR_SETUP;
	row->lag_bytes = SNAPSHOT_NONE; /* the store's is of when it was last heard of */
}

static void
take_stranger(struct snapshot_patroni_member *row, const char *who)
{
	text_clean(row->fault, sizeof row->fault, who);
	row->is_unheard = true;
	row->lag_bytes = SNAPSHOT_NONE;
}

/* -- who is nobody's ------------------------------------------------------------------------------- */

/*
 * Before 3.2 nobody tells his name; then it is the server that was started at the same instant. Of one that
 * is down nobody tells that either: it may be the member that says the same.
 */
static bool
may_be_one(const struct snapshot_patroni *said, const struct snapshot_patroni *member)
{
	if (said->started_ms != SNAPSHOT_NONE)
		return said->started_ms == member->started_ms;
	return said->name[0] == '\0' && member->started_ms == SNAPSHOT_NONE
		&& said->has_lock == member->has_lock && strcmp(said->role, member->role) == 0
		&& strcmp(said->state, member->state) == 0;
}

/*
 * Whether one who spoke at a given URL is a member that is known. If there is one that did not speak, a
 * nameless one may be that.
 */
static bool
is_known(const struct patroni_words *words, const struct snapshot_patroni *said,
	const struct snapshot_patroni_cluster *cluster)
{
	for (int64_t i = 0; i < patroni_words_row_count(cluster); i++)
		if (said->name[0] != '\0' ? strcmp(cluster->rows[i].name, said->name) == 0
					  : !cluster->rows[i].is_asked)
			return true;
	for (size_t i = 0; i < words->count; i++)
		if (words->ones[i].row >= 0 && words->ones[i].fault.class == ERR_NONE
			&& may_be_one(said, &words->ones[i].said))
			return true;
	return false;
}

/* "10.0.0.11:8008". */
static const char *
place_of(const char *url)
{
	const char *host = strstr(url, "://");

	return host == NULL ? url : host + 3;
}

static struct snapshot_patroni_member *
add_row(const struct patroni_words_one *one, struct snapshot_patroni_cluster *cluster)
{
	struct snapshot_patroni_member *row;

	if (cluster->total >= SNAPSHOT_PATRONI_CLUSTER_MAX)
		return NULL;
	row = &cluster->rows[cluster->total++];
	patroni_view_init_member(row);
	/* A stranger may well have the name of a member. */
	text_clean(row->name, sizeof row->name,
		one->said.name[0] != '\0' && one->stranger[0] == '\0' ? one->said.name : place_of(one->url));
	if (strlen(one->url) < sizeof row->api_url)
		text_clean(row->api_url, sizeof row->api_url, one->url);
	if (cluster->view_fault[0] == '\0' || one->stranger[0] != '\0')
		text_clean(row->role, sizeof row->role, "unlisted");
	return row;
}

/* The member that one who spoke at a given URL is by its name, if that could not be asked at its own; or
 * NULL. */
static struct snapshot_patroni_member *
find_unheard(const struct snapshot_patroni *said, struct snapshot_patroni_cluster *cluster)
{
	for (int64_t i = 0; said->name[0] != '\0' && i < patroni_words_row_count(cluster); i++) {
		struct snapshot_patroni_member *row = &cluster->rows[i];

		if (row->is_unheard && !row->is_asked && strcmp(row->name, said->name) == 0)
			return row;
	}
	return NULL;
}

static void
count_silence(const struct patroni_words_one *one, struct snapshot_patroni_cluster *cluster)
{
	if (cluster->urls_failed++ == 0)
		text_clean(cluster->url_fault, sizeof cluster->url_fault, one->fault.text);
}

/* -- the lag --------------------------------------------------------------------------------------- */

/*
 * The leader and the others were asked at the same time, so that their positions are nearer to each other
 * than those in the store, which are as old as each one's last turn.
 */
static void
measure_lag(struct snapshot_patroni_cluster *cluster, const uint64_t positions[SNAPSHOT_PATRONI_CLUSTER_MAX])
{
	uint64_t ahead = LSN_NONE;

	for (int64_t i = 0; i < patroni_words_row_count(cluster); i++)
		if (cluster->rows[i].has_lock)
			ahead = lsn_newer(ahead, positions[i]);
	for (int64_t i = 0; i < patroni_words_row_count(cluster); i++) {
		struct snapshot_patroni_member *row = &cluster->rows[i];

		if (!row->is_asked || row->has_lock)
			continue;
		if (positions[i] == LSN_NONE)
			row->lag_bytes = SNAPSHOT_NONE; /* its PostgreSQL does not answer */
		else if (ahead != LSN_NONE)
			row->lag_bytes = lsn_distance(ahead, positions[i]);
	}
}

/* What was heard at the api_url of a member. */
static void
put_member(const struct patroni_words_one *one, struct snapshot_patroni_cluster *cluster,
	uint64_t positions[SNAPSHOT_PATRONI_CLUSTER_MAX])
{
	struct snapshot_patroni_member *row = &cluster->rows[one->row];

	if (one->fault.class != ERR_NONE) {
		take_fault(row, &one->fault);
	} else if (one->stranger[0] != '\0') {
		take_stranger(row, one->stranger);
	} else {
		take_word(row, &one->said);
		positions[one->row] = one->said.lsn;
	}
}

/* What was heard at a given URL that no member calls its own. */
static void
put_other(const struct patroni_words *words, const struct patroni_words_one *one,
	struct snapshot_patroni_cluster *cluster, uint64_t positions[SNAPSHOT_PATRONI_CLUSTER_MAX])
{
	struct snapshot_patroni_member *row;

	if (one->fault.class != ERR_NONE) {
		count_silence(one, cluster);
	} else if (one->stranger[0] != '\0') {
		if ((row = add_row(one, cluster)) != NULL)
			take_stranger(row, one->stranger);
	} else if ((row = find_unheard(&one->said, cluster)) != NULL
		|| (!is_known(words, &one->said, cluster) && (row = add_row(one, cluster)) != NULL)) {
		take_word(row, &one->said);
		positions[row - cluster->rows] = one->said.lsn;
	}
}

void
patroni_words_put(const struct patroni_words *words, struct snapshot_patroni_cluster *cluster)
{
	uint64_t positions[SNAPSHOT_PATRONI_CLUSTER_MAX] = {LSN_NONE};

	cluster->urls_failed = 0;
	for (size_t i = 0; i < words->count; i++)
		if (words->ones[i].row >= 0)
			put_member(&words->ones[i], cluster, positions);
	for (size_t i = 0; i < words->count; i++)
		if (words->ones[i].row < 0)
			put_other(words, &words->ones[i], cluster, positions);
	measure_lag(cluster, positions);
}
