#include "lib/evaluate/pgpool_backend.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

const char *
pgpool_backend_place(const struct snapshot_pgpool_backend *backend, char to[PGPOOL_BACKEND_NAME_SIZE])
{
	bool is_bare_v6 = strchr(backend->host, ':') != NULL && backend->host[0] != '[';
	struct text text;

	text_init(&text, to, PGPOOL_BACKEND_NAME_SIZE);
	text_add(&text, is_bare_v6 ? "[%s]" : "%s", backend->host);
	if (backend->port != SNAPSHOT_NONE)
		text_add(&text, ":%lld", (long long)backend->port);
	return to;
}

const char *
pgpool_backend_name(const struct snapshot_pgpool_backend *backend, char to[PGPOOL_BACKEND_NAME_SIZE])
{
	char place[PGPOOL_BACKEND_NAME_SIZE];
	struct text text;

	text_init(&text, to, PGPOOL_BACKEND_NAME_SIZE);
	text_add(&text, "backend %lld (%s)", (long long)backend->id, pgpool_backend_place(backend, place));
	return to;
}

bool
pgpool_backend_is_up(const struct snapshot_pgpool_backend *backend)
{
	return strcmp(backend->status, "up") == 0 || strcmp(backend->status, "waiting") == 0;
}

bool
pgpool_backend_is_configured(const struct snapshot_pgpool_backend *backend)
{
	return strcmp(backend->status, "unused") != 0;
}

bool
pgpool_backend_is_primary(const struct snapshot_pgpool_backend *backend)
{
	return strcmp(backend->role, "primary") == 0;
}

const char *
pgpool_backend_true_role(const struct snapshot_pgpool_backend *backend)
{
	const char *role = backend->own_role[0] != '\0' ? backend->own_role : backend->pg_role;

	return strcmp(role, "primary") == 0 || strcmp(role, "standby") == 0 ? role : "";
}

bool
pgpool_backend_is_running(const struct snapshot_pgpool_backend *backend)
{
	return backend->own_role[0] != '\0' || strcmp(backend->pg_status, "up") == 0;
}

enum state
pgpool_backend_fault_state(const struct policy *policy, const char *fault_class)
{
	enum err_class class = err_class_parse(fault_class);

	return class == ERR_NONE || class == ERR_CLASS_COUNT ? STATE_UNKNOWN : policy->on[class];
}

size_t
pgpool_backend_count(const struct snapshot_pgpool *pgpool)
{
	if (pgpool->total < 0)
		return 0;
	return (size_t)(pgpool->total < SNAPSHOT_PGPOOL_MAX ? pgpool->total : SNAPSHOT_PGPOOL_MAX);
}
