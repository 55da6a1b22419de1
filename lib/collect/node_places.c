#include "lib/collect/node_places.h"

#include <stdbool.h>

static void
take(void *context, size_t index, const struct pg_row *row, const struct err *fault)
{
	const struct node_places *places = context;
	struct err err;

	(void)index;
	if (fault == NULL && pg_row_columns(row) != places->columns) {
		err_set(&err, ERR_PROTOCOL, "%d columns instead of %d", pg_row_columns(row), places->columns);
		fault = &err;
	}
	if (fault != NULL) {
		places->fail(places->context, fault);
		return;
	}
	for (size_t i = 0; i < pg_row_count(row); i++) {
		struct pg_row at = pg_row_at(row, i);

		places->take(places->context, &at);
	}
}

static bool
is_list(void *context, size_t index)
{
	(void)context;
	(void)index;
	return true;
}

void
node_places_ask(const struct node_places *places, struct pg *pg, int64_t deadline_ms)
{
	struct node_places copy = *places;
	const struct pg_reader reader = {.take = take, .is_list = is_list, .context = &copy};
	struct err err;

	err_set(&err, ERR_PROTOCOL, "it is not known where it is");
	places->fail(places->context, &err);
	/* Whether the connection is of further use does not matter: it is closed next. */
	if (pg != NULL)
		(void)pg_ask(pg, &places->statement, 1, deadline_ms, &reader);
}
