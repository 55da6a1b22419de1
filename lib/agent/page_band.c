#include "lib/agent/page_band.h"

#include "lib/agent/page_html.h"

/* A gap, in which nobody looked, beside the kinds of points. */
enum { GAP = HISTORY_KIND_COUNT, KIND_COUNT };

static const struct {
	const char *class;
	const char *word;
} kinds[KIND_COUNT] = {
	[HISTORY_STANDBY] = {"k-standby", "standby"},
	[HISTORY_PRIMARY] = {"k-primary", "primary"},
	[HISTORY_UNKNOWN] = {"k-unknown", "not known"},
	[HISTORY_DOWN] = {"k-down", "down"},
	[GAP] = {"k-gap", "not watched"},
};

static unsigned
kind_at(const struct history *history, int64_t now_ms, size_t index)
{
	const struct history_point *point = history_at(history, now_ms, index);

	return point == NULL ? GAP : (unsigned)history_worst(point);
}

/* One rectangle for each run; returns a bit for each kind that there is. In per cent, so that patterns keep
 * their shape at every width. */
static unsigned
write_runs(const struct history *history, int64_t now_ms, struct text *text)
{
	unsigned seen = 0;

	for (size_t start = 0, end; start < HISTORY_POINTS; start = end) {
		unsigned kind = kind_at(history, now_ms, start);

		for (end = start + 1; end < HISTORY_POINTS && kind_at(history, now_ms, end) == kind;)
			end++;
		seen |= 1U << kind;
		text_add(text, "<rect class=\"%s\" x=\"%.2f%%\" width=\"%.2f%%\" height=\"100%%\"/>",
			kinds[kind].class, (double)start * 100 / HISTORY_POINTS,
			(double)(end - start) * 100 / HISTORY_POINTS);
	}
	return seen;
}

static void
write_legend(unsigned seen, bool has_lag, struct text *text)
{
	text_add(text, "<p class=\"legend\">");
	for (unsigned kind = 0; kind < KIND_COUNT; kind++)
		if ((seen & 1U << kind) != 0)
			text_add(text,
				"<span><svg class=\"swatch\" aria-hidden=\"true\"><rect class=\"%s\" "
				"width=\"100%%\" "
				"height=\"100%%\"/></svg>%s</span> ",
				kinds[kind].class, kinds[kind].word);
	if (has_lag && (seen & 1U << HISTORY_PRIMARY) != 0)
		text_add(text, "<span>as a primary: the lag of the standby furthest behind</span>");
	text_add(text, "</p>\n");
}

static void
write_axis(struct text *text)
{
	text_add(text,
		"<svg class=\"axis\" aria-hidden=\"true\"><text x=\"0\" y=\"12\">1 h ago</text>"
		"<text x=\"25%%\" y=\"12\" text-anchor=\"middle\">45 min</text>"
		"<text x=\"50%%\" y=\"12\" text-anchor=\"middle\">30 min</text>"
		"<text x=\"75%%\" y=\"12\" text-anchor=\"middle\">15 min</text>"
		"<text x=\"100%%\" y=\"12\" text-anchor=\"end\">now</text></svg>");
}

void
page_band_write(const struct history *history, int64_t now_ms, bool has_lag, struct text *text)
{
	unsigned seen;

	text_add(text,
		"<figure><svg class=\"band\" role=\"img\" aria-label=\"what it was in the last hour\">");
	seen = write_runs(history, now_ms, text);
	text_add(text, "</svg>");
	write_axis(text);
	write_legend(seen, has_lag, text);
	text_add(text, "</figure>\n");
}
