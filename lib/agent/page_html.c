#include "lib/agent/page_html.h"

#include <string.h>
#include <time.h>

#include "lib/model/snapshot.h"

const char *
page_html_tone(enum page_tone tone)
{
	static const char *const names[PAGE_TONE_COUNT] = {
		[PAGE_GOOD] = "good",
		[PAGE_CALM] = "calm",
		[PAGE_WARN] = "warn",
		[PAGE_UNSURE] = "unsure",
		[PAGE_BAD] = "bad",
	};

	return names[tone];
}

static const char *
entity(char byte)
{
	switch (byte) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&#34;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void
page_html_text(const char *foreign, struct text *text)
{
	char clean[640 + 1];

	text_clean(clean, sizeof clean, foreign); /* a browser guesses about bytes that are not UTF-8 */
	for (const char *next = clean; *next != '\0';) {
		size_t plain = strcspn(next, "&<>\"'");

		text_add_bytes(text, next, plain);
		next += plain;
		if (*next != '\0')
			text_add(text, "%s", entity(*next++));
	}
}

void
page_html_name(const char *foreign, struct text *text)
{
	text_add(text, "<bdi>");
	page_html_text(foreign, text);
	text_add(text, "</bdi>");
}

void
page_html_address(const char *host, int64_t port, struct text *text)
{
	bool is_ipv6 = host[0] != '/' && strchr(host, ':') != NULL;

	text_add(text, is_ipv6 ? "<bdi>[" : "<bdi>");
	page_html_text(host, text);
	text_add(text, is_ipv6 ? "]" : "");
	if (port != SNAPSHOT_NONE)
		text_add(text, ":%lld", (long long)port);
	text_add(text, "</bdi>");
}

void
page_html_bytes(int64_t bytes, struct text *text)
{
	if (bytes < 0)
		text_add(text, "not known");
	else
		range_write_quantity((double)bytes, UNIT_BYTES, text);
}

void
page_html_duration(int64_t duration_ms, struct text *text)
{
	if (duration_ms < 0)
		text_add(text, "not known");
	else
		range_write_quantity((double)duration_ms / 1000.0, UNIT_SECONDS, text);
}

void
page_html_time(int64_t wall_ms, struct text *text)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts;
	char written[64];

	if (gmtime_r(&seconds, &parts) == NULL || strftime(written, sizeof written, "%F %T UTC", &parts) == 0)
		text_add(text, "not known");
	else
		text_add(text, "%s", written);
}

void
page_html_icon(const char *name, struct text *text)
{
	text_add(text, "<svg class=\"icon\" aria-hidden=\"true\"><use href=\"#%s\"/></svg>", name);
}

bool
page_html_fits(struct text *text, size_t start, size_t length_max)
{
	if (!text->is_truncated && text->length <= length_max)
		return true;
	text->length = start;
	text->bytes[start] = '\0';
	text->is_truncated = false;
	return false;
}
