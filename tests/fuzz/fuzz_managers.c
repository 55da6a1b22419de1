/*
 * Any bytes as what Patroni, a store, pgpool-II's watchdog or repmgr's metadata said: they are read or
 * refused by a class that there is, what was read is a sound snapshot, and the checks judge it without a
 * stumble.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/collect/dcs_base64.h"
#include "lib/collect/dcs_consul.h"
#include "lib/collect/dcs_etcd.h"
#include "lib/collect/dcs_etcd2.h"
#include "lib/collect/dcs_etcd_login.h"
#include "lib/collect/dcs_zookeeper.h"
#include "lib/collect/patroni_instant.h"
#include "lib/collect/patroni_json.h"
#include "lib/collect/patroni_view.h"
#include "lib/collect/pgpool_figure.h"
#include "lib/collect/pgpool_pcp.h"
#include "lib/collect/repmgr_conninfo.h"
#include "lib/evaluate/evaluate.h"
#include "lib/model/check.h"

extern const struct check check_patroni, check_dcs, check_pgpool, check_pg_leader;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
judge(const struct check *check, const struct snapshot *snapshot)
{
	void *limits = calloc(1, check->limits_size);
	struct verdict verdict;

	if (!snapshot_is_sound(snapshot))
		abort();
	evaluate_check(check, snapshot, 1, limits, &verdict);
	if (verdict.summary[0] == '\0')
		abort();
	free(limits);
}

static void
expect_class(const struct err *err)
{
	if (err->class <= ERR_NONE || err->class >= ERR_CLASS_COUNT || err->text[0] == '\0')
		abort();
}

static void
read_patroni(const char *text, size_t size)
{
	struct snapshot snapshot;
	struct err err;

	snapshot_init(&snapshot);
	if (patroni_json_member(text, size, &snapshot.patroni, &err) != 0) {
		expect_class(&err);
	} else {
		snapshot_mark(&snapshot, SNAPSHOT_PATRONI);
		snapshot_mark(&snapshot, SNAPSHOT_ROLE);
		snapshot_mark(&snapshot, SNAPSHOT_READ_ONLY);
		judge(&check_pg_leader, &snapshot);
	}
	snapshot_init(&snapshot);
	patroni_view_init(&snapshot.patroni_cluster);
	if (patroni_view_read(text, size, &snapshot.patroni_cluster, &err) != 0) {
		expect_class(&err);
		return;
	}
	if (patroni_json_senders(text, size, &snapshot.patroni_cluster, &err) != 0)
		expect_class(&err);
	if (patroni_view_config(text, size, &snapshot.patroni_cluster, &err) != 0)
		expect_class(&err);
	snapshot_mark(&snapshot, SNAPSHOT_PATRONI_CLUSTER);
	judge(&check_patroni, &snapshot);
}

/* The same bytes as the answer to each question of a dialect, with a status that they choose. */
static void
read_dcs(const struct dcs_dialect *dialect, char *text, size_t size)
{
	static const int statuses[] = {200, 400, 401, 403, 404, 500, 503};
	struct dcs_dialect_plan plan = {.key = "service/demo/leader", .wants_quota = true};
	struct dcs_dialect_question questions[DCS_DIALECT_QUESTIONS];
	struct web_answer answers[DCS_DIALECT_QUESTIONS];
	struct dcs_dialect_lock lock = {.ttl_ms = SNAPSHOT_NONE, .granted_ms = SNAPSHOT_NONE};
	struct snapshot snapshot;
	struct snapshot_dcs_endpoint *row = &snapshot.dcs.rows[0];
	struct err err;
	size_t count;

	snapshot_init(&snapshot);
	snapshot.dcs.total = 1;
	count = dialect->ask(&plan, row, questions);
	for (size_t i = 0; i < count; i++)
		answers[i] = (struct web_answer){.status = statuses[(size + i) % 7 < 4 ? 0 : (size + i) % 7],
			.body = text,
			.length = size,
			.elapsed_us = 1000};
	dialect->is_it(&answers[0], row);
	if (dialect->read(&plan, answers, row, &snapshot.dcs, &lock, &err) != 0)
		expect_class(&err);
	else
		row->is_asked = true;
	if (dialect->read_lease != NULL && dialect->read_lease(&answers[0], &lock, &err) != 0)
		expect_class(&err);
	snapshot_mark(&snapshot, SNAPSHOT_DCS);
	judge(&check_dcs, &snapshot);
}

static void
read_others(char *text, size_t size)
{
	struct web_answer answer = {.status = 200, .body = text, .length = size};
	struct snapshot snapshot;
	struct place place;
	char token[256];
	int64_t bytes, ms;
	struct err err;

	snapshot_init(&snapshot);
	if (pgpool_pcp_read(text, &snapshot.pgpool, &err) != 0)
		expect_class(&err);
	snapshot.pgpool.total = 0;
	snapshot_mark(&snapshot, SNAPSHOT_PGPOOL);
	judge(&check_pgpool, &snapshot);
	pgpool_pcp_explain(text, &err);
	if (pgpool_figure_delay(text, &bytes, &ms, &err) != 0)
		expect_class(&err);
	pgpool_figure_weight(text);
	pgpool_figure_instant(text);
	patroni_instant_parse(text);
	if (repmgr_conninfo_place(text, &place, &err) != 0)
		expect_class(&err);
	if (dcs_base64_read(text, token, sizeof token, &err) != 0)
		expect_class(&err);
	if (dcs_etcd_login_read(&answer, token, sizeof token, &err) != 0)
		expect_class(&err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dcs_dialect *const dialects[] = {
		&dcs_etcd_dialect, &dcs_etcd2_dialect, &dcs_consul_dialect, &dcs_zookeeper_dialect};
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	read_patroni(text, size);
	for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++)
		read_dcs(dialects[i], text, size);
	read_others(text, size);
	free(text);
	return 0;
}
