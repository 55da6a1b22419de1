/*
 * ask_no.h: the "no" that pgha-ask says itself, where it has no answer of the agent: UNKNOWN, in every
 * format.
 */
#ifndef PGHA_RUN_ASK_NO_H
#define PGHA_RUN_ASK_NO_H

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/model/verdict.h"
#include "lib/run/ask_options.h"

/* Makes the verdict: UNKNOWN, with the fault as its only finding. The question stands for the check. */
void ask_no_judge(const struct ask_options *options, const struct err *fault, struct verdict *verdict);

/* Appends it as the checks would in that format. */
void ask_no_write(const struct ask_options *options, const struct verdict *verdict, bool is_coloured,
	struct text *text);

/*
 * The exit code: never 0. --unknown-is-ok does not change that: it is about what the agent could not
 * see, and here nobody has looked.
 */
int ask_no_exit_code(const struct ask_options *options, const struct verdict *verdict);

#endif
