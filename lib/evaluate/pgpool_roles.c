#include "lib/evaluate/pgpool_roles.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/pgpool_backend.h"

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

/* Those that are primaries in truth, listed in `text`. Returns how many. */
static size_t
list_primaries(const struct snapshot_pgpool *pgpool, struct text *text)
{
	size_t count = 0;

	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++) {
		if (!is_truly(&pgpool->rows[i], "primary"))
			continue;
		if (count++ > 0)
			text_add(text, " and ");
		add_primary(&pgpool->rows[i], text);
	}
	return count;
}

static void
judge_split(const struct snapshot_pgpool *pgpool, struct verdict *verdict)
{
	char storage[256];
	struct text text;

	text_init(&text, storage, sizeof storage);
	if (list_primaries(pgpool, &text) < 2)
		return;
	judge_reason(verdict, STATE_CRITICAL, "split brain suspected: %s are primaries", storage);
	judge_hint(verdict,
		"stop the one that is not to be the primary before anybody writes to it, and make it a "
		"standby "
		"(pcp_recovery_node, pg_rewind); attach none meanwhile");
}

/* One whose role pgpool has got wrong. */
static void
judge_role(const struct snapshot_pgpool_backend *backend, struct verdict *verdict)
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
	} else if (strcmp(backend->role, "standby") == 0 && is_truly(backend, "primary")) {
		judge_reason(verdict, STATE_CRITICAL, "%s is a standby to pgpool%s and a primary in truth",
			pgpool_backend_name(backend, name),
			pgpool_backend_is_up(backend) ? "" : ", which does not use it,");
		judge_hint(verdict,
			"was it promoted behind pgpool's back? let pgpool do that: pcp_promote_node");
	}
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
	}
}

void
pgpool_roles_judge(const struct snapshot_pgpool *pgpool, struct verdict *verdict)
{
	if (!pgpool_roles_are_told(pgpool))
		return;
	judge_split(pgpool, verdict);
	judge_primary(pgpool, verdict);
	for (size_t i = 0; i < pgpool_backend_count(pgpool); i++)
		judge_role(&pgpool->rows[i], verdict);
}
