/*
 * command.h: what comes over the agent's UNIX socket from pgha-ask, and HAProxy's agent-check: a line in, an
 * answer out.
 *
 *     ask FORMAT OPTIONS QUESTION [NAME=VALUE]...     OPTIONS: the verbosity, then "c" for colours
 *     drain [QUESTION]
 *     undrain [QUESTION]
 *
 * The answer to these is a line "CODE LENGTH" and so many bytes; CODE is the exit code.
 */
#ifndef PGHA_AGENT_COMMAND_H
#define PGHA_AGENT_COMMAND_H

#include "lib/agent/agent.h"
#include "lib/base/text.h"

/* Answers one line from pgha-ask. */
void command_answer(const struct agent_facts *facts, const char *line, struct text *answer);

/* Answers agent-check with the question in `line`: one line, whatever was asked. */
void command_answer_haproxy(const struct agent_facts *facts, const char *line, struct text *answer);

#endif
