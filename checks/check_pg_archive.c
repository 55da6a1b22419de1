/*
 * check_pg_archive: is WAL archived, and does the archiver keep up?
 *
 * An archiver may stop in three ways, of which the server counts only the first: its command fails, its
 * command never ends, or it ends itself again and again. That nothing was archived for long is no fault by
 * itself: an idle server finishes no WAL.
 */
#include <math.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/facets.h"
#include "lib/evaluate/judge.h"
#include "lib/model/check.h"

struct archive_limits {
	struct policy policy;
	struct limit warning;
	struct limit critical;
	int64_t stuck_ms;
	enum state off;
};

/*
 * The statistics of an attempt may come half a second after it (14), while the files are read at once: a
 * failure so young, of a file that waits no more, was mended in between.
 */
enum { MENDED_MS = 60 * 1000 };

enum { DURATION_SIZE = 32 };

static const char *
describe(int64_t ms, char to[DURATION_SIZE])
{
	struct text text;

	text_init(&text, to, DURATION_SIZE);
	range_write_quantity(ms < 0 ? 0 : (double)ms / 1000.0, UNIT_SECONDS, &text);
	return to;
}

/* "1 file waits", "14 files wait" */
static const char *
describe_files(int64_t count, char to[DURATION_SIZE])
{
	struct text text;

	text_init(&text, to, DURATION_SIZE);
	if (count == 0)
		text_add(&text, "nothing waits");
	else
		text_add(&text, "%lld file%s", (long long)count, count == 1 ? " waits" : "s wait");
	return to;
}

/* ", nothing archived for 2 h" */
static void
describe_success(const struct snapshot_archive *archive, struct text *text)
{
	char age[DURATION_SIZE];

	if (archive->archived_age_ms == SNAPSHOT_NONE)
		text_add(text, ", nothing archived yet");
	else
		text_add(text, ", nothing archived for %s", describe(archive->archived_age_ms, age));
}

/* -- what stands still ----------------------------------------------------------------------------- */

/* How long neither success nor failure is known of while something waits; 0 when nothing does. */
static int64_t
silence_ms(const struct snapshot_archive *archive)
{
	int64_t silence = archive->ready > 0 ? archive->ready_age_ms : 0;

	if (archive->archived_age_ms != SNAPSHOT_NONE && archive->archived_age_ms < silence)
		silence = archive->archived_age_ms;
	if (archive->failed_age_ms != SNAPSHOT_NONE && archive->failed_age_ms < silence)
		silence = archive->failed_age_ms;
	/* What waits may be from before the server was down. */
	if (archive->running_ms != SNAPSHOT_NONE && archive->running_ms < silence)
		silence = archive->running_ms;
	return silence;
}

/* The last attempt failed: none succeeded since. */
static bool
is_failing(const struct snapshot_archive *archive)
{
	return archive->failed_age_ms != SNAPSHOT_NONE
		&& (archive->archived_age_ms == SNAPSHOT_NONE
			|| archive->failed_age_ms < archive->archived_age_ms);
}

static void
judge_not_running(const struct snapshot_archive *archive, struct verdict *verdict)
{
	char files[DURATION_SIZE], storage[64];
	struct text since;

	text_init(&since, storage, sizeof storage);
	describe_success(archive, &since);
	judge_reason(verdict, STATE_CRITICAL, "the archiver does not run: it ends when it is started%s, %s",
		since.bytes, describe_files(archive->ready, files));
	judge_hint(verdict,
		"the server's log says why: the command is not found, or killed; or archive_library "
		"cannot be loaded, or stands beside archive_command");
}

static void
judge_stuck(const struct snapshot_archive *archive, struct verdict *verdict)
{
	char age[DURATION_SIZE], files[DURATION_SIZE];

	judge_reason(verdict, STATE_CRITICAL,
		"the archiver is stuck: its command has neither succeeded nor failed for %s, %s",
		describe(silence_ms(archive), age), describe_files(archive->ready, files));
	judge_hint(verdict,
		"does the command hang, on a lost mount or a network? see the child of the archiver process; "
		"when that is ended, the archiver tries again");
}

static void
judge_failing(const struct snapshot_archive *archive, struct verdict *verdict)
{
	char age[DURATION_SIZE], files[DURATION_SIZE], storage[64];
	struct text since;

	text_init(&since, storage, sizeof storage);
	describe_success(archive, &since);
	judge_reason(verdict, STATE_CRITICAL,
		"archiving fails: %s, last tried %s ago, %lld failure%s counted%s, %s", archive->last_failed,
		describe(archive->failed_age_ms, age), (long long)archive->failed,
		archive->failed == 1 ? "" : "s", since.bytes, describe_files(archive->ready, files));
	judge_hint(verdict,
		"see the server's log for what the command said, and try it as the server's user; WAL "
		"is kept until it is archived, and may fill the disk");
}

/* What failed waits no more, although it was never archived: somebody took it out. */
static void
judge_gap(const struct snapshot_archive *archive, struct verdict *verdict)
{
	char age[DURATION_SIZE];

	judge_reason(verdict, STATE_WARNING,
		"the archive may have a gap: %s could not be archived %s ago, and waits no more",
		archive->last_failed, describe(archive->failed_age_ms, age));
	judge_hint(verdict,
		"if it is not there, take a new base backup; pg_stat_reset_shared('archiver') forgets the "
		"failure");
}

static void
judge_progress(
	const struct snapshot_archive *archive, const struct archive_limits *limits, struct verdict *verdict)
{
	char age[DURATION_SIZE], files[DURATION_SIZE];

	if (archive->ready > 0 && !archive->is_running)
		judge_not_running(archive, verdict);
	else if (silence_ms(archive) > limits->stuck_ms)
		judge_stuck(archive, verdict);
	else if (is_failing(archive) && archive->ready > 0)
		judge_failing(archive, verdict);
	else if (is_failing(archive) && archive->failed_age_ms > MENDED_MS)
		judge_gap(archive, verdict);
	else if (archive->archived_age_ms == SNAPSHOT_NONE)
		judge_reason(
			verdict, STATE_OK, "nothing archived yet, %s", describe_files(archive->ready, files));
	else
		judge_reason(verdict, STATE_OK, "archived %s %s ago, %s", archive->last_archived,
			describe(archive->archived_age_ms, age), describe_files(archive->ready, files));
}

/* -- whether it is meant to ------------------------------------------------------------------------ */

/* False when nothing is archived here, which is then said. */
static bool
judge_settings(const struct snapshot_archive *archive, bool in_recovery, const struct archive_limits *limits,
	struct verdict *verdict)
{
	char files[DURATION_SIZE];

	if (strcmp(archive->mode, "off") == 0) {
		judge_reason(verdict, limits->off, "archiving is off (archive_mode)");
		judge_hint(verdict,
			"set archive_mode = on and archive_command, and restart the server; where none "
			"is wanted, pass --off ok");
		return false;
	}
	if (in_recovery && strcmp(archive->mode, "always") != 0) {
		judge_wrong_role(
			verdict, &limits->policy, "standby, which archives nothing (archive_mode = on)");
		judge_hint(verdict, "its primary archives; with archive_mode = always a standby does so too");
		return false;
	}
	if (!archive->is_command_set) {
		judge_reason(verdict, STATE_CRITICAL,
			"nothing is archived: archive_mode is %s, but neither archive_command nor "
			"archive_library is set, %s",
			archive->mode, describe_files(archive->ready, files));
		judge_hint(verdict,
			"set archive_command and reload; WAL is kept until then and may fill the disk");
		return false;
	}
	if (archive->keeps_nothing) {
		judge_reason(verdict, limits->off,
			"nothing is archived: archive_command only says yes, and keeps no WAL");
		judge_hint(verdict,
			"set archive_command to one that copies %%p, reload, and take a base backup; or, "
			"where no archive is wanted, pass --off ok");
		return false;
	}
	return true;
}

static double
seconds_of(int64_t ms)
{
	if (ms == SNAPSHOT_NONE)
		return NAN;
	return ms < 0 ? 0 : (double)ms / 1000.0; /* clocks are set back at times */
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct archive_limits *limits = limits_data;
	const struct snapshot_archive *archive = &snapshots[0].archive;

	(void)count;
	if (!judge_settings(archive, snapshots[0].role.in_recovery, limits, verdict))
		return;
	judge_progress(archive, limits, verdict);
	judge_metric(verdict, "number of files that wait", "archive_waiting_files", (double)archive->ready,
		UNIT_NONE, &limits->warning, &limits->critical);
	judge_metric(verdict, "age of the oldest file that waits", "archive_waiting_seconds",
		archive->ready == 0 ? 0 : seconds_of(archive->ready_age_ms), UNIT_SECONDS, &limits->warning,
		&limits->critical);
	if (verdict->state != STATE_OK)
		judge_hint(verdict,
			"is the archive slower than the server writes WAL? see the command's own log");
	judge_figure(
		verdict, "archive_success_age_seconds", seconds_of(archive->archived_age_ms), UNIT_SECONDS);
	judge_figure(
		verdict, "archive_failure_age_seconds", seconds_of(archive->failed_age_ms), UNIT_SECONDS);
	judge_figure(verdict, "archive_successes", (double)archive->archived, UNIT_NONE);
	judge_figure(verdict, "archive_failures", (double)archive->failed, UNIT_NONE);
	judge_figure(verdict, "archive_timeout_seconds", seconds_of(archive->timeout_ms), UNIT_SECONDS);
}

#define WAITING_UNITS (1U << UNIT_NONE | 1U << UNIT_SECONDS)

static const struct setting settings[] = {
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct archive_limits, warning),
		.initial = "16",
		.argument = "RANGE",
		.help
		= "WARNING when what waits is outside RANGE; a number of files (16), or a time (15min) for "
		  "the age of the oldest",
		.accepted = WAITING_UNITS,
		.plain = UNIT_NONE},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct archive_limits, critical),
		.initial = "128",
		.argument = "RANGE",
		.help = "CRITICAL likewise; give either option twice to limit both",
		.accepted = WAITING_UNITS,
		.plain = UNIT_NONE},
	{.name = "stuck",
		.type = SETTING_DURATION,
		SETTING_AT(struct archive_limits, stuck_ms),
		.initial = "10min",
		.argument = "DURATION",
		.help
		= "CRITICAL when a file waits and the command has neither succeeded nor failed for longer"},
	{.name = "off",
		.type = SETTING_STATE,
		SETTING_AT(struct archive_limits, off),
		.initial = "critical",
		.argument = "STATE",
		.help = "the state where archive_mode is off, or archive_command one that keeps nothing "
			"(/bin/true)"},
	{.name = "wrong-role",
		.type = SETTING_STATE,
		SETTING_AT(struct archive_limits, policy.wrong_role),
		.initial = "unknown",
		.argument = "STATE",
		.help
		= "the state of a standby that archives nothing by design (archive_mode is on, not always)"},
};

static const struct facet *const facets[] = {&facet_role, &facet_archive, NULL};

const struct check check_pg_archive = {
	.name = "pg_archive",
	.title = "PG ARCHIVE",
	.summary = "is WAL archived, and does the archiver keep up?",
	.example = "check_pg_archive -H 10.0.0.11 -U pgha\n"
		   "check_pg_archive -H 10.0.0.11 -U pgha -w 8 -c 64 -c 15min --wrong-role ok\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct archive_limits),
	.evaluate = evaluate,
};
