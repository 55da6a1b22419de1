/*
 * page_sample: prints the status page of a named situation, for tests/live/test_page.py and for looking at
 * it in a browser. With -p it prints the policy instead.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/agent/page.h"

enum { NOW_MS = 4000 * 1000, CHECKS_MAX = 24, PEERS_MAX = 7 };

static const int64_t now_wall_ms = INT64_C(1935460800123);

struct sample {
	struct page page;
	struct snapshot snapshot;
	struct snapshot peer_snapshots[PEERS_MAX];
	struct page_node peers[PEERS_MAX];
	struct verdict verdicts[CHECKS_MAX];
	struct page_check checks[CHECKS_MAX];
	struct history history;
};

static void
put(char *to, size_t size, const char *from)
{
	struct text text;

	text_init(&text, to, size);
	text_add_bytes(&text, from, strlen(from)); /* cuts what is too long */
}

static void
become_primary(struct snapshot *snapshot, const char *target)
{
	snapshot_init(snapshot);
	put(snapshot->target, sizeof snapshot->target, target);
	snapshot->taken_ms = now_wall_ms - 140;
	snapshot->elapsed_us = 1240;
	snapshot->server_version = 170002;
	put(snapshot->role.wal_file, sizeof snapshot->role.wal_file, "000000030000001600000014");
	snapshot->role.wal_lsn = UINT64_C(0x1614B374D8);
	snapshot_mark(snapshot, SNAPSHOT_ROLE);
	put(snapshot->identity.system_identifier, sizeof snapshot->identity.system_identifier,
		"7412398740129384756");
	snapshot->identity.started_ms = now_wall_ms - INT64_C(86400000) * 12;
	snapshot_mark(snapshot, SNAPSHOT_IDENTITY);
	snapshot->senders.total = 0;
	snapshot_mark(snapshot, SNAPSHOT_SENDERS);
}

static void
become_standby(struct snapshot *snapshot, const char *target)
{
	struct snapshot_standby *standby = &snapshot->standby;

	become_primary(snapshot, target);
	snapshot->role = (struct snapshot_role){.in_recovery = true};
	standby->replay_lsn = UINT64_C(0x1614000000);
	standby->receive_lsn = standby->written_lsn = standby->latest_end_lsn = standby->replay_lsn + 1258291;
	put(standby->replay_pause, sizeof standby->replay_pause, "not paused");
	standby->replay_age_ms = 420;
	standby->receiver_pid = 4711;
	put(standby->receiver_status, sizeof standby->receiver_status, "streaming");
	standby->received_timeline = 3;
	standby->has_heard = true;
	standby->receipt_age_ms = 80;
	standby->receiver_timeout_ms = 60000;
	standby->apply_delay_ms = 0;
	put(standby->sender_host, sizeof standby->sender_host, "10.0.0.11");
	standby->sender_port = 5432;
	put(standby->application, sizeof standby->application, "n2");
	snapshot_mark(snapshot, SNAPSHOT_STANDBY);
}

static void
become_down(struct snapshot *snapshot, const char *target)
{
	struct err err;

	snapshot_init(snapshot);
	put(snapshot->target, sizeof snapshot->target, target);
	snapshot->taken_ms = now_wall_ms - 140;
	snapshot->elapsed_us = 310;
	err_set(&err, ERR_DOWN, "cannot connect to %s: Connection refused", target);
	err_hint(&err, "is the server running, and does it listen there?");
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		snapshot_fail(snapshot, part, &err);
}

static void
add_sender(
	struct snapshot *snapshot, const char *name, const char *sync, int64_t behind_bytes, int64_t lag_ms)
{
	struct snapshot_senders *senders = &snapshot->senders;
	struct snapshot_sender *sender = &senders->rows[senders->total];

	sender->pid = 100 + senders->total++;
	put(sender->application, sizeof sender->application, name);
	(void)snprintf(
		sender->address, sizeof sender->address, "10.0.0.%lld", 11 + (long long)senders->total);
	put(sender->state, sizeof sender->state, behind_bytes > 100000000 ? "catchup" : "streaming");
	put(sender->sync_state, sizeof sender->sync_state, sync);
	sender->behind_bytes = behind_bytes;
	sender->replay_lag_ms = lag_ms;
}

static struct verdict *
add_check(struct sample *sample, const char *name, enum state state, bool is_yes, int64_t since_ms,
	const char *summary)
{
	struct page_check *check = &sample->checks[sample->page.check_count];
	struct verdict *verdict = &sample->verdicts[sample->page.check_count++];

	*verdict = (struct verdict){
		.state = state, .weight_percent = VERDICT_NO_WEIGHT, .taken_ms = now_wall_ms - 140};
	put(verdict->check, sizeof verdict->check, name);
	put(verdict->summary, sizeof verdict->summary, summary);
	put(check->name, sizeof check->name, name);
	check->verdict = verdict;
	check->is_yes = is_yes;
	check->since_ms = since_ms;
	return verdict;
}

static void
add_metric(struct verdict *verdict, const char *name, double value, enum unit unit, double warning,
	double critical)
{
	struct verdict_metric *metric = &verdict->metrics[verdict->metric_count++];

	*metric = (struct verdict_metric){.value = value, .unit = unit};
	put(metric->name, sizeof metric->name, name);
	if (warning > 0)
		metric->warning = (struct range){.is_set = true, .end = warning};
	if (critical > 0)
		metric->critical = (struct range){.is_set = true, .end = critical};
}

static void
add_lag(struct verdict *verdict, double bytes, double seconds)
{
	add_metric(verdict, "replay_lag_bytes", bytes, UNIT_BYTES, 16777216, 67108864);
	add_metric(verdict, "replay_lag_seconds", seconds, UNIT_SECONDS, 0, 30);
}

static void
add_reason(struct verdict *verdict, enum state state, const char *text)
{
	struct verdict_reason *reason = &verdict->reasons[verdict->reason_count++];

	reason->state = state;
	put(reason->text, sizeof reason->text, text);
}

static void
add_peer(struct sample *sample, const char *name, void (*become)(struct snapshot *, const char *),
	const char *target, int64_t age_ms)
{
	size_t i = sample->page.peer_count++;

	become(&sample->peer_snapshots[i], target);
	sample->peers[i] = (struct page_node){.snapshot = &sample->peer_snapshots[i],
		.age_ms = age_ms,
		.is_known = age_ms <= sample->page.max_age_ms};
	put(sample->peers[i].name, sizeof sample->peers[i].name, name);
}

/* The same ripple every time: a page for looking at must not differ from run to run. */
static int64_t
ripple(int64_t second)
{
	return (second * second * 7919 + second * 104729) % 997;
}

/* An hour with a burst, a cut, a restart of the agent, and a role before the last. */
static void
live_through(struct sample *sample, enum history_kind before, enum history_kind after)
{
	struct history *history = &sample->history;

	for (int64_t ms = NOW_MS - 3700 * 1000; ms <= NOW_MS; ms += 2500) {
		int64_t ago = (NOW_MS - ms) / 1000, wave = ripple(ago);
		int64_t burst = ago > 1400 && ago < 1750 ? (175 - llabs(ago - 1575)) * 310000 : 0;
		enum history_kind kind = ago > 2700 ? before : after;

		if (ago > 2000 && ago < 2150)
			continue;
		if (ago > 2650 && ago <= 2700)
			history_add(history, ms, HISTORY_DOWN, -1, -1);
		else if (ago > 900 && ago < 960)
			history_add(history, ms, HISTORY_UNKNOWN, -1, -1);
		else if (ago > 600 && ago < 640 && kind == HISTORY_STANDBY)
			history_add(history, ms, kind, -1, -1);
		else
			history_add(history, ms, kind, wave * 1500 + burst,
				wave < 300 ? 0 : wave / 2 + burst / 4000);
	}
}

static void
start(struct sample *sample)
{
	sample->page = (struct page){.agent_version = "0.1.0",
		.now_wall_ms = now_wall_ms,
		.now_ms = NOW_MS,
		.max_age_ms = 3000,
		.uptime_ms = 86400000 * 3,
		.peers = sample->peers,
		.checks = sample->checks,
		.history = &sample->history};
	sample->page.node = (struct page_node){
		.snapshot = &sample->snapshot, .age_ms = 140, .is_known = true};
	put(sample->page.node.name, sizeof sample->page.node.name, "n1");
}

static void
show_primary(struct sample *sample)
{
	become_primary(&sample->snapshot, "/run/postgresql:5432");
	add_sender(&sample->snapshot, "n2", "sync", 12400, 2);
	add_sender(&sample->snapshot, "n3", "async", 31457280, 1840);
	add_metric(add_check(sample, "pg_leader", STATE_OK, true, 2650000, "primary on timeline 3"),
		"response_seconds", 0.00124, UNIT_SECONDS, 0.2, 0.5);
	add_check(sample, "pg_replica", STATE_CRITICAL, false, 2650000, "primary, not a replica")
		->is_wrong_role
		= true;
	add_peer(sample, "n2", become_standby, "10.0.0.12:5432", 120);
	add_peer(sample, "n3", become_standby, "10.0.0.13:5432", 210);
	live_through(sample, HISTORY_STANDBY, HISTORY_PRIMARY);
}

static void
show_standby(struct sample *sample)
{
	struct verdict *verdict;

	become_standby(&sample->snapshot, "10.0.0.12:5432");
	put(sample->page.node.name, sizeof sample->page.node.name, "n2");
	add_check(sample, "pg_leader", STATE_CRITICAL, false, 2650000, "standby, not the leader")
		->is_wrong_role
		= true;
	verdict = add_check(sample, "pg_replica", STATE_OK, true, 1440000,
		"streaming from 10.0.0.11:5432, 1.2 MB behind");
	verdict->weight_percent = 98;
	add_lag(verdict, 1258291, 0.42);
	add_peer(sample, "n1", become_primary, "10.0.0.11:5432", 90);
	add_peer(sample, "n3", become_down, "10.0.0.13:5432", 180);
	live_through(sample, HISTORY_STANDBY, HISTORY_STANDBY);
}

static void
show_lagging(struct sample *sample)
{
	struct verdict *verdict;

	become_standby(&sample->snapshot, "10.0.0.12:5432");
	sample->snapshot.standby.latest_end_lsn += 90000000;
	sample->snapshot.standby.replay_age_ms = 41000;
	put(sample->snapshot.standby.replay_pause, sizeof sample->snapshot.standby.replay_pause, "paused");
	put(sample->page.node.name, sizeof sample->page.node.name, "n2");
	verdict = add_check(sample, "pg_replica", STATE_CRITICAL, false, 61000, "replay is paused");
	add_lag(verdict, 91258291, 41);
	add_reason(verdict, STATE_OK, "streaming from 10.0.0.11:5432");
	put(verdict->hint, sizeof verdict->hint, "SELECT pg_wal_replay_resume() lets it go on");
	live_through(sample, HISTORY_STANDBY, HISTORY_STANDBY);
	for (int64_t ms = NOW_MS - 180000; ms <= NOW_MS; ms += 1000)
		history_add(&sample->history, ms, HISTORY_STANDBY,
			91258291 / 180 * ((ms + 180000 - NOW_MS) / 1000), 41 * (ms + 180000 - NOW_MS) / 180);
}

static void
show_down(struct sample *sample)
{
	const char *why = "cannot connect to 10.0.0.11:5432: Connection refused";

	become_down(&sample->snapshot, "10.0.0.11:5432");
	add_check(sample, "pg_leader", STATE_CRITICAL, false, 48000, why);
	add_check(sample, "pg_replica", STATE_CRITICAL, false, 3720000, why);
	add_peer(sample, "n2", become_primary, "10.0.0.12:5432", 60);
	live_through(sample, HISTORY_PRIMARY, HISTORY_PRIMARY);
	for (int64_t ms = NOW_MS - 48000; ms <= NOW_MS; ms += 1000)
		history_add(&sample->history, ms, HISTORY_DOWN, -1, -1);
}

/* An agent that began a moment ago and has seen nothing. */
static void
show_new(struct sample *sample)
{
	sample->page.node.snapshot = NULL;
	sample->page.node.age_ms = -1;
	sample->page.node.is_known = false;
	sample->page.uptime_ms = 40;
	add_check(sample, "pg_leader", STATE_UNKNOWN, false, -1, "");
	sample->checks[0].verdict = NULL;
}

static void
show_stale(struct sample *sample)
{
	show_primary(sample);
	sample->page.node.age_ms = 12300;
	sample->page.node.is_known = false;
	for (size_t i = 0; i < sample->page.check_count; i++) {
		sample->verdicts[i].state = STATE_UNKNOWN;
		sample->verdicts[i].is_wrong_role = false;
		sample->checks[i].is_yes = false;
		sample->checks[i].since_ms = 9300;
		put(sample->verdicts[i].summary, sizeof sample->verdicts[i].summary,
			"the facts are 12.3 s old (max_age is 3 s)");
	}
	for (int64_t ms = NOW_MS - 12300; ms <= NOW_MS; ms += 1000)
		history_add(&sample->history, ms, HISTORY_UNKNOWN, -1, -1);
}

static void
show_drained(struct sample *sample)
{
	show_standby(sample);
	sample->verdicts[1].is_drained = true;
	sample->checks[1].is_yes = false;
	sample->checks[1].since_ms = 95000;
	put(sample->verdicts[1].summary, sizeof sample->verdicts[1].summary,
		"drained by the operator; streaming from 10.0.0.11:5432, 1.2 MB behind");
}

static void
show_hostile(struct sample *sample)
{
	static const char tag[]
		= "<script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&amp;";
	static const char turned[] = "\xE2\x80\xAE"
				     "dlrow \xF0\x9F\x90\x98 \xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D "
				     "\xE6\x95\xB0\xE6\x8D\xAE\xE5\xBA\x93";
	struct verdict *verdict;

	become_standby(&sample->snapshot, "10.0.0.12:5432\"><b>");
	put(sample->page.node.name, sizeof sample->page.node.name, "n2</title><script>alert(2)</script>");
	put(sample->snapshot.standby.sender_host, sizeof sample->snapshot.standby.sender_host, tag);
	put(sample->snapshot.standby.application, sizeof sample->snapshot.standby.application, turned);
	memset(sample->snapshot.standby.receiver_status, 'w',
		sizeof sample->snapshot.standby.receiver_status - 1);
	add_sender(&sample->snapshot, tag, "\"'<>&", 1024, -1);
	add_sender(&sample->snapshot, turned, "async", SNAPSHOT_NONE, -1);
	add_sender(&sample->snapshot, "broken \xFF\xC3 bytes", "", 0, 0);
	memset(sample->snapshot.senders.rows[2].address, 'm',
		sizeof sample->snapshot.senders.rows[2].address - 1);
	verdict = add_check(
		sample, "a-very-long-name-of-a-check-without-any-blanks", STATE_WARNING, true, 5, tag);
	add_lag(verdict, NAN, NAN);
	add_reason(verdict, STATE_OK, turned);
	memset(verdict->reasons[0].text, 'x', 200);
	put(verdict->hint, sizeof verdict->hint, tag);
	add_check(sample, tag, STATE_UNKNOWN, false, 5, turned);
	add_peer(sample, tag, become_standby, tag, 100);
	add_peer(sample, turned, become_down, tag, 100);
}

static void
show_many(struct sample *sample)
{
	static const char *const names[] = {"pg_leader", "pg_replica", "reports", "pg_lag", "pg_sync",
		"pg_slots", "pg_subscription", "pg_connections", "pg_archive", "pg_backup", "pg_cluster",
		"vip"};
	char name[32];

	become_primary(&sample->snapshot, "/run/postgresql:5432");
	for (int i = 0; i < SNAPSHOT_SENDERS_MAX; i++) {
		(void)snprintf(name, sizeof name, "replica-%02d.db.example.net", 40 - i);
		add_sender(&sample->snapshot, name, i == 7 ? "quorum" : "async",
			INT64_C(3000000000) >> (2 * i), 90000 >> i);
	}
	sample->snapshot.senders.total = 40;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		enum state state = i == 5 ? STATE_WARNING
			: i == 8          ? STATE_CRITICAL
			: i == 9          ? STATE_UNKNOWN
					  : STATE_OK;

		add_check(sample, names[i], state, state <= STATE_WARNING,
			(int64_t)((i + 1) * (i + 1)) * 61000,
			state == STATE_OK ? "well"
					  : "slot \"reports\" holds back 12 GB of WAL (warning above 10 GB)");
	}
	sample->verdicts[1].is_wrong_role = true;
	sample->checks[1].is_yes = false;
	add_peer(sample, "n2", become_standby, "10.0.0.12:5432", 40);
	add_peer(sample, "n3", become_standby, "10.0.0.13:5432", 140);
	add_peer(sample, "n4", become_down, "10.0.0.14:5432", 140);
	add_peer(sample, "n5", become_standby, "10.0.0.15:5432", 92000);
	add_peer(sample, "n6", become_primary, "10.0.0.16:5432", 200);
	live_through(sample, HISTORY_PRIMARY, HISTORY_PRIMARY);
}

static const struct {
	const char *name;
	void (*show)(struct sample *);
} situations[] = {
	{"down", show_down},
	{"drained", show_drained},
	{"hostile", show_hostile},
	{"lagging", show_lagging},
	{"many", show_many},
	{"new", show_new},
	{"primary", show_primary},
	{"stale", show_stale},
	{"standby", show_standby},
};

int
main(int argc, char **argv)
{
	static struct sample sample;
	static char storage[PAGE_SIZE];
	struct text text;

	if (argc == 2 && strcmp(argv[1], "-p") == 0)
		return puts(page_policy) < 0;
	for (size_t i = 0; argc == 2 && i < sizeof situations / sizeof situations[0]; i++)
		if (strcmp(situations[i].name, argv[1]) == 0) {
			start(&sample);
			situations[i].show(&sample);
			text_init(&text, storage, sizeof storage);
			page_write(&sample.page, &text);
			return fwrite(text.bytes, text.length, 1, stdout) != 1 || fflush(stdout) != 0;
		}
	(void)fprintf(stderr, "usage: page_sample -p | SITUATION, one of:");
	for (size_t i = 0; i < sizeof situations / sizeof situations[0]; i++)
		(void)fprintf(stderr, " %s", situations[i].name);
	(void)fprintf(stderr, "\n");
	return 2;
}
