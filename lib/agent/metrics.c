#include "lib/agent/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "lib/agent/http.h"
#include "lib/agent/workers.h"
#include "lib/base/clock.h"
#include "lib/evaluate/lag.h"
#include "lib/model/lsn.h"
#include "lib/render/prometheus.h"

/* A figure of one target; NAN: it has none, and the series is left out. */
typedef double figure_function(const struct agent_facts *facts, size_t index, int64_t now_ms);

static const struct snapshot *
snapshot_of(const struct agent_facts *facts, size_t index)
{
	return &facts->board->targets[index].snapshot;
}

static bool
is_fresh(const struct agent_facts *facts, size_t index, int64_t now_ms)
{
	int64_t age_ms = board_age_ms(facts->board, index, now_ms);

	return age_ms >= 0 && age_ms <= facts->plan->agent.max_age_ms;
}

static bool
has_role(const struct agent_facts *facts, size_t index, int64_t now_ms)
{
	return is_fresh(facts, index, now_ms) && snapshot_has(snapshot_of(facts, index), SNAPSHOT_ROLE);
}

static double
up(const struct agent_facts *facts, size_t index, int64_t now_ms)
{
	return has_role(facts, index, now_ms);
}

static double
in_recovery(const struct agent_facts *facts, size_t index, int64_t now_ms)
{
	return has_role(facts, index, now_ms) ? snapshot_of(facts, index)->role.in_recovery : NAN;
}

static double
timeline(const struct agent_facts *facts, size_t index, int64_t now_ms)
{
	const struct snapshot *snapshot = snapshot_of(facts, index);

	if (!has_role(facts, index, now_ms))
		return NAN;
	if (!snapshot->role.in_recovery)
		return lsn_timeline(snapshot->role.wal_file);
	return snapshot_has(snapshot, SNAPSHOT_STANDBY)
			&& snapshot->standby.received_timeline != SNAPSHOT_NONE
		? (double)snapshot->standby.received_timeline
		: NAN;
}

static double
standbys(const struct agent_facts *facts, size_t index, int64_t now_ms)
{
	const struct snapshot *snapshot = snapshot_of(facts, index);

	return is_fresh(facts, index, now_ms) && snapshot_has(snapshot, SNAPSHOT_SENDERS)
		? (double)snapshot->senders.total
		: NAN;
}

static double
probe_age(const struct agent_facts *facts, size_t index, int64_t now_ms)
{
	int64_t age_ms = board_age_ms(facts->board, index, now_ms);

	return age_ms < 0 ? NAN : (double)age_ms / 1000.0;
}

static double
probe_duration(const struct agent_facts *facts, size_t index, int64_t now_ms)
{
	return board_age_ms(facts->board, index, now_ms) < 0
		? NAN
		: (double)snapshot_of(facts, index)->elapsed_us / 1e6;
}

static double
probes(const struct agent_facts *facts, size_t index, int64_t now_ms)
{
	(void)now_ms;
	return (double)watch_count(workers_at(facts->workers, index)).probes;
}

static double
restarts(const struct agent_facts *facts, size_t index, int64_t now_ms)
{
	(void)now_ms;
	return (double)watch_count(workers_at(facts->workers, index)).restarts;
}

static const struct {
	const char *name, *type, *help;
	figure_function *figure;
} figures[] = {
	{"pgha_up", "gauge", "Whether the server answers: 1 if its role is known and fresh.", up},
	{"pgha_in_recovery", "gauge", "Whether the server is a standby.", in_recovery},
	{"pgha_server_timeline", "gauge", "The timeline that it writes, or receives.", timeline},
	{"pgha_standbys", "gauge", "How many receive WAL from it.", standbys},
	{"pgha_probe_age_seconds", "gauge", "How long ago it was last seen.", probe_age},
	{"pgha_probe_duration_seconds", "gauge", "How long the last look took, connecting included.",
		probe_duration},
	{"pgha_probes_total", "counter", "How often it was looked at.", probes},
	{"pgha_worker_restarts_total", "counter", "How often the process that looks had to be started anew.",
		restarts},
};

static void
write_figures(const struct agent_facts *facts, int64_t now_ms, struct text *text)
{
	for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
		prometheus_write_head(figures[i].name, figures[i].type, figures[i].help, text);
		for (size_t j = 0; j < facts->plan->target_count; j++) {
			double value = figures[i].figure(facts, j, now_ms);

			if (isnan(value))
				continue;
			text_add(text, "%s{target=\"%s\"} ", figures[i].name, facts->plan->targets[j].name);
			prometheus_write_value(value, text);
		}
	}
}

/* -- replication, under the names that dashboards already use ----------------------------------- */

static void
write_sender_labels(const char *name, const struct snapshot_sender *sender, struct text *text)
{
	text_add(text, "%s{application_name=\"", name);
	prometheus_write_label(sender->application, text);
	text_add(text, "\",client_addr=\"");
	prometheus_write_label(sender->address, text);
	text_add(text, "\",pid=\"%" PRId64 "\"", sender->pid);
}

/* One of a server's WAL senders, as a number; NAN: not known. */
static double
sender_bytes(const struct snapshot_sender *sender)
{
	return sender->behind_bytes == SNAPSHOT_NONE ? NAN
		: sender->behind_bytes > 0           ? (double)sender->behind_bytes
						     : 0;
}

static double
sender_seconds(const struct snapshot_sender *sender)
{
	if (sender->replay_lag_ms != SNAPSHOT_NONE)
		return (double)sender->replay_lag_ms / 1000.0;
	return sender->behind_bytes == 0 ? 0 : NAN; /* the server tells none once all is replayed */
}

static void
write_lag(const char *name, const char *help, double own, double (*of_sender)(const struct snapshot_sender *),
	const struct snapshot *snapshot, struct text *text)
{
	prometheus_write_head(name, "gauge", help, text);
	if (!isnan(own)) {
		text_add(text, "%s ", name);
		prometheus_write_value(own, text);
	}
	for (int64_t i = 0; snapshot_has(snapshot, SNAPSHOT_SENDERS) && i < snapshot->senders.total
		&& i < SNAPSHOT_SENDERS_MAX;
		i++) {
		double value = of_sender(&snapshot->senders.rows[i]);

		if (isnan(value))
			continue;
		write_sender_labels(name, &snapshot->senders.rows[i], text);
		text_add(text, "} ");
		prometheus_write_value(value, text);
	}
}

static void
write_sync_states(const struct snapshot *snapshot, struct text *text)
{
	static const char name[] = "pg_replication_sync_state";

	prometheus_write_head(
		name, "gauge", "What a standby is to this server: 1, with the state as a label.", text);
	for (int64_t i = 0; snapshot_has(snapshot, SNAPSHOT_SENDERS) && i < snapshot->senders.total
		&& i < SNAPSHOT_SENDERS_MAX;
		i++) {
		if (snapshot->senders.rows[i].sync_state[0] == '\0')
			continue;
		write_sender_labels(name, &snapshot->senders.rows[i], text);
		text_add(text, ",sync_state=\"");
		prometheus_write_label(snapshot->senders.rows[i].sync_state, text);
		text_add(text, "\"} 1\n");
	}
}

/* The node's own lag has no label; a primary has none in time, and none in bytes to tell. */
static void
write_replication(const struct agent_facts *facts, struct text *text)
{
	const struct snapshot *own = &facts->board->view[0];
	bool is_standby = snapshot_has(own, SNAPSHOT_STANDBY) && own->role.in_recovery;
	int64_t bytes = is_standby ? lag_bytes(&own->standby) : -1,
		ms = is_standby ? lag_ms(&own->standby) : -1;
	bool is_primary = snapshot_has(own, SNAPSHOT_ROLE) && !own->role.in_recovery;

	write_lag("pg_replication_lag_bytes",
		"Bytes of WAL that are not replayed yet: here, or on each standby.",
		bytes < 0 ? NAN : (double)bytes, sender_bytes, own, text);
	write_lag("pg_replication_lag_seconds",
		"Time since the last replayed commit, zero when all is replayed.",
		is_primary       ? 0
			: ms < 0 ? NAN
				 : (double)ms / 1000.0,
		sender_seconds, own, text);
	write_sync_states(own, text);
}

/* -- the whole --------------------------------------------------------------------------------- */

static void
write_checks(const struct agent_facts *facts, int64_t now_ms, struct text *text)
{
	size_t count = facts->plan->check_count;
	struct verdict *verdicts = calloc(count, sizeof *verdicts);
	bool answers[PLAN_CHECKS];

	for (size_t i = 0; verdicts != NULL && i < count; i++) {
		struct question question;

		question_of_check(facts->plan, i, &question);
		answers[i] = board_answer(facts->board, &question, now_ms, &verdicts[i]);
	}
	if (verdicts != NULL)
		prometheus_write_checks(verdicts, answers, count, text);
	free(verdicts);
}

static void
write_plain(const char *name, const char *type, const char *help, double value, struct text *text)
{
	prometheus_write_head(name, type, help, text);
	text_add(text, "%s ", name);
	prometheus_write_value(value, text);
}

void
metrics_write(const struct agent_facts *facts, int64_t now_ms, int64_t start_us, struct text *text)
{
	write_checks(facts, now_ms, text);
	write_figures(facts, now_ms, text);
	write_replication(facts, text);
	prometheus_write_head("pgha_agent_info", "gauge", "The agent's version.", text);
	text_add(text, "pgha_agent_info{version=\"%s\"} 1\n", facts->version);
	write_plain("pgha_agent_uptime_seconds", "gauge", "How long the agent has been running.",
		(double)(now_ms - facts->started_ms) / 1000.0, text);
	write_plain("pgha_http_connections", "gauge", "HTTP clients that have sent something.",
		facts->http == NULL ? 0 : (double)http_connection_count(facts->http), text);
	write_plain("pgha_scrape_duration_seconds", "gauge", "What it took to write all this.",
		(double)(clock_now_us() - start_us) / 1e6, text);
}
