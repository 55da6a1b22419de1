#include "lib/agent/duty.h"

#include <stdlib.h>

#include "lib/agent/plan_load.h"
#include "lib/base/clock.h"

struct duty *
duty_open(struct event_base *base, const char *path, const struct check *const *table,
	const struct duty *former, const struct serve_answerer *answerer, struct err *err)
{
	struct duty *duty = calloc(1, sizeof *duty);

	if (duty == NULL) {
		err_set(err, ERR_USAGE, "out of memory");
		return NULL;
	}
	if (plan_load(path, table, &duty->plan, err) == 0
		&& serve_open(base, &duty->plan, former == NULL ? NULL : former->serve, answerer,
			   &duty->serve, err)
			== 0) {
		board_init(&duty->board, &duty->plan, clock_now_ms());
		if (former != NULL)
			board_inherit(&duty->board, &former->board, clock_now_ms());
		return duty;
	}
	free(duty);
	return NULL;
}

int
duty_start_workers(struct duty *duty, struct event_base *base, struct duty *former, watch_listener *listener,
	void *context, struct err *err)
{
	duty->workers = workers_start(
		base, &duty->plan, former == NULL ? NULL : former->workers, listener, context);
	return duty->workers == NULL ? err_set(err, ERR_USAGE, "out of memory") : 0;
}

int
duty_start_track(struct duty *duty, struct err *err)
{
	bool answers[PLAN_TRACKS];

	if (duty->plan.track_count == 0)
		return 0;
	for (size_t i = 0; i < duty->plan.track_count; i++)
		answers[i] = duty->board.checks[duty->plan.tracks[i].check_index].is_yes;
	duty->track = track_open(&duty->plan, answers, duty->plan.agent.max_age_ms, err);
	return duty->track == NULL ? -1 : 0;
}

struct serve *
duty_retire(struct duty *duty, const struct duty *successor)
{
	struct serve *serve = duty->serve;

	serve_retire(serve, successor->serve);
	workers_close(duty->workers);
	if (duty->track != NULL)
		track_hand_over(duty->track, &successor->plan);
	free(duty);
	return serve;
}

void
duty_close(struct duty *duty)
{
	if (duty == NULL)
		return;
	serve_close(duty->serve);
	workers_close(duty->workers);
	track_close(duty->track);
	free(duty);
}
