#include "lib/collect/collect.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/collect/pg.h"

/* What the reader of the answers needs. */
struct filling {
	const struct facet *const *facets;
	struct snapshot *snapshot;
};

/* Fills a part from the row at `number`: the fields of a list's rows, or the others. */
static int
fill_row(struct snapshot *snapshot, enum snapshot_part part, const struct pg_row *row, size_t number,
	bool is_in_row, struct err *err)
{
	struct pg_row at = pg_row_at(row, number);

	for (size_t i = 0; i < snapshot_fields_count; i++) {
		struct snapshot_field field = snapshot_field_at(&snapshot_fields[i], number);
		int column;

		if (field.part != part || field.is_in_row != is_in_row)
			continue;
		column = pg_row_find(&at, field.name);
		if (column < 0)
			return err_set(err, ERR_PROTOCOL, "no column \"%s\"", field.name);
		if (snapshot_set(snapshot, &field, pg_row_value(&at, column), err) != 0)
			return -1;
	}
	return 0;
}

static int
field_count(enum snapshot_part part)
{
	int count = 0;

	for (size_t i = 0; i < snapshot_fields_count; i++)
		count += snapshot_fields[i].part == part;
	return count;
}

static bool
is_empty(const struct snapshot *snapshot, const struct snapshot_list *list)
{
	int64_t total;

	memcpy(&total, (const char *)snapshot + list->total_offset, sizeof total);
	return total == 0;
}

/*
 * What is no row's own, the total above all, is a column of every row; without rows the total is zero. A
 * single row whose total is zero is none: it carries the rest.
 */
static int
fill_list(struct snapshot *snapshot, const struct snapshot_list *list, const struct pg_row *row,
	struct err *err)
{
	const struct snapshot_field *total = snapshot_field_find(list->part, "total");
	size_t count = pg_row_count(row);

	if (count > list->rows_max)
		return err_set(err, ERR_PROTOCOL, "%zu rows where at most %zu were asked for", count,
			list->rows_max);
	if (count == 0)
		return snapshot_set(snapshot, total, "0", err);
	if (fill_row(snapshot, list->part, row, 0, false, err) != 0)
		return -1;
	if (count == 1 && is_empty(snapshot, list))
		return 0;
	for (size_t i = 0; i < count; i++)
		if (fill_row(snapshot, list->part, row, i, true, err) != 0)
			return -1;
	/* A total below the rows that came would hide some of them. */
	if (snapshot_row_count(snapshot, list) != count)
		return err_set(err, ERR_PROTOCOL, "%zu rows do not fit the total", count);
	return 0;
}

/* Fills a part from columns that are named as its fields; all of them, and no other. */
static int
fill_part(struct snapshot *snapshot, enum snapshot_part part, const struct pg_row *row, struct err *err)
{
	const struct snapshot_list *list = snapshot_list_of(part);

	if (list != NULL ? fill_list(snapshot, list, row, err) != 0
			 : fill_row(snapshot, part, row, 0, false, err) != 0)
		return -1;
	if (pg_row_columns(row) != field_count(part))
		return err_set(err, ERR_PROTOCOL, "%d columns instead of %d", pg_row_columns(row),
			field_count(part));
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

static bool
is_list(void *context, size_t index)
{
	struct filling *filling = context;

	return snapshot_list_of(filling->facets[index]->part) != NULL;
}

/*
 * Asks the facets that are always due, or those that what was seen calls for. False when the
 * connection is of no more use.
 */
static bool
ask_facets(struct pg *pg, const struct facet *const *facets, bool is_conditional, int64_t deadline_ms,
	struct snapshot *snapshot)
{
	const char *statements[SNAPSHOT_PART_COUNT];
	const struct facet *asked[SNAPSHOT_PART_COUNT];
	struct filling filling = {.facets = asked, .snapshot = snapshot};
	struct pg_reader reader = {.take = take_row, .is_list = is_list, .context = &filling};
	size_t count = 0;

	for (; *facets != NULL; facets++) {
		bool is_due = is_conditional ? (*facets)->is_due != NULL && (*facets)->is_due(snapshot)
					     : (*facets)->is_due == NULL;
		bool is_recalled = snapshot_has(snapshot, (*facets)->part);

		if (is_due && !is_recalled && (*facets)->sql != NULL && count < SNAPSHOT_PART_COUNT) {
			asked[count] = *facets;
			statements[count++] = (*facets)->sql(pg_version(pg));
		}
	}
	return count == 0 || pg_ask(pg, statements, count, deadline_ms, &reader);
}

/* What was seen over this connection, and is good for a while, need not be asked again. */
static void
recall(struct collect_session *session, const struct facet *const *facets, struct snapshot *snapshot)
{
	const struct collect_memory *memory = session->memory;
	int64_t now_ms = clock_now_ms();

	for (; memory != NULL && *facets != NULL; facets++) {
		enum snapshot_part part = (*facets)->part;

		if (snapshot_has(&memory->snapshot, part)
			&& now_ms - memory->seen_ms[part] < (*facets)->period_ms)
			snapshot_copy_part(snapshot, &memory->snapshot, part);
	}
}

/* Keeps what was seen just now, which is not what was recalled (a bit for each part). */
static void
keep(struct collect_session *session, const struct facet *const *facets, unsigned recalled,
	const struct snapshot *snapshot)
{
	struct collect_memory *memory = session->memory;
	int64_t now_ms = clock_now_ms();

	for (; memory != NULL && *facets != NULL; facets++) {
		enum snapshot_part part = (*facets)->part;

		if ((*facets)->period_ms == 0 || (recalled & 1U << part) != 0
			|| !snapshot_has(snapshot, part))
			continue;
		snapshot_copy_part(&memory->snapshot, snapshot, part);
		memory->seen_ms[part] = now_ms;
	}
}

static int
open_session(struct collect_session *session, int64_t deadline_ms, struct err *err)
{
	struct text place;

	if (session->pg != NULL)
		return 0;
	text_init(&place, session->place, sizeof session->place);
	return pg_open(session->target, deadline_ms, &place, &session->pg, err);
}

/* One attempt, over the connection that is there or a new one. */
static void
probe(struct collect_session *session, const struct facet *const *facets, int64_t deadline_ms,
	struct snapshot *snapshot)
{
	unsigned recalled;
	bool is_usable;
	struct err err;

	snapshot_init(snapshot);
	if (open_session(session, deadline_ms, &err) != 0) {
		text_clean(snapshot->target, sizeof snapshot->target, session->place);
		for (; *facets != NULL; facets++)
			snapshot_fail(snapshot, (*facets)->part, &err);
		return;
	}
	text_clean(snapshot->target, sizeof snapshot->target, session->place);
	snapshot->server_version = pg_version(session->pg);
	recall(session, facets, snapshot);
	recalled = snapshot->recalled = snapshot->obtained;
	is_usable = ask_facets(session->pg, facets, false, deadline_ms, snapshot)
		&& ask_facets(session->pg, facets, true, deadline_ms, snapshot);
	keep(session, facets, recalled, snapshot);
	if (!is_usable)
		collect_close(session);
}

/* Whether the server closed the connection, and was not just late. */
static bool
was_closed(const struct snapshot *snapshot)
{
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		if (snapshot->faults[part].class == ERR_DOWN)
			return true;
	return false;
}

void
collect_probe(struct collect_session *session, const struct facet *const *facets, int64_t deadline_ms,
	struct snapshot *snapshot)
{
	int64_t start_us = clock_now_us();
	bool was_open = session->pg != NULL;

	probe(session, facets, deadline_ms, snapshot);
	if (was_open && session->pg == NULL && was_closed(snapshot))
		probe(session, facets, deadline_ms, snapshot);
	snapshot->elapsed_us = clock_now_us() - start_us;
	snapshot->taken_ms = clock_wall_ms();
}

int
collect_socket(const struct collect_session *session)
{
	return session->pg == NULL ? -1 : pg_socket(session->pg);
}

bool
collect_is_lost(struct collect_session *session)
{
	return session->pg == NULL || pg_is_lost(session->pg);
}

void
collect_close(struct collect_session *session)
{
	pg_close(session->pg);
	session->pg = NULL;
	if (session->memory != NULL)
		session->memory->snapshot.obtained = 0;
}

void
collect_once(const struct target *target, const struct facet *const *facets, int64_t deadline_ms,
	struct snapshot *snapshot)
{
	struct collect_session session = {.target = target};

	collect_probe(&session, facets, deadline_ms, snapshot);
	collect_close(&session);
}
