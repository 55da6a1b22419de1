#include "lib/collect/dcs.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/collect/dcs_consul.h"
#include "lib/collect/dcs_dialect.h"
#include "lib/collect/dcs_etcd.h"
#include "lib/collect/dcs_etcd2.h"
#include "lib/collect/dcs_hide.h"
#include "lib/collect/dcs_login.h"
#include "lib/collect/dcs_round.h"
#include "lib/collect/dcs_source.h"
#include "lib/collect/dcs_zookeeper.h"
#include "lib/collect/source.h"

const struct facet dcs_facet = {.part = SNAPSHOT_DCS};

const char *const dcs_kind_names[] = {"auto", "etcd", "etcd2", "consul", "zookeeper", NULL};

/* By enum dcs_kind. */
static const struct dcs_dialect *const dialects[] = {
	[DCS_ETCD] = &dcs_etcd_dialect,
	[DCS_ETCD2] = &dcs_etcd2_dialect,
	[DCS_CONSUL] = &dcs_consul_dialect,
	[DCS_ZOOKEEPER] = &dcs_zookeeper_dialect,
};

enum { DIALECT_COUNT = sizeof dialects / sizeof dialects[0] };

/* Room for as many endpoints as are asked; more are refused. */
enum { NAMED_SIZE = 1280 };

/* One look at the store. */
struct look {
	const struct dcs_source *source;
	const struct dcs_dialect *dialect; /* NULL: not known yet */
	struct dcs_dialect_plan plan;
	struct dcs_dialect_lock lock;
	struct dcs_round_way way;
	struct web_secret secret;
	char header[700];
	int64_t deadline_ms;
	struct snapshot_dcs *dcs;
	struct err fault;    /* of the first endpoint that said nothing of use */
	size_t silent_count; /* of the endpoints, how many gave no answer at all */
};

/* A part of the time that is left, so that what comes after has some too. */
static int64_t
share(const struct look *look, int64_t numerator, int64_t denominator)
{
	return clock_now_ms() + clock_left_ms(look->deadline_ms) * numerator / denominator;
}

/* -- what was asked for ------------------------------------------------------------------------ */

/* Who we are: for Consul a token, for etcd's API v3 a login (later), else basic authentication. */
static int
take_secrets(struct look *look, struct err *err)
{
	const struct dcs_source *source = look->source;

	look->way.access = source->access;
	if (source->token_file[0] != '\0') {
		if (web_read_secret(source->token_file, true, &look->secret, err) != 0)
			return -1;
		snprintf(look->header, sizeof look->header, "X-Consul-Token: %s", look->secret.password);
		look->way.header = look->header;
	}
	if (source->access->auth_file[0] != '\0')
		return web_read_secret(source->access->auth_file, false, &look->secret, err);
	return 0;
}

static int
take_source(struct look *look, struct err *err)
{
	const struct dcs_source *source = look->source;

	if (dcs_source_take_endpoints(source, look->dcs, err) != 0
		|| dcs_source_take_key(source, &look->plan, err) != 0)
		return -1;
	if (source->token_file[0] != '\0' && source->kind != DCS_CONSUL) {
		err_set(err, ERR_USAGE, "--token-file is for Consul alone");
		return err_hint(err, "say so: --kind consul");
	}
	text_clean(look->dcs->scope, sizeof look->dcs->scope, source->scope);
	look->plan.wants_quota = source->wants_quota;
	look->dialect = dialects[source->kind];
	return take_secrets(look, err);
}

/* -- what kind of store it is, and of which version -------------------------------------------- */

/* Each kind that it may be is asked for where that tells; several kinds share a place. */
static void
add_probes(const struct look *look, struct dcs_round *round, size_t row)
{
	for (size_t kind = DCS_ETCD; kind < DIALECT_COUNT; kind++) {
		struct dcs_dialect_question *question;

		if ((look->dialect != NULL && look->dialect != dialects[kind])
			|| (look->dialect == NULL && kind == DCS_ETCD2))
			continue;
		question = dcs_round_add(round, look->dcs->rows[row].url, row);
		if (question != NULL)
			snprintf(question->path, sizeof question->path, "%s", dialects[kind]->probe);
	}
}

/* Takes what answers to probes tell. Whether there is any endpoint that told. */
static bool
take_probes(struct look *look, const struct dcs_round *round)
{
	bool has_told = false;

	for (size_t i = 0; i < round->count; i++) {
		struct snapshot_dcs_endpoint *row = &look->dcs->rows[round->rows[i]];

		for (size_t kind = DCS_ETCD; kind < DIALECT_COUNT; kind++) {
			if ((look->dialect != NULL && look->dialect != dialects[kind])
				|| strcmp(dialects[kind]->probe, round->questions[i].path) != 0
				|| round->answers[i].fault.class != ERR_NONE
				|| !dialects[kind]->is_it(&round->answers[i], row))
				continue;
			look->dialect = dialects[kind];
			has_told = true;
		}
		if (look->plan.version[0] == '\0')
			text_clean(look->plan.version, sizeof look->plan.version, row->version);
	}
	return has_told;
}

/* Nobody there. It is as bad as a quorum that is lost, unless it is us who cannot reach them. */
static bool
is_silence(const struct err *fault)
{
	return fault->class == ERR_DOWN || fault->class == ERR_TIMEOUT;
}

/* The first fault, for when nothing else can be said. */
static void
keep_fault(struct look *look, const struct err *fault)
{
	if (look->fault.class == ERR_NONE)
		look->fault = *fault;
}

/* What is to be said when not one endpoint said anything of use; `first` is what one of them has. */
static int
refuse_all(const struct look *look, const struct err *first, bool is_silent, struct err *err)
{
	*err = *first;
	if (look->dcs->total > 1)
		err_context(err, "none of %lld endpoints %s", (long long)look->dcs->total,
			is_silent ? "answers" : "can be read");
	/* That it speaks something else is the remedy itself. */
	if (is_silent && look->dcs->total > 1 && strstr(first->hint, "https") == NULL)
		err_hint(err,
			"if they are silent everywhere no lock can be renewed: Patroni demotes its primary "
			"within the ttl, but for failsafe_mode; a majority must run");
	else if (is_silent && (err->class == ERR_TIMEOUT || err->hint[0] == '\0'))
		err_hint(err, "does it run? name all members, to see whether the others have a quorum");
	return -1;
}

/* What is wrong where the kind could not be found out: above all, that somebody may still have told. */
static int
refuse_kind(const struct look *look, const struct dcs_round *round, struct err *err)
{
	const struct web_answer *odd = NULL, *silent = NULL;

	for (size_t i = 0; i < round->count; i++) {
		const struct web_answer *answer = &round->answers[i];

		if (answer->fault.class == ERR_NONE)
			odd = odd == NULL ? answer : odd;
		else if (silent == NULL
			|| (silent->fault.class != ERR_TIMEOUT && answer->fault.class == ERR_TIMEOUT))
			silent = answer;
	}
	if (silent != NULL && (odd == NULL || silent->fault.class == ERR_TIMEOUT))
		return refuse_all(look, &silent->fault, odd == NULL && is_silence(&silent->fault), err);
	err_set(err, ERR_PROTOCOL, "%s answers, and is neither etcd, Consul nor ZooKeeper's admin server",
		look->dcs->rows[round->rows[odd - round->answers]].url);
	return err_hint(err, "is the port right? if so, say with --kind what it is");
}

/* Asks all endpoints for their kind and version, before `deadline_ms`. */
static int
probe(struct look *look, int64_t deadline_ms, struct err *err)
{
	struct dcs_round *round = dcs_round_new();
	int status = 0;

	if (round == NULL)
		return err_set(err, ERR_DOWN, "out of memory");
	for (size_t i = 0; i < (size_t)look->dcs->total; i++)
		add_probes(look, round, i);
	dcs_round_ask(round, &look->way, deadline_ms, NULL);
	/* With the kind given, what is asked next tells more of what is wrong. */
	if (!take_probes(look, round) && look->dialect == NULL)
		status = refuse_kind(look, round, err);
	dcs_round_free(round);
	return status;
}

/* One that is silent must not take the time of the others; where all are slow, there is a second chance. */
static int
find_out(struct look *look, struct err *err)
{
	if (probe(look, share(look, 1, 4), err) == 0)
		return 0;
	return err->class == ERR_TIMEOUT ? probe(look, share(look, 3, 4), err) : -1;
}

/* -- who we are ------------------------------------------------------------------------------- */

static int
identify(struct look *look, struct err *err)
{
	if (look->source->access->auth_file[0] == '\0')
		return 0;
	if (look->dialect == &dcs_etcd_dialect)
		return dcs_login(look->dcs, &look->secret, look->deadline_ms, &look->way, look->header,
			sizeof look->header, err);
	look->way.secret = &look->secret;
	return 0;
}

/* -- the endpoints ----------------------------------------------------------------------------- */

/* Forgets half of an answer. */
static void
empty_row(struct snapshot_dcs_endpoint *row)
{
	char url[sizeof row->url];

	memcpy(url, row->url, sizeof url);
	memset(row, 0, sizeof *row);
	memcpy(row->url, url, sizeof url);
	row->size_bytes = row->quota_bytes = row->raft_index = row->raft_term = row->response_us
		= SNAPSHOT_NONE;
}

static void
take_row(struct look *look, const struct web_answer *answers, size_t index)
{
	struct snapshot_dcs_endpoint *row = &look->dcs->rows[index];
	struct err fault;

	if (look->dialect->read(&look->plan, answers, row, look->dcs, &look->lock, &fault) == 0) {
		row->is_asked = true;
		/* Of one that gave up it says nothing. */
		if (!row->has_quorum)
			row->response_us = SNAPSHOT_NONE;
		return;
	}
	if (answers[0].fault.class == ERR_NONE)
		err_context(&fault, "%s", row->url);
	else if (is_silence(&fault))
		look->silent_count++;
	keep_fault(look, &fault);
	empty_row(row);
	text_clean(row->fault, sizeof row->fault, fault.text);
}

static int
ask_endpoints(struct look *look, struct err *err)
{
	struct dcs_round *round = dcs_round_new();
	size_t firsts[SNAPSHOT_DCS_MAX], count = (size_t)look->dcs->total;
	bool has_answer = false;

	if (round == NULL)
		return err_set(err, ERR_DOWN, "out of memory");
	for (size_t i = 0; i < count; i++) {
		const struct snapshot_dcs_endpoint *row = &look->dcs->rows[i];
		struct dcs_dialect_question questions[DCS_DIALECT_QUESTIONS];
		size_t question_count;

		memset(questions, 0, sizeof questions);
		question_count = look->dialect->ask(&look->plan, row, questions);
		firsts[i] = round->count;
		for (size_t k = 0; k < question_count; k++)
			*dcs_round_add(round, row->url, i) = questions[k];
	}
	/* What is asked about the lease comes after. */
	dcs_round_ask(round, &look->way,
		look->plan.key[0] == '\0' || look->dialect->ask_lease == NULL ? look->deadline_ms
									      : share(look, 3, 4),
		NULL);
	for (size_t i = 0; i < count; i++) {
		take_row(look, &round->answers[firsts[i]], i);
		has_answer = has_answer || look->dcs->rows[i].is_asked;
	}
	dcs_round_free(round);
	return has_answer ? 0 : refuse_all(look, &look->fault, look->silent_count == count, err);
}

/* -- the leader key ---------------------------------------------------------------------------- */

static bool
is_good(void *round, size_t index, const struct web_answer *answer)
{
	(void)round;
	(void)index;
	return answer->fault.class == ERR_NONE && answer->status == 200;
}

/* Any endpoint that has a quorum knows the lease. */
static void
ask_lease(struct look *look)
{
	struct dcs_round *round = dcs_round_new();
	struct err fault = {.class = ERR_NONE};
	bool is_told = false;

	if (round == NULL)
		return;
	for (size_t i = 0; i < (size_t)look->dcs->total; i++) {
		const struct snapshot_dcs_endpoint *row = &look->dcs->rows[i];

		if (row->has_quorum)
			look->dialect->ask_lease(
				&look->plan, row, &look->lock, dcs_round_add(round, row->url, i));
	}
	dcs_round_ask(round, &look->way, look->deadline_ms, is_good);
	for (size_t i = 0; i < round->count && !is_told; i++)
		is_told = look->dialect->read_lease(&round->answers[i], &look->lock, &fault) == 0;
	if (!is_told && fault.class != ERR_NONE) {
		err_context(&fault, "the lease");
		look->lock.fault = fault;
		look->lock.is_told = false;
	}
	dcs_round_free(round);
}

static void
take_lock(const struct look *look)
{
	const struct dcs_dialect_lock *lock = &look->lock;
	struct snapshot_dcs *dcs = look->dcs;

	dcs->has_leader_key = lock->is_there;
	text_clean(dcs->leader_key, sizeof dcs->leader_key, lock->holder);
	dcs->has_lease = lock->has_lease;
	dcs->leader_ttl_ms = lock->ttl_ms;
	dcs->leader_ttl_granted_ms = lock->granted_ms;
	if (look->plan.key[0] != '\0' && !lock->is_told)
		text_clean(dcs->scope_fault, sizeof dcs->scope_fault,
			lock->fault.class == ERR_NONE ? "no endpoint tells" : lock->fault.text);
}

/* -- all of it --------------------------------------------------------------------------------- */

static int
look_at(struct look *look, struct err *err)
{
	if (take_source(look, err) != 0)
		return -1;
	if ((look->dialect == NULL || look->dialect == &dcs_etcd_dialect) && find_out(look, err) != 0)
		return -1;
	text_clean(look->dcs->kind, sizeof look->dcs->kind, look->dialect->name);
	if (identify(look, err) != 0 || ask_endpoints(look, err) != 0)
		return -1;
	if (look->lock.is_there && look->lock.lease[0] != '\0' && look->dialect->ask_lease != NULL)
		ask_lease(look);
	take_lock(look);
	return 0;
}

/* Without endpoints the hosts of the command line are; in the agent there is no such thing. */
static int
name_source(const struct target *target, struct dcs_source *source, char hosts[NAMED_SIZE], struct err *err)
{
	if (source->endpoints[0] != '\0' || target == NULL || target->host[0] == '\0')
		return 0;
	if (dcs_source_name_hosts(source, target, hosts, NAMED_SIZE, err) != 0)
		return -1;
	source->endpoints = hosts;
	return 0;
}

void
dcs_collect(const struct dcs_source *source, const struct check_look *check_look, struct snapshot *snapshot)
{
	struct dcs_source named = *source;
	char hosts[NAMED_SIZE] = "";
	struct err err = {.class = ERR_NONE};
	bool is_named = name_source(check_look->target, &named, hosts, &err) == 0, is_seen;
	int64_t begun_us = source_begin(
		snapshot, strchr(named.endpoints, '@') == NULL ? named.endpoints : "");
	struct look look = {
		.source = &named,
		.deadline_ms = check_look->deadline_ms,
		.dcs = &snapshot->dcs,
		.lock = {.ttl_ms = SNAPSHOT_NONE, .granted_ms = SNAPSHOT_NONE},
	};

	snapshot->dcs.total = 0;
	is_seen = is_named && look_at(&look, &err) == 0;
	dcs_hide(
		&(struct dcs_hide_sent){.secret = &look.secret, .header = look.header}, &snapshot->dcs, &err);
	if (is_seen)
		snapshot_mark(snapshot, SNAPSHOT_DCS);
	else
		snapshot_fail(snapshot, SNAPSHOT_DCS, &err);
	source_end(snapshot, begun_us);
}
