/*
 * check_pg_backup: is the newest backup fresh enough, and whole?
 *
 * No server is asked: what backup tools tell is the source, or the backups themselves. Whether a backup can
 * be restored, only restoring it tells.
 */
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/backup.h"
#include "lib/evaluate/judge.h"
#include "lib/model/check.h"

struct backup_limits {
	struct policy policy;
	struct limit warning;
	struct limit critical;
	int64_t max_full_age_ms; /* 0: none */
	int64_t min_count;
	int tool; /* enum backup_tool */
	char command[512];
	char stanza[128];
	int64_t repository;
	char server[128];
	char file[512];
	char directory[512];
	bool has_archive;
	bool wants_check;
};

/* Two hosts' clocks are not better than that. */
enum { CLOCK_SKEW_SECONDS = 60 };

/* Nothing else is looked at: without any of these, collect() says what to give. */
static bool
has_source(const void *limits_data)
{
	const struct backup_limits *limits = limits_data;

	return limits->tool != BACKUP_TOLD_BY_FILE || limits->file[0] != '\0' || limits->directory[0] != '\0';
}

static bool
collect(const void *limits_data, const struct check_look *look, struct snapshot *snapshot)
{
	const struct backup_limits *limits = limits_data;
	struct backup_source source = {
		.tool = (enum backup_tool)limits->tool,
		.command = limits->command,
		.stanza = limits->stanza,
		.repository = limits->repository,
		.server = limits->server,
		.file = limits->file,
		.directory = limits->directory,
		.has_archive = limits->has_archive,
		.wants_check = limits->wants_check,
	};

	backup_collect(&source, look->deadline_ms, snapshot);
	return true;
}

/* "2.1 h". */
static const char *
quantity(double value, enum unit unit, char *to, size_t size)
{
	struct text text;

	text_init(&text, to, size);
	range_write_quantity(value, unit, &text);
	return to;
}

/* How long ago, in seconds; below zero: our clock is behind. A recording may hold any number. */
static double
since(const struct snapshot *snapshot, int64_t at_ms)
{
	return ((double)snapshot->taken_ms - (double)at_ms) / 1000.0;
}

/* The same where an instant ahead of our clock counts as now. */
static double
age(const struct snapshot *snapshot, int64_t at_ms)
{
	double seconds = since(snapshot, at_ms);

	return seconds < 0 ? 0 : seconds;
}

/* Room for the name of the stanza, server or directory, and some words. */
enum { WHOSE_SIZE = sizeof(((struct snapshot_backup *)0)->name) + 32 };

/* Whose backups: " of stanza "demo"", " in /backups". */
static const char *
owner(const struct snapshot_backup *backup, char to[WHOSE_SIZE])
{
	const char *before = strcmp(backup->source, "pgbackrest") == 0 ? " of stanza \""
		: strcmp(backup->source, "barman") == 0                ? " of server \""
								       : " in ";
	struct text text;

	text_init(&text, to, WHOSE_SIZE);
	if (backup->name[0] != '\0')
		text_add(&text, "%s%s%s", before, backup->name, strchr(before, '"') == NULL ? "" : "\"");
	return to;
}

static void
judge_newest(const struct snapshot *snapshot, const struct backup_limits *limits, struct verdict *verdict)
{
	const struct snapshot_backup *backup = &snapshot->backup;
	double newest_age = age(snapshot, backup->stopped_ms);
	char storage[64], what[sizeof backup->label + WHOSE_SIZE + 32], whose[WHOSE_SIZE];
	struct text text;

	judge_reason(verdict, STATE_OK, "newest backup %s%s (%s) is %s old", backup->label,
		owner(backup, whose), backup->kind,
		quantity(newest_age, UNIT_SECONDS, storage, sizeof storage));
	text_init(&text, what, sizeof what);
	text_add(&text, "age of the newest backup %s%s", backup->label, whose);
	judge_metric(verdict, what, "backup_age_seconds", newest_age, UNIT_SECONDS, &limits->warning,
		&limits->critical);
	if (since(snapshot, backup->stopped_ms) < -CLOCK_SKEW_SECONDS) {
		judge_reason(verdict, STATE_WARNING,
			"backup %s was finished %s in the future, its age is not known", backup->label,
			quantity(
				-since(snapshot, backup->stopped_ms), UNIT_SECONDS, storage, sizeof storage));
		judge_hint(verdict, "compare the clocks of this host and of the one that takes the backups");
	}
}

static void
judge_full(const struct snapshot *snapshot, const struct backup_limits *limits, struct verdict *verdict)
{
	const struct snapshot_backup *backup = &snapshot->backup;
	struct limit critical = {.of = {{.is_set = false}}};

	if (limits->max_full_age_ms > 0)
		critical.of[UNIT_SECONDS] = (struct range){
			.is_set = true, .start = 0, .end = (double)limits->max_full_age_ms / 1000.0};
	if (backup->full_stopped_ms != SNAPSHOT_NONE)
		judge_metric(verdict, "age of the newest full backup", "full_backup_age_seconds",
			age(snapshot, backup->full_stopped_ms), UNIT_SECONDS, NULL, &critical);
	else if (limits->max_full_age_ms > 0)
		judge_reason(verdict, STATE_CRITICAL, "there is no full backup");
}

static void
judge_count(const struct snapshot_backup *backup, const struct backup_limits *limits, struct verdict *verdict)
{
	if (backup->count > 0 && backup->count < limits->min_count)
		judge_reason(verdict, STATE_CRITICAL,
			"%lld good backup%s, at least %lld must be kept (--min-count)",
			(long long)backup->count, backup->count == 1 ? "" : "s",
			(long long)limits->min_count);
	judge_figure(verdict, "backups", (double)backup->count, UNIT_NONE);
}

static void
judge_none(const struct snapshot_backup *backup, struct verdict *verdict)
{
	char whose[WHOSE_SIZE];

	judge_reason(verdict, STATE_CRITICAL, "there is no good backup%s", owner(backup, whose));
	judge_hint(verdict, "is the name right, and the repository mounted? if so, take a backup now");
}

/* Each of several repositories must be fit to restore from, or it would be no use to have it. */
static void
judge_lagging(const struct snapshot *snapshot, const struct backup_limits *limits, struct verdict *verdict)
{
	const struct snapshot_backup *backup = &snapshot->backup;
	double lagging_age;
	char storage[64];

	if (backup->lagging[0] == '\0' || backup->lagging_stopped_ms == SNAPSHOT_NONE)
		return;
	lagging_age = age(snapshot, backup->lagging_stopped_ms);
	if (!range_alerts(&limits->warning.of[UNIT_SECONDS], lagging_age)
		&& !range_alerts(&limits->critical.of[UNIT_SECONDS], lagging_age))
		return;
	judge_reason(verdict, STATE_WARNING, "newest backup in %s is %s old", backup->lagging,
		quantity(lagging_age, UNIT_SECONDS, storage, sizeof storage));
	judge_hint(verdict,
		"a backup goes to one repository: pgbackrest --repo=KEY backup; to give each its own "
		"limits, run this check once for each, with --repo");
}

/* What is newer than the newest good one, and what is being done. */
static void
judge_others(const struct snapshot_backup *backup, struct verdict *verdict)
{
	enum state state = backup->stopped_ms == SNAPSHOT_NONE ? STATE_CRITICAL : STATE_WARNING;

	if (backup->failed_label[0] != '\0') {
		judge_reason(
			verdict, state, "backup %s is no good: %s", backup->failed_label, backup->failure);
		judge_hint(verdict, "see the log of the backup, and take another");
	}
	if (backup->unfinished[0] != '\0')
		judge_reason(verdict, STATE_OK, "backup %s is not finished yet", backup->unfinished);
	else if (backup->is_running)
		judge_reason(verdict, STATE_OK, "a backup is being taken now");
}

/* What makes even a fresh backup useless, or tells that the next one will not be. */
static void
judge_troubles(const struct snapshot_backup *backup, struct verdict *verdict)
{
	if (backup->wal_gap[0] != '\0') {
		judge_reason(
			verdict, STATE_CRITICAL, "backup %s lacks WAL: %s", backup->label, backup->wal_gap);
		judge_hint(verdict,
			"it cannot be restored without: mend the archiving (check_pg_archive), then take "
			"another");
	}
	if (backup->complaint[0] != '\0')
		judge_reason(verdict, STATE_CRITICAL, "%s says: %s", backup->source, backup->complaint);
}

static void
judge_written(const struct snapshot *snapshot, struct verdict *verdict)
{
	char storage[64];

	if (snapshot->backup.written_ms == SNAPSHOT_NONE)
		return;
	judge_reason(verdict, STATE_OK, "told by a file that is %s old",
		quantity(age(snapshot, snapshot->backup.written_ms), UNIT_SECONDS, storage, sizeof storage));
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct backup_limits *limits = limits_data;
	const struct snapshot_backup *backup = &snapshots[0].backup;

	(void)count;
	judge_troubles(backup, verdict);
	if (backup->stopped_ms == SNAPSHOT_NONE) {
		judge_none(backup, verdict);
	} else {
		judge_newest(&snapshots[0], limits, verdict);
		judge_full(&snapshots[0], limits, verdict);
		judge_lagging(&snapshots[0], limits, verdict);
	}
	judge_count(backup, limits, verdict);
	judge_others(backup, verdict);
	judge_written(&snapshots[0], verdict);
}

static const struct setting settings[] = {
	{.name = "tool",
		.type = SETTING_WORD,
		SETTING_AT(struct backup_limits, tool),
		.initial = "auto",
		.argument = "TOOL",
		.words = backup_tool_names,
		.help = "pgbackrest or barman: run it, and judge what it says; with --file, whose file it is",
		.is_source = true},
	{.name = "stanza",
		.type = SETTING_TEXT,
		SETTING_AT(struct backup_limits, stanza),
		.argument = "NAME",
		.help = "pgBackRest's stanza; needed where there is more than one",
		.is_source = true},
	{.name = "repo",
		.type = SETTING_INTEGER,
		SETTING_AT(struct backup_limits, repository),
		.argument = "KEY",
		.min = 1,
		.max = 256,
		.help
		= "judge this repository of pgBackRest alone; else the newest backup of all counts, and "
		  "one that lags behind is told",
		.is_source = true},
	{.name = "server",
		.type = SETTING_TEXT,
		SETTING_AT(struct backup_limits, server),
		.argument = "NAME",
		.help = "Barman's server",
		.is_source = true},
	{.name = "command",
		.type = SETTING_TEXT,
		SETTING_AT(struct backup_limits, command),
		.argument = "PATH",
		.help
		= "run this instead of the tool, with the tool's arguments: a wrapper with sudo, or with "
		  "another configuration file",
		.is_source = true},
	{.name = "barman-check",
		.type = SETTING_FLAG,
		SETTING_AT(struct backup_limits, wants_check),
		.help = "judge what \"barman check\" says as well, which asks the PostgreSQL server",
		.is_source = true},
	{.name = "file",
		.type = SETTING_TEXT,
		SETTING_AT(struct backup_limits, file),
		.argument = "FILE",
		.help
		= "read what the tool wrote (info --output=json, --format=json list-backup), say by cron",
		.is_source = true},
	{.name = "directory",
		.type = SETTING_TEXT,
		SETTING_AT(struct backup_limits, directory),
		.argument = "DIR",
		.help = "judge the backups of pg_basebackup in DIR, or the one that DIR is",
		.is_source = true},
	{.name = "has-archive",
		.type = SETTING_FLAG,
		SETTING_AT(struct backup_limits, has_archive),
		.help = "accept backups in DIR without WAL of their own: an archive has it",
		.is_source = true},
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct backup_limits, warning),
		.initial = "26h",
		.argument = "RANGE",
		.help = "WARNING when the newest good backup is older; a day and room for the backup to take "
			"longer",
		.accepted = 1U << UNIT_SECONDS,
		.plain = UNIT_SECONDS},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct backup_limits, critical),
		.initial = "50h",
		.argument = "RANGE",
		.help = "CRITICAL likewise: two days were missed",
		.accepted = 1U << UNIT_SECONDS,
		.plain = UNIT_SECONDS},
	{.name = "max-full-age",
		.type = SETTING_DURATION,
		SETTING_AT(struct backup_limits, max_full_age_ms),
		.argument = "DURATION",
		.help = "CRITICAL when the newest full backup is older, such as 8d"},
	{.name = "min-count",
		.type = SETTING_INTEGER,
		SETTING_AT(struct backup_limits, min_count),
		.initial = "1",
		.argument = "NUMBER",
		.min = 1,
		.max = 100000,
		.help = "CRITICAL when there are fewer good backups"},
	{.name = "wrong-role",
		.type = SETTING_STATE,
		SETTING_AT(struct backup_limits, policy.wrong_role),
		.initial = "unknown",
		.argument = "STATE",
		.help = "accepted, as by every check; no node has the wrong role for this one"},
};

static const struct facet *const facets[] = {&backup_facet, NULL};

const struct check check_pg_backup = {
	.name = "pg_backup",
	.title = "PG BACKUP",
	.summary = "is the newest backup fresh enough, and whole?",
	.example = "check_pg_backup --tool pgbackrest --stanza demo --max-full-age 8d\n"
		   "check_pg_backup --tool barman --server main --command /opt/barman-sudo\n"
		   "check_pg_backup --file /var/lib/pgha/backups.json --min-count 3\n"
		   "check_pg_backup --directory /backups\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct backup_limits),
	.has_source = has_source,
	.collect = collect,
	.evaluate = evaluate,
};
