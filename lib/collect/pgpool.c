#include "lib/collect/pgpool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/collect/command.h"
#include "lib/collect/facets.h"
#include "lib/collect/fleet.h"
#include "lib/collect/pgpool_ask.h"
#include "lib/collect/pgpool_own.h"
#include "lib/collect/pgpool_pcp.h"
#include "lib/collect/source.h"

const struct facet pgpool_facet = {.part = SNAPSHOT_PGPOOL};

/* -- the backends themselves ------------------------------------------------------------------------- */

/*
 * Where a backend is to be asked. One that is not used at all is not; nor is one by an address that leads
 * pgpool to its own host, where that is not this one: whoever answers there is another server. `is_here`: it
 * is.
 */
static bool
aim(const struct target *like, bool is_here, struct snapshot_pgpool_backend *backend, struct target *ret)
{
	struct err err;

	if (strcmp(backend->status, "unused") == 0)
		return false;
	if (backend->host[0] == '\0' || strchr(backend->host, ',') != NULL)
		err_set(&err, ERR_PROTOCOL, "pgpool names no host");
	else if (!is_here && pgpool_own_is_loopback(backend->host))
		err_set(&err, ERR_SETUP,
			"this address leads to this host, not to pgpool's, and was not asked");
	else if (fleet_target(like, backend->host, backend->port, NULL, ret, &err) == 0)
		return true;
	pgpool_own_fail(backend, &err);
	return false;
}

static void
ask_backends(const struct target *like, bool is_here, int64_t deadline_ms, struct snapshot_pgpool *pgpool)
{
	static const struct facet *const facets[] = {
		&facet_role, &facet_identity, &facet_standby, &facet_read_only, NULL};
	struct pgpool_own own[SNAPSHOT_PGPOOL_MAX];
	size_t count = 0,
	       known = (size_t)(pgpool->total < SNAPSHOT_PGPOOL_MAX ? pgpool->total : SNAPSHOT_PGPOOL_MAX);
	struct fleet_node *nodes = calloc(SNAPSHOT_PGPOOL_MAX, sizeof *nodes);
	struct err err;

	err_set(&err, ERR_DOWN, "out of memory");
	for (size_t i = 0; i < known; i++) {
		if (nodes == NULL) {
			pgpool_own_fail(&pgpool->rows[i], &err);
		} else if (aim(like, is_here, &pgpool->rows[i], &nodes[count].target)) {
			own[count] = (struct pgpool_own){&pgpool->rows[i], &nodes[count].snapshot};
			count++;
		}
	}
	if (nodes != NULL)
		fleet_ask(nodes, count, facets, deadline_ms);
	pgpool_own_keep(own, count);
	free(nodes);
}

/* -- the watchdog -------------------------------------------------------------------------------------- */

/* Debian has PCP's programs where the PATH of an ordinary user does not lead. */
static const char *
find_command(const char *command)
{
	static const char debian[] = "/usr/sbin/pcp_watchdog_info";

	return strcmp(command, "pcp_watchdog_info") == 0 && access(debian, X_OK) == 0 ? debian : command;
}

/* The host of a place: "127.0.0.1:9999", "[::1]:9999", "/run/postgresql:9999". */
static void
host_of(const char *place, char *to, size_t size)
{
	const char *end = strrchr(place, ':');
	bool is_bracketed = place[0] == '[' && end != NULL && end > place + 1 && end[-1] == ']';
	const char *from = place + is_bracketed;

	if (end == NULL)
		end = place + strlen(place);
	snprintf(to, size, "%.*s", (int)(end - from) - is_bracketed, from);
}

static int
run_pcp(const struct pgpool_source *source, const char *place, int64_t deadline_ms,
	struct snapshot_pgpool *pgpool, struct err *err)
{
	enum { OUTPUT_MAX = 64 * 1024 };
	char port[16], host[256];
	const char *arguments[] = {find_command(source->pcp_command), "-h", host, "-p", port, "-U",
		source->pcp_user, "-w", "-v", NULL};
	struct command_output output;
	int status = -1;

	snprintf(port, sizeof port, "%lld", (long long)source->pcp_port);
	if (source->pcp_host[0] != '\0')
		snprintf(host, sizeof host, "%s", source->pcp_host);
	else
		host_of(place, host, sizeof host);
	if (command_run(arguments, OUTPUT_MAX, deadline_ms, &output, err) != 0)
		return -1;
	/* It ends with 0 also where it has got nothing. */
	if (output.length == 0 || output.exit_code > 0)
		pgpool_pcp_explain(output.complaint, err);
	else
		status = pgpool_pcp_read(output.bytes, pgpool, err);
	command_release(&output);
	return status;
}

static void
ask_watchdog(const struct pgpool_source *source, const char *place, int64_t deadline_ms,
	struct snapshot_pgpool *pgpool)
{
	bool is_told = pgpool->delay_period_s != SNAPSHOT_NONE; /* SHOW POOL_STATUS was answered */
	struct err err;

	pgpool->is_watchdog_asked = true;
	if (is_told && !pgpool->is_watchdog_used)
		err_set(&err, ERR_SETUP, "there is none: use_watchdog is off");
	/* Half of the time that is left: the rest is for the backends. */
	else if (run_pcp(source, place, deadline_ms - clock_left_ms(deadline_ms) / 2, pgpool, &err) == 0)
		return;
	text_clean(pgpool->watchdog_fault, sizeof pgpool->watchdog_fault, err.text);
	text_clean(
		pgpool->watchdog_fault_class, sizeof pgpool->watchdog_fault_class, err_class_name(err.class));
}

/* -- the source ------------------------------------------------------------------------------------------ */

void
pgpool_collect(const struct pgpool_source *source, const struct check_look *look, struct snapshot *snapshot)
{
	struct target target;
	char storage[sizeof snapshot->target];
	struct text place;
	struct err err;
	int64_t begun_us = source_begin(snapshot, "");
	bool is_here;

	source_target(source->conninfo, look, "check_pgpool", &target);
	target.is_console = true;
	text_init(&place, storage, sizeof storage);
	if (pgpool_ask(&target, look->deadline_ms, &place, &is_here, &snapshot->pgpool, &err) == 0) {
		if (source->pcp_user[0] != '\0')
			ask_watchdog(source, storage, look->deadline_ms, &snapshot->pgpool);
		if (source->asks_backends)
			ask_backends(&target, is_here, look->deadline_ms, &snapshot->pgpool);
		snapshot_mark(snapshot, SNAPSHOT_PGPOOL);
	} else {
		snapshot_fail(snapshot, SNAPSHOT_PGPOOL, &err);
	}
	text_clean(snapshot->target, sizeof snapshot->target, place.bytes);
	source_end(snapshot, begun_us);
}
