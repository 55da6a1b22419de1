/*
 * drain.h: the operator's switch: a check is out of rotation as long as its file is there.
 */
#ifndef PGHA_AGENT_DRAIN_H
#define PGHA_AGENT_DRAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/agent/plan.h"
#include "lib/base/err.h"

enum drain_look { DRAIN_OFF, DRAIN_ON, DRAIN_UNKNOWN /* the file cannot be looked at */ };

/* How the switch of the plan's check at `check_index` stands. */
enum drain_look drain_look(const struct plan *plan, size_t check_index);

/* Makes or removes its file. -1 with class usage. */
int drain_set(const struct plan *plan, size_t check_index, bool is_on, struct err *err)
	__attribute__((warn_unused_result));

#endif
