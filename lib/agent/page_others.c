#include "lib/agent/page_others.h"

#include "lib/agent/page_html.h"
#include "lib/agent/page_node.h"
#include "lib/evaluate/lag.h"

static bool
is_standby(const struct page_node *node)
{
	return page_node_has(node, SNAPSHOT_ROLE) && node->snapshot->role.in_recovery;
}

/* A cell begins with its label, which a narrow page shows in place of the table's head. */
static void
open_cell(const char *label, struct text *text)
{
	text_add(text, "<td data-label=\"%s\">", label);
}

static void
write_foreign(const char *label, const char *foreign, const char *when_empty, struct text *text)
{
	open_cell(label, text);
	if (foreign[0] != '\0')
		page_html_name(foreign, text);
	else
		text_add(text, "%s", when_empty);
	text_add(text, "</td>");
}

void
page_others_upstream(const struct page_node *node, struct text *text)
{
	const struct snapshot_standby *standby;

	if (!is_standby(node))
		return;
	standby = &node->snapshot->standby;
	text_add(text, "<h2>Upstream</h2>\n");
	if (!page_node_has(node, SNAPSHOT_STANDBY)) {
		text_add(text, "<p class=\"none\">");
		page_node_missing(node, SNAPSHOT_STANDBY, text);
		text_add(text, "</p>\n");
		return;
	}
	if (standby->receiver_pid == SNAPSHOT_NONE) {
		text_add(text,
			"<p class=\"none\">no WAL receiver runs: whom it would follow is not known</p>\n");
		return;
	}
	text_add(text,
		"<table><thead><tr><th>Sender<th>State<th>Timeline<th>Last heard<th>Known there "
		"as</tr></thead>"
		"<tbody><tr>");
	open_cell("sender", text);
	if (standby->sender_host[0] != '\0')
		page_html_address(standby->sender_host, standby->sender_port, text);
	else
		text_add(text, "not known");
	text_add(text, "</td>");
	write_foreign("state", standby->receiver_status, "not permitted to see", text);
	open_cell("timeline", text);
	page_node_timeline(node, text);
	text_add(text, "</td>");
	open_cell("last heard", text);
	page_html_duration(standby->receipt_age_ms, text);
	text_add(text, standby->receipt_age_ms >= 0 ? " ago</td>" : "</td>");
	write_foreign("known there as", standby->application, "not known", text);
	text_add(text, "</tr></tbody></table>\n");
}

static void
write_sender(const struct snapshot_sender *sender, struct text *text)
{
	text_add(text, "<tr>");
	write_foreign("name", sender->application, "without a name", text);
	write_foreign("address", sender->address, "local or hidden", text);
	write_foreign("state", sender->state, "not permitted to see", text);
	write_foreign("sync", sender->is_logical ? "logical" : sender->sync_state, "not known", text);
	text_add(text, "<td class=\"n\" data-label=\"behind\">");
	page_html_bytes(sender->behind_bytes, text);
	text_add(text, "</td><td class=\"n\" data-label=\"replay lag\">");
	/* Without traffic the server measures none, and says NULL. */
	if (sender->replay_lag_ms < 0)
		text_add(text, "none measured");
	else
		page_html_duration(sender->replay_lag_ms, text);
	text_add(text, "</td></tr>\n");
}

static void
write_senders(const struct snapshot_senders *senders, size_t count, struct text *text)
{
	text_add(text, "<h2>Standbys <small>%lld connected", (long long)senders->total);
	if ((int64_t)count < senders->total)
		text_add(text, ", the %zu furthest behind", count);
	text_add(text,
		"</small></h2>\n<table><thead><tr><th>Name<th>Address<th>State<th>Sync<th class=\"n\">Behind"
		"<th class=\"n\">Replay lag</tr></thead><tbody>\n");
	for (size_t i = 0; i < count; i++)
		write_sender(&senders->rows[i], text);
	text_add(text, "</tbody></table>\n");
}

void
page_others_standbys(const struct page_node *node, struct text *text)
{
	bool has_senders = page_node_has(node, SNAPSHOT_SENDERS);
	size_t count = has_senders ? snapshot_row_count(node->snapshot, snapshot_list_of(SNAPSHOT_SENDERS))
				   : 0;

	if (count > 0) {
		write_senders(&node->snapshot->senders, count, text);
		return;
	}
	if (!page_node_has(node, SNAPSHOT_ROLE) || (is_standby(node) && has_senders))
		return;
	text_add(text, "<h2>Standbys</h2>\n<p class=\"none\">");
	if (has_senders && node->snapshot->senders.total == 0)
		text_add(text, "none is connected");
	else if (has_senders)
		text_add(text, "not known");
	else
		page_node_missing(node, SNAPSHOT_SENDERS, text);
	text_add(text, "</p>\n");
}

static void
write_peer(const struct page_node *peer, int64_t max_age_ms, struct text *text)
{
	struct page_state state = page_node_state(peer);

	text_add(text, "<li class=\"%s\"><div class=\"answer\">", page_html_tone(state.tone));
	page_html_icon(state.icon, text);
	text_add(text, "%s</div><div class=\"what\"><b>", state.word);
	page_html_name(peer->name, text);
	text_add(text, "</b> ");
	page_node_reason(peer, max_age_ms, text);
	text_add(text, "</div><div class=\"side\">timeline ");
	page_node_timeline(peer, text);
	text_add(text, ", ");
	if (peer->age_ms >= 0) {
		text_add(text, "seen ");
		page_html_duration(peer->age_ms, text);
		text_add(text, " ago");
	} else {
		text_add(text, "never seen");
	}
	text_add(text, "</div></li>\n");
}

void
page_others_peers(const struct page *page, size_t length_max, struct text *text)
{
	size_t written = 0;

	if (page->peer_count == 0)
		return;
	text_add(text, "<h2>Peers</h2>\n<ul class=\"list\">\n");
	for (size_t i = 0; i < page->peer_count; i++) {
		size_t start = text->length;

		write_peer(&page->peers[i], page->max_age_ms, text);
		written += page_html_fits(text, start, length_max);
	}
	text_add(text, "</ul>\n");
	if (written < page->peer_count)
		text_add(text, "<p class=\"none\">%zu more are not shown: no room on this page</p>\n",
			page->peer_count - written);
}
