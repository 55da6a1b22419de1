/* ask_options.h: the command line of pgha-ask, and the request that it makes of it. */
#ifndef PGHA_RUN_ASK_OPTIONS_H
#define PGHA_RUN_ASK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

/* The longest request, with its newline. */
enum { ASK_OPTIONS_REQUEST_MAX = 1000 };

struct ask_options {
	char socket_path[sizeof((struct sockaddr_un *)0)->sun_path];
	int64_t timeout_ms; /* for everything together */
	int format;         /* enum format_id */
	int verbosity;
	bool warning_is_failure;
	bool unknown_is_ok;
	bool is_fallback_wanted;
	bool is_drain_wanted;
	bool is_undrain_wanted;
	bool is_version_wanted;
	bool is_help_wanted;
	/* Parts of argv, which they must not outlive. */
	const char *question;    /* NULL: none, only with drain and undrain */
	char *const *parameters; /* NAME=VALUE */
	int parameter_count;
	char *const *check_options; /* what stands behind "--" */
	int check_option_count;
};

/*
 * Reads a command line; orders the words of argv anew. -1 with class usage, and then `ret` holds what was
 * read up to there, above all the format to complain in. Words that would not arrive as one (blanks, control
 * characters) are refused; what the agent makes of the others is its affair.
 */
int ask_options_read(struct ask_options *ret, int argc, char **argv, struct err *err)
	__attribute__((warn_unused_result));

/* The name of the format, as -f takes it. */
const char *ask_options_format_name(const struct ask_options *options);

/*
 * Writes the request:
 *
 *     ask FORMAT OPTIONS QUESTION [NAME=VALUE]...\n     OPTIONS: verbosity, a digit; then "c" for colours
 *     drain [QUESTION]\n
 *     undrain [QUESTION]\n
 *
 * -1 with class usage when it is longer than a request may be.
 */
int ask_options_write_request(const struct ask_options *options, bool is_coloured, struct text *request,
	struct err *err) __attribute__((warn_unused_result));

/* Appends the whole of --help, in 80 columns. */
void ask_options_write_help(struct text *text);

#endif
