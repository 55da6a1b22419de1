/* metrics.h: /metrics, in Prometheus' text format. Bounded by the plan, whatever the servers hold. */
#ifndef PGHA_AGENT_METRICS_H
#define PGHA_AGENT_METRICS_H

#include <stdint.h>

#include "lib/agent/agent.h"
#include "lib/base/text.h"

/* Appends all of it; `start_us` of clock_now_us() is when the scrape began. */
void metrics_write(const struct agent_facts *facts, int64_t now_ms, int64_t start_us, struct text *text);

#endif
