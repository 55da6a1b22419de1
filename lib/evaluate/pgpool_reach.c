#include "lib/evaluate/pgpool_reach.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/pgpool_backend.h"
#include "lib/evaluate/pgpool_servers.h"

/* ": connection refused", of one that was asked and did not answer. */
static const char *
fault_of(const struct snapshot_pgpool_backend *backend, char to[SNAPSHOT_FAULT_SIZE + 4])
{
	struct text text;

	text_init(&text, to, SNAPSHOT_FAULT_SIZE + 4);
	if (backend->fault[0] != '\0')
		text_add(&text, ": %s", backend->fault);
	return to;
}

void
pgpool_reach_judge_down(const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *backend,
	struct verdict *verdict)
{
	char name[PGPOOL_BACKEND_NAME_SIZE], fault[SNAPSHOT_FAULT_SIZE + 4];

	pgpool_backend_name(backend, name);
	if (strcmp(backend->status, "quarantine") == 0) {
		judge_reason(verdict, STATE_WARNING,
			"%s is in quarantine: the watchdog has no majority to fail it over", name);
		judge_hint(verdict,
			"see the watchdog (pcp_watchdog_info -v), and whether the other pgpools reach it");
	} else if (strcmp(backend->status, "down") != 0) {
		judge_reason(verdict, STATE_UNKNOWN, "%s has the status \"%s\", which is not known here",
			name, backend->status);
	} else if (pgpool_backend_is_running(backend)) {
		judge_reason(verdict, STATE_WARNING, "%s is detached from pgpool, and PostgreSQL runs there",
			name);
		/* Attached as it is, a second primary would get writes, and a stranger reads. */
		if (strcmp(pgpool_backend_true_role(backend), "standby") == 0
			&& !pgpool_servers_is_foreign(pgpool, backend))
			judge_hint(verdict, "if it follows the primary, put it back: pcp_attach_node -n %lld",
				(long long)backend->id);
	} else {
		judge_reason(verdict, STATE_WARNING, "%s is down%s", name, fault_of(backend, fault));
		judge_hint(verdict, "mend it and let it follow the primary, then pcp_attach_node -n %lld",
			(long long)backend->id);
	}
}

/* One that was asked itself. */
static void
judge_silence(
	const struct snapshot_pgpool_backend *backend, const struct policy *policy, struct verdict *verdict)
{
	char name[PGPOOL_BACKEND_NAME_SIZE];

	if (backend->fault[0] == '\0')
		return;
	judge_reason(verdict, pgpool_backend_fault_state(policy, backend->fault_class),
		"%s is up to pgpool, and does not answer here: %s", pgpool_backend_name(backend, name),
		backend->fault);
	if (strcmp(backend->fault_class, "setup") == 0)
		judge_hint(
			verdict, "--no-backends leaves that out, where this host may not ask the backends");
	else
		judge_hint(verdict,
			"its clients fail as long as pgpool does not notice: see its log, "
			"health_check_period and "
			"backend_flag");
}

/*
 * One that pgpool does not reach itself (4.3 and later look): where it must not fail it over, that
 * is the only sign. Of a standby that does not answer here either, it is said already.
 */
static void
judge_reach(
	const struct snapshot_pgpool_backend *backend, const struct policy *policy, struct verdict *verdict)
{
	char name[PGPOOL_BACKEND_NAME_SIZE];

	if (strcmp(backend->pg_status, "down") != 0)
		return;
	pgpool_backend_name(backend, name);
	if (pgpool_backend_is_primary(backend))
		judge_reason(verdict, STATE_CRITICAL,
			"%s is the primary, and pgpool itself cannot reach it: nobody can write through it",
			name);
	else if (strcmp(backend->fault_class, "down") != 0 && strcmp(backend->fault_class, "timeout") != 0)
		judge_reason(verdict, pgpool_backend_fault_state(policy, err_class_name(ERR_DOWN)),
			"%s is up to pgpool, and pgpool itself cannot reach it", name);
	judge_hint(verdict,
		"see PostgreSQL there, the network from pgpool's host, and backend_flag: "
		"DISALLOW_TO_FAILOVER keeps it in use");
}

void
pgpool_reach_judge_up(
	const struct snapshot_pgpool_backend *backend, const struct policy *policy, struct verdict *verdict)
{
	judge_silence(backend, policy, verdict);
	judge_reach(backend, policy, verdict);
}

static bool
is_seen(const struct snapshot_pgpool_backend *backend)
{
	return backend->own_role[0] != '\0' || backend->fault[0] != '\0'
		|| strcmp(backend->pg_status, "up") == 0 || strcmp(backend->pg_status, "down") == 0
		|| (backend->checks != SNAPSHOT_NONE && backend->checks > 0);
}

void
pgpool_reach_judge_gaps(const struct snapshot_pgpool *pgpool, struct verdict *verdict)
{
	long long up = 0, unseen = 0;
	bool may_look = false;

	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++) {
		const struct snapshot_pgpool_backend *row = &pgpool->rows[i];

		if (!pgpool_backend_is_up(row))
			continue;
		up++;
		if (is_seen(row))
			continue;
		unseen++;
		may_look = may_look || row->checks == 0;
	}
	if (unseen == 0)
		return;
	judge_reason(verdict, may_look ? STATE_WARNING : STATE_OK,
		"nobody has looked whether PostgreSQL answers at %lld of the %lld backends", unseen, up);
	if (may_look)
		judge_hint(verdict,
			"set health_check_period, or let them be asked from here (no --no-backends)");
}
