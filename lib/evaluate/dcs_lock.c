#include "lib/evaluate/dcs_lock.h"

#include <math.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"

/* What may be missing, by the kind of store. */
static void
advise(const struct snapshot_dcs *dcs, struct verdict *verdict)
{
	if (strcmp(dcs->kind, "zookeeper") == 0)
		judge_hint(verdict, "ask Patroni instead (check_patroni), and leave out --scope");
	else if (strcmp(dcs->kind, "consul") == 0)
		judge_hint(verdict,
			"if it is not let in: a token with key:read and session:read (--token-file)");
	else
		judge_hint(verdict,
			"if it is not let in: a user who may read what is under the scope (--auth-file)");
}

static void
judge_untold(const struct snapshot_dcs *dcs, struct verdict *verdict)
{
	if (dcs->has_leader_key)
		judge_reason(verdict, STATE_UNKNOWN,
			"%s holds the leader lock of \"%s\", cannot tell whether it still renews it: %s",
			dcs->leader_key, dcs->scope, dcs->scope_fault);
	else
		judge_reason(verdict, STATE_UNKNOWN, "cannot tell who holds the leader lock of \"%s\": %s",
			dcs->scope, dcs->scope_fault);
	advise(dcs, verdict);
}

static void
judge_nobody(const struct snapshot_dcs *dcs, struct verdict *verdict)
{
	judge_reason(verdict, STATE_CRITICAL, "nobody holds the leader lock of \"%s\" in %s", dcs->scope,
		dcs->kind);
	judge_hint(verdict,
		"see patronictl list and the logs of Patroni; are --scope and --namespace right?%s",
		strcmp(dcs->kind, "etcd") == 0 ? " if Patroni has the section etcd, not etcd3: --kind etcd2"
					       : "");
}

/* A lock that does not go by itself is none: Consul's is not one without a session, others stay for good. */
static void
judge_no_lease(const struct snapshot_dcs *dcs, struct verdict *verdict)
{
	if (strcmp(dcs->kind, "consul") == 0) {
		judge_reason(verdict, STATE_CRITICAL,
			"the leader lock of \"%s\" is not held any more: the session of %s is gone",
			dcs->scope, dcs->leader_key);
		judge_hint(verdict, "see whether Patroni runs on %s, and its log", dcs->leader_key);
	} else {
		judge_reason(verdict, STATE_WARNING,
			"the leader key of \"%s\" has no TTL: it stays when %s fails, and nobody takes over",
			dcs->scope, dcs->leader_key);
		judge_hint(verdict,
			"who wrote it? Patroni's own has one; if %s does not lead, delete the key, and a "
			"leader "
			"is elected: patronictl list",
			dcs->leader_key);
	}
}

static void
judge_ttl(const struct snapshot_dcs *dcs, int64_t min_ttl_ms, struct verdict *verdict)
{
	struct limit warning = {.of = {{.is_set = false}}};
	char what[192];
	struct text text;

	if (dcs->leader_ttl_ms == SNAPSHOT_NONE)
		return;
	warning.of[UNIT_SECONDS] = (struct range){
		.is_set = true, .start = (double)min_ttl_ms / 1000.0, .end = INFINITY};
	text_init(&text, what, sizeof what);
	text_add(&text, "time left of the leader lock of \"%s\", which %s holds,", dcs->scope,
		dcs->leader_key);
	judge_metric(verdict, what, "leader_ttl_seconds", (double)dcs->leader_ttl_ms / 1000.0, UNIT_SECONDS,
		&warning, NULL);
	if (range_alerts(&warning.of[UNIT_SECONDS], (double)dcs->leader_ttl_ms / 1000.0))
		judge_hint(verdict, "Patroni on %s does not renew it: see whether it runs, and its log",
			dcs->leader_key);
}

void
dcs_lock_judge(const struct snapshot_dcs *dcs, int64_t min_ttl_ms, struct verdict *verdict)
{
	if (dcs->scope[0] == '\0')
		return;
	if (dcs->scope_fault[0] != '\0') {
		judge_untold(dcs, verdict);
	} else if (!dcs->has_leader_key || dcs->leader_key[0] == '\0') { /* Patroni writes no empty one */
		judge_nobody(dcs, verdict);
	} else {
		judge_reason(
			verdict, STATE_OK, "%s holds the leader lock of \"%s\"", dcs->leader_key, dcs->scope);
		if (!dcs->has_lease)
			judge_no_lease(dcs, verdict);
		judge_ttl(dcs, min_ttl_ms, verdict);
	}
}
