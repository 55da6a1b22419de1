/*
 * page_band.h: what a node was in the last hour, as a band of patterns with its legend and the axis of
 * time that it shares with the drawings above it. Pure.
 */
#ifndef PGHA_AGENT_PAGE_BAND_H
#define PGHA_AGENT_PAGE_BAND_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/agent/history.h"
#include "lib/base/text.h"

/*
 * Draws the hour that ends at `now_ms`; of each ten seconds the worst. With
 * `has_lag` the legend explains whose lag is drawn above it while the node is a primary.
 */
void page_band_write(const struct history *history, int64_t now_ms, bool has_lag, struct text *text);

#endif
