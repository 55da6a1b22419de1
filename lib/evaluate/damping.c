#include "lib/evaluate/damping.h"

#include <stdio.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"

/* Whether a probe is a no that nothing may hold back. */
static bool
is_certain_no(const struct damping_probe *probe)
{
	return !probe->is_yes && (probe->is_firm || !probe->is_progressing);
}

/*
 * Whether a yes counts towards coming back. What was never seen to be away need not come back: else an
 * agent that restarts would take out every replica that is between the two limits.
 */
static bool
is_good_enough(const struct damping_state *state, const struct damping_probe *probe)
{
	return probe->is_yes && (probe->is_recovered || !state->has_been_no);
}

static void
turn(struct damping_state *state, int64_t now_ms)
{
	state->is_yes = !state->is_yes;
	state->contrary_count = 0;
	state->since_ms = now_ms;
}

void
damping_step(struct damping_state *state, const struct damping_limits *limits,
	const struct damping_probe *probe, int64_t now_ms)
{
	bool is_contrary = state->is_yes ? !probe->is_yes : is_good_enough(state, probe);
	int64_t needed = state->is_yes ? limits->fall : limits->rise;

	if (!state->has_begun)
		state->since_ms = now_ms;
	state->has_begun = true;
	state->contrary_count = is_contrary ? state->contrary_count + 1 : 0;
	if (is_contrary && (state->contrary_count >= needed || is_certain_no(probe)))
		turn(state, now_ms);
	if (probe->is_yes)
		state->weight_percent = probe->weight_percent;
	else if (!state->is_yes)
		state->has_been_no = true;
}

/* The most that a yes may weigh at `now_ms`. */
static int
ramp_percent(const struct damping_state *state, const struct damping_limits *limits, int64_t now_ms)
{
	int64_t elapsed_ms = now_ms - state->since_ms;

	if (elapsed_ms < 0) /* a question that was stamped just before the probe */
		elapsed_ms = 0;
	if (!state->has_been_no || elapsed_ms >= limits->weight_ramp_ms)
		return 100;
	return (int)(limits->weight_min + (100 - limits->weight_min) * elapsed_ms / limits->weight_ramp_ms);
}

static void
limit_weight(struct verdict *verdict, int most_percent)
{
	if (verdict->weight_percent <= most_percent) /* VERDICT_NO_WEIGHT is below any */
		return;
	verdict->weight_percent = most_percent;
	judge_reason(verdict, STATE_OK, "back again: the weight still climbs to 100%%");
}

/* Puts a finding before the summary, and makes its state the verdict's. */
static void
lead_with(struct verdict *verdict, enum state state, const char *finding)
{
	char raw[2 * sizeof verdict->summary];

	judge_reason(verdict, state, "%s", finding);
	verdict->state = state;
	snprintf(raw, sizeof raw, "%s%s%s", finding, verdict->summary[0] == '\0' ? "" : "; ",
		verdict->summary);
	text_clean(verdict->summary, sizeof verdict->summary, raw);
}

/* A no that is not believed yet. */
static void
hold_yes(const struct damping_state *state, const struct damping_limits *limits, struct verdict *verdict)
{
	enum state held = limits->warning_is_failure ? STATE_OK : STATE_WARNING;
	char finding[96];

	for (int i = 0; i < verdict->reason_count; i++)
		if (state_worse(held, verdict->reasons[i].state) != held)
			verdict->reasons[i].state = held;
	snprintf(finding, sizeof finding, "still in rotation: %lld of %lld bad probes",
		(long long)state->contrary_count, (long long)limits->fall);
	lead_with(verdict, held, finding);
	if (verdict->weight_percent == VERDICT_NO_WEIGHT) /* nothing was measured */
		verdict->weight_percent = state->weight_percent;
}

/* A yes that is not believed yet. What was never away cannot come back. */
static void
hold_no(const struct damping_state *state, const struct damping_limits *limits,
	const struct damping_probe *probe, struct verdict *verdict)
{
	const char *what = state->has_been_no ? "not back yet" : "not in rotation yet";
	char finding[96];

	if (is_good_enough(state, probe))
		snprintf(finding, sizeof finding, "%s: %lld of %lld good probes", what,
			(long long)state->contrary_count, (long long)limits->rise);
	else
		snprintf(finding, sizeof finding, "%s: lag must fall below the limit to come back", what);
	lead_with(verdict, STATE_CRITICAL, finding);
}

void
damping_apply(const struct damping_state *state, const struct damping_limits *limits,
	const struct damping_probe *probe, int64_t now_ms, struct verdict *verdict)
{
	if (is_certain_no(probe))
		return;
	if (state->is_yes && !probe->is_yes)
		hold_yes(state, limits, verdict);
	if (!state->is_yes && probe->is_yes)
		hold_no(state, limits, probe, verdict);
	if (state->is_yes)
		limit_weight(verdict, ramp_percent(state, limits, now_ms));
}
