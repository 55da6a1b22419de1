#include "lib/agent/page_node.h"

#include <string.h>

#include "lib/evaluate/lag.h"
#include "lib/model/lsn.h"

bool
page_node_has(const struct page_node *node, enum snapshot_part part)
{
	return node->is_known && node->snapshot != NULL && snapshot_has(node->snapshot, part);
}

/* A standby that is not fed, or stands still on purpose, is a standby with something to look at. */
static enum page_tone
standby_tone(const struct page_node *node)
{
	const struct snapshot_standby *standby = &node->snapshot->standby;

	if (!page_node_has(node, SNAPSHOT_STANDBY) || lag_source(standby) == LAG_HIDDEN)
		return PAGE_UNSURE;
	return lag_source(standby) == LAG_STREAMING && strcmp(standby->replay_pause, "not paused") == 0
		? PAGE_GOOD
		: PAGE_WARN;
}

struct page_state
page_node_state(const struct page_node *node)
{
	static const struct page_state unknown = {PAGE_UNSURE, "UNKNOWN", "unknown"};
	static const struct page_state down = {PAGE_BAD, "DOWN", "down"};

	if (!node->is_known || node->snapshot == NULL)
		return unknown;
	if (!snapshot_has(node->snapshot, SNAPSHOT_ROLE))
		return node->snapshot->faults[SNAPSHOT_ROLE].class == ERR_DOWN ? down : unknown;
	if (node->snapshot->role.in_recovery)
		return (struct page_state){standby_tone(node), "STANDBY", "standby"};
	return (struct page_state){
		node->snapshot->role.is_read_only ? PAGE_WARN : PAGE_GOOD, "PRIMARY", "primary"};
}

void
page_node_missing(const struct page_node *node, enum snapshot_part part, struct text *text)
{
	const struct err *fault = node->snapshot == NULL ? NULL : &node->snapshot->faults[part];

	if (!node->is_known || fault == NULL) {
		text_add(text, "not known");
	} else if (fault->class == ERR_NONE) {
		text_add(text, "not asked for");
	} else {
		page_html_name(fault->text, text);
		if (fault->hint[0] != '\0') {
			text_add(text, " <span class=\"hint\">hint: ");
			page_html_name(fault->hint, text);
			text_add(text, "</span>");
		}
	}
}

/* What it was when it was last seen: on a night with a cut cable that is the question. */
static void
stale_reason(const struct page_node *node, int64_t max_age_ms, struct text *text)
{
	if (node->snapshot == NULL || node->age_ms < 0) {
		text_add(text, "nothing has been seen of it yet");
		return;
	}
	text_add(text, "the facts are ");
	page_html_duration(node->age_ms, text);
	text_add(text, " old, and believed for ");
	page_html_duration(max_age_ms, text);
	if (snapshot_has(node->snapshot, SNAPSHOT_ROLE))
		text_add(
			text, "; it was a %s then", node->snapshot->role.in_recovery ? "standby" : "primary");
}

static void
source_reason(const struct snapshot_standby *standby, struct text *text)
{
	switch (lag_source(standby)) {
	case LAG_STREAMING:
		text_add(text, "streaming from ");
		page_html_address(standby->sender_host, standby->sender_port, text);
		break;
	case LAG_STALE:
	case LAG_SILENT:
		text_add(text, "nothing heard from ");
		page_html_address(standby->sender_host, standby->sender_port, text);
		text_add(text, " for ");
		page_html_duration(standby->receipt_age_ms, text);
		break;
	case LAG_NOT_STREAMING:
		text_add(text, "not streaming: the WAL receiver is ");
		page_html_name(standby->receiver_status, text);
		break;
	case LAG_STARTING:
		text_add(text, "not streaming yet: the WAL receiver has just connected");
		break;
	case LAG_AHEAD:
		text_add(text, "ahead of its sender ");
		page_html_address(standby->sender_host, standby->sender_port, text);
		text_add(text, ", from which it has parted");
		break;
	case LAG_HIDDEN:
		text_add(text, "not permitted to see its WAL receiver");
		break;
	case LAG_NO_RECEIVER:
		text_add(text, "not streaming: no WAL receiver runs");
		break;
	}
}

static void
standby_reason(const struct page_node *node, struct text *text)
{
	const struct snapshot_standby *standby = &node->snapshot->standby;

	if (!page_node_has(node, SNAPSHOT_STANDBY)) {
		text_add(text, "how it gets on is not known: ");
		page_node_missing(node, SNAPSHOT_STANDBY, text);
		return;
	}
	source_reason(standby, text);
	if (lag_bytes(standby) < 0) {
		text_add(text, ", lag not known");
	} else {
		text_add(text, ", ");
		page_html_bytes(lag_bytes(standby), text);
		text_add(text, " behind");
	}
	if (strcmp(standby->replay_pause, "not paused") != 0)
		text_add(text,
			strcmp(standby->replay_pause, "paused") == 0 ? "; replay is paused"
								     : "; a pause of replay is requested");
	if (standby->apply_delay_ms > 0) {
		text_add(text, "; replay is delayed on purpose by ");
		page_html_duration(standby->apply_delay_ms, text);
	}
}

/* Whether this is so for applications too, the leader check judges: the source says who it is set for. */
static void
primary_reason(const struct snapshot *snapshot, struct text *text)
{
	if (!snapshot->role.is_read_only) {
		text_add(text, "takes writes");
		return;
	}
	text_add(text, "default_transaction_read_only is on");
	if (snapshot_has(snapshot, SNAPSHOT_READ_ONLY)) {
		text_add(text, ", set by: ");
		page_html_name(snapshot->read_only.source, text);
	}
}

void
page_node_reason(const struct page_node *node, int64_t max_age_ms, struct text *text)
{
	if (!node->is_known || node->snapshot == NULL)
		stale_reason(node, max_age_ms, text);
	else if (!snapshot_has(node->snapshot, SNAPSHOT_ROLE))
		page_node_missing(node, SNAPSHOT_ROLE, text);
	else if (node->snapshot->role.in_recovery)
		standby_reason(node, text);
	else
		primary_reason(node->snapshot, text);
}

void
page_node_timeline(const struct page_node *node, struct text *text)
{
	int64_t timeline = SNAPSHOT_NONE;

	if (page_node_has(node, SNAPSHOT_ROLE) && !node->snapshot->role.in_recovery)
		timeline = lsn_timeline(node->snapshot->role.wal_file);
	else if (page_node_has(node, SNAPSHOT_STANDBY))
		timeline = node->snapshot->standby.received_timeline;
	if (timeline > 0)
		text_add(text, "%lld", (long long)timeline);
	else
		text_add(text, "not known");
}
