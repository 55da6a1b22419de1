#include "lib/run/witnesses.h"

/* The one at `index`, or NULL behind the last. */
static const struct witness *
witness_at(const struct check *check, size_t index)
{
	size_t i = 0;

	if (check->witnesses == NULL || index >= WITNESSES_MAX)
		return NULL;
	while (i < index && check->witnesses[i] != NULL)
		i++;
	return check->witnesses[i];
}

/* Whether the options name it. */
static bool
is_named(const struct witnesses *witnesses, const struct check *check, size_t index)
{
	return witnesses->sources[index].bytes[witness_at(check, index)->settings[0].offset] != '\0';
}

size_t
witnesses_list_groups(
	struct witnesses *witnesses, const struct check *check, struct settings_group groups[WITNESSES_MAX])
{
	size_t count = 0;

	for (; witness_at(check, count) != NULL; count++)
		groups[count] = (struct settings_group){.title = "Which manager to ask as well",
			.rows = witness_at(check, count)->settings,
			.count = witness_at(check, count)->setting_count,
			.base = witnesses->sources[count].bytes};
	return count;
}

static void
add_facet(const struct facet *facets[SNAPSHOT_PART_COUNT + 1], const struct facet *facet)
{
	size_t at = 0;

	while (facets[at] != NULL && facets[at] != facet)
		at++;
	if (facets[at] == NULL && at < SNAPSHOT_PART_COUNT) {
		facets[at] = facet;
		facets[at + 1] = NULL;
	}
}

void
witnesses_list_facets(const struct witnesses *witnesses, const struct check *check,
	const struct facet *facets[SNAPSHOT_PART_COUNT + 1])
{
	facets[0] = NULL;
	for (const struct facet *const *facet = check->facets; *facet != NULL; facet++)
		add_facet(facets, *facet);
	for (size_t i = 0; witness_at(check, i) != NULL; i++) {
		const struct facet *const *facet = witness_at(check, i)->facets;

		for (; is_named(witnesses, check, i) && facet != NULL && *facet != NULL; facet++)
			add_facet(facets, *facet);
	}
}

void
witnesses_collect(const struct witnesses *witnesses, const struct check *check, int64_t deadline_ms,
	struct snapshot *snapshot)
{
	for (size_t i = 0; witness_at(check, i) != NULL; i++)
		if (is_named(witnesses, check, i))
			witness_at(check, i)->collect(
				witnesses->sources[i].bytes, snapshot, deadline_ms, snapshot);
}

int
witnesses_verify(const struct check *check, const struct snapshot *snapshot, struct err *err)
{
	for (size_t i = 0; witness_at(check, i) != NULL; i++) {
		const struct err *fault = &snapshot->faults[witness_at(check, i)->part];

		if (fault->class != ERR_USAGE)
			continue;
		*err = *fault;
		return err_context(err, "option --%s", witness_at(check, i)->settings[0].name);
	}
	return 0;
}
