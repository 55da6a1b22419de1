#include "lib/agent/board.h"

#include <stdio.h>
#include <string.h>

#include "lib/evaluate/evaluate.h"
#include "lib/evaluate/judge.h"
#include "lib/model/lsn.h"
#include "lib/render/format.h"
#include "lib/run/settings.h"

/*
 * A standby that has replayed nothing for so long while it is over its limit is stuck, not in a burst: longer
 * than one record or one slow flush takes, and shorter than anybody wants to read from it.
 */
enum { PROGRESS_MS = 1000 };

/* -- what is known ----------------------------------------------------------------------------- */

int64_t
board_age_ms(const struct board *board, size_t index, int64_t now_ms)
{
	const struct board_target *target = &board->targets[index];

	if (!target->is_seen)
		return -1;
	return now_ms > target->seen_ms ? now_ms - target->seen_ms : 0;
}

static bool
is_fresh(const struct board *board, size_t index, int64_t now_ms)
{
	int64_t age_ms = board_age_ms(board, index, now_ms);

	return age_ms >= 0 && age_ms <= board->plan->agent.max_age_ms;
}

/* A look that was missed, or two, is no reason to know nothing any more. */
enum { SOURCE_LOOKS = 3 };

static int64_t
source_max_age_ms(const struct board *board, size_t index)
{
	const struct plan_source *source = &board->plan->checks[board->plan->sources[index]].source;

	return SOURCE_LOOKS * (source->interval_ms + source->timeout_ms);
}

static bool
is_fresh_source(const struct board *board, size_t index, int64_t now_ms)
{
	const struct board_source *source = &board->sources[index];

	return source->is_seen && now_ms - source->seen_ms <= source_max_age_ms(board, index);
}

/* This node's snapshot when it cannot be believed: every part failed, for that reason. */
static void
forget(struct board *board, int64_t now_ms)
{
	struct snapshot *own = &board->view[0];
	int64_t age_ms = board_age_ms(board, 0, now_ms);
	struct err fault;

	snapshot_copy(own, &board->targets[0].snapshot);
	if (age_ms < 0 || !board->is_begun) {
		snapshot_init(own);
		err_set(&fault, ERR_TIMEOUT, "nothing is known yet: the agent has just started");
	} else {
		err_set(&fault, ERR_TIMEOUT,
			"what is known is too old: from %lld.%lld s ago, for more than %lld.%lld s",
			(long long)(age_ms / 1000), (long long)(age_ms % 1000 / 100),
			(long long)(board->plan->agent.max_age_ms / 1000),
			(long long)(board->plan->agent.max_age_ms % 1000 / 100));
		err_hint(&fault,
			"the worker that asks the server gets no answer through: see the agent's log");
	}
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		snapshot_fail(own, part, &fault);
}

/*
 * Adds a peer to the view. A newer timeline, once seen on a primary, does not go away when that one is cut
 * off or too busy to answer, which is when it matters: what was last seen of it then goes on to count.
 */
static void
add_peer(struct board *board, size_t index, bool is_usable)
{
	const struct board_target *peer = &board->targets[index];
	struct snapshot *to = &board->view[board->view_count];
	uint32_t own = snapshot_has(&board->view[0], SNAPSHOT_ROLE)
		? lsn_timeline(board->view[0].role.wal_file)
		: 0;
	bool is_newer = own != 0 && lsn_timeline(peer->primary.role.wal_file) > own;

	if (is_newer && !(is_usable && snapshot_has(&peer->snapshot, SNAPSHOT_ROLE))) {
		snapshot_copy(to, &peer->primary);
		snprintf(to->target, sizeof to->target, "%.100s (as last seen)", peer->primary.target);
	} else if (is_usable) {
		snapshot_copy(to, &peer->snapshot);
	} else {
		return;
	}
	board->view_count++;
}

/* The witness at `index` of a configured check; NULL behind the last. */
static const struct witness *
witness_of(const struct board *board, size_t check_index, size_t index)
{
	const struct witness *const *witnesses = board->plan->checks[check_index].check->witnesses;

	return witnesses == NULL ? NULL : witnesses[index];
}

/*
 * Puts the word of a witness beside what the server says. It must not be older than that may be: a lock that
 * was held a while ago is none.
 */
static void
add_witness(struct board *board, const struct witness *witness, int64_t now_ms)
{
	int index = plan_find_witness(board->plan, witness);
	const struct board_source *source = index < 0 ? NULL : &board->sources[index];
	int64_t until_ms, age_ms;
	struct err fault;

	if (source == NULL)
		return;
	until_ms = source->seen_ms + board->plan->agent.max_age_ms + 1;
	age_ms = now_ms - source->seen_ms;
	if (!source->is_seen && board->reloaded_ms != 0
		&& now_ms - board->reloaded_ms < board->plan->agent.max_age_ms) {
		/* It was named by a reload, which alone must not take a leader out: it has its time to
		 * answer. */
		if (board->reloaded_ms + board->plan->agent.max_age_ms < board->view_until_ms)
			board->view_until_ms = board->reloaded_ms + board->plan->agent.max_age_ms;
	} else if (!source->is_seen) {
		err_set(&fault, ERR_TIMEOUT, "%s has not answered yet", witness->name);
		snapshot_fail(&board->view[0], witness->part, &fault);
	} else if (now_ms >= until_ms) {
		err_set(&fault, ERR_TIMEOUT, "%s has not answered for %lld.%lld s", witness->name,
			(long long)(age_ms / 1000), (long long)(age_ms % 1000 / 100));
		snapshot_fail(&board->view[0], witness->part, &fault);
	} else {
		snapshot_take_part(&board->view[0], &source->snapshot, witness->part);
		if (until_ms < board->view_until_ms)
			board->view_until_ms = until_ms;
	}
}

static void
add_witnesses(struct board *board, int64_t now_ms)
{
	for (size_t i = 0; i < board->plan->check_count; i++)
		for (size_t j = 0; witness_of(board, i, j) != NULL; j++)
			if (!snapshot_has(&board->view[0], witness_of(board, i, j)->part))
				add_witness(board, witness_of(board, i, j), now_ms);
}

/* Whether every witness was heard of once. */
static bool
has_heard_witnesses(const struct board *board)
{
	for (size_t i = 0; i < board->plan->check_count; i++)
		for (size_t j = 0; witness_of(board, i, j) != NULL; j++) {
			int index = plan_find_witness(board->plan, witness_of(board, i, j));

			if (index >= 0 && !board->sources[index].is_seen)
				return false;
		}
	return true;
}

/* Whether all were heard of once. One that does not answer says so within its timeout. */
static bool
has_begun(const struct board *board, int64_t now_ms)
{
	size_t seen = 0;

	for (size_t i = 0; i < board->plan->target_count; i++)
		seen += board->targets[i].is_seen;
	return (seen == board->plan->target_count && has_heard_witnesses(board))
		|| now_ms - board->started_ms >= board->plan->agent.max_age_ms;
}

/* Puts together what checks are to read. */
static void
compose(struct board *board, int64_t now_ms)
{
	board->generation++;
	board->is_untold = true;
	board->is_begun = board->is_begun || has_begun(board, now_ms);
	board->is_known = board->is_begun && is_fresh(board, 0, now_ms);
	board->view_count = 1;
	board->view_until_ms = board->is_begun ? INT64_MAX
					       : board->started_ms + board->plan->agent.max_age_ms;
	if (board->is_known)
		snapshot_copy(&board->view[0], &board->targets[0].snapshot);
	else
		forget(board, now_ms);
	for (size_t i = 0; i < board->plan->target_count; i++) {
		int64_t until_ms = board->targets[i].seen_ms + board->plan->agent.max_age_ms + 1;
		bool is_usable = is_fresh(board, i, now_ms);

		if (is_usable && until_ms < board->view_until_ms)
			board->view_until_ms = until_ms;
		if (i > 0)
			add_peer(board, i, is_usable);
	}
	if (board->is_known)
		add_witnesses(board, now_ms);
	for (size_t i = 0; i < board->plan->source_count; i++) {
		int64_t until_ms = board->sources[i].seen_ms + source_max_age_ms(board, i) + 1;

		if (is_fresh_source(board, i, now_ms) && until_ms < board->view_until_ms)
			board->view_until_ms = until_ms;
	}
}

/* -- answers ----------------------------------------------------------------------------------- */

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

	return source < 0 ? board->is_known : is_fresh_source(board, (size_t)source, now_ms);
}

static void
evaluate_source(const struct board *board, size_t index, const struct question *question, const void *limits,
	int64_t now_ms, struct verdict *verdict)
{
	const struct board_source *source = &board->sources[index];
	int64_t timeout_ms = board->plan->checks[board->plan->sources[index]].source.timeout_ms;
	struct err fault;

	if (is_fresh_source(board, index, now_ms)) {
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

static const struct damping_limits *
damping_of(const struct board *board, const struct question *question)
{
	return &board->plan->checks[question->check_index].answer.damping;
}

/* An answer with the damping's and the operator's say. */
static bool
answer(const struct board *board, const struct question *question, int64_t now_ms, struct verdict *verdict)
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

		damping_apply(&board->checks[question->check_index].damping, damping_of(board, question),
			&probe, now_ms, verdict);
	}
	if (is_drained) {
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
		compose(board, now_ms);
	if (question->kind == ROUTE_LIVENESS)
		return answer_liveness(board, question, verdict);
	if (question->is_for_standby_leader && health_leads_standbys(&board->view[0])) {
		struct question other = *question;

		/* Another question than the configured check, whose damping is about primaries. */
		other.check = &health_standby_leader;
		other.check_index = -1;
		return answer(board, &other, now_ms, verdict);
	}
	return answer(board, question, now_ms, verdict);
}

/* -- changes ----------------------------------------------------------------------------------- */

static void
tell(struct board *board, size_t index, bool is_yes_now, const struct verdict *verdict, int64_t now_ms,
	board_listener *listener, void *context)
{
	struct board_check *check = &board->checks[index];
	struct board_change change = {.check_index = index,
		.was_yes = check->is_yes,
		.is_yes = is_yes_now,
		.was_state = check->state,
		.state = verdict->state,
		.lasted_ms = check->is_told ? now_ms - check->since_ms : -1,
		.summary = verdict->summary,
		.former_summary = check->summary};
	bool is_changed = !check->is_told || check->is_yes != is_yes_now || check->state != verdict->state;

	if (is_changed && listener != NULL)
		listener(context, &change);
	if (is_changed)
		check->since_ms = now_ms;
	check->is_told = true;
	check->is_yes = is_yes_now;
	check->state = verdict->state;
	text_clean(check->summary, sizeof check->summary, verdict->summary);
}

/*
 * Has the damping of a check take in what is known now, if that is new, or if it is a no that is certain: a
 * peer may have told it, and may be silent again at the next look.
 */
static void
step(struct board *board, size_t index, bool is_new, int64_t now_ms)
{
	struct damping_state *damping = &board->checks[index].damping;
	struct question question;
	struct damping_probe probe;
	struct verdict verdict;

	question_of_check(board->plan, index, &question);
	evaluate(board, &question, question.limits.bytes, now_ms, &verdict);
	probe = probe_of(board, &question, now_ms, &verdict);
	if (is_new || !damping->has_begun || (damping->is_yes && !probe.is_yes && probe.is_firm))
		damping_step(damping, damping_of(board, &question), &probe, now_ms);
}

/* What was just seen: nothing, this node, or the source of that index. */
enum { NEWS_NONE = -2, NEWS_NODE = -1 };

/*
 * Whether this node's snapshot tells a check anything that it has not answered yet: a part that is asked
 * seldom is there again and again.
 */
static bool
is_news(const struct board *board, size_t index)
{
	const struct facet *const *facets = board->plan->checks[index].check->facets;
	bool has_period = false;

	for (; *facets != NULL; facets++) {
		bool is_own = (*facets)->period_ms > 0 && (*facets)->part != SNAPSHOT_IDENTITY;

		if (is_own && (board->view[0].recalled & 1U << (*facets)->part) == 0)
			return true;
		has_period = has_period || is_own;
	}
	return !has_period;
}

/*
 * Answers every configured check anew, after its damping's step if there was something new to see: a new
 * snapshot of this node or of its source, or none for too long.
 */
static void
answer_all(struct board *board, int news, int64_t now_ms, board_listener *listener, void *context)
{
	bool is_step = news == NEWS_NODE || (board->was_known && !board->is_known);

	board->was_known = board->is_known;
	board->is_untold = false;
	for (size_t i = 0; i < board->plan->check_count; i++) {
		int source = board->plan->checks[i].source_index;
		struct question question;
		struct verdict verdict;

		step(board, i, source < 0 ? is_step && is_news(board, i) : news == source, now_ms);
		question_of_check(board->plan, i, &question);
		tell(board, i, answer(board, &question, now_ms, &verdict), &verdict, now_ms, listener,
			context);
	}
}

/* Since when the replayed position has stood still. */
static void
follow_progress(struct board_target *target)
{
	const struct snapshot *snapshot = &target->snapshot;
	uint64_t replay_lsn = snapshot->standby.replay_lsn;

	/* Where nothing can be compared, there is nothing to hold against it. */
	if (!snapshot_has(snapshot, SNAPSHOT_STANDBY) || !snapshot->role.in_recovery
		|| replay_lsn != target->replay_lsn)
		target->progress_ms = target->seen_ms;
	if (snapshot_has(snapshot, SNAPSHOT_STANDBY))
		target->replay_lsn = replay_lsn;
}

void
board_take(struct board *board, size_t index, const struct snapshot *snapshot, int64_t seen_ms,
	int64_t now_ms, board_listener *listener, void *context)
{
	struct board_target *target = &board->targets[index];

	target->is_seen = true;
	target->seen_ms = seen_ms;
	snapshot_copy(&target->snapshot, snapshot);
	follow_progress(target);
	growth_follow(&target->growth, &target->snapshot, now_ms);
	if (snapshot_has(snapshot, SNAPSHOT_ROLE) && !snapshot->role.in_recovery)
		snapshot_copy(&target->primary, snapshot);
	else if (snapshot_has(snapshot, SNAPSHOT_ROLE))
		snapshot_init(&target->primary); /* it was made to follow another one */
	compose(board, now_ms);
	if (index == 0)
		history_see(&board->history, now_ms, &board->view[0], board->is_known);
	if (board->is_begun)
		answer_all(board, index == 0 ? NEWS_NODE : NEWS_NONE, now_ms, listener, context);
}

void
board_take_source(struct board *board, size_t index, const struct snapshot *snapshot, int64_t seen_ms,
	int64_t now_ms, board_listener *listener, void *context)
{
	struct board_source *source = &board->sources[index];

	source->is_seen = true;
	source->seen_ms = seen_ms;
	snapshot_copy(&source->snapshot, snapshot);
	compose(board, now_ms);
	if (board->is_begun)
		answer_all(board, (int)index, now_ms, listener, context);
}

void
board_drain(struct board *board, size_t check_index, bool is_drained, int64_t now_ms,
	board_listener *listener, void *context)
{
	if (board->checks[check_index].is_drained == is_drained)
		return;
	board->checks[check_index].is_drained = is_drained;
	compose(board, now_ms);
	if (board->is_begun)
		answer_all(board, NEWS_NONE, now_ms, listener, context);
}

void
board_age(struct board *board, int64_t now_ms, board_listener *listener, void *context)
{
	if (now_ms >= board->view_until_ms)
		compose(board, now_ms);
	if (board->is_untold && board->is_begun)
		answer_all(board, NEWS_NONE, now_ms, listener, context);
}

/* -- life -------------------------------------------------------------------------------------- */

void
board_init(struct board *board, const struct plan *plan, int64_t now_ms)
{
	memset(board, 0, sizeof *board);
	board->plan = plan;
	board->started_ms = now_ms;
	for (size_t i = 0; i < PLAN_TARGETS; i++) {
		snapshot_init(&board->targets[i].snapshot);
		snapshot_init(&board->targets[i].primary);
		growth_init(&board->targets[i].growth);
		board->targets[i].progress_ms = now_ms;
	}
	compose(board, now_ms);
}

static bool
is_same_target(const struct plan_target *a, const struct plan_target *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->target.dbname, b->target.dbname) == 0;
}

/* What a check of the same name was, for one that may have other limits now. */
static void
inherit_check(struct board_check *check, const struct board_check *former, bool is_same_server)
{
	if (is_same_server)
		*check = *former;
	check->is_drained = former->is_drained;
}

/* What the source of a check was seen to be, if it is looked for in the same place. */
static void
inherit_source(struct board *board, const struct plan_check *to, const struct board *from,
	const struct plan_check *of)
{
	bool is_there = to->source_index >= 0 && of->source_index >= 0;
	/* What a witness said at its former URL counts until it is heard at the new one, or is too old. */
	bool is_same = is_there
		&& (plan_is_same_source(to->check, to->limits.bytes, of->limits.bytes)
			|| plan_is_witness(board->plan, (size_t)to->source_index));

	if (is_same)
		board->sources[to->source_index] = from->sources[of->source_index];
}

/* What a new check needs and nobody has asked for so far is not known, which is no fault of anybody. */
static void
fail_unasked(struct board *board)
{
	struct snapshot *snapshot = &board->targets[0].snapshot;
	struct err fault;

	err_set(&fault, ERR_TIMEOUT,
		"nothing is known yet: it is asked since the configuration was reloaded");
	for (size_t i = 0; i < board->plan->check_count; i++) {
		const struct plan_check *check = &board->plan->checks[i];

		for (size_t j = 0; check->source_index < 0 && check->check->facets[j] != NULL; j++) {
			enum snapshot_part part = check->check->facets[j]->part;

			if (check->check->facets[j]->is_due == NULL && !snapshot_has(snapshot, part)
				&& snapshot->faults[part].class == ERR_NONE)
				snapshot_fail(snapshot, part, &fault);
		}
	}
}

void
board_inherit(struct board *board, const struct board *from, int64_t now_ms)
{
	bool is_same_server = is_same_target(&board->plan->targets[0], &from->plan->targets[0]);

	for (size_t i = 0; i < board->plan->target_count; i++)
		for (size_t j = 0; j < from->plan->target_count; j++)
			if (is_same_target(&board->plan->targets[i], &from->plan->targets[j]))
				board->targets[i] = from->targets[j];
	for (size_t i = 0; i < board->plan->check_count; i++)
		for (size_t j = 0; j < from->plan->check_count; j++) {
			const struct plan_check *to = &board->plan->checks[i], *of = &from->plan->checks[j];

			if (strcmp(to->name, of->name) != 0 || to->check != of->check)
				continue;
			inherit_source(board, to, from, of);
			inherit_check(&board->checks[i], &from->checks[j], is_same_server);
		}
	if (is_same_server) {
		board->history = from->history;
		board->was_known = from->was_known;
		board->is_begun = from->is_begun;
		fail_unasked(board);
	}
	board->generation = from->generation;
	board->reloaded_ms = now_ms;
	compose(board, now_ms);
}

void
board_settle(struct board *board, int64_t now_ms, board_listener *listener, void *context)
{
	if (!board->is_begun)
		return;
	for (size_t i = 0; i < board->plan->check_count; i++)
		if (!board->checks[i].damping.has_begun)
			step(board, i, true, now_ms);
	answer_all(board, NEWS_NONE, now_ms, listener, context);
}
