/*
 * options.h: what every check can be told, beside its own settings: whom to ask, how long, how to
 * answer, and what a fault means.
 */
#ifndef PGHA_RUN_OPTIONS_H
#define PGHA_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/setting.h"
#include "lib/model/target.h"

/* options.format when nothing was said. */
enum { OPTIONS_NO_FORMAT = -1 };

struct options {
	struct target target;
	struct target second; /* --primary, --publisher: its dbname is the whole conninfo; empty: none */
	char state[1024];     /* --state: where the last look is kept; empty: nowhere */
	int64_t timeout_ms;
	int format; /* enum format_id */
	bool warning_is_failure;
	bool unknown_is_ok;
	char record[1024];
	char replay[1024];
	int verbosity;
	bool is_version_wanted;
	bool is_help_wanted;
};

/* The rows that fill a struct options. */
extern const struct setting options_rows[];
extern const size_t options_row_count;

/* The first of them, which say whom to ask, and the same for a check that asks over HTTP. */
enum { OPTIONS_TARGET_ROWS = 4 };
extern const struct setting options_http_rows[OPTIONS_TARGET_ROWS];

/* What only some checks can be told, each one row that fills a struct options. */
extern const struct setting options_row_primary;
extern const struct setting options_row_publisher;
extern const struct setting options_row_state;

/* The rows that fill a struct policy. */
extern const struct setting options_policy_rows[];
extern const size_t options_policy_row_count;

/*
 * Refuses values that no row can tell from good ones. `second` is the name of the option that fills
 * options.second. -1 with class usage.
 */
int options_verify(const struct options *options, const char *second, struct err *err)
	__attribute__((warn_unused_result));

#endif
