#include "lib/collect/pgbouncer_passage.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/column.h"
#include "lib/collect/facets.h"
#include "lib/collect/pg.h"

/* The statements, in their order: what role the server has, and which one it is. */
enum { ASKED_ROLE, ASKED_PLACE, ASKED_COUNT };

static const char place_sql[] = "SELECT pg_catalog.host(pg_catalog.inet_server_addr()) AS host,\n"
				"       pg_catalog.inet_server_port() AS port";

/* What came through. */
struct passage {
	struct snapshot_pgbouncer *seen;
	struct err err; /* of the role; ERR_NONE: it is known */
};

static int
read_role(const struct pg_row *row, struct snapshot_pgbouncer *seen, struct err *err)
{
	bool in_recovery, is_read_only;

	if (!column_is_there(row, "in_recovery") || !column_is_there(row, "is_read_only"))
		return err_set(err, ERR_PROTOCOL, "it is not told whether the server is a primary");
	if (column_truth(row, "in_recovery", &in_recovery, err) != 0
		|| column_truth(row, "is_read_only", &is_read_only, err) != 0)
		return -1;
	text_clean(seen->expected_role, sizeof seen->expected_role,
		in_recovery            ? "standby"
			: is_read_only ? "read-only"
				       : "primary");
	return 0;
}

/* Empty where the pooler reaches it by a Unix socket: then the two are on one host. */
static void
read_place(const struct pg_row *row, struct snapshot_pgbouncer *seen)
{
	char host[48], port[8];
	struct text text;

	column_text(row, "host", host, sizeof host);
	column_text(row, "port", port, sizeof port);
	text_init(&text, seen->expected_place, sizeof seen->expected_place);
	if (host[0] != '\0')
		text_add(&text, strchr(host, ':') == NULL ? "%s:%s" : "[%s]:%s", host, port);
}

static void
take(void *context, size_t index, const struct pg_row *row, const struct err *fault)
{
	struct passage *passage = context;

	if (index == ASKED_PLACE && fault == NULL)
		read_place(row, passage->seen);
	if (index != ASKED_ROLE)
		return;
	if (fault != NULL)
		passage->err = *fault;
	else if (read_role(row, passage->seen, &passage->err) == 0)
		passage->err.class = ERR_NONE;
}

static int
ask_through(
	const struct target *target, int64_t deadline_ms, struct snapshot_pgbouncer *seen, struct err *err)
{
	struct passage passage = {.seen = seen};
	const struct pg_reader reader = {.take = take, .context = &passage};
	const char *statements[ASKED_COUNT] = {[ASKED_PLACE] = place_sql};
	char storage[160];
	struct text place;
	struct pg *pg;

	text_init(&place, storage, sizeof storage);
	if (pg_open(target, deadline_ms, &place, &pg, err) != 0)
		return -1;
	statements[ASKED_ROLE] = facet_role.sql(pg_version(pg));
	pg_ask(pg, statements, ASKED_COUNT, deadline_ms, &reader);
	pg_close(pg);
	*err = passage.err;
	return err->class == ERR_NONE ? 0 : -1;
}

void
pgbouncer_passage_fail(const char *database, const struct err *fault, struct snapshot_pgbouncer *seen)
{
	text_clean(seen->expected, sizeof seen->expected, database);
	text_clean(seen->expected_class, sizeof seen->expected_class, err_class_name(fault->class));
	text_clean(seen->expected_fault, sizeof seen->expected_fault, fault->text);
	/* PgBouncer has one SQLSTATE for all that it refuses, and its messages are in one language. */
	seen->is_shutting_down = strstr(fault->text, "pooler is shutting down") != NULL;
}

void
pgbouncer_passage_look(
	const char *database, const struct target *at, int64_t deadline_ms, struct snapshot_pgbouncer *seen)
{
	struct target target = *at;
	struct err err;
	int status;

	target.is_pooled = true;
	text_clean(seen->expected, sizeof seen->expected, database);
	if (text_copy(target.database, sizeof target.database, database) != 0)
		status = err_set(&err, ERR_USAGE, "the name of the database is too long");
	else
		status = ask_through(&target, deadline_ms, seen, &err);
	if (status != 0)
		pgbouncer_passage_fail(database, &err, seen);
}
