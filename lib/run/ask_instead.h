/* ask_instead.h: --fallback: pgha-ask becomes the check itself where the agent cannot be asked. */
#ifndef PGHA_RUN_ASK_INSTEAD_H
#define PGHA_RUN_ASK_INSTEAD_H

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/run/ask_options.h"

/*
 * Executes check_QUESTION, or check_pg_QUESTION, of the directory that this program is in, so that it answers
 * before the deadline. Returns only when that cannot be, or when the operator has drained the question by the
 * default switch (NAME.drain beside the socket): -1, and `err`, which says on entry why the agent cannot be
 * asked, then says both.
 */
int ask_instead_run(const struct ask_options *options, int64_t deadline_ms, struct err *err)
	__attribute__((warn_unused_result));

#endif
