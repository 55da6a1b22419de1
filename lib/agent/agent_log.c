#include "lib/agent/agent_log.h"

#include "lib/agent/http.h"
#include "lib/agent/watch.h"
#include "lib/agent/workers.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

void
agent_log_change(const struct plan *plan, const struct board_change *change)
{
	const char *name = plan->checks[change->check_index].name;
	const char *answer = change->is_yes ? "yes" : "no";

	if (change->lasted_ms < 0)
		log_write(LOG_LEVEL_INFO, "%s: %s, %s: %s", name, answer, state_name(change->state),
			change->summary);
	else
		log_write(change->was_yes && !change->is_yes ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
			"%s: %s -> %s, %s: %s (before, for %lld.%lld s: %s: %s)", name,
			change->was_yes ? "yes" : "no", answer, state_name(change->state), change->summary,
			(long long)(change->lasted_ms / 1000), (long long)(change->lasted_ms % 1000 / 100),
			state_name(change->was_state), change->former_summary);
}

void
agent_log_state(const struct board *board, const struct workers *workers, const struct http *http)
{
	const struct plan *plan = board->plan;
	int64_t now_ms = clock_now_ms();

	for (size_t i = 0; i < plan->target_count; i++)
		log_write(LOG_LEVEL_ERROR,
			"state: %s at \"%s\": seen %lld ms ago, in %lld us, worker %ld, %lld looks, %lld "
			"restarts",
			plan->targets[i].name, board->targets[i].snapshot.target,
			(long long)board_age_ms(board, i, now_ms),
			(long long)board->targets[i].snapshot.elapsed_us,
			(long)watch_pid(workers_at(workers, i)),
			(long long)watch_count(workers_at(workers, i)).probes,
			(long long)watch_count(workers_at(workers, i)).restarts);
	for (size_t i = 0; i < plan->check_count; i++)
		log_write(LOG_LEVEL_ERROR, "state: check %s: %s, %s for %lld ms: %s", plan->checks[i].name,
			board->checks[i].is_yes ? "yes" : "no", state_name(board->checks[i].state),
			(long long)(now_ms - board->checks[i].since_ms), board->checks[i].summary);
	log_write(LOG_LEVEL_ERROR, "state: %lld HTTP clients", (long long)http_connection_count(http));
}
