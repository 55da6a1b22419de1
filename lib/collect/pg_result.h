/*
 * pg_result.h: the next result of a connection, received under a deadline, and what is wrong with it.
 */
#ifndef PGHA_COLLECT_PG_RESULT_H
#define PGHA_COLLECT_PG_RESULT_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct pg;

/*
 * Sends what is queued and receives until a result is complete: PQgetResult() then does not wait. -1 with
 * class timeout, down, or protocol.
 */
int pg_result_await(struct pg *pg, int64_t deadline_ms, struct err *err) __attribute__((warn_unused_result));

/* 0 when it is one row, or any number with is_list; otherwise -1 and what is wrong. */
int
pg_result_judge(const PGresult *result, bool is_list, struct err *err) __attribute__((warn_unused_result));

/* Whether the server begins to copy, and would be asked for the next result in vain, again and again. */
bool pg_result_is_copy(const PGresult *result);

#endif
