#include "lib/evaluate/pgpool_delay.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/pgpool_backend.h"
#include "lib/evaluate/pgpool_servers.h"

/* Its own delay is of now; pgpool's is as old as sr_check_period allows, or older, where its check fails. */
static int64_t
delay_bytes_of(const struct snapshot_pgpool_backend *backend)
{
	return backend->own_delay_bytes != SNAPSHOT_NONE ? backend->own_delay_bytes : backend->delay_bytes;
}

static bool
has_limit(const struct limit *warning, const struct limit *critical, enum unit unit)
{
	return (warning->of[unit].is_set && !warning->is_initial)
		|| (critical->of[unit].is_set && !critical->is_initial);
}

/* A limit that somebody gave, and that there is nothing to hold against. */
static void
judge_unmeasured(const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *backend,
	const struct limit *warning, const struct limit *critical, struct verdict *verdict)
{
	bool is_in_bytes = delay_bytes_of(backend) != SNAPSHOT_NONE,
	     is_in_time = backend->delay_ms != SNAPSHOT_NONE;
	bool has_bytes = has_limit(warning, critical, UNIT_BYTES),
	     has_time = has_limit(warning, critical, UNIT_SECONDS);
	char name[PGPOOL_BACKEND_NAME_SIZE];

	if ((!has_bytes && !has_time) || (is_in_bytes && has_bytes) || (is_in_time && has_time))
		return;
	pgpool_backend_name(backend, name);
	if (is_in_bytes || is_in_time) {
		judge_reason(verdict, STATE_UNKNOWN,
			"the replication delay of %s is measured in %s, the limits are not", name,
			is_in_bytes ? "bytes" : "time");
		judge_hint(verdict, "limit it in %s", is_in_bytes ? "bytes (-c 16MB)" : "time (-c 30s)");
		return;
	}
	judge_reason(verdict, STATE_UNKNOWN, "the replication delay of %s is not known", name);
	if (pgpool->delay_period_s == 0)
		judge_hint(verdict,
			"pgpool does not measure it: set sr_check_period, or let the backends tell it (no "
			"--no-backends)");
}

void
pgpool_delay_judge(const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *backend,
	const struct limit *warning, const struct limit *critical, struct verdict *verdict)
{
	char name[PGPOOL_BACKEND_NAME_SIZE], place[PGPOOL_BACKEND_NAME_SIZE],
		what[PGPOOL_BACKEND_NAME_SIZE + 32];
	int64_t bytes = delay_bytes_of(backend);
	int found = verdict->reason_count;
	struct text text;

	text_init(&text, what, sizeof what);
	text_add(&text, "replication delay of %s", pgpool_backend_name(backend, name));
	pgpool_backend_place(backend, place);
	if (bytes != SNAPSHOT_NONE)
		judge_metric_of(verdict, place, what, "replication_delay_bytes", (double)bytes, UNIT_BYTES,
			warning, critical);
	if (backend->delay_ms != SNAPSHOT_NONE)
		judge_metric_of(verdict, place, what, "replication_delay_seconds",
			(double)backend->delay_ms / 1000.0, UNIT_SECONDS, warning, critical);
	if (verdict->reason_count > found)
		judge_hint(verdict,
			"pgpool reads from it all the same, unless delay_threshold says otherwise: see what "
			"it "
			"replays, its replay conflicts and its network");
	judge_unmeasured(pgpool, backend, warning, critical, verdict);
}

bool
pgpool_delay_is_expected(const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *backend)
{
	return pgpool_backend_is_up(backend) && strcmp(backend->role, "standby") == 0
		&& !pgpool_servers_is_primarys(pgpool, backend);
}

void
pgpool_delay_judge_gaps(const struct snapshot_pgpool *pgpool, const struct limit *warning,
	const struct limit *critical, struct verdict *verdict)
{
	long long expected = 0, unknown = 0, timed = 0;

	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++) {
		const struct snapshot_pgpool_backend *row = &pgpool->rows[i];

		if (!pgpool_delay_is_expected(pgpool, row))
			continue;
		expected++;
		if (delay_bytes_of(row) == SNAPSHOT_NONE)
			*(row->delay_ms == SNAPSHOT_NONE ? &unknown : &timed) += 1;
	}
	if (has_limit(warning, critical, UNIT_BYTES) || has_limit(warning, critical, UNIT_SECONDS))
		return;
	if (unknown > 0)
		judge_reason(verdict, STATE_OK, "the replication delay of %lld of %lld standbys is not known",
			unknown, expected);
	if (timed > 0)
		judge_reason(verdict, STATE_OK,
			"the replication delay of %lld of %lld standbys is measured in time, and has no "
			"limit",
			timed, expected);
}
