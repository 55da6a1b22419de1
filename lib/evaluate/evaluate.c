#include "lib/evaluate/evaluate.h"

#include "lib/evaluate/judge.h"

/* The fault for a needed part that is neither there nor explained: a snapshot of another check. */
static void
judge_absent_part(struct verdict *verdict, const struct policy *policy, enum snapshot_part part)
{
	struct err fault;

	err_set(&fault, ERR_USAGE, "the snapshot has no part \"%s\"", snapshot_part_name(part));
	err_hint(&fault, "it was recorded by another check; record it with this one");
	judge_fault(verdict, policy, &fault);
}

/*
 * Whether the check can do without it: it is there, nothing calls for it, or the snapshot comes from a source
 * of the check's own, which tells only its first part.
 */
static bool
is_satisfied(const struct check *check, const struct facet *const *facet, const struct snapshot *snapshot)
{
	enum snapshot_part part = (*facet)->part;

	return snapshot_has(snapshot, part) || ((*facet)->is_due != NULL && !(*facet)->is_due(snapshot))
		|| (check->collect != NULL && facet != check->facets
			&& snapshot->faults[part].class == ERR_NONE);
}

void
evaluate_check(const struct check *check, const struct snapshot *snapshots, size_t count, const void *limits,
	struct verdict *verdict)
{
	const struct policy *policy = limits; /* what every struct of limits begins with */
	const struct facet *const *facet = check->facets;

	judge_begin(verdict, check, &snapshots[0]);
	while (*facet != NULL && is_satisfied(check, facet, &snapshots[0]))
		facet++;
	if (*facet == NULL)
		check->evaluate(snapshots, count, limits, verdict);
	else if (snapshots[0].faults[(*facet)->part].class != ERR_NONE)
		judge_fault(verdict, policy, &snapshots[0].faults[(*facet)->part]);
	else
		judge_absent_part(verdict, policy, (*facet)->part);
	judge_end(verdict);
}

void
evaluate_error(const struct check *check, const struct policy *policy, const struct err *err,
	struct verdict *verdict)
{
	judge_begin(verdict, check, NULL);
	judge_fault(verdict, policy, err);
	judge_end(verdict);
}
