#include "lib/evaluate/subscription.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/model/lsn.h"

/*
 * Of an idle publisher a worker asks for a message after half of wal_receiver_timeout, as a standby does.
 * With a longer timeout, or none, silence may be longer, but then nobody knows: see lag.c.
 */
enum { SILENCE_MARGIN_MS = 5000, SILENCE_NORMAL_MS = 30000 + SILENCE_MARGIN_MS };

void
subscription_hold(const struct subscription *subject, const char *what, const char *name, double value,
	enum unit unit, struct verdict *verdict)
{
	char storage[sizeof subject->label + 64];
	struct text text;

	text_init(&text, storage, sizeof storage);
	text_add(&text, "%s subscription \"%s\"", what, subject->label);
	if (subject->is_kept)
		judge_metric_of(verdict, subject->label, storage, name, value, unit, subject->limits->warning,
			subject->limits->critical);
	else
		judge_limit(
			verdict, storage, value, unit, subject->limits->warning, subject->limits->critical);
}

static bool
has_limit(const struct subscription_limits *limits, enum unit unit)
{
	return limits->warning->of[unit].is_set || limits->critical->of[unit].is_set;
}

/*
 * Right after a worker has connected it runs and has had no message yet. A publisher that has something to
 * send does so at once; one that sent nothing for this long after the start (which counts as a message) has
 * nothing, and may stay silent for long (seen on 16 and 17).
 */
enum { FIRST_MESSAGE_MS = 1000 };

static bool
has_heard(const struct snapshot_subscription *row)
{
	return row->message_age_ms >= FIRST_MESSAGE_MS
		|| (row->received_lsn != LSN_NONE && row->message_age_ms != SNAPSHOT_NONE);
}

bool
subscription_is_running(const struct subscription *subject)
{
	return subject->row->is_enabled && subject->row->worker_pid != SNAPSHOT_NONE
		&& has_heard(subject->row);
}

/* How many errors there were, where the server counts them (15+). */
static void
add_errors(const struct snapshot_subscription *row, struct text *text)
{
	if (row->apply_errors > 0)
		text_add(text, ", after %lld apply error%s so far", (long long)row->apply_errors,
			row->apply_errors == 1 ? "" : "s");
}

enum { IDENTIFIER_SIZE = 2 * SNAPSHOT_NAME_SIZE + 2 }; /* in double quotes, with each of its own doubled */

static const char *
identifier(const struct snapshot_subscription *row, char to[IDENTIFIER_SIZE])
{
	text_identifier(to, IDENTIFIER_SIZE, row->name);
	return to;
}

/* False when it does not run: nothing of its worker is known then. */
static bool
judge_running(const struct subscription *subject, struct verdict *verdict)
{
	const struct snapshot_subscription *row = subject->row;
	char storage[64], name[IDENTIFIER_SIZE];
	struct text errors;

	text_init(&errors, storage, sizeof storage);
	add_errors(row, &errors);
	if (!row->is_enabled) {
		judge_reason(verdict, subject->limits->disabled, "subscription \"%s\" is disabled%s",
			subject->label, storage);
		judge_hint(verdict,
			"the log tells whether an error did it (disable_on_error); mend that, then ALTER "
			"SUBSCRIPTION %s ENABLE",
			identifier(row, name));
		return false;
	}
	if (row->worker_pid == SNAPSHOT_NONE) {
		judge_reason(verdict, STATE_CRITICAL, "the worker of subscription \"%s\" does not run%s",
			subject->label, storage);
		judge_hint(verdict,
			"the subscriber's log tells why it ends again and again: an error of apply, a "
			"publisher or slot that is gone, no free worker (max_logical_replication_workers)");
		return false;
	}
	return true;
}

/*
 * Whether the worker waits for a message, or for a lock that somebody holds. Else it applies what it has: a
 * large transaction that came in pieces is applied in one go, and nothing is read meanwhile.
 */
static bool
is_waiting(const struct snapshot_subscription *row)
{
	return strcmp(row->worker_wait, "?") == 0 || strstr(row->worker_wait, "LogicalApplyMain") != NULL
		|| strncmp(row->worker_wait, "Lock:", 5) == 0;
}

static void
judge_silence(const struct subscription *subject, struct verdict *verdict)
{
	const struct snapshot_subscription *row = subject->row;
	long long seconds = (long long)(row->message_age_ms / 1000);

	bool is_silent = subject->timeout_ms > 0
		&& row->message_age_ms > subject->timeout_ms / 2 + SILENCE_MARGIN_MS;

	if (is_silent && !is_waiting(row)) {
		judge_reason(verdict, STATE_WARNING, "subscription \"%s\" has been applying for %lld s",
			subject->label, seconds);
		judge_hint(verdict,
			"worker %lld applies one large transaction, and reads nothing meanwhile; see what it "
			"does in "
			"pg_stat_activity",
			(long long)row->worker_pid);
	} else if (is_silent) {
		judge_reason(verdict, STATE_CRITICAL, "subscription \"%s\" has taken in nothing for %lld s",
			subject->label, seconds);
		judge_hint(verdict,
			"does worker %lld wait for a lock (pg_stat_activity)? else the publisher is frozen, "
			"or the network between cut; to accept it, give a limit in time",
			(long long)row->worker_pid);
	} else if (row->message_age_ms > SILENCE_NORMAL_MS) {
		judge_reason(verdict, STATE_OK, "subscription \"%s\" has taken in nothing for %lld s",
			subject->label, seconds);
		judge_hint(verdict,
			"set wal_receiver_timeout to a minute or less, to know when the publisher is gone");
	}
}

static void
judge_age(const struct subscription *subject, struct verdict *verdict)
{
	int64_t age_ms = subject->row->message_age_ms;

	if (!has_heard(subject->row)) {
		judge_reason(verdict, STATE_CRITICAL,
			"the worker of subscription \"%s\" has just started, and heard nothing yet",
			subject->label);
		judge_hint(
			verdict, "ask again; if it starts again and again, the subscriber's log tells why");
		return;
	}
	subscription_hold(subject, "time since the last message to", "subscription_message_age_seconds",
		age_ms < 0 ? 0 : (double)age_ms / 1000.0, UNIT_SECONDS, verdict);
	if (!has_limit(subject->limits, UNIT_SECONDS))
		judge_silence(subject, verdict);
}

static void
keep_counter(const struct subscription *subject, const char *name, int64_t count, struct verdict *verdict)
{
	if (subject->is_kept && count != SNAPSHOT_NONE)
		judge_figure_of(verdict, subject->label, name, (double)count, UNIT_NONE);
}

static void
judge_errors(const struct subscription *subject, struct verdict *verdict)
{
	const struct snapshot_subscription *row = subject->row;
	char name[IDENTIFIER_SIZE];

	keep_counter(subject, "subscription_apply_errors", row->apply_errors, verdict);
	keep_counter(subject, "subscription_sync_errors", row->sync_errors, verdict);
	keep_counter(subject, "subscription_conflicts", row->conflicts, verdict);
	if (row->new_errors > 0) {
		judge_reason(verdict, STATE_WARNING,
			"%lld new error%s of subscription \"%s\" since the last look",
			(long long)row->new_errors, row->new_errors == 1 ? "" : "s", subject->label);
		judge_hint(verdict,
			"the subscriber's log tells table and row; ALTER SUBSCRIPTION %s SKIP (lsn = ...) "
			"leaves out a transaction that cannot be applied",
			identifier(row, name));
	}
	if (row->new_conflicts > 0) {
		judge_reason(verdict, STATE_WARNING,
			"%lld new conflict%s of subscription \"%s\" since the last look",
			(long long)row->new_conflicts, row->new_conflicts == 1 ? "" : "s", subject->label);
		judge_hint(verdict,
			"the subscriber has rows of its own making: its log and pg_stat_subscription_stats "
			"tell which kind");
	}
}

static void
judge_tables(const struct subscription *subject, struct verdict *verdict)
{
	const struct snapshot_subscription *row = subject->row;

	keep_counter(subject, "subscription_tables", row->tables, verdict);
	keep_counter(subject, "subscription_tables_not_ready", row->tables_not_ready, verdict);
	if (row->tables_not_ready <= 0)
		return;
	judge_reason(verdict, subject->limits->not_ready,
		"%lld of %lld tables of subscription \"%s\" not copied yet", (long long)row->tables_not_ready,
		(long long)row->tables, subject->label);
	judge_hint(verdict,
		"if it stays so, the subscriber's log tells what the copy lacks; pg_subscription_rel has the "
		"tables");
}

void
subscription_judge(const struct subscription *subject, struct verdict *verdict)
{
	if (judge_running(subject, verdict))
		judge_age(subject, verdict);
	judge_errors(subject, verdict);
	judge_tables(subject, verdict);
}
