#include "lib/agent/question_unreachable.h"

#include <string.h>

#include "lib/run/settings.h"

static enum state
leader_state(const struct plan_check *leader, const char *name)
{
	struct settings_group group = {.rows = leader->check->settings,
		.count = leader->check->setting_count,
		.base = (void *)leader->limits.bytes};
	const struct setting *row = settings_find(&group, 1, name, NULL);

	return row == NULL ? STATE_CRITICAL : *(const enum state *)settings_member(&group, row);
}

/* By the name of the section that asks it, what [check leader] says of a manager that could not be asked. */
static const struct {
	const char *section;
	const char *setting;
} managers[WITNESS_MANAGERS] = {
	[WITNESS_PATRONI] = {"patroni", "patroni-unreachable"},
	[WITNESS_REPMGR] = {"repmgr", "repmgr-unreachable"},
	[WITNESS_MONITOR] = {"pg_auto_failover", "monitor-unreachable"},
};

void
question_unreachable_take(const struct plan *plan, enum state unreachable[WITNESS_MANAGERS])
{
	for (int i = 0; i < WITNESS_MANAGERS; i++)
		unreachable[i] = leader_state(plan_find_check(plan, "leader"), managers[i].setting);
}

/* Whether the agent asks a manager at all. */
static bool
is_asked(const struct plan *plan, enum witness_manager manager)
{
	const struct plan_check *source = plan_find_check(plan, managers[manager].section);

	return source != NULL && source->source_index >= 0
		&& strcmp(source->check->name, managers[manager].section) == 0;
}

enum state
question_unreachable_worst(const struct plan *plan)
{
	enum state unreachable[WITNESS_MANAGERS], worst = STATE_OK;
	bool is_any = false;

	question_unreachable_take(plan, unreachable);
	for (int i = 0; i < WITNESS_MANAGERS; i++) {
		if (!is_asked(plan, (enum witness_manager)i))
			continue;
		worst = state_worse(worst, unreachable[i]);
		is_any = true;
	}
	return is_any ? worst : STATE_CRITICAL;
}
