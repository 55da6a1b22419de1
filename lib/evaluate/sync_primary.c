#include "lib/evaluate/sync_primary.h"

#include <math.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/sync_names.h"
#include "lib/evaluate/sync_standbys.h"

/* A primary, and what its settings and senders come to. */
struct view {
	const struct sync_primary_limits *limits;
	const struct snapshot_sync *sync;
	const struct sync_names *names;
	struct sync_standbys standbys;
	bool is_weak; /* synchronous_commit does not wait; a session may still set its own */
};

/* Room for the names of one finding, with words around them; and for all that a list may hold. */
enum { LIST_SIZE = 112, LIST_SIZE_MAX = 768 };

/* -- lists ------------------------------------------------------------------------------------- */

/* Writes a list of names, a long one cut to what ends in "..."; "" when it has none. */
static const char *
list_of(const struct view *view, enum sync_standbys_who who, char storage[LIST_SIZE])
{
	char all[LIST_SIZE_MAX];
	struct text text;

	text_init(&text, all, sizeof all);
	sync_standbys_list(&view->standbys, who, &text);
	text_clean(storage, LIST_SIZE, all);
	return storage;
}

/* A finding of the form "WHAT: n2, n3", where there is anybody. */
static void
judge_list(const struct view *view, enum sync_standbys_who who, enum state state, const char *what,
	struct verdict *verdict)
{
	char names[LIST_SIZE];

	if (list_of(view, who, names)[0] != '\0')
		judge_reason(verdict, state, "%s: %s", what, names);
}

static void
tell_list(const struct view *view, enum sync_standbys_who who, const char *what, struct verdict *verdict)
{
	char names[LIST_SIZE];

	if (list_of(view, who, names)[0] != '\0')
		judge_detail(verdict, "%s: %s", what, names);
}

/* "3 sessions" */
static void
write_sessions(int64_t count, struct text *text)
{
	text_add(text, "%lld session%s", (long long)count, count == 1 ? "" : "s");
}

/* -- whether commits can be made --------------------------------------------------------------- */

/* Where nobody has to wait, only sessions that set synchronous_commit themselves can be held up. */
static enum state
held_state(const struct view *view)
{
	return view->is_weak && view->sync->waiting <= 0 ? STATE_WARNING : STATE_CRITICAL;
}

/* Those who wait while it can do them no good. */
static void
judge_stuck(const struct view *view, struct verdict *verdict)
{
	char storage[96];
	struct text text;

	if (view->sync->hidden > 0) {
		judge_detail(verdict, "not permitted to see how many sessions wait");
		return;
	}
	if (view->sync->waiting <= 0)
		return;
	text_init(&text, storage, sizeof storage);
	write_sessions(view->sync->waiting, &text);
	text_add(&text, " wait%s", view->sync->waiting == 1 ? "s" : "");
	if (view->sync->waiting_ms != SNAPSHOT_NONE) {
		text_add(&text, ", for up to ");
		range_write_quantity((double)view->sync->waiting_ms / 1000.0, UNIT_SECONDS, &text);
	}
	judge_reason(verdict, STATE_CRITICAL, "%s", storage);
}

static void
judge_blocked(const struct view *view, const char *needs, struct verdict *verdict)
{
	enum state state = held_state(view);
	const struct sync_names *names = view->names;

	judge_reason(verdict, state, "%s: %s",
		view->is_weak ? "commits that wait for standbys block" : "commits block", needs);
	if (!names->has_star && view->standbys.named < names->required) {
		judge_reason(verdict, state, "that can never be: it asks for %d and names %d",
			names->required, view->standbys.named);
		judge_hint(verdict,
			"lower the number in synchronous_standby_names, or name more standbys, then SELECT "
			"pg_reload_conf()");
	}
	judge_list(view, SYNC_STANDBYS_WHO_ABSENT, state, "not connected", verdict);
	judge_list(view, SYNC_STANDBYS_WHO_LATE, state, "not streaming yet", verdict);
	judge_stuck(view, verdict);
	tell_list(view, SYNC_STANDBYS_WHO_SYNC, "sync", verdict);
	tell_list(view, SYNC_STANDBYS_WHO_QUORUM, "quorum", verdict);
	tell_list(view, SYNC_STANDBYS_WHO_POTENTIAL, "potential", verdict);
	judge_hint(verdict,
		"start the standby; in an emergency ALTER SYSTEM SET synchronous_standby_names = '' "
		"and SELECT pg_reload_conf() let commits go on, which a failover may then lose");
}

static void
judge_working(const struct view *view, const char *needs, struct verdict *verdict)
{
	judge_reason(verdict, STATE_OK, "%s%s", needs,
		view->standbys.margin == 0 && !view->standbys.is_partial ? ": the next loss blocks commits"
									 : "");
	judge_list(view, SYNC_STANDBYS_WHO_SYNC, STATE_OK, "sync", verdict);
	judge_list(view, SYNC_STANDBYS_WHO_QUORUM, STATE_OK, "quorum", verdict);
	judge_list(view, SYNC_STANDBYS_WHO_POTENTIAL, STATE_OK, "potential", verdict);
	judge_list(view, SYNC_STANDBYS_WHO_ABSENT, STATE_OK, "not connected", verdict);
	judge_list(view, SYNC_STANDBYS_WHO_LATE, STATE_OK, "not streaming yet", verdict);
}

/* It may be more, so that a limit which this much would break is neither kept nor broken. */
static void
judge_partial_margin(const struct view *view, struct verdict *verdict)
{
	const struct range *warning = &view->limits->warning->of[UNIT_NONE];
	const struct range *critical = &view->limits->critical->of[UNIT_NONE];
	double margin = (double)view->standbys.margin;

	judge_figure(verdict, "margin", NAN, UNIT_NONE);
	if (margin >= 0 && (range_alerts(warning, margin) || range_alerts(critical, margin)))
		judge_reason(verdict, STATE_UNKNOWN,
			"the margin is at least %d, of more standbys than can be looked at",
			view->standbys.margin);
}

/* The figure against its limits; whom it lacks stands in the finding, which else nobody could act on. */
static void
judge_margin(const struct view *view, struct verdict *verdict)
{
	const struct sync_standbys *standbys = &view->standbys;
	char names[LIST_SIZE], what[LIST_SIZE + 64];
	struct text text;

	text_init(&text, what, sizeof what);
	if (standbys->margin >= 0 && list_of(view, SYNC_STANDBYS_WHO_ABSENT, names)[0] != '\0')
		text_add(&text, "without %s ", names);
	text_add(&text, "the margin%s", standbys->margin < 0 ? "" : " before commits block");
	judge_figure(verdict, "required", (double)view->names->required, UNIT_NONE);
	judge_figure(verdict, "streaming", (double)standbys->candidates, UNIT_NONE);
	if (standbys->is_partial)
		judge_partial_margin(view, verdict);
	else
		judge_metric(verdict, what, "margin", (double)standbys->margin, UNIT_NONE,
			view->limits->warning, view->limits->critical);
}

static void
judge_candidates(const struct view *view, struct verdict *verdict)
{
	char needs[256];
	struct text text;

	text_init(&text, needs, sizeof needs);
	text_add(&text, "needs ");
	sync_names_describe(view->names, &text);
	text_add(&text, ", %s%d streaming", view->standbys.is_partial ? "at least " : "",
		view->standbys.candidates);
	if (view->standbys.margin >= 0)
		judge_working(view, needs, verdict);
	else if (view->standbys.is_partial)
		judge_reason(verdict, STATE_UNKNOWN, "%s of more than can be looked at", needs);
	else
		judge_blocked(view, needs, verdict);
	judge_margin(view, verdict);
}

/* -- whether commits are made ------------------------------------------------------------------ */

/*
 * A session is caught waiting in every healthy moment too, and one whose statement ran for long looks as if
 * it had waited as long. So it counts only while those whose word is waited for have not replayed everything.
 */
static void
judge_wait(const struct view *view, struct verdict *verdict)
{
	const struct snapshot_sync *sync = view->sync;
	struct limit limit = {
		.of[UNIT_SECONDS] = {
			.is_set = true, .start = 0, .end = (double)view->limits->max_wait_ms / 1000.0}};
	double seconds = sync->waiting <= 0         ? 0
		: sync->waiting_ms == SNAPSHOT_NONE ? NAN
						    : (double)sync->waiting_ms / 1000.0;
	bool is_held_up = view->standbys.margin >= 0 && view->standbys.caught_up < view->names->required;
	/* What is flushed everywhere and not replayed holds up only a session that asks for remote_apply. */
	bool is_replay_only = strcmp(sync->commit, "remote_apply") != 0
		&& view->standbys.flushed >= view->names->required;
	const struct limit *held = is_held_up ? &limit : NULL;
	char behind[LIST_SIZE], what[LIST_SIZE + 128];
	struct text text;

	text_init(&text, what, sizeof what);
	list_of(view, SYNC_STANDBYS_WHO_BEHIND, behind);
	if (is_replay_only)
		text_add(&text, "remote_apply is held up by %s: the longest wait of ", behind);
	else
		text_add(&text, "commits are held up by %s (synchronous_commit is %s): the longest wait of ",
			behind, sync->commit);
	write_sessions(sync->waiting, &text);
	judge_figure(verdict, "waiting_sessions", (double)sync->waiting, UNIT_NONE);
	judge_metric(verdict, what, "waiting_seconds", seconds, UNIT_SECONDS, is_replay_only ? held : NULL,
		is_replay_only ? NULL : held);
	if (isnan(seconds) && is_held_up)
		judge_reason(verdict, STATE_UNKNOWN,
			"how long sessions have waited for %s is not known: track_activities is off", behind);
	if (is_held_up && seconds > limit.of[UNIT_SECONDS].end)
		judge_hint(verdict, "%s",
			is_replay_only || strcmp(sync->commit, "remote_apply") == 0
				? "is replay paused there (SELECT pg_wal_replay_resume()), or held back by "
				  "a query, or the standby frozen?"
				: "is the standby frozen, its disk slow, or the network between cut?");
}

/* Sessions that cannot be seen may wait; where commits block, that is known without them. */
static void
judge_sessions(const struct view *view, struct verdict *verdict)
{
	struct err fault;

	if (view->sync->hidden <= 0) {
		judge_wait(view, verdict);
		return;
	}
	judge_figure(verdict, "waiting_sessions", NAN, UNIT_NONE);
	judge_figure(verdict, "waiting_seconds", NAN, UNIT_SECONDS);
	if (view->standbys.margin < 0)
		return;
	err_set(&fault, ERR_SETUP, "not permitted to see whether commits wait");
	err_hint(&fault, "grant the role of this check membership of pg_monitor");
	judge_fault(verdict, view->limits->policy, &fault);
}

/* -- the settings ------------------------------------------------------------------------------ */

/* What this session has is what others have, unless its role or database has its own. */
static void
judge_commit(const struct view *view, struct verdict *verdict)
{
	struct err fault;

	if (view->sync->is_commit_own && !view->limits->allow_async) {
		err_set(&fault, ERR_SETUP,
			"cannot see the server's synchronous_commit: the role or database of this check "
			"has its own, %s",
			view->sync->commit);
		err_hint(&fault, "ALTER ROLE ... RESET synchronous_commit, or pass --allow-async");
		judge_fault(verdict, view->limits->policy, &fault);
	} else if (view->is_weak) {
		judge_reason(verdict, view->limits->allow_async ? STATE_OK : STATE_CRITICAL,
			"commits do not wait for a standby: synchronous_commit is %s%s", view->sync->commit,
			view->limits->allow_async ? ", which is allowed" : "");
		if (!view->limits->allow_async)
			judge_hint(verdict,
				"a failover may lose commits; set synchronous_commit to on, or pass "
				"--allow-async");
	}
	judge_detail(verdict, "synchronous_commit is %s", view->sync->commit);
}

static void
judge_off(const struct sync_primary_limits *limits, struct verdict *verdict)
{
	if (limits->allow_async) {
		judge_reason(
			verdict, STATE_OK, "asynchronous: commits wait for no standby, which is allowed");
	} else {
		judge_reason(verdict, STATE_CRITICAL,
			"synchronous replication is off: synchronous_standby_names is empty");
		judge_hint(verdict,
			"a failover may lose commits; name the standbys that are to hold them, or pass "
			"--allow-async");
	}
	judge_figure(verdict, "required", 0, UNIT_NONE);
}

/* A setting that the server has taken and we cannot read is none that we may judge. */
static void
judge_unreadable(const struct sync_primary_limits *limits, struct err *err, struct verdict *verdict)
{
	err_context(err, "synchronous_standby_names cannot be read");
	err->class = ERR_PROTOCOL;
	judge_fault(verdict, limits->policy, err);
}

static void
judge_hidden(const struct sync_primary_limits *limits, struct verdict *verdict)
{
	struct err fault;

	err_set(&fault, ERR_SETUP, "not permitted to see the state of the standbys");
	err_hint(&fault, "grant the role of this check membership of pg_monitor");
	judge_fault(verdict, limits->policy, &fault);
}

static bool
is_weak(const struct snapshot_sync *sync)
{
	return !sync->is_commit_own
		&& (strcmp(sync->commit, "off") == 0 || strcmp(sync->commit, "local") == 0);
}

void
sync_primary_judge(
	const struct snapshot *primary, const struct sync_primary_limits *limits, struct verdict *verdict)
{
	struct view view = {.limits = limits, .sync = &primary->sync, .is_weak = is_weak(&primary->sync)};
	struct sync_names names;
	struct err err;

	if (sync_names_parse(primary->sync.names, &names, &err) != 0) {
		judge_unreadable(limits, &err, verdict);
		return;
	}
	view.names = &names;
	if (names.method == SYNC_NAMES_OFF) {
		judge_off(limits, verdict);
		return;
	}
	judge_commit(&view, verdict);
	sync_standbys_look(&names, &primary->senders, &view.standbys);
	if (view.standbys.is_hidden) {
		judge_hidden(limits, verdict);
		return;
	}
	judge_candidates(&view, verdict);
	/* No more than told: its age goes by the clock there. Whom it holds up is among those who wait. */
	judge_list(&view, SYNC_STANDBYS_WHO_SILENT, STATE_OK, "nothing heard, by the clock there", verdict);
	judge_sessions(&view, verdict);
	tell_list(&view, SYNC_STANDBYS_WHO_ASYNC, "async", verdict);
	tell_list(&view, SYNC_STANDBYS_WHO_TWINS, "several of one name, of which each counts", verdict);
	if (!view.standbys.is_settled)
		judge_detail(verdict, "the WAL senders do not go by this synchronous_standby_names (yet)");
}
