#include "lib/agent/page_chart.h"

#include <math.h>

#include "lib/agent/page_html.h"

/* A drawing is 360 units wide, one a point, and 100 high; the browser stretches it to the page. */
enum { HEIGHT = 100 };

/* The figure of a point in the unit's base (bytes, seconds); -1: not known. */
static double
figure(const struct history_point *point, enum unit unit)
{
	if (point == NULL)
		return -1;
	if (unit == UNIT_BYTES)
		return (double)point->lag_bytes;
	return point->lag_ms < 0 ? -1 : (double)point->lag_ms / 1000.0;
}

/* The worst of the hour and where it is; -1: nothing was known. */
static double
worst(const struct page_chart *chart, const struct history *history, int64_t now_ms, size_t *ret_index)
{
	double found = -1;

	for (size_t i = 0; i < HISTORY_POINTS; i++) {
		double value = figure(history_at(history, now_ms, i), chart->unit);

		if (value >= 0 && value >= found) {
			found = value;
			*ret_index = i;
		}
	}
	return found;
}

/* Where above zero a limit begins to alert; 0: nowhere that could be drawn. */
static double
edge(const struct range *range)
{
	double found = range->is_inverted ? range->start : range->end;

	return range->is_set && isfinite(found) && found > 0 ? found : 0;
}

/* Half of each of them is a figure that people say too. */
static double
round_up(double value, enum unit unit)
{
	static const double seconds[] = {0.1, 0.2, 0.5, 1, 2, 4, 10, 20, 30, 60, 120, 240, 600, 1200, 1800,
		3600, 7200, 14400, 43200, 86400};
	double top = 1;

	for (size_t i = 0; unit == UNIT_SECONDS && i < sizeof seconds / sizeof seconds[0]; i++)
		if (seconds[i] >= value)
			return seconds[i];
	if (unit == UNIT_SECONDS)
		top = seconds[sizeof seconds / sizeof seconds[0] - 1];
	while (top < value)
		top *= 2;
	return top;
}

/*
 * The lower limit is always within the drawing, because the distance to it is what the drawing is looked
 * at for; the higher one when it does not press the line to the ground.
 */
static double
axis_top(const struct page_chart *chart, double found)
{
	double low = 0, high = 0, top = chart->floor;

	if (chart->metric != NULL) {
		double warning = edge(&chart->metric->warning), critical = edge(&chart->metric->critical);

		high = fmax(warning, critical);
		low = warning > 0 && critical > 0 ? fmin(warning, critical) : high;
	}
	if (low > 0)
		top = low * 1.1;
	top = fmax(top, found);
	if (high > 0 && high <= 5 * top)
		top = fmax(top, high * 1.1);
	return round_up(top, chart->unit);
}

/* The line of the points of one kind, or with `is_area` what lies below it. */
static void
write_path(const struct page_chart *chart, const struct history *history, int64_t now_ms, double top,
	enum history_kind kind, bool is_area, struct text *text)
{
	bool is_open = false;

	for (size_t i = 0; i < HISTORY_POINTS; i++) {
		const struct history_point *point = history_at(history, now_ms, i);
		double value = figure(point, chart->unit);
		bool is_primary = point != NULL && (point->kinds & 1U << HISTORY_PRIMARY) != 0;
		bool is_drawn = value >= 0 && is_primary == (kind == HISTORY_PRIMARY);

		if (!is_drawn && is_open && is_area)
			text_add(text, "V%dZ", HEIGHT);
		if (is_drawn && !is_open)
			text_add(text, is_area ? "M%zu 100V%.1fh1" : "M%zu %.1fh1", i,
				HEIGHT * (1 - value / top));
		else if (is_drawn)
			text_add(text, "V%.1fh1", HEIGHT * (1 - value / top));
		is_open = is_drawn;
	}
	if (is_open && is_area)
		text_add(text, "V%dZ", HEIGHT);
}

static void
write_paths(const struct page_chart *chart, const struct history *history, int64_t now_ms, double top,
	struct text *text)
{
	static const struct {
		enum history_kind kind;
		bool is_area;
		const char *class;
	} paths[] = {
		{HISTORY_STANDBY, true, "area"},
		{HISTORY_PRIMARY, true, "area of-others"},
		{HISTORY_STANDBY, false, "line"},
		{HISTORY_PRIMARY, false, "line of-others"},
	};

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		text_add(text, "<path class=\"%s\" d=\"", paths[i].class);
		write_path(chart, history, now_ms, top, paths[i].kind, paths[i].is_area, text);
		text_add(text, "\"/>");
	}
}

/*
 * A limit's dashed line with its words. The critical one's stand above their line and the warning one's
 * below, so that two limits close to each other stay readable, unless they would leave the drawing or
 * lie on the ground, where the line mostly is.
 */
static void
write_limit(const char *word, const struct range *range, enum unit unit, double top, struct text *text)
{
	double at = edge(range), height = HEIGHT * (1 - at / top);
	bool is_above = height > 80 || (word[0] == 'c' && height > 12);

	if (at <= 0 || at > top)
		return;
	text_add(text, "<line class=\"limit %s\" x1=\"0\" x2=\"100%%\" y1=\"%.1f%%\" y2=\"%.1f%%\"/>", word,
		height, height);
	text_add(text, "<text class=\"limit %s\" x=\"100%%\" y=\"%.1f%%\" dx=\"-4\" dy=\"%s\">%s ", word,
		height, is_above ? "-4" : "13", word);
	range_write_quantity(at, unit, text);
	text_add(text, "</text>");
}

static void
write_limits(const struct page_chart *chart, double top, struct text *text)
{
	if (chart->metric == NULL)
		return;
	write_limit("warning", &chart->metric->warning, chart->unit, top, text);
	write_limit("critical", &chart->metric->critical, chart->unit, top, text);
}

/* The lines of the grid with their figures: the top and the half; the ground is zero. */
static void
write_grid(enum unit unit, double top, struct text *text)
{
	for (int i = 1; i < 4; i++)
		text_add(text, "<line class=\"grid\" x1=\"%d%%\" x2=\"%d%%\" y1=\"0\" y2=\"100%%\"/>", 25 * i,
			25 * i);
	for (int i = 0; i <= 2; i++)
		text_add(text, "<line class=\"%s\" x1=\"0\" x2=\"100%%\" y1=\"%d%%\" y2=\"%d%%\"/>",
			i == 2 ? "ground" : "grid", 50 * i, 50 * i);
	for (int i = 0; i < 2; i++) {
		text_add(text, "<text class=\"grid\" x=\"4\" y=\"%d%%\" dy=\"13\">", 50 * i);
		range_write_quantity(top * (2 - i) / 2, unit, text);
		text_add(text, "</text>");
	}
}

/* What the drawing says, in words: for those who do not see it, and for exact figures. */
static void
write_caption(const struct page_chart *chart, double found, size_t index, struct text *text)
{
	int64_t age_ms = (int64_t)(HISTORY_POINTS - 1 - index) * HISTORY_POINT_MS;

	text_add(text, "<figcaption><b>%s</b> <span>", chart->title);
	if (found < 0) {
		text_add(text, "not known at any time of this hour");
	} else {
		text_add(text, "at most <b>");
		range_write_quantity(found, chart->unit, text);
		text_add(text, age_ms < 2 * HISTORY_POINT_MS ? "</b>, just now" : "</b>, ");
		if (age_ms >= 2 * HISTORY_POINT_MS) {
			page_html_duration(age_ms, text);
			text_add(text, " ago");
		}
	}
	text_add(text, "</span></figcaption>");
}

void
page_chart_lag(
	const struct page_chart *chart, const struct history *history, int64_t now_ms, struct text *text)
{
	size_t index = 0;
	double found = worst(chart, history, now_ms, &index), top = axis_top(chart, found);

	text_add(text, "<figure>");
	write_caption(chart, found, index, text);
	text_add(text, "<svg class=\"chart\" role=\"img\" aria-label=\"%s over the last hour\">",
		chart->title);
	text_add(text,
		"<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" width=\"100%%\" height=\"100%%\" "
		"overflow=\"visible\">",
		HISTORY_POINTS, HEIGHT);
	write_paths(chart, history, now_ms, top, text);
	text_add(text, "</svg>");
	write_grid(chart->unit, top, text);
	write_limits(chart, top, text);
	text_add(text, "</svg></figure>\n");
}

bool
page_chart_has_lag(const struct history *history, int64_t now_ms)
{
	for (size_t i = 0; i < HISTORY_POINTS; i++) {
		const struct history_point *point = history_at(history, now_ms, i);

		if (point != NULL && (point->lag_bytes >= 0 || point->lag_ms >= 0))
			return true;
	}
	return false;
}
