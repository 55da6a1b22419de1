#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/agent/page.h"

enum { CHECKS_MAX = 24, PEERS_MAX = 7, NOW_MS = 4000000 };

/* All of a page's facts; a test changes what it is about. */
static struct {
	struct page page;
	struct snapshot snapshot;
	struct page_node peers[PEERS_MAX];
	struct verdict verdict;
	struct page_check checks[CHECKS_MAX];
	struct history history;
	char storage[PAGE_SIZE];
	struct text text;
} all;

static int
reset(void **state)
{
	(void)state;
	memset(&all, 0, sizeof all);
	all.page = (struct page){.agent_version = "0.1.0",
		.now_wall_ms = INT64_C(1935460800123),
		.now_ms = NOW_MS,
		.max_age_ms = 3000,
		.peers = all.peers,
		.checks = all.checks,
		.history = &all.history};
	all.page.node = (struct page_node){
		.name = "n1", .snapshot = &all.snapshot, .age_ms = 140, .is_known = true};
	all.verdict.weight_percent = VERDICT_NO_WEIGHT;
	snapshot_init(&all.snapshot);
	return 0;
}

static void
write_page(void)
{
	text_init(&all.text, all.storage, sizeof all.storage);
	page_write(&all.page, &all.text);
	assert_false(all.text.is_truncated);
}

static void
shows(const char *piece)
{
	if (strstr(all.storage, piece) == NULL)
		fail_msg("\"%s\" is not on the page: %s", piece, strstr(all.storage, "<main"));
}

static void
hides(const char *piece)
{
	if (strstr(all.storage, piece) != NULL)
		fail_msg("\"%s\" is on the page: %s", piece, strstr(all.storage, "<main"));
}

static size_t
count_of(const char *piece)
{
	size_t count = 0;

	for (const char *next = all.storage; (next = strstr(next, piece)) != NULL; next += strlen(piece))
		count++;
	return count;
}

static void
become_standby(void)
{
	struct snapshot_standby *standby = &all.snapshot.standby;

	all.snapshot.role.in_recovery = true;
	snapshot_mark(&all.snapshot, SNAPSHOT_ROLE);
	standby->receiver_pid = 1;
	strcpy(standby->receiver_status, "streaming");
	strcpy(standby->replay_pause, "not paused");
	strcpy(standby->sender_host, "10.0.0.11");
	standby->sender_port = 5432;
	standby->has_heard = true;
	standby->receipt_age_ms = 10;
	standby->received_timeline = 3;
	standby->replay_lsn = 1000;
	standby->latest_end_lsn = 1000 + 3 * 1024 * 1024;
	standby->replay_age_ms = 70;
	snapshot_mark(&all.snapshot, SNAPSHOT_STANDBY);
}

static void
become_primary(void)
{
	strcpy(all.snapshot.role.wal_file, "000000070000001600000014");
	all.snapshot.role.wal_lsn = 0x16B374D8;
	snapshot_mark(&all.snapshot, SNAPSHOT_ROLE);
}

static void
a_primary_is_shown_with_its_timeline_and_standbys(void **state)
{
	char count[64];

	(void)state;
	become_primary();
	write_page();
	shows("<title>PRIMARY \xC2\xB7 n1</title>");
	shows("takes writes");
	shows("Timeline</dt><dd>7<");
	shows("0/16B374D8");
	shows("<h2>Standbys</h2>\n<p class=\"none\">not asked for</p>");
	all.snapshot.senders.total = 400;
	strcpy(all.snapshot.senders.rows[0].application, "n2");
	strcpy(all.snapshot.senders.rows[0].sync_state, "quorum");
	all.snapshot.senders.rows[0].behind_bytes = 2048;
	all.snapshot.senders.rows[0].replay_lag_ms = SNAPSHOT_NONE;
	all.snapshot.senders.rows[1].behind_bytes = SNAPSHOT_NONE;
	snapshot_mark(&all.snapshot, SNAPSHOT_SENDERS);
	write_page();
	snprintf(count, sizeof count, "400 connected, the %d furthest behind", SNAPSHOT_SENDERS_MAX);
	shows(count);
	shows("<bdi>n2</bdi>");
	shows("quorum");
	shows(">2 kB<");
	shows(">none measured<");
	shows("data-label=\"behind\">not known<");
	all.snapshot.senders.total = 0;
	write_page();
	shows("none is connected");
}

static void
a_standby_is_shown_with_its_lag_and_upstream(void **state)
{
	(void)state;
	become_standby();
	write_page();
	shows("<title>STANDBY \xC2\xB7 n1</title>");
	shows("<div class=\"hero good\">");
	shows("streaming from <bdi>10.0.0.11:5432</bdi>, 3 MB behind");
	shows("Lag in bytes</dt><dd>3 MB<");
	shows("Lag in time</dt><dd>70 ms<");
	shows("Timeline</dt><dd>3<");
	shows("<h2>Upstream</h2>");
	strcpy(all.snapshot.standby.sender_host, "2001:db8::1");
	strcpy(all.snapshot.standby.replay_pause, "paused");
	write_page();
	shows("<bdi>[2001:db8::1]:5432</bdi>");
	shows("replay is paused");
	shows("<div class=\"hero warn\">");
}

static void
what_is_not_known_is_never_zero(void **state)
{
	(void)state;
	become_standby();
	all.snapshot.standby.receiver_pid = SNAPSHOT_NONE;
	write_page();
	shows("<div class=\"hero warn\">");
	shows("no WAL receiver runs");
	shows("Lag in bytes</dt><dd>not known<");
	shows("Lag in time</dt><dd>not known<");
	shows("no lag was known at any time");
	hides(">0 B<");
	hides(">0 s<");
	all.snapshot.obtained &= ~(1U << SNAPSHOT_STANDBY);
	write_page();
	shows("Lag in bytes</dt><dd>not known<");
	shows("Timeline</dt><dd>not known<");
}

static void
a_fault_is_down_only_when_it_is_known_to_be(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_DOWN, "cannot connect: Connection refused");
	snapshot_fail(&all.snapshot, SNAPSHOT_ROLE, &err);
	write_page();
	shows("<title>DOWN");
	shows("<div class=\"hero bad\">");
	shows("Connection refused");
	err_set(&err, ERR_TIMEOUT, "no answer within 2 s");
	snapshot_fail(&all.snapshot, SNAPSHOT_ROLE, &err);
	write_page();
	shows("<title>UNKNOWN");
	shows("<div class=\"hero unsure\">");
	shows("no answer within 2 s");
}

static void
old_facts_are_not_believed(void **state)
{
	(void)state;
	become_primary();
	all.page.node.is_known = false;
	all.page.node.age_ms = 12300;
	write_page();
	shows("<title>UNKNOWN");
	shows("the facts are 12.3 s old, and believed for 3 s; it was a primary then");
	hides("takes writes");
	hides("Timeline</dt><dd>7<");
	all.page.node.snapshot = NULL;
	all.page.node.age_ms = -1;
	write_page();
	shows("nothing has been seen of it yet");
}

static void
a_check_shows_answer_state_and_reason(void **state)
{
	(void)state;
	all.checks[0] = (struct page_check){
		.name = "reads", .verdict = &all.verdict, .is_yes = true, .since_ms = 90000};
	all.page.check_count = 1;
	all.verdict.weight_percent = 84;
	strcpy(all.verdict.summary, "3 MB behind");
	write_page();
	shows("<li class=\"good\">");
	shows("</svg>YES<");
	shows("<b>OK</b> for 90 s, weight 84%");
	shows("<bdi>3 MB behind</bdi>");
	all.verdict.state = STATE_CRITICAL;
	all.checks[0].is_yes = false;
	all.verdict.reason_count = 2;
	all.verdict.reasons[0].state = STATE_CRITICAL;
	strcpy(all.verdict.reasons[0].text, "in the summary already");
	all.verdict.reasons[1].state = STATE_WARNING;
	strcpy(all.verdict.reasons[1].text, "and this besides");
	strcpy(all.verdict.hint, "do that");
	all.verdict.metric_count = 1;
	all.verdict.metrics[0] = (struct verdict_metric){
		.name = "lag", .value = NAN, .unit = UNIT_BYTES, .critical = {.is_set = true, .end = 1024}};
	write_page();
	shows("<li class=\"bad\">");
	shows("</svg>NO<");
	shows("<b>CRITICAL</b> for 90 s<");
	shows("warning: <bdi>and this besides</bdi>");
	hides("in the summary already");
	shows("hint: <bdi>do that</bdi>");
	shows("lag <b>not known</b>, critical above 1 kB");
	all.verdict.is_wrong_role = true;
	write_page();
	shows("<li class=\"calm\">");
	shows("<b>other role</b>");
	all.verdict.is_drained = true;
	write_page();
	shows("</svg>DRAINED<");
	shows("checks: 1 drained by the operator");
	all.checks[0].verdict = NULL;
	write_page();
	shows("</svg>NO<");
	shows("nothing has been seen yet");
}

static void
a_figure_says_which_of_several_things_it_is_of(void **state)
{
	(void)state;
	all.checks[0].verdict = &all.verdict;
	all.page.check_count = 1;
	all.verdict.metric_count = 3;
	for (int i = 0; i < 3; i++)
		all.verdict.metrics[i] = (struct verdict_metric){
			.name = "lag", .value = 1024 * i, .unit = UNIT_BYTES};
	strcpy(all.verdict.metrics[1].subject, "n2");
	strcpy(all.verdict.metrics[2].subject, "n3");
	write_page();
	shows("<span>lag <b>0 B</b></span>");
	shows("<span><bdi>n2</bdi> lag <b>1 kB</b></span>");
	shows("<span><bdi>n3</bdi> lag <b>2 kB</b></span>");
}

/* It is connected as a standby is, and would otherwise count as one. */
static void
a_sender_to_a_subscriber_is_told_from_a_standby(void **state)
{
	(void)state;
	become_primary();
	all.snapshot.senders.total = 2;
	for (int i = 0; i < 2; i++) {
		strcpy(all.snapshot.senders.rows[i].application, i == 0 ? "n2" : "orders");
		strcpy(all.snapshot.senders.rows[i].sync_state, i == 0 ? "quorum" : "async");
	}
	all.snapshot.senders.rows[1].is_logical = true;
	snapshot_mark(&all.snapshot, SNAPSHOT_SENDERS);
	write_page();
	shows("quorum");
	shows("logical");
	hides("async");
}

static void
every_foreign_text_is_escaped(void **state)
{
	static const char tag[] = "<i>\"'&";

	(void)state;
	become_standby();
	strcpy(all.page.node.name, tag);
	strcpy(all.snapshot.target, tag);
	strcpy(all.snapshot.standby.sender_host, tag);
	strcpy(all.snapshot.standby.application, tag);
	strcpy(all.snapshot.standby.receiver_status, tag);
	strcpy(all.snapshot.identity.system_identifier, tag);
	snapshot_mark(&all.snapshot, SNAPSHOT_IDENTITY);
	all.snapshot.senders.total = 1;
	strcpy(all.snapshot.senders.rows[0].application, tag);
	strcpy(all.snapshot.senders.rows[0].address, tag);
	strcpy(all.snapshot.senders.rows[0].state, tag);
	strcpy(all.snapshot.senders.rows[0].sync_state, tag);
	snapshot_mark(&all.snapshot, SNAPSHOT_SENDERS);
	all.peers[0] = all.page.node;
	all.page.peer_count = 1;
	all.checks[0].verdict = &all.verdict;
	strcpy(all.checks[0].name, tag);
	strcpy(all.verdict.summary, tag);
	strcpy(all.verdict.hint, tag);
	strcpy(all.verdict.reasons[0].text, tag);
	all.verdict.reasons[0].state = STATE_CRITICAL;
	all.verdict.reason_count = 1;
	strcpy(all.verdict.metrics[0].name, tag);
	strcpy(all.verdict.metrics[0].subject, tag);
	all.verdict.metric_count = 1;
	all.page.check_count = 1;
	all.page.agent_version = tag;
	write_page();
	hides("<i>");
	hides("\"'&<");
	/* The name (title, header, peer), the target, the upstream with its state, its name there and the
	 * reason (hero, peer), four of the standby, six of the check, the identifier, the version. */
	assert_int_equal(count_of("&lt;i&gt;&#34;&#39;&amp;"), 3 + 1 + 3 + 2 + 4 + 6 + 1 + 1);
	strcpy(all.verdict.summary, "broken \xFF byte");
	write_page();
	shows("<bdi>broken ? byte</bdi>");
}

static void
a_gap_is_a_gap_in_the_line(void **state)
{
	(void)state;
	become_standby();
	history_add(&all.history, NOW_MS - 50000, HISTORY_STANDBY, 1024 * 1024, 500);
	history_add(&all.history, NOW_MS - 40000, HISTORY_STANDBY, 512 * 1024, 500);
	history_add(&all.history, NOW_MS - 20000, HISTORY_STANDBY, 0, 0);
	history_add(&all.history, NOW_MS - 10000, HISTORY_STANDBY, -1, -1);
	history_add(&all.history, NOW_MS, HISTORY_STANDBY, 256 * 1024, -1);
	write_page();
	shows("<path class=\"line\" d=\"M354 0.0h1V50.0h1M357 100.0h1M359 75.0h1\"/>");
	shows("<path class=\"area\" d=\"M354 100V0.0h1V50.0h1V100ZM357 100V100.0h1V100ZM359 "
	      "100V75.0h1V100Z\"/>");
	shows("<path class=\"line\" d=\"M354 50.0h1V50.0h1M357 100.0h1\"/>");
	shows("at most <b>1 MB</b>, 50 s ago");
	shows("not watched");
	/* Ten seconds later all of it has moved, and nothing was added. */
	all.page.now_ms += 10000;
	write_page();
	shows("<path class=\"line\" d=\"M353 0.0h1V50.0h1M356 100.0h1M358 75.0h1\"/>");
}

static void
a_band_shows_what_it_was(void **state)
{
	(void)state;
	become_primary();
	for (int64_t ms = NOW_MS - 3590000; ms <= NOW_MS; ms += 10000)
		history_add(&all.history, ms,
			ms < NOW_MS - 1800000          ? HISTORY_STANDBY
				: ms < NOW_MS - 900000 ? HISTORY_DOWN
						       : HISTORY_PRIMARY,
			ms < NOW_MS - 1800000 ? 5 : -1, -1);
	write_page();
	shows("<rect class=\"k-standby\" x=\"0.00%\" width=\"49.72%\"");
	shows("<rect class=\"k-down\" x=\"49.72%\" width=\"25.00%\"");
	shows("<rect class=\"k-primary\" x=\"74.72%\" width=\"25.28%\"");
	hides("not watched</span>");
	hides("k-unknown\" x");
}

static void
limits_are_drawn_where_they_tell_something(void **state)
{
	struct verdict_metric *metric = &all.verdict.metrics[0];

	(void)state;
	become_standby();
	history_add(&all.history, NOW_MS, HISTORY_STANDBY, 1024, 10);
	all.checks[0] = (struct page_check){.name = "replica", .verdict = &all.verdict};
	all.page.check_count = 1;
	write_page();
	hides("class=\"limit");
	shows("dy=\"13\">1 MB</text>");
	*metric = (struct verdict_metric){.name = "replay_lag_bytes",
		.unit = UNIT_BYTES,
		.warning = {.is_set = true, .end = 16777216},
		.critical = {.is_set = true, .end = 67108864}};
	all.verdict.metric_count = 1;
	write_page();
	shows(">128 MB</text>");
	shows(">warning 16 MB</text>");
	shows("<line class=\"limit critical\" x1=\"0\" x2=\"100%\" y1=\"50.0%\" y2=\"50.0%\"/>");
	/* A limit a thousand times as high would press the line to the ground. */
	metric->critical.end = 16777216.0 * 1024;
	write_page();
	shows(">warning 16 MB</text>");
	hides(">critical 16 GB</text>");
	/* No end, no edge: nothing to draw, and no division by it. */
	metric->warning.end = metric->critical.end = INFINITY;
	write_page();
	hides("class=\"limit");
}

/* Fills storage with the byte that grows most, up to the end. */
static void
fill(char *to, size_t size)
{
	memset(to, '\'', size - 1);
	to[size - 1] = '\0';
}

static void
fill_snapshot(struct snapshot *snapshot)
{
	struct err err = {.class = ERR_DOWN};

	fill(err.text, sizeof err.text);
	fill(err.hint, sizeof err.hint);
	fill(snapshot->target, sizeof snapshot->target);
	fill(snapshot->standby.sender_host, sizeof snapshot->standby.sender_host);
	fill(snapshot->standby.application, sizeof snapshot->standby.application);
	fill(snapshot->standby.receiver_status, sizeof snapshot->standby.receiver_status);
	fill(snapshot->standby.replay_pause, sizeof snapshot->standby.replay_pause);
	fill(snapshot->identity.system_identifier, sizeof snapshot->identity.system_identifier);
	snapshot->standby.receiver_pid = 1;
	snapshot->standby.receipt_age_ms = snapshot->standby.apply_delay_ms = INT64_MAX;
	snapshot->standby.sender_port = INT64_MAX;
	snapshot->senders.total = INT64_MAX;
	for (size_t i = 0; i < SNAPSHOT_SENDERS_MAX; i++) {
		struct snapshot_sender *sender = &snapshot->senders.rows[i];

		fill(sender->application, sizeof sender->application);
		fill(sender->address, sizeof sender->address);
		fill(sender->state, sizeof sender->state);
		fill(sender->sync_state, sizeof sender->sync_state);
		sender->behind_bytes = sender->replay_lag_ms = INT64_MAX;
	}
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		snapshot_fail(snapshot, part, &err);
	snapshot_mark(snapshot, SNAPSHOT_IDENTITY);
	snapshot_mark(snapshot, SNAPSHOT_SENDERS);
}

static void
fill_verdict(struct verdict *verdict)
{
	verdict->state = STATE_UNKNOWN;
	fill(verdict->summary, sizeof verdict->summary);
	fill(verdict->hint, sizeof verdict->hint);
	verdict->reason_count = VERDICT_REASONS;
	verdict->metric_count = VERDICT_METRICS;
	for (int i = 0; i < VERDICT_REASONS; i++) {
		verdict->reasons[i].state = STATE_CRITICAL;
		fill(verdict->reasons[i].text, sizeof verdict->reasons[i].text);
	}
	for (int i = 0; i < VERDICT_METRICS; i++) {
		fill(verdict->metrics[i].name, sizeof verdict->metrics[i].name);
		fill(verdict->metrics[i].subject, sizeof verdict->metrics[i].subject);
		verdict->metrics[i].value = -1e308;
		verdict->metrics[i].unit = UNIT_PERCENT;
		verdict->metrics[i].critical = (struct range){.is_set = true, .start = -1e308, .end = 1e308};
		verdict->metrics[i].warning = verdict->metrics[i].critical;
	}
}

/* The longest drawings: every point ends a line, and every other is of another kind. */
static void
fill_history(void)
{
	for (int64_t i = 0; i < HISTORY_POINTS; i++)
		history_add(&all.history, NOW_MS - i * 10000, i % 2 ? HISTORY_STANDBY : HISTORY_PRIMARY,
			INT64_MAX / 9 * 4 + i, INT64_MAX / 9 * 4 + i);
}

/* With nothing cut: the page ends, and every list item that begins, ends. */
static void
assert_whole(void)
{
	assert_true(all.text.length < PAGE_SIZE - 1);
	assert_string_equal(all.storage + all.text.length - 8, "</html>\n");
	assert_int_equal(count_of("<li "), count_of("</li>"));
	assert_int_equal(count_of("<bdi>"), count_of("</bdi>"));
	assert_int_equal(count_of("<figure>"), 3);
	assert_int_equal(count_of("</figure>"), 3);
	shows("<p class=\"small\">");
}

static void
the_largest_page_fits(void **state)
{
	(void)state;
	fill_snapshot(&all.snapshot);
	all.snapshot.role.in_recovery = true;
	snapshot_mark(&all.snapshot, SNAPSHOT_ROLE);
	snapshot_mark(&all.snapshot, SNAPSHOT_STANDBY);
	fill(all.page.node.name, sizeof all.page.node.name);
	fill_history();
	fill_verdict(&all.verdict);
	for (size_t i = 0; i < CHECKS_MAX; i++) {
		all.checks[i] = (struct page_check){.verdict = &all.verdict, .since_ms = INT64_MAX};
		fill(all.checks[i].name, sizeof all.checks[i].name);
	}
	for (size_t i = 0; i < PEERS_MAX; i++)
		all.peers[i] = all.page.node;
	all.page.check_count = CHECKS_MAX;
	all.page.peer_count = PEERS_MAX;
	write_page();
	assert_whole();
	shows("24 more are not shown: their findings are too long");
	/* One that is too long keeps no other from its place. */
	struct verdict small = {.weight_percent = VERDICT_NO_WEIGHT, .summary = "the small one"};
	all.checks[23].verdict = &small;
	write_page();
	assert_whole();
	shows("23 more are not shown");
	shows("the small one");
	/* Peers by the hundred, each as long as can be: those that fit. */
	static struct snapshot down;
	static struct page_node many[200];
	snapshot_init(&down);
	fill_snapshot(&down);
	for (size_t i = 0; i < 200; i++) {
		many[i] = all.page.node;
		many[i].snapshot = &down;
	}
	all.page.peers = many;
	all.page.peer_count = 200;
	write_page();
	assert_whole();
	shows("more are not shown: no room on this page");
}

/* What an ordinary site configures at most is all there. */
static void
an_ordinary_page_leaves_nothing_out(void **state)
{
	(void)state;
	become_standby();
	fill_history();
	memset(all.verdict.summary, 'x', 100);
	all.verdict.metric_count = 2;
	strcpy(all.verdict.metrics[0].name, "replay_lag_bytes");
	strcpy(all.verdict.metrics[1].name, "replay_lag_seconds");
	for (size_t i = 0; i < CHECKS_MAX; i++)
		all.checks[i] = (struct page_check){.name = "check", .verdict = &all.verdict};
	for (size_t i = 0; i < PEERS_MAX; i++)
		all.peers[i] = all.page.node;
	all.page.check_count = CHECKS_MAX;
	all.page.peer_count = PEERS_MAX;
	write_page();
	assert_whole();
	assert_int_equal(count_of("<li "), CHECKS_MAX + PEERS_MAX);
	hides("not shown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_primary_is_shown_with_its_timeline_and_standbys, reset),
		cmocka_unit_test_setup(a_standby_is_shown_with_its_lag_and_upstream, reset),
		cmocka_unit_test_setup(what_is_not_known_is_never_zero, reset),
		cmocka_unit_test_setup(a_fault_is_down_only_when_it_is_known_to_be, reset),
		cmocka_unit_test_setup(old_facts_are_not_believed, reset),
		cmocka_unit_test_setup(a_check_shows_answer_state_and_reason, reset),
		cmocka_unit_test_setup(a_figure_says_which_of_several_things_it_is_of, reset),
		cmocka_unit_test_setup(a_sender_to_a_subscriber_is_told_from_a_standby, reset),
		cmocka_unit_test_setup(every_foreign_text_is_escaped, reset),
		cmocka_unit_test_setup(a_gap_is_a_gap_in_the_line, reset),
		cmocka_unit_test_setup(a_band_shows_what_it_was, reset),
		cmocka_unit_test_setup(limits_are_drawn_where_they_tell_something, reset),
		cmocka_unit_test_setup(the_largest_page_fits, reset),
		cmocka_unit_test_setup(an_ordinary_page_leaves_nothing_out, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
