/* pgpool_figure.h: figures as pgpool-II writes them. Pure. */
#ifndef PGHA_COLLECT_PGPOOL_FIGURE_H
#define PGHA_COLLECT_PGPOOL_FIGURE_H

#include <stdint.h>

#include "lib/base/err.h"

/*
 * A replication_delay: "4096" is in bytes, and "0.250000 second" or "12.000000 seconds" in time (4.4 and
 * later, with delay_threshold_by_time). The other one is none. -1 with class protocol for anything else.
 */
int pgpool_figure_delay(const char *text, int64_t *ret_bytes, int64_t *ret_ms, struct err *err)
	__attribute__((warn_unused_result));

/* An lb_weight from 0 to 1, in thousandths; none where it is not a number: nobody has a weight ("-nan"). */
int64_t pgpool_figure_weight(const char *text);

/*
 * "2026-11-21 16:41:45" as seconds of a calendar without zones: what pgpool-II writes is its host's local
 * time, so only the distance of two of them tells something. None for "" (never), and for what is no such
 * instant.
 */
int64_t pgpool_figure_instant(const char *text);

#endif
