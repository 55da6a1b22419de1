/*
 * prometheus.h: pieces of Prometheus' text format 0.0.4, for those who write more than one verdict. Pure.
 */
#ifndef PGHA_RENDER_PROMETHEUS_H
#define PGHA_RENDER_PROMETHEUS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/text.h"
#include "lib/model/verdict.h"

/* Appends the HELP and TYPE lines of a family; its samples follow, without a gap. */
void prometheus_write_head(const char *name, const char *type, const char *help, struct text *text);

/* Appends a label's value without its quotes, escaped. */
void prometheus_write_label(const char *value, struct text *text);

/* Appends a sample's value and the end of its line; NAN is NaN. */
void prometheus_write_value(double value, struct text *text);

/* Appends everything that checks say, family by family; `answers` are their yes or no. */
void
prometheus_write_checks(const struct verdict *verdicts, const bool *answers, size_t count, struct text *text);

#endif
