#include "lib/evaluate/pgbouncer_way.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/pgbouncer_pools.h"

/* Whether a pool of the database that is held has no server connection left. */
static bool
has_full_pool(const struct snapshot *snapshot)
{
	const struct snapshot_pgbouncer *seen = &snapshot->pgbouncer;
	size_t count = snapshot_row_count(snapshot, snapshot_list_of(SNAPSHOT_PGBOUNCER));

	for (size_t i = 0; i < count; i++)
		if (strcmp(seen->rows[i].kind, "pool") == 0
			&& strcmp(seen->rows[i].database, seen->expected) == 0 && seen->rows[i].size > 0
			&& seen->rows[i].servers_active >= seen->rows[i].size)
			return true;
	return false;
}

/* Whether the database itself is disabled. */
static bool
is_disabled(const struct snapshot *snapshot)
{
	const struct snapshot_pgbouncer *seen = &snapshot->pgbouncer;
	size_t count = snapshot_row_count(snapshot, snapshot_list_of(SNAPSHOT_PGBOUNCER));

	for (size_t i = 0; i < count; i++)
		if (strcmp(seen->rows[i].kind, "database") == 0 && seen->rows[i].is_disabled
			&& strcmp(seen->rows[i].database, seen->expected) == 0)
			return true;
	return false;
}

static void
hint_unreached(const struct snapshot *snapshot, struct err *fault)
{
	const struct snapshot_pgbouncer *seen = &snapshot->pgbouncer;
	char name[PGBOUNCER_POOLS_NAME_SIZE];

	text_identifier(name, sizeof name, seen->expected);
	if (strcmp(seen->expected_fault, "it is paused") == 0)
		err_hint(fault, "on the admin console: RESUME %s (PAUSE or KILL was given there)", name);
	else if (is_disabled(snapshot))
		err_hint(fault, "on the admin console: ENABLE %s", name);
	else if (text_starts(seen->expected_fault, "no such database"))
		err_hint(fault, "is it in [databases], and was that reloaded?");
	else if (strstr(seen->expected_fault, "max_client_conn") != NULL)
		err_hint(fault,
			"SHOW CLIENTS on the admin console tells whose they are; max_client_conn limits "
			"them");
	else if (fault->class == ERR_TIMEOUT && has_full_pool(snapshot))
		err_hint(fault,
			"all of its pool's server connections are in use: SHOW SERVERS and SHOW CLIENTS on "
			"the "
			"admin console tell by whom; pool_size limits them");
	else
		err_hint(fault,
			"is its server up, and %snot paused? connect to it through the pooler by hand, and "
			"see "
			"PgBouncer's log",
			seen->is_state_told ? "its pool " : "the pooler ");
}

static void
judge_unreached(const struct snapshot *snapshot, const struct policy *policy, struct verdict *verdict)
{
	const struct snapshot_pgbouncer *seen = &snapshot->pgbouncer;
	enum err_class class = err_class_parse(seen->expected_class);
	struct err fault;

	/* Of another shape, like a role that nobody knows. */
	if (class == ERR_NONE || class == ERR_CLASS_COUNT)
		class = ERR_PROTOCOL;
	err_set(&fault, class, "no way through to database \"%s\": %s", seen->expected,
		seen->expected_fault[0] != '\0' ? seen->expected_fault : "its role is not known");
	hint_unreached(snapshot, &fault);
	judge_fault(verdict, policy, &fault);
}

/* They were led to it before the last change, and whoever comes now is led elsewhere. */
static void
judge_outdated(const struct snapshot_pgbouncer *seen, struct verdict *verdict)
{
	char name[PGBOUNCER_POOLS_NAME_SIZE];

	if (seen->expected_outdated <= 0)
		return;
	text_identifier(name, sizeof name, seen->expected);
	judge_reason(verdict, STATE_WARNING,
		"%lld client%s of database \"%s\" %s still with the server from before its last change",
		(long long)seen->expected_outdated, seen->expected_outdated == 1 ? "" : "s", seen->expected,
		seen->expected_outdated == 1 ? "is" : "are");
	judge_hint(verdict,
		"SHOW SERVERS on the admin console tells which (close_needed), and where; KILL %s and RESUME "
		"%s end them",
		name, name);
}

static void
judge_expected(const struct snapshot *snapshot, const struct policy *policy, struct verdict *verdict)
{
	const struct snapshot_pgbouncer *seen = &snapshot->pgbouncer;
	const char *role = seen->expected_role, *place = seen->expected_place,
		   *before = place[0] != '\0' ? " at " : "";

	if (strcmp(role, "primary") == 0) {
		judge_reason(verdict, STATE_OK, "\"%s\" leads to the primary%s%s%s", seen->expected, before,
			place, seen->is_expected_one_of_many ? ", by one of its hosts alone" : "");
	} else if (strcmp(role, "standby") == 0) {
		judge_reason(verdict, STATE_CRITICAL,
			"database \"%s\" leads to a standby%s%s: its clients cannot write", seen->expected,
			before, place);
		judge_hint(verdict,
			"point it at the primary in [databases], then RELOAD and RECONNECT on the admin "
			"console");
	} else if (strcmp(role, "read-only") == 0) {
		judge_reason(verdict, STATE_CRITICAL,
			"database \"%s\" leads to a server that is read-only%s%s: its clients cannot write",
			seen->expected, before, place);
		judge_hint(
			verdict, "default_transaction_read_only is on there, or for the role of this check");
	} else if (!seen->is_shutting_down) {
		judge_unreached(snapshot, policy, verdict);
	}
}

void
pgbouncer_way_judge(const struct snapshot *snapshot, const struct policy *policy, struct verdict *verdict)
{
	if (snapshot->pgbouncer.expected[0] == '\0')
		return;
	judge_expected(snapshot, policy, verdict);
	judge_outdated(&snapshot->pgbouncer, verdict);
}
