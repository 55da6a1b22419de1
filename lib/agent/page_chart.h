/*
 * page_chart.h: the lag of the last hour as a drawing: inline SVG, whole without a script. Pure.
 */
#ifndef PGHA_AGENT_PAGE_CHART_H
#define PGHA_AGENT_PAGE_CHART_H

#include <stdint.h>

#include "lib/agent/history.h"
#include "lib/base/text.h"
#include "lib/model/verdict.h"

/* One figure that is drawn. */
struct page_chart {
	const char *title; /* "Lag in bytes" */
	enum unit unit;    /* UNIT_BYTES or UNIT_SECONDS: which figure of the points */
	double floor;      /* the axis reaches at least this far, or noise would look like trouble */
	const struct verdict_metric *metric; /* whose limits are dashed lines; NULL: none */
};

/* Draws one figure over the hour that ends at `now_ms`. Gaps stay gaps. */
void page_chart_lag(
	const struct page_chart *chart, const struct history *history, int64_t now_ms, struct text *text);

/* Whether the hour holds any lag to draw. */
bool page_chart_has_lag(const struct history *history, int64_t now_ms);

#endif
