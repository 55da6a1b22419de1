#include "lib/collect/pgpool_show.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/column.h"
#include "lib/collect/pgpool_figure.h"

/* -- the settings -------------------------------------------------------------------------------- */

void
pgpool_show_version(const struct pg_row *rows, struct snapshot_pgpool *pgpool)
{
	char version[64]; /* "4.3.5 (tamahomeboshi)" */

	if (pg_row_count(rows) == 0)
		return;
	column_text(rows, "pool_version", version, sizeof version);
	version[strcspn(version, " ")] = '\0';
	text_clean(pgpool->version, sizeof pgpool->version, version);
}

int
pgpool_show_settings(const struct pg_row *rows, struct snapshot_pgpool *pgpool, struct err *err)
{
	for (size_t i = 0; i < pg_row_count(rows); i++) {
		struct pg_row row = pg_row_at(rows, i);
		char item[64];

		column_text(&row, "item", item, sizeof item);
		if (strcmp(item, "sr_check_period") == 0
			&& column_integer(&row, "value", &pgpool->delay_period_s, err) != 0)
			return -1;
		if (strcmp(item, "use_watchdog") == 0
			&& column_truth(&row, "value", &pgpool->is_watchdog_used, err) != 0)
			return -1;
	}
	return 0;
}

/* -- the backends -------------------------------------------------------------------------------- */

static struct pgpool_show_row *
add_backend(struct pgpool_show *show, int64_t id)
{
	struct pgpool_show_row *row = &show->rows[show->count++];

	memset(row, 0, sizeof *row);
	row->failed_s = row->succeeded_s = SNAPSHOT_NONE;
	row->backend.id = id;
	row->backend.port = row->backend.own_timeline = row->backend.own_started_ms = SNAPSHOT_NONE;
	row->backend.own_delay_bytes = row->backend.weight_permille = SNAPSHOT_NONE;
	row->backend.delay_bytes = row->backend.delay_ms = SNAPSHOT_NONE;
	row->backend.checks = row->backend.checks_failed = row->backend.failed_age_ms = SNAPSHOT_NONE;
	return row;
}

/* The backend that a row is about, by its node_id; a new one if it was not told of yet. */
static int
find_backend(
	const struct pg_row *row, struct pgpool_show *show, struct pgpool_show_row **ret, struct err *err)
{
	int64_t id;

	if (column_integer(row, "node_id", &id, err) != 0)
		return -1;
	if (id < 0 || id >= PGPOOL_SHOW_MAX)
		return err_set(err, ERR_PROTOCOL, "a backend has no node_id, or none that can be");
	for (size_t i = 0; i < show->count; i++) {
		if (show->rows[i].backend.id == id) {
			*ret = &show->rows[i];
			return 0;
		}
	}
	*ret = add_backend(show, id); /* as many as there are numbers: it fits */
	return 0;
}

/* What both commands tell. */
static int
read_place(const struct pg_row *row, struct snapshot_pgpool_backend *backend, struct err *err)
{
	column_text(row, "hostname", backend->host, sizeof backend->host);
	column_text(row, "status", backend->status, sizeof backend->status);
	column_text(row, "role", backend->role, sizeof backend->role);
	if (backend->status[0] == '\0' || backend->role[0] == '\0')
		return err_set(
			err, ERR_PROTOCOL, "backend %lld has no status or no role", (long long)backend->id);
	return column_integer(row, "port", &backend->port, err);
}

static int64_t
read_instant(const struct pg_row *row, const char *name)
{
	char text[40];

	column_text(row, name, text, sizeof text);
	return pgpool_figure_instant(text);
}

static int
read_checks(const struct pg_row *row, struct pgpool_show *show, struct err *err)
{
	struct pgpool_show_row *found;
	int64_t last_s = read_instant(row, "last_health_check");

	if (find_backend(row, show, &found, err) != 0 || read_place(row, &found->backend, err) != 0
		|| column_integer(row, "total_count", &found->backend.checks, err) != 0
		|| column_integer(row, "fail_count", &found->backend.checks_failed, err) != 0)
		return -1;
	found->failed_s = read_instant(row, "last_failed_health_check");
	found->succeeded_s = read_instant(row, "last_successful_health_check");
	if (last_s != SNAPSHOT_NONE && last_s > show->newest_s)
		show->newest_s = last_s;
	if (found->failed_s != SNAPSHOT_NONE && found->failed_s > show->newest_s)
		show->newest_s = found->failed_s;
	return 0;
}

static int
read_node(const struct pg_row *row, struct pgpool_show *show, struct err *err)
{
	struct pgpool_show_row *found;
	struct snapshot_pgpool_backend *backend;
	char text[64];

	if (find_backend(row, show, &found, err) != 0 || read_place(row, &found->backend, err) != 0)
		return -1;
	backend = &found->backend;
	column_text(row, "pg_status", backend->pg_status, sizeof backend->pg_status);
	column_text(row, "pg_role", backend->pg_role, sizeof backend->pg_role);
	column_text(row, "replication_state", backend->replication_state, sizeof backend->replication_state);
	column_text(row, "replication_sync_state", backend->sync_state, sizeof backend->sync_state);
	column_text(row, "lb_weight", text, sizeof text);
	backend->weight_permille = pgpool_figure_weight(text);
	column_text(row, "replication_delay", text, sizeof text);
	if (text[0] == '\0')
		return 0;
	return pgpool_figure_delay(text, &backend->delay_bytes, &backend->delay_ms, err);
}

static int
read_each(const struct pg_row *rows, struct pgpool_show *show,
	int (*read)(const struct pg_row *row, struct pgpool_show *show, struct err *err), struct err *err)
{
	for (size_t i = 0; i < pg_row_count(rows); i++) {
		struct pg_row row = pg_row_at(rows, i);

		if (read(&row, show, err) != 0)
			return -1;
	}
	return 0;
}

int
pgpool_show_checks(const struct pg_row *rows, struct pgpool_show *show, struct err *err)
{
	return read_each(rows, show, read_checks, err);
}

int
pgpool_show_nodes(const struct pg_row *rows, struct pgpool_show *show, struct err *err)
{
	if (pg_row_count(rows) == 0)
		return err_set(err, ERR_PROTOCOL, "no backends");
	return read_each(rows, show, read_node, err);
}

/* -- into the snapshot --------------------------------------------------------------------------- */

static bool
is_used(const struct snapshot_pgpool_backend *backend)
{
	return strcmp(backend->status, "up") == 0 || strcmp(backend->status, "waiting") == 0;
}

static bool
is_primary(const struct snapshot_pgpool_backend *backend)
{
	return strcmp(backend->role, "primary") == 0;
}

static bool
has_primary(const struct pgpool_show *show)
{
	for (size_t i = 0; i < show->count; i++)
		if (is_primary(&show->rows[i].backend) && is_used(&show->rows[i].backend))
			return true;
	return false;
}

static struct snapshot_pgpool_backend
settle_row(const struct pgpool_show *show, const struct pgpool_show_row *row, bool is_measured)
{
	struct snapshot_pgpool_backend backend = row->backend;

	if (!is_measured || !is_used(&backend) || is_primary(&backend))
		backend.delay_bytes = backend.delay_ms = SNAPSHOT_NONE;
	if (row->failed_s == SNAPSHOT_NONE)
		return backend;
	backend.failed_age_ms = (show->newest_s - row->failed_s) * 1000;
	backend.is_check_failing = row->succeeded_s == SNAPSHOT_NONE || row->failed_s > row->succeeded_s;
	return backend;
}

/* What must not be left out: whatever is wrong, and the primary. */
static bool
is_first(const struct snapshot_pgpool_backend *backend)
{
	return is_primary(backend) || !(is_used(backend) || strcmp(backend->status, "unused") == 0);
}

void
pgpool_show_settle(const struct pgpool_show *show, struct snapshot_pgpool *pgpool)
{
	bool is_measured = pgpool->delay_period_s != 0 && has_primary(show);
	bool is_sorted = show->count > SNAPSHOT_PGPOOL_MAX;
	size_t count = 0;

	pgpool->total = (int64_t)show->count;
	for (int pass = is_sorted ? 0 : 1; pass < 2; pass++)
		for (size_t i = 0; i < show->count && count < SNAPSHOT_PGPOOL_MAX; i++)
			if (!is_sorted || is_first(&show->rows[i].backend) == (pass == 0))
				pgpool->rows[count++] = settle_row(show, &show->rows[i], is_measured);
}
