#include "lib/evaluate/standbys.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/names.h"
#include "lib/evaluate/sender.h"

/* Each has up to seven figures, and a verdict has room for 64. */
enum { FIGURES_STANDBYS_MAX = 8 };

/* Less than a WAL file is on its way to a standby that keeps up, and says nothing of time. */
enum { ON_ITS_WAY_BYTES = 16 << 20 };

static const struct {
	const char *what, *bytes_name, *seconds_name;
} steps[SENDER_STEP_COUNT] = {
	[SENDER_SENT] = {"sent lag", "sent_lag_bytes", NULL},
	[SENDER_WRITTEN] = {"write lag", "write_lag_bytes", "write_lag_seconds"},
	[SENDER_FLUSHED] = {"flush lag", "flush_lag_bytes", "flush_lag_seconds"},
	[SENDER_REPLAYED] = {"replay lag", "replay_lag_bytes", "replay_lag_seconds"},
};

/* What is counted on the way through the senders. */
struct tally {
	int64_t standbys;  /* that stream */
	int64_t receivers; /* that stream, and only store WAL */
	int64_t others;    /* that do not stream (yet) */
	int worst;         /* the row of the one furthest behind; -1: none is known */
};

/* -- among the others -------------------------------------------------------------------------- */

static int
row_count(const struct snapshot *snapshot)
{
	return (int)snapshot_row_count(snapshot, snapshot_list_of(SNAPSHOT_SENDERS));
}

static bool
is_judged(const struct snapshot_sender *sender, const struct standbys_limits *limits)
{
	return sender_is_standby(sender) && names_include(limits->names, sender->application)
		&& (limits->except[0] == '\0' || !names_include(limits->except, sender->application));
}

/* Whether it is among those whose figures are told. */
static bool
has_figures(const struct snapshot *snapshot, int row, const struct standbys_limits *limits)
{
	int64_t lag = sender_lag(&snapshot->senders.rows[row]);
	int worse = 0;

	for (int i = 0; i < row_count(snapshot); i++) {
		const struct snapshot_sender *other = &snapshot->senders.rows[i];

		worse += is_judged(other, limits)
			&& (sender_lag(other) > lag || (sender_lag(other) == lag && i < row));
	}
	return worse < FIGURES_STANDBYS_MAX;
}

/* -- judging one ------------------------------------------------------------------------------- */

/* What is being said of one sender. */
struct subject {
	const struct snapshot_sender *sender;
	const struct standbys_limits *limits;
	char name[SENDER_NAME_SIZE];
	enum sender_step step; /* that it is judged by */
	bool has_figures;      /* they are told */
	bool is_heard;         /* else its figures are from before, and the lag is at least so much */
};

static void
judge_figure_pair(const struct subject *subject, enum sender_step step, struct verdict *verdict)
{
	double bytes = (double)sender_bytes(subject->sender, step);
	bool is_known = subject->is_heard && bytes >= 0;

	judge_figure_of(verdict, subject->name, steps[step].bytes_name, is_known ? bytes : NAN, UNIT_BYTES);
	/* Of what never replays, the server's times grow without bound. */
	if (steps[step].seconds_name != NULL && subject->step == SENDER_REPLAYED)
		judge_figure_of(verdict, subject->name, steps[step].seconds_name,
			subject->is_heard ? sender_seconds(subject->sender, step) : NAN, UNIT_SECONDS);
}

/* The figure that limits are for. */
static void
judge_measure(const struct subject *subject, const char *name, double value, enum unit unit,
	struct verdict *verdict)
{
	const struct limit *warning = subject->limits->warning, *critical = subject->limits->critical;
	char what[SENDER_NAME_SIZE + 16];
	struct text text;

	text_init(&text, what, sizeof what);
	text_add(&text, "%s of %s", steps[subject->step].what, subject->name);
	if (subject->has_figures)
		judge_metric_of(verdict, subject->name, what, name, subject->is_heard ? value : NAN, unit,
			warning, critical);
	if (!subject->has_figures || !subject->is_heard)
		judge_limit(verdict, what, value, unit, warning, critical);
}

/* Time is not known when WAL came to be replayed after an idle while and nothing of it has been. */
static void
judge_seconds(const struct subject *subject, struct verdict *verdict)
{
	double seconds = sender_seconds(subject->sender, SENDER_REPLAYED);
	const struct standbys_limits *limits = subject->limits;

	judge_measure(subject, steps[SENDER_REPLAYED].seconds_name, seconds, UNIT_SECONDS, verdict);
	if (isnan(seconds) && sender_bytes(subject->sender, SENDER_REPLAYED) > ON_ITS_WAY_BYTES
		&& (limits->warning->of[UNIT_SECONDS].is_set || limits->critical->of[UNIT_SECONDS].is_set))
		judge_reason(verdict, STATE_UNKNOWN, "the lag of %s in time is not known", subject->name);
}

static void
judge_lags(const struct subject *subject, struct verdict *verdict)
{
	enum state before = verdict->state;

	for (enum sender_step step = SENDER_SENT;
		subject->has_figures && step < subject->step && step < SENDER_STEP_COUNT; step++)
		judge_figure_pair(subject, step, verdict);
	if (subject->step != SENDER_STEP_COUNT)
		judge_measure(subject, steps[subject->step].bytes_name,
			(double)sender_bytes(subject->sender, subject->step), UNIT_BYTES, verdict);
	if (subject->step == SENDER_REPLAYED)
		judge_seconds(subject, verdict);
	if (verdict->state != before)
		judge_hint(verdict,
			"is its replay paused, or held up by a query there (max_standby_streaming_delay), or "
			"are "
			"its disk or the network slow?");
}

static void
judge_word(const struct subject *subject, int64_t timeout_ms, struct verdict *verdict)
{
	long long age_s = subject->sender->reply_age_ms / 1000;

	switch (sender_word(subject->sender, timeout_ms)) {
	case SENDER_HEARD:
		break;
	case SENDER_STALE:
		judge_reason(verdict, STATE_UNKNOWN, "nothing heard from %s for %lld s, lag unknown",
			subject->name, age_s);
		judge_hint(verdict,
			"set wal_sender_timeout to a minute or less, to know when a standby is gone");
		break;
	case SENDER_SILENT:
		judge_reason(
			verdict, STATE_CRITICAL, "nothing heard from %s for %lld s", subject->name, age_s);
		judge_hint(
			verdict, "is it frozen, the network between cut, or its clock behind this server's?");
		break;
	case SENDER_CLOCK:
		judge_reason(verdict, STATE_UNKNOWN,
			"the last word of %s is %lld s old by its own clock, beyond wal_sender_timeout",
			subject->name, age_s);
		judge_hint(verdict,
			"set the clocks of both right; or is wal_sender_timeout another for its role?");
		break;
	}
}

/* One that does not stream (yet), and one of which nothing is known yet. */
static void
judge_state(const struct subject *subject, struct verdict *verdict)
{
	const char *state = subject->sender->state;
	int64_t bytes = sender_lag(subject->sender);
	char storage[64];
	struct text text;

	if (sender_is_streaming(subject->sender) && bytes >= 0)
		return;
	if (bytes < 0) {
		judge_reason(verdict, STATE_UNKNOWN, "%s is in state %s: lag unknown", subject->name, state);
		judge_hint(verdict, "it has just connected; if it stays so, see its log");
		return;
	}
	text_init(&text, storage, sizeof storage);
	range_write_quantity((double)bytes, UNIT_BYTES, &text);
	judge_reason(verdict, STATE_OK, "%s is in state %s, %s behind", subject->name, state, storage);
}

static void
judge_row(const struct snapshot *snapshot, int row, const struct standbys_limits *limits,
	struct verdict *verdict)
{
	const struct snapshot_sender *sender = &snapshot->senders.rows[row];
	struct subject subject = {.sender = sender,
		.limits = limits,
		.step = sender_last_step(sender),
		.has_figures = has_figures(snapshot, row, limits),
		.is_heard = sender_word(sender, snapshot->senders.sender_timeout_ms) == SENDER_HEARD};

	sender_name(snapshot, sender, subject.name);
	judge_word(&subject, snapshot->senders.sender_timeout_ms, verdict);
	judge_state(&subject, verdict);
	judge_lags(&subject, verdict);
}

/* -- judging all ------------------------------------------------------------------------------- */

static struct tally
count_rows(const struct snapshot *snapshot, const struct standbys_limits *limits)
{
	struct tally tally = {.worst = -1};

	for (int i = 0; i < row_count(snapshot); i++) {
		const struct snapshot_sender *sender = &snapshot->senders.rows[i];

		if (!is_judged(sender, limits))
			continue;
		if (!sender_is_streaming(sender))
			tally.others++;
		else if (sender_last_step(sender) == SENDER_REPLAYED)
			tally.standbys++;
		else
			tally.receivers++;
		if (sender_lag(sender) >= 0
			&& (tally.worst < 0
				|| sender_lag(sender) > sender_lag(&snapshot->senders.rows[tally.worst])))
			tally.worst = i;
	}
	return tally;
}

/* The server hides all that a role may not see of a sender but its name. */
static bool
is_hidden(const struct snapshot *snapshot, const struct standbys_limits *limits)
{
	for (int i = 0; i < row_count(snapshot); i++)
		if (is_judged(&snapshot->senders.rows[i], limits)
			&& snapshot->senders.rows[i].state[0] == '\0')
			return true;
	return false;
}

/* The senders that there was no room for. */
static int64_t
unseen(const struct snapshot *snapshot)
{
	return snapshot->senders.total - row_count(snapshot);
}

/* Whether one of that name is there; if not, that is a finding. */
static bool
judge_name(const struct snapshot *snapshot, const char *pattern, struct verdict *verdict)
{
	bool is_pattern = strchr(pattern, '*') != NULL;

	for (int i = 0; i < row_count(snapshot); i++)
		if (sender_is_standby(&snapshot->senders.rows[i])
			&& names_match(pattern, snapshot->senders.rows[i].application))
			return true;
	if (unseen(snapshot) > 0) {
		judge_reason(verdict, STATE_UNKNOWN,
			"standby \"%s\" is not among the %d of %lld senders that were seen", pattern,
			row_count(snapshot), (long long)snapshot->senders.total);
		return false;
	}
	judge_reason(verdict, STATE_CRITICAL,
		is_pattern ? "no standby \"%s\" is connected" : "standby \"%s\" is not connected", pattern);
	judge_hint(verdict,
		"see its log for why it cannot reach this server (primary_conninfo), and whether its "
		"application_name is this");
	return false;
}

static bool
judge_names(const struct snapshot *snapshot, const char *names, struct verdict *verdict)
{
	bool are_there = true;
	char pattern[128];

	for (size_t i = 0; names_at(names, i, pattern, sizeof pattern) != NULL; i++)
		are_there = judge_name(snapshot, pattern, verdict) && are_there;
	return are_there;
}

static void
write_count(const struct tally *tally, struct text *text)
{
	long long standbys = tally->standbys, receivers = tally->receivers;

	if (standbys == 0)
		text_add(text, "no standby %s", tally->others + receivers > 0 ? "streams" : "is connected");
	else
		text_add(text, "%lld standby%s", standbys, standbys == 1 ? " streams" : "s stream");
	if (receivers > 0)
		text_add(text, ", %lld receiver%s of WAL", receivers, receivers == 1 ? "" : "s");
}

/* Whether enough stream. */
static void
judge_count(
	const struct snapshot *snapshot, const struct tally *tally, int64_t required, struct verdict *verdict)
{
	char storage[128];
	struct text text;

	if (tally->standbys >= required)
		return;
	text_init(&text, storage, sizeof storage);
	write_count(tally, &text);
	text_add(&text, ", %lld required", (long long)required);
	if (unseen(snapshot) > 0)
		text_add(&text, ", and %lld more senders were not seen", (long long)unseen(snapshot));
	judge_reason(verdict, tally->standbys + unseen(snapshot) >= required ? STATE_UNKNOWN : STATE_CRITICAL,
		"%s", storage);
	judge_hint(verdict,
		"see the log of each standby for why it cannot reach this server (primary_conninfo); "
		"--min-standbys says how many there are to be");
}

/* How many stream, and how far the worst of them is behind. */
static void
judge_sum(const struct snapshot *snapshot, const struct tally *tally, struct verdict *verdict)
{
	bool is_single = tally->standbys == 1 && tally->receivers + tally->others == 0;
	char storage[256], name[SENDER_NAME_SIZE] = "";
	struct text text;

	text_init(&text, storage, sizeof storage);
	if (tally->worst >= 0)
		sender_name(snapshot, &snapshot->senders.rows[tally->worst], name);
	if (is_single)
		text_add(&text, "%s streams", name);
	else
		write_count(tally, &text);
	if (tally->worst >= 0) {
		int64_t bytes = sender_lag(&snapshot->senders.rows[tally->worst]);
		bool is_plain = is_single || bytes == 0;

		text_add(&text, is_plain ? ", " : ", at most ");
		range_write_quantity((double)bytes, UNIT_BYTES, &text);
		text_add(&text, " behind");
		if (!is_plain)
			text_add(&text, " (%s)", name);
	}
	if (unseen(snapshot) > 0)
		text_add(&text, ", and %lld more senders", (long long)unseen(snapshot));
	judge_reason(verdict, STATE_OK, "%s", storage);
}

static void
judge_hidden(const struct policy *policy, struct verdict *verdict)
{
	struct err fault;

	err_set(&fault, ERR_SETUP, "not permitted to see how far the standbys are");
	err_hint(&fault, "grant the role of this check membership of pg_monitor");
	judge_fault(verdict, policy, &fault);
}

void
standbys_judge(const struct snapshot *snapshot, const struct standbys_limits *limits, struct verdict *verdict)
{
	struct tally tally = count_rows(snapshot, limits);
	bool are_there = judge_names(snapshot, limits->names, verdict);

	if (is_hidden(snapshot, limits)) {
		judge_hidden(limits->policy, verdict);
		return;
	}
	judge_sum(snapshot, &tally, verdict);
	if (are_there) /* else it is said already who is missing */
		judge_count(snapshot, &tally, limits->required, verdict);
	for (int i = 0; i < row_count(snapshot); i++)
		if (is_judged(&snapshot->senders.rows[i], limits))
			judge_row(snapshot, i, limits, verdict);
	judge_figure(verdict, "streaming_standbys", (double)tally.standbys, UNIT_NONE);
}
