#include "lib/collect/pgpool_own.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/text.h"
#include "lib/model/lsn.h"

/* -- one backend ----------------------------------------------------------------------------------- */

/* The timeline of a primary, from the name of its WAL file. */
static int64_t
timeline_of(const char *wal_file)
{
	char digits[9];
	char *end;
	unsigned long timeline;

	snprintf(digits, sizeof digits, "%.8s", wal_file);
	timeline = strtoul(digits, &end, 16);
	return strlen(digits) == 8 && *end == '\0' ? (int64_t)timeline : SNAPSHOT_NONE;
}

void
pgpool_own_fail(struct snapshot_pgpool_backend *backend, const struct err *fault)
{
	text_clean(backend->fault, sizeof backend->fault, fault->text);
	text_clean(backend->fault_class, sizeof backend->fault_class, err_class_name(fault->class));
}

/* What a standby says of its WAL receiver; whoever has not pg_monitor there learns only whether there is one.
 */
static void
keep_receiver(const struct snapshot *seen, struct snapshot_pgpool_backend *backend)
{
	if (!snapshot_has(seen, SNAPSHOT_STANDBY))
		return;
	text_clean(backend->own_receiver, sizeof backend->own_receiver,
		seen->standby.receiver_pid == SNAPSHOT_NONE ? "none" : seen->standby.receiver_status);
}

static void
keep_identity(const struct snapshot *seen, struct snapshot_pgpool_backend *backend)
{
	if (!snapshot_has(seen, SNAPSHOT_IDENTITY))
		return;
	text_clean(backend->own_system_identifier, sizeof backend->own_system_identifier,
		seen->identity.system_identifier);
	backend->own_started_ms = seen->identity.started_ms;
}

/* Who has made a primary read-only, if it is. */
static void
keep_read_only(const struct snapshot *seen, struct snapshot_pgpool_backend *backend)
{
	bool is_told = snapshot_has(seen, SNAPSHOT_READ_ONLY) && seen->read_only.source[0] != '\0';

	if (seen->role.is_read_only)
		text_clean(backend->own_read_only, sizeof backend->own_read_only,
			is_told ? seen->read_only.source : "not told");
}

static void
keep_role(const struct snapshot *seen, struct snapshot_pgpool_backend *backend)
{
	if (!snapshot_has(seen, SNAPSHOT_ROLE)) {
		pgpool_own_fail(backend, &seen->faults[SNAPSHOT_ROLE]);
		return;
	}
	text_clean(
		backend->own_role, sizeof backend->own_role, seen->role.in_recovery ? "standby" : "primary");
	keep_identity(seen, backend);
	if (seen->role.in_recovery) {
		keep_receiver(seen, backend);
	} else {
		backend->own_timeline = timeline_of(seen->role.wal_file);
		keep_read_only(seen, backend);
	}
}

/* -- how far behind -------------------------------------------------------------------------------- */

static bool
is_same_cluster(const struct snapshot *a, const struct snapshot *b)
{
	return snapshot_has(a, SNAPSHOT_IDENTITY) && snapshot_has(b, SNAPSHOT_IDENTITY)
		&& a->identity.system_identifier[0] != '\0'
		&& strcmp(a->identity.system_identifier, b->identity.system_identifier) == 0;
}

/*
 * The position of the only primary of the cluster that `standby` is in. One server that two rows lead to is
 * one; the position in another cluster's WAL would tell nothing.
 */
static uint64_t
primary_lsn(const struct pgpool_own *own, size_t count, const struct snapshot *standby)
{
	const struct snapshot *found = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct snapshot *seen = own[i].seen;

		if (!snapshot_has(seen, SNAPSHOT_ROLE) || seen->role.in_recovery
			|| !is_same_cluster(seen, standby))
			continue;
		if (found != NULL && found->identity.started_ms != seen->identity.started_ms)
			return LSN_NONE;
		found = seen;
	}
	return found != NULL ? found->role.wal_lsn : LSN_NONE;
}

/* They are asked at once: a standby may have replayed what came after the primary answered. */
static void
keep_delay(uint64_t lsn, const struct snapshot *seen, struct snapshot_pgpool_backend *backend)
{
	uint64_t replayed = seen->standby.replay_lsn;

	if (lsn == LSN_NONE || !snapshot_has(seen, SNAPSHOT_STANDBY)
		|| strcmp(backend->own_role, "standby") != 0 || replayed == LSN_NONE)
		return;
	backend->own_delay_bytes = lsn <= replayed     ? 0
		: lsn - replayed < SNAPSHOT_NUMBER_MAX ? (int64_t)(lsn - replayed)
						       : SNAPSHOT_NUMBER_MAX;
}

void
pgpool_own_keep(const struct pgpool_own *own, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		keep_role(own[i].seen, own[i].backend);
		keep_delay(primary_lsn(own, count, own[i].seen), own[i].seen, own[i].backend);
	}
}

/* -- where a host leads ---------------------------------------------------------------------------- */

/* Connected to, the address that is none leads to oneself, too. */
static bool
is_loopback_v6(const char *host)
{
	struct in6_addr address;
	const uint8_t *bytes = address.s6_addr;

	if (inet_pton(AF_INET6, host, &address) != 1)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&address))
		return bytes[12] == 127 || bytes[12] == 0;
	return IN6_IS_ADDR_LOOPBACK(&address) || IN6_IS_ADDR_UNSPECIFIED(&address);
}

static bool
is_loopback_v4(const char *host)
{
	uint8_t bytes[4];

	return inet_pton(AF_INET, host, bytes) == 1 && (bytes[0] == 127 || bytes[0] == 0);
}

bool
pgpool_own_is_loopback(const char *host)
{
	static const char *const names[] = {"localhost", "localhost.localdomain", "localhost4", "localhost6",
		"ip6-localhost", "ip6-loopback"};

	if (host[0] == '/' || host[0] == '@')
		return true;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcasecmp(host, names[i]) == 0)
			return true;
	return is_loopback_v4(host) || is_loopback_v6(host);
}
