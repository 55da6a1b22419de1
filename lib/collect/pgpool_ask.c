#include "lib/collect/pgpool_ask.h"

#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/collect/pg.h"
#include "lib/collect/pgpool_near.h"
#include "lib/collect/pgpool_show.h"

/* What is asked; the nodes by themselves, see ask_nodes(). */
enum { SHOW_VERSION, SHOW_SETTINGS, SHOW_CHECKS, SHOW_NODES, SHOW_COUNT };

static const char *const statements[SHOW_COUNT] = {
	"SHOW POOL_VERSION", "SHOW POOL_STATUS", "SHOW POOL_HEALTH_CHECK_STATS", "SHOW POOL_NODES"};

/* What the reader of the answers needs. */
struct asking {
	struct snapshot_pgpool *pgpool;
	struct pgpool_show *show;
	size_t first;                   /* the statement that index 0 is */
	struct err refused[SHOW_COUNT]; /* what pgpool did not answer */
	struct err broken;              /* what it answered cannot be read */
};

static bool
is_list(void *context, size_t index)
{
	(void)context;
	(void)index;
	return true;
}

static int
read_rows(struct asking *asking, size_t what, const struct pg_row *rows, struct err *err)
{
	switch (what) {
	case SHOW_VERSION:
		pgpool_show_version(rows, asking->pgpool);
		return 0;
	case SHOW_SETTINGS:
		return pgpool_show_settings(rows, asking->pgpool, err);
	case SHOW_CHECKS:
		return pgpool_show_checks(rows, asking->show, err);
	default:
		return pgpool_show_nodes(rows, asking->show, err);
	}
}

static void
take_rows(void *context, size_t index, const struct pg_row *rows, const struct err *fault)
{
	struct asking *asking = context;
	size_t what = asking->first + index;
	struct err err;

	asking->refused[what].class = ERR_NONE;
	if (rows == NULL) {
		asking->refused[what] = *fault;
	} else if (asking->broken.class == ERR_NONE && read_rows(asking, what, rows, &err) != 0) {
		asking->broken = err;
		err_context(&asking->broken, "unexpected answer to %s", statements[what]);
	}
}

static bool
ask(struct pg *pg, struct asking *asking, size_t first, size_t count, int64_t deadline_ms)
{
	struct pg_reader reader = {.take = take_rows, .is_list = is_list, .context = asking};

	asking->first = first;
	return pg_ask(pg, statements + first, count, deadline_ms, &reader);
}

/* Half of the time that is left: the rest is for who is asked next. */
static int64_t
half_way(int64_t deadline_ms)
{
	return deadline_ms - clock_left_ms(deadline_ms) / 2;
}

/*
 * 4.3 and later connect to every backend while they answer, one after the other, and wait for one that is
 * frozen for health_check_timeout. Then the statistics have to do, which are answered from memory, and the
 * backends are asked.
 */
static void
ask_nodes(struct pg *pg, struct asking *asking, int64_t deadline_ms)
{
	struct err *refused = &asking->refused[SHOW_NODES];

	ask(pg, asking, SHOW_NODES, 1, half_way(deadline_ms));
	if (refused->class != ERR_TIMEOUT || asking->show->count == 0)
		return;
	text_clean(asking->pgpool->nodes_fault, sizeof asking->pgpool->nodes_fault, refused->text);
	text_clean(asking->pgpool->nodes_fault_class, sizeof asking->pgpool->nodes_fault_class,
		err_class_name(refused->class));
	refused->class = ERR_NONE;
}

/* Why pgpool did not tell of its backends at all. Whoever refuses just that, is no pgpool-II. */
static int
explain_refusal(const struct err *refused, struct err *err)
{
	*err = *refused;
	if (err->class != ERR_SETUP && err->class != ERR_PROTOCOL)
		return -1;
	err_set(err, ERR_PROTOCOL, "%s: %s", statements[SHOW_NODES], refused->text);
	return err_hint(
		err, "is this the port of pgpool-II, and not that of PostgreSQL or of another pooler?");
}

static int
ask_pgpool(struct pg *pg, int64_t deadline_ms, struct asking *asking, struct err *err)
{
	bool is_usable = ask(pg, asking, SHOW_VERSION, SHOW_NODES, deadline_ms);

	asking->refused[SHOW_NODES] = asking->refused[SHOW_CHECKS];
	if (is_usable)
		ask_nodes(pg, asking, deadline_ms);
	if (asking->broken.class != ERR_NONE) {
		*err = asking->broken;
		return -1;
	}
	if (asking->refused[SHOW_NODES].class != ERR_NONE)
		return explain_refusal(&asking->refused[SHOW_NODES], err);
	return 0;
}

/* What libpq and pg.h say of a server is here about pgpool. */
static int
explain_closed(struct err *err)
{
	if (err->class == ERR_DOWN)
		err_hint(err,
			"does pgpool run there? it closes every session while it cannot reach a backend that "
			"is up to it, and when all are down or detached: pcp_node_info -a");
	else if (err->class == ERR_TIMEOUT)
		err_hint(err,
			"pgpool connects to each backend before it answers: is one frozen, or are all of its "
			"num_init_children in use?");
	return -1;
}

/*
 * With reserved_connections pgpool says so before it listens, which libpq takes for an answer to the question
 * for TLS and does not repeat: pg.h has it as one that is going down.
 */
static int
explain_full(struct err *err)
{
	bool is_told = err->class == ERR_FULL; /* by the port of PCP it is not */

	if (!is_told)
		err_set(err, ERR_FULL,
			"pgpool refuses the session at once, as it does when too many clients are there");
	return err_hint(err,
		"pcp_proc_info -a tells who has its num_init_children less reserved_connections sessions; "
		"a backend has max_connections%s",
		is_told ? "" : "; or is it the port of PCP?");
}

/*
 * pgpool has one SQLSTATE (XX000) for nearly all that it says itself, which the text has to tell apart. That
 * is English always.
 */
static int
explain_open(struct err *err)
{
	struct err said = *err;

	if (said.class == ERR_FULL || (said.class == ERR_DOWN && strstr(said.text, " is going down") != NULL))
		return explain_full(err);
	if (said.class != ERR_DOWN
		|| (strstr(said.text, "authentication failed") == NULL
			&& strstr(said.text, "failed to authenticate") == NULL))
		return explain_closed(err);
	err_set(err, ERR_SETUP, "%s", said.text);
	return err_hint(err,
		"check the role, its password (passfile, PGPASSWORD), and pgpool's pool_passwd and "
		"pool_hba.conf");
}

static int
ask_once(const struct target *target, int64_t deadline_ms, struct text *place, struct asking *asking,
	bool *ret_is_here, struct err *err)
{
	struct pg *pg = NULL;
	int status;

	if (pg_open(target, deadline_ms, place, &pg, err) != 0)
		return explain_open(err);
	if (strstr(pg_version_text(pg), "/bouncer") != NULL) {
		err_set(err, ERR_PROTOCOL, "this is PgBouncer's admin console, not pgpool-II");
		status = err_hint(err, "check_pgbouncer asks PgBouncer");
	} else {
		*ret_is_here = pgpool_near_is_here(pg_socket(pg));
		status = ask_pgpool(pg, deadline_ms, asking, err);
		if (status != 0 && (err->class == ERR_DOWN || err->class == ERR_TIMEOUT))
			explain_closed(err);
	}
	pg_close(pg);
	return status;
}

/* Waits before the next attempt. False: there is no time for it. */
static bool
pause_briefly(int64_t deadline_ms)
{
	enum { PAUSE_MS = 200 };

	if (clock_left_ms(deadline_ms) <= PAUSE_MS)
		return false;
	poll(NULL, 0, PAUSE_MS);
	return true;
}

int
pgpool_ask(const struct target *target, int64_t deadline_ms, struct text *place, bool *ret_is_here,
	struct snapshot_pgpool *pgpool, struct err *err)
{
	enum { ATTEMPTS = 3 };
	struct pgpool_show *show = malloc(sizeof *show);
	struct snapshot_pgpool empty = *pgpool;
	struct text start = *place;
	int status = -1;

	if (show == NULL)
		return err_set(err, ERR_DOWN, "out of memory");
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		struct asking asking = {.pgpool = pgpool, .show = show};

		*pgpool = empty;
		show->count = 0;
		show->newest_s = SNAPSHOT_NONE;
		text_init(place, start.bytes, start.size);
		status = ask_once(target, deadline_ms, place, &asking, ret_is_here, err);
		if (status == 0 || err->class != ERR_DOWN || !pause_briefly(deadline_ms))
			break;
	}
	if (status == 0)
		pgpool_show_settle(show, pgpool);
	free(show);
	return status;
}
