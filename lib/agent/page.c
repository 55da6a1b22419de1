#include "lib/agent/page.h"

#include <string.h>

#include "lib/agent/page_band.h"
#include "lib/agent/page_chart.h"
#include "lib/agent/page_checks.h"
#include "lib/agent/page_html.h"
#include "lib/agent/page_look.h"
#include "lib/agent/page_node.h"
#include "lib/agent/page_others.h"
#include "lib/evaluate/lag.h"
#include "lib/model/lsn.h"

/*
 * How far checks and peers may fill the page. Between the two lie the drawings, 48 kB at the very
 * most, the upstream, 2 kB, and the standbys, 8 kB; behind the peers the small print and the script, 4 kB.
 * The unit test fills it all.
 */
enum { CHECKS_END = 52 * 1024, PEERS_END = 120 * 1024 };

const char page_policy[]
	= "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
	  "frame-ancestors 'none'; "
	  "style-src 'sha256-NvzxRYXqGz7pqTkEc1nc+6OVZoKki64F0ZXpBg5kMOc='; "
	  "script-src 'sha256-RzAYZDnUK/VbZfAlHqLqv+TpmFtiYClbDbfUeRScJa0='";

/* A tab's sign: the colour of the state and, for those who do not see it, its shape. */
static void
write_favicon(const struct page_state *state, struct text *text)
{
	static const struct {
		const char *icon;
		const char *shape;
	} shapes[] = {
		{"primary", "circle cx='8' cy='8' r='7' fill"},
		{"standby", "circle cx='8' cy='8' r='5.5' fill='none' stroke-width='4' stroke"},
		{"down", "path d='M2 2l12 12M14 2L2 14' stroke-width='4' stroke"},
		{"unknown", "path d='M8 1l7 7-7 7-7-7z' fill='none' stroke-width='2.5' stroke"},
	};
	static const char *const colours[PAGE_TONE_COUNT] = {
		[PAGE_GOOD] = "2c9a44",
		[PAGE_CALM] = "77828e",
		[PAGE_WARN] = "d08a00",
		[PAGE_UNSURE] = "9167d8",
		[PAGE_BAD] = "dd2f3b",
	};

	for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
		if (strcmp(shapes[i].icon, state->icon) == 0)
			text_add(text,
				"<link id=\"icon\" rel=\"icon\" href=\"data:image/svg+xml,%%3Csvg "
				"xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 "
				"16'%%3E%%3C%s='%%23%s'/%%3E"
				"%%3C/svg%%3E\">\n",
				shapes[i].shape, colours[state->tone]);
}

static void
write_head(const struct page *page, const struct page_state *state, struct text *text)
{
	text_add(text,
		"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n"
		"<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>\n<title>%s \xC2\xB7 ",
		state->word);
	page_html_text(page->node.name, text);
	text_add(text, "</title>\n");
	write_favicon(state, text);
	text_add(text, "<style>%s</style></head>\n<body>%s", page_look_style, page_look_shapes);
	text_add(text, "<p id=\"gone\" role=\"alert\" hidden></p>\n<header><span id=\"node\"><b>");
	page_html_name(page->node.name, text);
	text_add(text, "</b> ");
	if (page->node.snapshot != NULL)
		page_html_name(page->node.snapshot->target, text);
	text_add(text, "</span><span id=\"live\">read anew every 5 s</span></header>\n");
}

static void
open_fact(const char *name, struct text *text)
{
	text_add(text, "<div><dt>%s</dt><dd>", name);
}

static void
close_fact(struct text *text)
{
	text_add(text, "</dd></div>");
}

static void
write_standby_facts(const struct page_node *node, struct text *text)
{
	const struct snapshot_standby *standby = page_node_has(node, SNAPSHOT_STANDBY)
		? &node->snapshot->standby
		: NULL;
	char written[LSN_TEXT_SIZE];

	open_fact("Lag in bytes", text);
	page_html_bytes(standby == NULL ? -1 : lag_bytes(standby), text);
	close_fact(text);
	open_fact("Lag in time", text);
	page_html_duration(standby == NULL ? -1 : lag_ms(standby), text);
	close_fact(text);
	open_fact("Replayed up to", text);
	text_add(text, "%s",
		standby == NULL || standby->replay_lsn == LSN_NONE
			? "not known"
			: lsn_format(standby->replay_lsn, written));
	close_fact(text);
}

/* Of more standbys than a snapshot holds, it holds those furthest behind. */
static void
write_furthest(const struct page_node *node, struct text *text)
{
	size_t count = page_node_has(node, SNAPSHOT_SENDERS)
		? snapshot_row_count(node->snapshot, snapshot_list_of(SNAPSHOT_SENDERS))
		: 0;
	int64_t bytes = -1;

	for (size_t i = 0; i < count; i++)
		if (node->snapshot->senders.rows[i].behind_bytes > bytes)
			bytes = node->snapshot->senders.rows[i].behind_bytes;
	if (count == 0)
		return;
	open_fact("Furthest behind", text);
	page_html_bytes(bytes, text);
	close_fact(text);
}

static void
write_primary_facts(const struct page_node *node, struct text *text)
{
	const struct snapshot *snapshot = node->snapshot;
	char written[LSN_TEXT_SIZE];

	open_fact("Standbys connected", text);
	if (page_node_has(node, SNAPSHOT_SENDERS) && snapshot->senders.total >= 0)
		text_add(text, "%lld", (long long)snapshot->senders.total);
	else
		text_add(text, "not known");
	close_fact(text);
	write_furthest(node, text);
	open_fact("Written up to", text);
	text_add(text, "%s",
		snapshot->role.wal_lsn == LSN_NONE ? "not known"
						   : lsn_format(snapshot->role.wal_lsn, written));
	close_fact(text);
}

static void
write_server(const struct page *page, struct text *text)
{
	const struct snapshot *snapshot = page->node.snapshot;

	open_fact("PostgreSQL", text);
	if (snapshot == NULL || snapshot->server_version <= 0)
		text_add(text, "not known");
	else
		text_add(text, "%lld.%lld", (long long)(snapshot->server_version / 10000),
			(long long)(snapshot->server_version % 10000));
	if (page_node_has(&page->node, SNAPSHOT_IDENTITY) && snapshot->identity.started_ms >= 0) {
		int64_t running_ms = page->now_wall_ms - snapshot->identity.started_ms;

		text_add(text, ", up ");
		page_html_duration(running_ms < 0 ? 0 : running_ms, text); /* two hosts, two clocks */
	}
	close_fact(text);
}

static void
write_hero(const struct page *page, const struct page_state *state, struct text *text)
{
	const struct page_node *node = &page->node;

	text_add(text, "<div class=\"hero %s\"><h1>", page_html_tone(state->tone));
	page_html_icon(state->icon, text);
	text_add(text, "<span><span class=\"was\">was </span>%s</span></h1>\n<p class=\"reason\">",
		state->word);
	page_node_reason(node, page->max_age_ms, text);
	text_add(text, "</p>\n");
	page_checks_tally(page->checks, page->check_count, text);
	text_add(text, "<dl class=\"facts\">");
	open_fact("Facts", text);
	if (node->age_ms >= 0)
		page_html_duration(node->age_ms, text);
	text_add(text, node->age_ms >= 0 ? " old" : "none yet");
	close_fact(text);
	open_fact("Timeline", text);
	page_node_timeline(node, text);
	close_fact(text);
	if (page_node_has(node, SNAPSHOT_ROLE) && node->snapshot->role.in_recovery)
		write_standby_facts(node, text);
	else if (page_node_has(node, SNAPSHOT_ROLE))
		write_primary_facts(node, text);
	write_server(page, text);
	text_add(text, "</dl></div>\n");
}

/* The figure of that name in the first check that has it: its limits are drawn. */
static const struct verdict_metric *
find_metric(const struct page *page, const char *name)
{
	for (size_t i = 0; i < page->check_count; i++) {
		const struct verdict *verdict = page->checks[i].verdict;

		for (int k = 0; verdict != NULL && k < verdict->metric_count; k++)
			if (strcmp(verdict->metrics[k].name, name) == 0)
				return &verdict->metrics[k];
	}
	return NULL;
}

static void
write_hour(const struct page *page, struct text *text)
{
	const struct page_chart bytes = {
		"Lag in bytes", UNIT_BYTES, 1024 * 1024, find_metric(page, "replay_lag_bytes")};
	const struct page_chart time = {
		"Lag in time", UNIT_SECONDS, 1, find_metric(page, "replay_lag_seconds")};
	bool has_lag = page_chart_has_lag(page->history, page->now_ms);

	text_add(text, "<h2>The last hour</h2>\n");
	if (has_lag) {
		page_chart_lag(&bytes, page->history, page->now_ms, text);
		page_chart_lag(&time, page->history, page->now_ms, text);
	} else {
		text_add(text, "<p class=\"none\">no lag was known at any time</p>\n");
	}
	page_band_write(page->history, page->now_ms, has_lag, text);
}

static void
write_small_print(const struct page *page, struct text *text)
{
	const struct snapshot *snapshot = page->node.snapshot;

	text_add(text, "<p class=\"small\"><span>page of ");
	page_html_time(page->now_wall_ms, text);
	text_add(text, "</span>");
	if (snapshot != NULL && page->node.age_ms >= 0) {
		text_add(text, "<span>facts of ");
		page_html_time(snapshot->taken_ms, text);
		text_add(text, ", asked in ");
		range_write_quantity((double)snapshot->elapsed_us / 1e6, UNIT_SECONDS, text);
		text_add(text, ", believed for ");
		page_html_duration(page->max_age_ms, text);
		text_add(text, "</span>");
	}
	if (page_node_has(&page->node, SNAPSHOT_IDENTITY)) {
		text_add(text, "<span>system identifier ");
		page_html_name(snapshot->identity.system_identifier, text);
		text_add(text, "</span>");
	}
	text_add(text, "<span>pgha-agent ");
	page_html_name(page->agent_version, text);
	text_add(text, ", up for ");
	page_html_duration(page->uptime_ms, text);
	text_add(text, "</span></p>\n");
}

void
page_write(const struct page *page, struct text *text)
{
	struct page_state state = page_node_state(&page->node);

	write_head(page, &state, text);
	text_add(text, "<main id=\"status\">\n");
	write_hero(page, &state, text);
	page_checks_write(page->checks, page->check_count, CHECKS_END, text);
	write_hour(page, text);
	page_others_upstream(&page->node, text);
	page_others_standbys(&page->node, text);
	page_others_peers(page, PEERS_END, text);
	write_small_print(page, text);
	text_add(text, "</main>\n<script>%s</script></body></html>\n", page_look_script);
}
