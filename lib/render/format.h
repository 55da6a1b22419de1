/*
 * format.h: the ways to write a verdict. Pure: no descriptor, no clock, no locale.
 */
#ifndef PGHA_RENDER_FORMAT_H
#define PGHA_RENDER_FORMAT_H

#include <stdbool.h>

#include "lib/base/text.h"
#include "lib/model/verdict.h"

/* What the asker wants of the answer's form. */
struct format_options {
	bool warning_is_failure; /* for the formats that know only yes and no */
	bool unknown_is_ok;
	int verbosity;
	bool is_coloured;
	bool is_head_request; /* http: no body */
};

struct format {
	const char *name;
	const char *media_type;
	/* Appends the whole answer. */
	void (*write)(const struct verdict *verdict, const struct format_options *options, struct text *text);
	bool is_yes_no; /* exit code 0 for yes and 1 for no; else Nagios' 0 to 3 */
};

enum format_id {
	FORMAT_NAGIOS,
	FORMAT_KEEPALIVED,
	FORMAT_HAPROXY,
	FORMAT_HTTP,
	FORMAT_JSON,
	FORMAT_PROMETHEUS,
	FORMAT_PLAIN,
	FORMAT_COUNT
};

/* In the order of enum format_id; the names below likewise, ending in NULL. */
extern const struct format formats[FORMAT_COUNT];
extern const char *const format_names[];

/*
 * Yes or no, for those who know nothing else. OK and WARNING are a yes unless the options say
 * otherwise; a node of another role than the question's, or one that the operator has taken out, or of which
 * nothing is known any more, never is, whatever the state.
 */
bool format_is_yes(const struct verdict *verdict, const struct format_options *options);

/* The process' exit code. A bad option or configuration is 3 in every format. */
int format_exit_code(
	const struct format *format, const struct verdict *verdict, const struct format_options *options);

#endif
