#include "lib/agent/board_answer.h"

#include <stdio.h>

#include "lib/agent/board.h"
#include "lib/agent/board_view.h"
#include "lib/evaluate/evaluate.h"
#include "lib/evaluate/judge.h"
#include "lib/render/format.h"
#include "lib/run/settings.h"

/*
 * A standby that has replayed nothing for so long while it is over its limit is stuck, not in a burst: longer
 * than one record or one slow flush takes, and shorter than anybody wants to read from it.
 */
enum { PROGRESS_MS = 1000 };

/* What a question asks beside its check. */
static void
judge_rest(const struct board *board, const struct question *question, struct verdict *verdict)
{
	const struct snapshot *own = &board->view[0];
	bool is_patroni_asked = snapshot_has(own, SNAPSHOT_PATRONI)
		|| own->faults[SNAPSHOT_PATRONI].class != ERR_NONE;
	bool is_leader = !own->role.in_recovery
		|| (question->is_for_any_leader && health_leads_standbys(own));

	if (question->sync != ROUTE_ANY_SYNC && verdict->fault.class == ERR_NONE && !is_leader)
		health_judge_sync(board->view, board->view_count, question->sync, verdict);
	if (question->tags[0] != '\0' && !(question->has_no_tags && is_patroni_asked))
		health_judge_tags(own, question->tags, verdict);
	if (question->never) {
		judge_reason(verdict, STATE_CRITICAL, "no node can have what is asked for");
		judge_end(verdict);
	}
}

/* The source that a question is about, or -1: it is about the servers. */
static int
source_of(const struct board *board, const struct question *question)
{
	return question->owner_index < 0 ? -1 : board->plan->checks[question->owner_index].source_index;
}

/* Whether what the question is about is known. */
static bool
is_known(const struct board *board, const struct question *question, int64_t now_ms)
{
	int source = source_of(board, question);

	return source < 0 ? board->is_known : board_view_is_fresh_source(board, (size_t)source, now_ms);
}

static void
evaluate_source(const struct board *board, size_t index, const struct question *question, const void *limits,
	int64_t now_ms, struct verdict *verdict)
{
	const struct board_source *source = &board->sources[index];
	int64_t timeout_ms = board->plan->checks[board->plan->sources[index]].source.timeout_ms;
	struct err fault;

	if (board_view_is_fresh_source(board, index, now_ms)) {
		evaluate_check(question->check, &source->snapshot, 1, limits, verdict);
		return;
	}
	if (!source->is_seen && now_ms - board->started_ms <= timeout_ms) {
		/* Nothing has failed: the tool may take its time. */
		judge_begin(verdict, question->check, NULL);
		judge_reason(verdict, STATE_UNKNOWN, "nothing is known yet: the first look has not ended");
		judge_end(verdict);
		return;
	}
	if (source->is_seen)
		err_set(&fault, ERR_TIMEOUT, "what is known is too old: from %lld s ago",
			(long long)((now_ms - source->seen_ms) / 1000));
	else
		err_set(&fault, ERR_TIMEOUT, "nothing is known: the first look has not ended in time");
	evaluate_error(question->check, limits, &fault, verdict);
}

static void
evaluate(const struct board *board, const struct question *question, const void *limits, int64_t now_ms,
	struct verdict *verdict)
{
	int source = source_of(board, question);

	if (source >= 0) {
		evaluate_source(board, (size_t)source, question, limits, now_ms, verdict);
		return;
	}
	evaluate_check(question->check, board->view, board->view_count, limits, verdict);
	judge_rest(board, question, verdict);
}

static bool
is_yes(const struct question *question, const struct verdict *verdict)
{
	struct format_options options = {
		.warning_is_failure = question->warning_is_failure, .unknown_is_ok = question->unknown_is_ok};

	return format_is_yes(verdict, &options);
}

/* Whether it would also be a yes with the limits to come back in the place of the critical ones. */
static bool
is_recovered(const struct board *board, const struct question *question, int64_t now_ms)
{
	const struct limit *recover = &board->plan->checks[question->check_index].answer.recover;
	struct question strict = *question;
	struct settings_group group = {.rows = question->check->settings,
		.count = question->check->setting_count,
		.base = strict.limits.bytes};
	const struct setting *row = settings_find(&group, 1, "critical", NULL);
	struct verdict verdict;

	for (enum unit unit = UNIT_NONE; row != NULL && unit < UNIT_COUNT; unit++)
		if (recover->of[unit].is_set)
			((struct limit *)settings_member(&group, row))->of[unit] = recover->of[unit];
	evaluate(board, &strict, strict.limits.bytes, now_ms, &verdict);
	return is_yes(&strict, &verdict);
}

/* What the newest facts say of a configured check, for its damping. */
static struct damping_probe
probe_of(const struct board *board, const struct question *question, int64_t now_ms,
	const struct verdict *verdict)
{
	struct damping_probe probe = {
		.is_yes = is_yes(question, verdict), .weight_percent = verdict->weight_percent};
	bool is_late = verdict->fault.class == ERR_TIMEOUT
		&& is_known(board, question, now_ms); /* not too old: not answered in time */
	struct verdict firm = *verdict;

	firm.state = verdict->firm_state;
	probe.is_firm = !probe.is_yes && !is_late && !is_yes(question, &firm);
	probe.is_recovered = probe.is_yes && is_recovered(board, question, now_ms);
	probe.is_progressing = is_late || !question->check->is_about_replay
		|| board->targets[0].seen_ms - board->targets[0].progress_ms <= PROGRESS_MS;
	return probe;
}

struct damping_probe
board_answer_probe(const struct board *board, const struct question *question, int64_t now_ms)
{
	struct verdict verdict;

	evaluate(board, question, question->limits.bytes, now_ms, &verdict);
	return probe_of(board, question, now_ms, &verdict);
}

static void
mark_drained(struct verdict *verdict)
{
	char summary[sizeof verdict->summary];

	judge_reason(verdict, STATE_WARNING, "drained by the operator");
	text_clean(summary, sizeof summary, verdict->summary);
	judge_end(verdict);
	if (verdict->state != STATE_WARNING)
		judge_hint(verdict, "it is drained by the operator as well");
	else
		snprintf(verdict->summary, sizeof verdict->summary, "drained by the operator; %.450s",
			summary);
	verdict->is_drained = true;
}

bool
board_answer_as_known(
	const struct board *board, const struct question *question, int64_t now_ms, struct verdict *verdict)
{
	bool is_drained = question->owner_index >= 0 && !question->is_drain_ignored
		&& board->checks[question->owner_index].is_drained;

	evaluate(board, question, question->limits.bytes, now_ms, verdict);
	verdict->is_stale = !is_known(board, question, now_ms);
	if (question->owner_index >= 0) /* several may be of one kind */
		text_clean(verdict->check, sizeof verdict->check,
			board->plan->checks[question->owner_index].name);
	if (question->check_index >= 0) {
		struct damping_probe probe = probe_of(board, question, now_ms, verdict);

		damping_apply(&board->checks[question->check_index].damping,
			&board->plan->checks[question->check_index].answer.damping, &probe, now_ms, verdict);
	}
	if (is_drained)
		mark_drained(verdict);
	return is_yes(question, verdict);
}

/* The agent gets on if its worker does, whatever it sees. */
static bool
answer_liveness(const struct board *board, const struct question *question, struct verdict *verdict)
{
	judge_begin(verdict, question->check, &board->view[0]);
	if (board->is_known)
		judge_reason(verdict, STATE_OK, "the agent gets on");
	else
		judge_fault(verdict, &question->limits.policy, &board->view[0].faults[SNAPSHOT_ROLE]);
	verdict->is_stale = !board->is_known;
	judge_end(verdict);
	return is_yes(question, verdict);
}

bool
board_answer(struct board *board, const struct question *question, int64_t now_ms, struct verdict *verdict)
{
	if (now_ms >= board->view_until_ms)
		board_view_compose(board, now_ms);
	if (question->kind == ROUTE_LIVENESS)
		return answer_liveness(board, question, verdict);
	if (question->is_for_standby_leader && health_leads_standbys(&board->view[0])) {
		struct question other = *question;

		/* Another question than the configured check, whose damping is about primaries. */
		other.check = &health_standby_leader;
		other.check_index = -1;
		return board_answer_as_known(board, &other, now_ms, verdict);
	}
	return board_answer_as_known(board, question, now_ms, verdict);
}
