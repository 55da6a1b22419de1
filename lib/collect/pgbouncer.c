#include "lib/collect/pgbouncer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/parse.h"
#include "lib/base/text.h"
#include "lib/collect/conf_conninfo.h"
#include "lib/collect/pg.h"
#include "lib/collect/pgbouncer_clients.h"
#include "lib/collect/pgbouncer_passage.h"
#include "lib/collect/pgbouncer_queue.h"
#include "lib/collect/pgbouncer_worst.h"
#include "lib/collect/source.h"

const struct facet pgbouncer_facet = {.part = SNAPSHOT_PGBOUNCER};

static const char application[] = "check_pgbouncer";

/* -- the console -------------------------------------------------------------------------------- */

/* What is being read, and into what. */
struct inquiry {
	struct pgbouncer_rows rows;
	struct snapshot_pgbouncer *seen;
	const struct command *command;
	struct err err; /* of the command; ERR_NONE: it was read */
	bool is_answered;
};

struct command {
	const char *text;
	int (*read)(struct inquiry *inquiry, const struct pg_row *row, struct err *err);
	int since_minor; /* of PgBouncer 1.x; it is not asked of one that is older */
};

static int
read_lists(struct inquiry *inquiry, const struct pg_row *row, struct err *err)
{
	return pgbouncer_rows_lists(row, inquiry->seen, err);
}

static int
read_state(struct inquiry *inquiry, const struct pg_row *row, struct err *err)
{
	return pgbouncer_rows_state(row, inquiry->seen, err);
}

static int
read_config(struct inquiry *inquiry, const struct pg_row *row, struct err *err)
{
	return pgbouncer_rows_config(row, inquiry->seen, err);
}

static int
read_databases(struct inquiry *inquiry, const struct pg_row *row, struct err *err)
{
	return pgbouncer_rows_databases(row, &inquiry->rows, err);
}

static int
read_pools(struct inquiry *inquiry, const struct pg_row *row, struct err *err)
{
	return pgbouncer_rows_pools(row, &inquiry->rows, err);
}

static int
read_clients(struct inquiry *inquiry, const struct pg_row *row, struct err *err)
{
	return pgbouncer_clients_read(row, &inquiry->rows, err);
}

static int
read_users(struct inquiry *inquiry, const struct pg_row *row, struct err *err)
{
	return pgbouncer_rows_users(row, &inquiry->rows, err);
}

static int
read_servers(struct inquiry *inquiry, const struct pg_row *row, struct err *err)
{
	return pgbouncer_rows_servers(row, &inquiry->rows, inquiry->seen, err);
}

static const struct command commands[] = {
	{"SHOW LISTS", read_lists, 0},
	{"SHOW STATE", read_state, 19},
	{"SHOW CONFIG", read_config, 0},
	{"SHOW DATABASES", read_databases, 0},
	{"SHOW POOLS", read_pools, 0},
};

/* After the others: there may be more of these than an answer may hold, and then the rest is known. */
static const struct command command_users = {"SHOW USERS", read_users, 23};
static const struct command command_clients = {"SHOW CLIENTS", read_clients, 0};
static const struct command command_servers = {"SHOW SERVERS", read_servers, 0};

static void
take(void *context, size_t index, const struct pg_row *row, const struct err *fault)
{
	struct inquiry *inquiry = context;

	(void)index;
	inquiry->is_answered = fault == NULL;
	if (fault != NULL)
		inquiry->err = *fault;
	else if (inquiry->command->read(inquiry, row, &inquiry->err) == 0)
		inquiry->err.class = ERR_NONE;
}

static bool
is_list(void *context, size_t index)
{
	(void)context;
	(void)index;
	return true;
}

/* What it does not know it would write to its log, each time. One that nobody knows is as good as new. */
static bool
is_there(const struct command *command, const char *version)
{
	char minor[8];
	struct err ignored;
	int64_t number;

	if (!text_starts(version, "1."))
		return true;
	snprintf(minor, sizeof minor, "%.*s", (int)strcspn(version + 2, "."), version + 2);
	return parse_integer(minor, 0, INT16_MAX, &number, &ignored) != 0 || number >= command->since_minor;
}

static int
ask(struct inquiry *inquiry, struct pg *pg, const struct command *command, int64_t deadline_ms,
	struct err *err)
{
	const struct pg_reader reader = {.take = take, .is_list = is_list, .context = inquiry};
	bool is_usable;

	inquiry->command = command;
	is_usable = pg_ask(pg, &command->text, 1, deadline_ms, &reader);
	if (inquiry->err.class == ERR_NONE)
		return 0;
	*err = inquiry->err;
	if (inquiry->is_answered)
		return err_context(err, "unexpected answer to %s", command->text);
	if (!is_usable)
		return -1;
	/* Its SQLSTATE is the same for all that it refuses. */
	err->class = ERR_SETUP;
	return err_context(err, "%s is refused", command->text);
}

/* "1.18.0" of "1.18.0/bouncer", as which the console names itself. */
static int
read_version(const struct pg *pg, struct snapshot_pgbouncer *seen, struct err *err)
{
	const char *version = pg_version_text(pg), *mark = strstr(version, "/bouncer");
	char clean[sizeof seen->version];
	struct text text;

	text_clean(clean, sizeof clean, version);
	if (mark == NULL) {
		err_set(err, ERR_SETUP, "not PgBouncer's admin console, but %s%s",
			clean[0] == '\0' ? "something" : "PostgreSQL ", clean[0] == '\0' ? " else" : clean);
		return err_hint(err, "-p is to be PgBouncer's listen_port, by default 6432");
	}
	text_init(&text, seen->version, sizeof seen->version);
	text_add_bytes(&text, version, (size_t)(mark - version));
	text_clean(clean, sizeof clean, seen->version);
	memcpy(seen->version, clean, sizeof clean);
	return 0;
}

static int
ask_all(struct inquiry *inquiry, struct pg *pg, int64_t deadline_ms, struct err *err)
{
	struct err ignored;

	if (read_version(pg, inquiry->seen, err) != 0)
		return -1;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (is_there(&commands[i], inquiry->seen->version)
			&& ask(inquiry, pg, &commands[i], deadline_ms, err) != 0)
			return -1;
	/* What it does not answer stays unknown. */
	if (pgbouncer_clients_are_wanted(&inquiry->rows))
		ask(inquiry, pg, &command_clients, deadline_ms, &ignored);
	/* Before 1.23 it tells no sizes: those of the databases count. */
	if (is_there(&command_users, inquiry->seen->version)
		&& ask(inquiry, pg, &command_users, deadline_ms, &ignored) != 0)
		pgbouncer_rows_forget_sizes(&inquiry->rows);
	if (inquiry->rows.choice.expected[0] != '\0')
		ask(inquiry, pg, &command_servers, deadline_ms, &ignored);
	inquiry->seen->is_expected_one_of_many = pgbouncer_rows_has_hosts(&inquiry->rows);
	pgbouncer_worst_first(&inquiry->rows, inquiry->seen);
	return 0;
}

/* A plain -d would be taken for the database to look at, and it is not: the console has a name of its own. */
static int
verify_dbname(const struct target *target, struct err *err)
{
	const char *name = target->dbname;

	if (name[0] == '\0' || strcmp(name, "pgbouncer") == 0 || strpbrk(name, "=:") != NULL)
		return 0;
	err_set(err, ERR_USAGE, "-d names a database, and the admin console is the database \"pgbouncer\"");
	return err_hint(
		err, "--database NAME looks at that one alone, --expect-primary NAME through the pooler");
}

/* What is told by those who expect PostgreSQL there; of who is not let in PgBouncer says but "not allowed".
 */
static void
explain_refusal(struct err *err)
{
	if (err->class == ERR_SETUP) {
		bool is_hinted = err->hint[0] != '\0'; /* such as by where a password belongs */

		err_context(err, "admin console");
		if (strstr(err->text, "authentication failed") != NULL)
			err_hint(err,
				"check the role, its password (passfile, PGPASSWORD), and PgBouncer's "
				"auth_file; it is "
				"to be one of its stats_users");
		else if (!is_hinted || strstr(err->text, "database \"pgbouncer\" does not exist") != NULL)
			err_hint(err,
				"is it PgBouncer's port, and the role one of its stats_users or "
				"admin_users?");
	} else if (err->class == ERR_DOWN) {
		err_hint(err,
			"does PgBouncer run there, with that listen_addr and listen_port? one that is "
			"shutting "
			"down is reached by its Unix socket alone");
	}
}

/* Whether nobody says at which port: no option, connection string, service or environment. */
static bool
is_port_open(const struct target *target)
{
	return target->port[0] == '\0' && !conf_conninfo_has(target->dbname, "port")
		&& !conf_conninfo_has(target->dbname, "service") && getenv("PGPORT") == NULL
		&& getenv("PGSERVICE") == NULL;
}

static int
look_at_console(const struct pgbouncer_source *source, const struct target *at, int64_t deadline_ms,
	int64_t passage_deadline_ms, struct text *place, struct snapshot_pgbouncer *seen, struct err *err)
{
	struct inquiry inquiry = {.rows = {.choice = source->choice, .user = ""}, .seen = seen};
	const char *expected = source->choice.expected;
	struct target target = *at;
	struct pg *pg = NULL;
	struct err untried;
	int status = -1;

	if (verify_dbname(at, err) != 0)
		return -1;
	target.is_console = true;
	if (is_port_open(&target))
		snprintf(target.port, sizeof target.port, "6432"); /* its own default, and not PostgreSQL's */
	snprintf(target.database, sizeof target.database, "pgbouncer");
	if (pg_open(&target, deadline_ms, place, &pg, err) == 0) {
		inquiry.rows.user = pg_user(pg);
		status = ask_all(&inquiry, pg, deadline_ms, err);
	} else {
		explain_refusal(err);
	}
	if (status == 0 && expected[0] != '\0'
		&& pgbouncer_queue_verify(&inquiry.rows, seen, clock_left_ms(passage_deadline_ms), &untried)
			!= 0)
		pgbouncer_passage_fail(expected, &untried, seen);
	pgbouncer_rows_release(&inquiry.rows);
	pg_close(pg);
	return status;
}

/* -- the source --------------------------------------------------------------------------------- */

void
pgbouncer_collect(
	const struct pgbouncer_source *source, const struct check_look *look, struct snapshot *snapshot)
{
	const char *expected = source->choice.expected;
	int64_t begun_us = source_begin(snapshot, ""), deadline_ms = look->deadline_ms;
	char storage[sizeof snapshot->target];
	struct target target;
	struct text place;
	struct err err;

	source_target(source->conninfo, look, application, &target);
	text_init(&place, storage, sizeof storage);
	/* The console answers at once or not at all, and what comes after needs time as well. */
	if (expected[0] != '\0')
		deadline_ms -= clock_left_ms(deadline_ms) / 2;
	if (look_at_console(
		    source, &target, deadline_ms, look->deadline_ms, &place, &snapshot->pgbouncer, &err)
		== 0) {
		if (expected[0] != '\0' && snapshot->pgbouncer.expected_class[0] == '\0')
			pgbouncer_passage_look(expected, &target, look->deadline_ms, &snapshot->pgbouncer);
		snapshot_mark(snapshot, SNAPSHOT_PGBOUNCER);
	} else {
		snapshot_fail(snapshot, SNAPSHOT_PGBOUNCER, &err);
	}
	text_clean(snapshot->target, sizeof snapshot->target, place.bytes);
	source_end(snapshot, begun_us);
}
