/*
 * question_unreachable.h: what it means that a manager could not be asked, which is said once: in [check
 * leader]. Pure.
 */
#ifndef PGHA_AGENT_QUESTION_UNREACHABLE_H
#define PGHA_AGENT_QUESTION_UNREACHABLE_H

#include "lib/agent/plan.h"
#include "lib/evaluate/witness.h"
#include "lib/model/state.h"

/* The state of each manager that could not be asked, whether or not the agent asks it. */
void question_unreachable_take(const struct plan *plan, enum state unreachable[WITNESS_MANAGERS]);

/*
 * The same in one word, of the managers that there are: with more than one, the worst. Critical where there
 * is none: nobody is asked, and nothing comes of it.
 */
enum state question_unreachable_worst(const struct plan *plan);

#endif
