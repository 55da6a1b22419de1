#include "lib/evaluate/subscriptions.h"

#include <math.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/names.h"
#include "lib/evaluate/publisher.h"

/* Each has up to eight figures, and a verdict holds a bounded number of them. */
enum { FIGURES_OF_SUBSCRIPTIONS = 6 };

/* The sums for the last words. */
struct tally {
	int64_t asked;
	int64_t running;
	int64_t silence_ms;   /* the longest; -1: none */
	int64_t behind_bytes; /* the most; -1: not known */
	int64_t elsewhere;    /* of which the tables were not seen */
	const char *database; /* of one of those */
};

static int
row_count(const struct snapshot *snapshot)
{
	return (int)snapshot_row_count(snapshot, snapshot_list_of(SNAPSHOT_SUBSCRIPTIONS));
}

/* Names are unique within a database only: "s", or "shop/s" where another database has one of that name. */
static void
name_it(const struct snapshot *snapshot, struct subscription *subject)
{
	const struct snapshot_subscription *one = subject->row;
	struct text text;
	int count = 0;

	for (int i = 0; i < row_count(snapshot); i++)
		count += strcmp(snapshot->subscriptions.rows[i].name, one->name) == 0;
	text_init(&text, subject->label, sizeof subject->label);
	if (count > 1)
		text_add(&text, "%s/", one->database);
	text_add(&text, "%s", one->name);
}

static bool
is_there(const struct snapshot *snapshot, const char *pattern)
{
	for (int i = 0; i < row_count(snapshot); i++)
		if (names_match(pattern, snapshot->subscriptions.rows[i].name))
			return true;
	return false;
}

static void
judge_absent(const struct snapshot *snapshot, const char *only, struct verdict *verdict)
{
	char name[2 * SNAPSHOT_NAME_SIZE];

	for (size_t i = 0; names_at(only, i, name, sizeof name) != NULL; i++) {
		if (is_there(snapshot, name))
			continue;
		if (snapshot->subscriptions.total > row_count(snapshot))
			judge_reason(verdict, STATE_UNKNOWN,
				"subscription \"%s\" is not among the %d of %lld that were seen", name,
				row_count(snapshot), (long long)snapshot->subscriptions.total);
		else
			judge_reason(verdict, STATE_CRITICAL, "subscription \"%s\" does not exist", name);
	}
}

static void
judge_one(const struct snapshot *snapshots, size_t count, const struct subscription *subject,
	struct tally *tally, struct verdict *verdict)
{
	int64_t behind;

	subscription_judge(subject, verdict);
	behind = publisher_judge(snapshots, count, subject, verdict);
	tally->asked++;
	if (behind > tally->behind_bytes)
		tally->behind_bytes = behind;
	if (subscription_is_running(subject)) {
		tally->running++;
		if (subject->row->message_age_ms > tally->silence_ms)
			tally->silence_ms = subject->row->message_age_ms;
	}
	if (subject->row->tables == SNAPSHOT_NONE) {
		tally->elsewhere++;
		tally->database = subject->row->database;
	}
}

/* "2 of 2 subscriptions running, last message at most 3 s ago, at most 16 kB behind" */
static void
say_tally(const struct snapshot *snapshot, const struct tally *tally, struct verdict *verdict)
{
	int64_t unseen = snapshot->subscriptions.total - row_count(snapshot);
	char storage[288];
	struct text text;

	text_init(&text, storage, sizeof storage);
	text_add(&text, "%lld of %lld subscription%s running", (long long)tally->running,
		(long long)tally->asked, tally->asked == 1 ? "" : "s");
	if (tally->silence_ms >= 0) {
		text_add(&text, ", last message at most ");
		range_write_quantity((double)tally->silence_ms / 1000.0, UNIT_SECONDS, &text);
		text_add(&text, " ago");
	}
	if (tally->behind_bytes >= 0) {
		text_add(&text, ", at most ");
		range_write_quantity((double)tally->behind_bytes, UNIT_BYTES, &text);
		text_add(&text, " behind");
	}
	if (tally->elsewhere > 0)
		text_add(&text, ", the tables of %lld not seen (ask database \"%s\")",
			(long long)tally->elsewhere, tally->database);
	if (unseen > 0)
		text_add(&text, ", and %lld more that were not seen", (long long)unseen);
	judge_reason(verdict, STATE_OK, "%s", storage);
}

void
subscriptions_judge(const struct snapshot *snapshots, size_t count, const struct subscription_limits *limits,
	const char *only, struct verdict *verdict)
{
	const struct snapshot *snapshot = &snapshots[0];
	struct tally tally = {.silence_ms = -1, .behind_bytes = -1};

	judge_absent(snapshot, only, verdict);
	for (int i = 0; i < row_count(snapshot); i++) {
		struct subscription subject = {.row = &snapshot->subscriptions.rows[i],
			.limits = limits,
			.timeout_ms = snapshot->subscriptions.receiver_timeout_ms,
			.is_kept = tally.asked < FIGURES_OF_SUBSCRIPTIONS};

		if (!names_include(only, subject.row->name))
			continue;
		name_it(snapshot, &subject);
		judge_one(snapshots, count, &subject, &tally, verdict);
	}
	judge_figure(verdict, "subscriptions", (double)tally.asked, UNIT_NONE);
	judge_figure(verdict, "subscriptions_running", (double)tally.running, UNIT_NONE);
	say_tally(snapshot, &tally, verdict);
}
