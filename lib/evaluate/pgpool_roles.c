#include "lib/evaluate/pgpool_roles.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/pgpool_backend.h"
#include "lib/evaluate/pgpool_servers.h"
#include "lib/evaluate/role.h"

bool
pgpool_roles_are_told(const struct snapshot_pgpool *pgpool)
{
	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++)
		if (strcmp(pgpool->rows[i].role, "primary") == 0
			|| strcmp(pgpool->rows[i].role, "standby") == 0)
			return true;
	return false;
}

static bool
is_truly(const struct snapshot_pgpool_backend *backend, const char *role)
{
	return strcmp(pgpool_backend_true_role(backend), role) == 0;
}

/* "backend 0 (n1:5432, timeline 3)" */
static void
add_primary(const struct snapshot_pgpool_backend *backend, struct text *text)
{
	char place[PGPOOL_BACKEND_NAME_SIZE];

	text_add(text, "backend %lld (%s", (long long)backend->id, pgpool_backend_place(backend, place));
	if (backend->own_timeline != SNAPSHOT_NONE)
		text_add(text, ", timeline %lld", (long long)backend->own_timeline);
	text_add(text, ")");
}

/* Whether it is a primary of this cluster, and no row before it leads there. */
static bool
is_counted(const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *backend)
{
	return is_truly(backend, "primary") && !pgpool_servers_is_foreign(pgpool, backend)
		&& pgpool_servers_first(pgpool, backend) == backend;
}

/* The servers that are primaries in truth, listed in `text`. Returns how many. */
static size_t
list_primaries(const struct snapshot_pgpool *pgpool, struct text *text, bool *ret_are_told_apart)
{
	size_t count = 0;

	*ret_are_told_apart = true;
	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++) {
		if (!is_counted(pgpool, &pgpool->rows[i]))
			continue;
		if (count++ > 0)
			text_add(text, " and ");
		add_primary(&pgpool->rows[i], text);
		if (pgpool->rows[i].own_started_ms == SNAPSHOT_NONE)
			*ret_are_told_apart = false;
	}
	return count;
}

static void
judge_split(const struct snapshot_pgpool *pgpool, struct verdict *verdict)
{
	char storage[256];
	struct text text;
	bool are_told_apart;

	text_init(&text, storage, sizeof storage);
	if (list_primaries(pgpool, &text, &are_told_apart) < 2)
		return;
	/* Only who was asked itself is known to be another one: pgpool sees a primary behind either port of a
	 * proxy. */
	judge_reason(verdict, STATE_CRITICAL, "split brain suspected%s: %s are primaries",
		are_told_apart ? "" : ", or one server behind a proxy", storage);
	judge_hint(verdict,
		"%sstop the one that is not to be the primary before anybody writes to it, and make it a "
		"standby (pcp_recovery_node, pg_rewind); attach none meanwhile",
		are_told_apart ? "" : "make sure that they are not one server; ");
}

/* One whose role pgpool has got wrong. Of a server that is another one, that is not the finding. */
static void
judge_role(const struct snapshot_pgpool *pgpool, const struct snapshot_pgpool_backend *backend,
	struct verdict *verdict)
{
	char name[PGPOOL_BACKEND_NAME_SIZE];

	if (pgpool_backend_is_primary(backend) && is_truly(backend, "standby")) {
		judge_reason(verdict, STATE_CRITICAL,
			"%s is the primary to pgpool and a standby in truth: writes through pgpool fail",
			pgpool_backend_name(backend, name));
		judge_hint(verdict,
			"pgpool looks for the primary again when a backend is detached or attached: see its "
			"log, "
			"and pcp_promote_node");
	} else if (strcmp(backend->role, "standby") == 0 && is_truly(backend, "primary")
		&& !pgpool_servers_is_foreign(pgpool, backend)
		&& !pgpool_servers_is_primarys(pgpool, backend)) {
		judge_reason(verdict, STATE_CRITICAL, "%s is a standby to pgpool%s and a primary in truth",
			pgpool_backend_name(backend, name),
			pgpool_backend_is_up(backend) ? "" : ", which does not use it,");
		judge_hint(verdict,
			"was it promoted behind pgpool's back? let pgpool do that: pcp_promote_node");
	}
}

/* pgpool sends writes to it all the same. */
static void
judge_read_only(const struct snapshot_pgpool_backend *backend, struct verdict *verdict)
{
	char name[PGPOOL_BACKEND_NAME_SIZE];

	if (!pgpool_backend_is_primary(backend) || !is_truly(backend, "primary")
		|| backend->own_read_only[0] == '\0' || role_is_own_setting(backend->own_read_only))
		return;
	judge_reason(verdict, STATE_CRITICAL,
		"%s is the primary, and read-only (default_transaction_read_only, set by: %s): writes "
		"through "
		"pgpool fail",
		pgpool_backend_name(backend, name), backend->own_read_only);
	judge_hint(verdict, "reset default_transaction_read_only there");
}

static const struct snapshot_pgpool_backend *
find_primary(const struct snapshot_pgpool *pgpool)
{
	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++)
		if (pgpool_backend_is_primary(&pgpool->rows[i]))
			return &pgpool->rows[i];
	return NULL;
}

static void
judge_primary(const struct snapshot_pgpool *pgpool, struct verdict *verdict)
{
	const struct snapshot_pgpool_backend *primary = find_primary(pgpool);
	char name[PGPOOL_BACKEND_NAME_SIZE];

	if (primary == NULL) {
		judge_reason(verdict, STATE_CRITICAL, "pgpool knows no primary: nobody can write through it");
		judge_hint(verdict,
			"promote a standby; if there is a primary, see pgpool's log: sr_check_user must be "
			"able to "
			"ask each backend");
	} else if (!pgpool_backend_is_up(primary)) {
		judge_reason(verdict, STATE_CRITICAL,
			"the primary, %s, is not used by pgpool (%s): nobody can write through it",
			pgpool_backend_name(primary, name), primary->status);
		judge_hint(verdict,
			"if it is a healthy primary, put it back (pcp_attach_node -n %lld); else promote a "
			"standby, and see failover_command and pgpool's log",
			(long long)primary->id);
	}
}

void
pgpool_roles_judge(const struct snapshot_pgpool *pgpool, struct verdict *verdict)
{
	if (!pgpool_roles_are_told(pgpool))
		return;
	pgpool_servers_judge_clusters(pgpool, verdict);
	judge_split(pgpool, verdict);
	judge_primary(pgpool, verdict);
	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++) {
		judge_role(pgpool, &pgpool->rows[i], verdict);
		judge_read_only(&pgpool->rows[i], verdict);
	}
}
