/*
 * track.h: files for keepalived's track_file, 1 for yes and 0 for no, for its "weight 0 reverse".
 *
 * A process of its own writes them: files may make it wait, and it outlives this one. When the agent ends,
 * however it ends, or has not been heard of for too long, every file says no. A file is written to a
 * temporary name and renamed, and only when it changes.
 */
#ifndef PGHA_AGENT_TRACK_H
#define PGHA_AGENT_TRACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/agent/plan.h"

struct track;

/*
 * Starts the process, which begins with `answers`, one for each track_file of the plan; NULL: all no. It
 * takes `silence_ms` without track_set() or track_beat() for the agent's death. NULL with class usage.
 */
struct track *track_open(const struct plan *plan, const bool *answers, int64_t silence_ms, struct err *err)
	__attribute__((warn_unused_result));

/* Has the file of the plan's track_file at `index` say yes or no. Accepts NULL: there is no writer (yet). */
void track_set(struct track *track, size_t index, bool is_yes);

/* Says that the agent is alive; due several times within silence_ms. */
void track_beat(struct track *track);

/* Whether a process that ended was the writer; if so it is started anew, and told what the files should say.
 */
bool track_reap(struct track *track, pid_t pid);

pid_t track_pid(const struct track *track);

/*
 * Ends the process and leaves its files as they are for the writer of another plan; those that the other
 * plan does not have say no.
 */
void track_hand_over(struct track *track, const struct plan *to);

/* Ends the process, which has every file say no before. Waits for that for at most a second. Accepts NULL. */
void track_close(struct track *track);

/* Has every track file of a plan say no, in this process. 0, or -1 when one could not be written. */
int track_write_no(const struct plan *plan);

#endif
