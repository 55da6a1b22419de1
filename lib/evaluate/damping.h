/*
 * damping.h: an answer that does not flap with every probe. Pure: no clock, the caller says when.
 *
 * A replica whose lag swings around its limit was seen to go up and down 300 times in 22 minutes
 * behind HAProxy (patroni issue 3491). So a no for a mere figure has to be seen `fall` times in a
 * row, a yes has to be seen `rise` times in a row, and come back within tighter limits than those
 * that it left by. Only doubt is damped, never knowledge: a no that is certain is a no at once,
 * whatever the limits say, and there is no state in which a later question brings the yes back.
 *
 * What it does not do: decide what a probe means. The caller does, who knows the check's limits, the
 * formats' policy and how old the facts are.
 */
#ifndef PGHA_EVALUATE_DAMPING_H
#define PGHA_EVALUATE_DAMPING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/verdict.h"

struct damping_limits {
	int64_t rise;           /* so many good probes in a row make a yes; less than 1 is 1 */
	int64_t fall;           /* so many soft nos in a row make a no; less than 1 is 1 */
	int64_t weight_ramp_ms; /* how long the weight climbs after a return; 0: not at all; at most a year */
	int64_t weight_min;     /* where it begins, 1 to 100 per cent: a yes at 0 would get no connection */
	bool warning_is_failure; /* as format_is_yes() is told: a yes that is held is then OK, not WARNING */
};

/* What one snapshot says. All zero is the safest: a no that nothing damps. */
struct damping_probe {
	bool is_yes; /* the check's own answer, without damping and without the operator's switch */
	/*
	 * Of a no: it is certain, so that nothing is waited for: the server closed or refused, the wrong
	 * role, not streaming, replay paused, read-only, facts too old. The others are soft: a figure over
	 * its limit, and a probe that was not answered in time.
	 */
	bool is_firm;
	bool is_recovered; /* of a yes: also within the limits to come back (where there are none: always) */
	/*
	 * Of a soft no: replay went on since the probe before. A standby over its limit that replays
	 * nothing is not in a burst but stuck, and falls at once. Where there is nothing to compare, it
	 * is given the benefit: true for a probe that was not answered in time, whose silence tells nothing
	 * of replay and which `fall` bounds, and for the first one after a connection was lost.
	 */
	bool is_progressing;
	int weight_percent; /* of a yes; VERDICT_NO_WEIGHT when the check has none */
};

/* Begins zeroed, which is a no: nothing has been seen yet. Read its members, change none. */
struct damping_state {
	bool is_yes;            /* the answer now */
	bool has_begun;         /* a probe was seen */
	bool has_been_no;       /* a probe said no and so did the answer: the next yes is a return */
	int weight_percent;     /* of the last probe that was a yes */
	int64_t contrary_count; /* probes in a row that speak against the answer; less than rise or fall */
	int64_t since_ms;       /* when the answer became what it is, or the first probe came */
};

/*
 * Takes in one new snapshot; call it once for each, and once with a firm no when the facts have
 * become too old. Counts probes, not time, so that it does not matter how regularly they come.
 *
 * While the answer is no, only a yes that is recovered counts; any other probe begins the count
 * anew. While it is yes, any yes does so. At the start the answer is no until `rise` probes
 * that say yes: what was never seen to be away need not recover.
 */
void damping_step(struct damping_state *state, const struct damping_limits *limits,
	const struct damping_probe *probe, int64_t now_ms);

/*
 * Changes a verdict that judge_end() has ended so that every format gives the damped answer and says why.
 *
 * `probe` is what this verdict says. It is that of the last step, unless the facts have grown
 * too old since: then it is a firm no, which is left alone whatever the state holds.
 *
 * A no that is held back becomes WARNING (OK if warnings are failures), "still in rotation: 2 of 3
 * bad probes; replay lag is 20 MB (critical above 16 MB)"; its findings keep their words and lose
 * their state. A yes that has to wait becomes CRITICAL, "not back yet: 1 of 3 good probes; ...".
 *
 * The weight of a yes, where the check has one, is the lower of the check's own (of the last yes, when
 * nothing is known now) and one that climbs linearly from weight_min to 100 over weight_ramp_ms after
 * a return. An answer that has been yes since the first probes is no return: otherwise an agent that
 * restarts would take the load off a replica that was well all the time.
 */
void damping_apply(const struct damping_state *state, const struct damping_limits *limits,
	const struct damping_probe *probe, int64_t now_ms, struct verdict *verdict);

#endif
