/*
 * plan_rows.h: the settings of the agent's configuration, a table for each kind of section. Pure.
 */
#ifndef PGHA_AGENT_PLAN_ROWS_H
#define PGHA_AGENT_PLAN_ROWS_H

#include "lib/agent/plan.h"
#include "lib/run/settings.h"

/* The group of a section, filled into the part of a plan that is handed over. */
struct settings_group plan_rows_of_agent(struct plan_agent *agent);
struct settings_group plan_rows_of_target(struct plan_target *target);
struct settings_group plan_rows_of_listen(struct plan_listen *listen);
struct settings_group plan_rows_of_track(struct plan_track *track);

/* What [check NAME] says beside the check's own settings. */
struct settings_group plan_rows_of_answer(struct plan_answer *answer);

/* Of these, what a question may change: the check's own settings, what a fault means, yes and no. */
void plan_rows_list_question(const struct check *check, void *limits, struct plan_answer *answer,
	struct settings_group groups[PLAN_QUESTION_GROUPS]);

/* All groups of a section [check NAME], once it is known which check that is. */
enum { PLAN_ROWS_CHECK_GROUPS = PLAN_QUESTION_GROUPS + 2 };
void plan_rows_list_check(struct plan_check *check, struct settings_group groups[PLAN_ROWS_CHECK_GROUPS]);

#endif
