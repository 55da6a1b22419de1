#include "lib/collect/collect.h"

#include "lib/base/clock.h"
#include "lib/collect/pg.h"

/* What the reader of the answers needs. */
struct filling {
	const struct facet *const *facets;
	struct snapshot *snapshot;
};

/* Fills a part from a row whose columns are named as its fields; all of them, and no other. */
static int
fill_part(struct snapshot *snapshot, enum snapshot_part part, const struct pg_row *row, struct err *err)
{
	int found = 0;

	for (size_t i = 0; i < snapshot_field_count; i++) {
		const struct snapshot_field *field = &snapshot_fields[i];
		int column = field->part == part ? pg_row_find(row, field->name) : -1;

		if (field->part != part)
			continue;
		if (column < 0)
			return err_set(err, ERR_PROTOCOL, "no column \"%s\"", field->name);
		if (snapshot_set(snapshot, field, pg_row_value(row, column), err) != 0)
			return -1;
		found++;
	}
	if (pg_row_columns(row) != found)
		return err_set(err, ERR_PROTOCOL, "%d columns instead of %d", pg_row_columns(row), found);
	return 0;
}

static void
take_row(void *context, size_t index, const struct pg_row *row, const struct err *fault)
{
	struct filling *filling = context;
	enum snapshot_part part = filling->facets[index]->part;
	struct err err;

	if (fault != NULL) {
		snapshot_fail(filling->snapshot, part, fault);
	} else if (fill_part(filling->snapshot, part, row, &err) != 0) {
		err_context(&err, "unexpected answer about \"%s\"", snapshot_part_name(part));
		snapshot_fail(filling->snapshot, part, &err);
	} else {
		snapshot_mark(filling->snapshot, part);
	}
}

/* Asks the facets that are always due, or those that what was seen calls for. */
static void
ask_facets(struct pg *pg, const struct facet *const *facets, bool is_conditional, int64_t deadline_ms,
	struct snapshot *snapshot)
{
	const char *statements[SNAPSHOT_PART_COUNT];
	const struct facet *asked[SNAPSHOT_PART_COUNT];
	struct filling filling = {.facets = asked, .snapshot = snapshot};
	struct pg_reader reader = {.take = take_row, .context = &filling};
	size_t count = 0;

	for (; *facets != NULL; facets++) {
		bool is_due = is_conditional ? (*facets)->is_due != NULL && (*facets)->is_due(snapshot)
					     : (*facets)->is_due == NULL;

		if (is_due && count < SNAPSHOT_PART_COUNT) {
			asked[count] = *facets;
			statements[count++] = (*facets)->sql(pg_version(pg));
		}
	}
	if (count > 0)
		pg_ask(pg, statements, count, deadline_ms, &reader);
}

void
collect_once(const struct target *target, const struct facet *const *facets, int64_t deadline_ms,
	struct snapshot *snapshot)
{
	int64_t start_us = clock_now_us();
	struct text place;
	struct pg *pg = NULL;
	struct err err;

	snapshot_init(snapshot);
	text_init(&place, snapshot->target, sizeof snapshot->target);
	if (pg_open(target, deadline_ms, &place, &pg, &err) == 0) {
		snapshot->server_version = pg_version(pg);
		ask_facets(pg, facets, false, deadline_ms, snapshot);
		ask_facets(pg, facets, true, deadline_ms, snapshot);
	} else {
		for (; *facets != NULL; facets++)
			snapshot_fail(snapshot, (*facets)->part, &err);
	}
	snapshot->elapsed_us = clock_now_us() - start_us;
	snapshot->taken_ms = clock_wall_ms();
	pg_close(pg);
}
