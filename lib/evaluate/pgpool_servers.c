#include "lib/evaluate/pgpool_servers.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/pgpool_backend.h"

/* -- who is who -------------------------------------------------------------------------------------- */

bool
pgpool_servers_is_same(const struct snapshot_pgpool_backend *a, const struct snapshot_pgpool_backend *b)
{
	return a->own_system_identifier[0] != '\0' && a->own_started_ms != SNAPSHOT_NONE
		&& strcmp(a->own_system_identifier, b->own_system_identifier) == 0
		&& a->own_started_ms == b->own_started_ms;
}

const struct snapshot_pgpool_backend *
pgpool_servers_first(const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *backend)
{
	for (size_t i = 0; &pgpool->rows[i] != backend; i++)
		if (pgpool_servers_is_same(&pgpool->rows[i], backend))
			return &pgpool->rows[i];
	return backend;
}

bool
pgpool_servers_is_primarys(
	const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *backend)
{
	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++)
		if (&pgpool->rows[i] != backend && pgpool_backend_is_primary(&pgpool->rows[i])
			&& pgpool_servers_is_same(&pgpool->rows[i], backend))
			return true;
	return false;
}

/* The row whose cluster counts; NULL: none told. */
static const struct snapshot_pgpool_backend *
find_reference(const struct snapshot_pgpool *pgpool)
{
	const struct snapshot_pgpool_backend *found = NULL;

	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++) {
		const struct snapshot_pgpool_backend *row = &pgpool->rows[i];

		if (row->own_system_identifier[0] == '\0')
			continue;
		if (pgpool_backend_is_primary(row))
			return row;
		if (found == NULL)
			found = row;
	}
	return found;
}

bool
pgpool_servers_is_foreign(const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *backend)
{
	const struct snapshot_pgpool_backend *reference = find_reference(pgpool);

	return reference != NULL && backend->own_system_identifier[0] != '\0'
		&& strcmp(reference->own_system_identifier, backend->own_system_identifier) != 0;
}

/* -- what that means --------------------------------------------------------------------------------- */

void
pgpool_servers_judge_clusters(const struct snapshot_pgpool *pgpool, struct verdict *verdict)
{
	char name[PGPOOL_BACKEND_NAME_SIZE], other[PGPOOL_BACKEND_NAME_SIZE];

	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++) {
		const struct snapshot_pgpool_backend *row = &pgpool->rows[i];

		if (!pgpool_servers_is_foreign(pgpool, row))
			continue;
		judge_reason(verdict, pgpool_backend_is_up(row) ? STATE_CRITICAL : STATE_WARNING,
			"%s is of another cluster than %s (system identifiers %s and %s)",
			pgpool_backend_name(row, name), pgpool_backend_name(find_reference(pgpool), other),
			row->own_system_identifier, find_reference(pgpool)->own_system_identifier);
		judge_hint(verdict,
			"whose server is it? see backend_hostname and backend_port; if they lead elsewhere "
			"from "
			"here than from pgpool's host: --no-backends");
	}
}

/* Lists the rows that lead where `first` does, not all of many. Returns how many. */
static size_t
list_same(
	const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *first, struct text *text)
{
	enum { NAMED = 3 };
	char name[PGPOOL_BACKEND_NAME_SIZE];
	size_t count = 0;

	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++) {
		if (&pgpool->rows[i] != first && !pgpool_servers_is_same(first, &pgpool->rows[i]))
			continue;
		if (count++ < NAMED)
			text_add(text, "%s%s", count > 1 ? " and " : "",
				pgpool_backend_name(&pgpool->rows[i], name));
	}
	if (count > NAMED)
		text_add(text, " and %zu more", count - NAMED);
	return count;
}

void
pgpool_servers_judge_same(const struct snapshot_pgpool *pgpool, struct verdict *verdict)
{
	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++) {
		const struct snapshot_pgpool_backend *row = &pgpool->rows[i];
		char storage[4 * PGPOOL_BACKEND_NAME_SIZE];
		struct text text;

		if (pgpool_servers_first(pgpool, row) != row)
			continue;
		text_init(&text, storage, sizeof storage);
		if (list_same(pgpool, row, &text) < 2)
			continue;
		judge_reason(verdict, STATE_WARNING, "%s lead to one server", storage);
		judge_hint(verdict,
			"see backend_hostname and backend_port; if a proxy or a virtual address is meant to "
			"lead "
			"there: --no-backends");
	}
}
