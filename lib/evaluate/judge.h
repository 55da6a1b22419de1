/*
 * judge.h: builds a verdict, finding by finding. Pure.
 */
#ifndef PGHA_EVALUATE_JUDGE_H
#define PGHA_EVALUATE_JUDGE_H

#include "lib/model/check.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/* Starts the verdict of a check: OK, with no reasons. `snapshot` may be NULL: nothing was seen. */
void judge_begin(struct verdict *verdict, const struct check *check, const struct snapshot *snapshot);

/*
 * Adds a finding; the verdict takes the worse of its state and this one. Findings past what
 * the verdict holds still count for the state, and worse ones are kept.
 */
void judge_reason(struct verdict *verdict, enum state state, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Something to know that the summary leaves out: for -v, and the formats that list what was found. */
void judge_detail(struct verdict *verdict, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Says what to do about the finding that was added last. The first hint stands, unless a worse finding has one;
 * one that belongs to something that is well is dropped where something is not.
 */
void judge_hint(struct verdict *verdict, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A finding of the state that the policy has for nodes of another role. */
void judge_wrong_role(struct verdict *verdict, const struct policy *policy, const char *text);

/* A finding of the state that the policy has for this class of fault; keeps the fault. */
void judge_fault(struct verdict *verdict, const struct policy *policy, const struct err *fault);

/* A measured figure that has no limits. */
void judge_figure(struct verdict *verdict, const char *name, double value, enum unit unit);

/* The same of one of several things: `subject` is its name. */
void
judge_figure_of(struct verdict *verdict, const char *subject, const char *name, double value, enum unit unit);

/*
 * A measured figure and its limits; either limit may be NULL. Where one alerts, adds a finding
 * "SUBJECT is 20 MB (critical above 16 MB)". NAN is not held against limits: the caller must
 * say what it means that the figure is unknown.
 */
void judge_metric(struct verdict *verdict, const char *subject, const char *name, double value,
	enum unit unit, const struct limit *warning, const struct limit *critical);

/*
 * judge_metric() of one of several things, named `subject`: the finding reads "WHAT is 20 MB (...)", so
 * `what` names the thing too: "replay lag of n2".
 */
void judge_metric_of(struct verdict *verdict, const char *subject, const char *what, const char *name,
	double value, enum unit unit, const struct limit *warning, const struct limit *critical);

/* Holds a figure against limits as judge_metric() does, without keeping it among the figures. */
void judge_limit(struct verdict *verdict, const char *what, double value, enum unit unit,
	const struct limit *warning, const struct limit *critical);

/*
 * Ends the verdict: the summary is made of the findings that have its state, in their order.
 */
void judge_end(struct verdict *verdict);

#endif
