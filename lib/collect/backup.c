#include "lib/collect/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/collect/backup_barman.h"
#include "lib/collect/backup_directory.h"
#include "lib/collect/document.h"
#include "lib/collect/backup_pgbackrest.h"
#include "lib/collect/command.h"

/*
 * Several thousand backups. As values in memory JSON takes seven times the room of its text, and a one-shot
 * has 64 MB.
 */
enum { OUTPUT_MAX = 4 * 1024 * 1024 };

const struct facet backup_facet = {.part = SNAPSHOT_BACKUP};

const char *const backup_tool_names[] = {"auto", "pgbackrest", "barman", NULL};

/* -- reading what a tool wrote ------------------------------------------------------------------ */

/* pgBackRest writes a list, Barman an object. */
static int
read_document(const struct backup_source *source, struct json_t *document, struct snapshot_backup *backup,
	struct err *err)
{
	bool is_list = document_is_list(document);

	if (is_list && source->tool != BACKUP_BARMAN) {
		text_clean(backup->source, sizeof backup->source, backup_tool_names[BACKUP_PGBACKREST]);
		return backup_pgbackrest_read(document, source->stanza, source->repository, backup, err);
	}
	if (!is_list && source->tool != BACKUP_PGBACKREST) {
		text_clean(backup->source, sizeof backup->source, backup_tool_names[BACKUP_BARMAN]);
		return backup_barman_read(document, source->server, backup, err);
	}
	return err_set(
		err, ERR_PROTOCOL, "it is not what %s writes as JSON", backup_tool_names[source->tool]);
}

/* Barman's commands give a document each; of pgBackRest there is one. */
static int
read_documents(const struct backup_source *source, const char *bytes, size_t length,
	struct snapshot_backup *backup, struct err *err)
{
	size_t offset = 0, count = 0;

	for (;; count++) {
		struct json_t *document;
		int status;

		if (document_next(bytes, length, &offset, &document, err) != 0)
			return -1;
		if (document == NULL)
			break;
		status = count > 0 && document_is_list(document)
			? err_set(err, ERR_PROTOCOL, "there is something behind what pgBackRest wrote")
			: read_document(source, document, backup, err);
		document_release(document);
		if (status != 0)
			return -1;
	}
	return count > 0 ? 0 : err_set(err, ERR_PROTOCOL, "it is empty");
}

/* -- a tool that is run ------------------------------------------------------------------------- */

static const char *
program_of(const struct backup_source *source)
{
	return source->command[0] != '\0' ? source->command : backup_tool_names[source->tool];
}

/* What the program wrote instead of JSON; it says so with its exit code. */
static int
refuse_output(
	const char *program, const struct command_output *output, const struct err *trouble, struct err *err)
{
	char said[200];

	if (output->exit_code == 0 || output->exit_code == COMMAND_EXIT_UNKNOWN) {
		*err = *trouble;
		return err_context(err, "output of \"%s\"", program);
	}
	text_clean(said, sizeof said, output->complaint[0] != '\0' ? output->complaint : output->bytes);
	err_set(err, ERR_SETUP, "\"%s\" failed with exit code %d: %s", program, output->exit_code,
		said[0] != '\0' ? said : "it does not say why");
	return err_hint(
		err, "run it by hand as the user of this check; through sudo, name a wrapper with --command");
}

static int
run(const struct backup_source *source, const char *const *arguments, int64_t deadline_ms,
	struct snapshot_backup *backup, struct err *err)
{
	struct command_output output;
	struct err trouble;
	int status = 0;

	if (command_run(arguments, OUTPUT_MAX, deadline_ms, &output, err) != 0)
		return -1;
	if (read_documents(source, output.bytes, output.length, backup, &trouble) != 0) {
		/* Barman says in its JSON what is wrong, and exits with 1: what it says is better. */
		if (trouble.class == ERR_PROTOCOL)
			status = refuse_output(arguments[0], &output, &trouble, err);
		else {
			*err = trouble;
			status = -1;
		}
	} else if (source->tool == BACKUP_PGBACKREST && output.exit_code > 0) {
		/* Whatever it said before: Barman alone says by that that something is wrong in what it
		 * tells. */
		status = refuse_output(arguments[0], &output, &trouble, err);
	}
	command_release(&output);
	return status;
}

static int
run_pgbackrest(const struct backup_source *source, int64_t deadline_ms, struct snapshot_backup *backup,
	struct err *err)
{
	char stanza[256], repository[32];
	struct text text;
	int count = 5;
	/* Its log would stand among the JSON if the configuration wants it on the console. */
	const char *arguments[8] = {program_of(source), "info", "--output=json", "--log-level-console=off",
		"--log-level-stderr=error"};

	if (source->stanza[0] != '\0') {
		text_init(&text, stanza, sizeof stanza);
		text_add(&text, "--stanza=%s", source->stanza);
		arguments[count++] = stanza;
	}
	if (source->repository != 0) {
		text_init(&text, repository, sizeof repository);
		text_add(&text, "--repo=%lld", (long long)source->repository);
		arguments[count++] = repository;
	}
	return run(source, arguments, deadline_ms, backup, err);
}

/* `command` of Barman on the server, and on one of its backups where that is named. */
static int
run_barman(const struct backup_source *source, const char *command, const char *id, int64_t deadline_ms,
	struct snapshot_backup *backup, struct err *err)
{
	const char *arguments[] = {program_of(source), "--format=json", command, source->server,
		id[0] != '\0' ? id : NULL, NULL};

	return run(source, arguments, deadline_ms, backup, err);
}

/* The list; then what it does not tell: the WAL of the newest good backup, and why a newer one failed. */
static int
run_barman_commands(const struct backup_source *source, int64_t deadline_ms, struct snapshot_backup *backup,
	struct err *err)
{
	if (run_barman(source, "list-backup", "", deadline_ms, backup, err) != 0)
		return -1;
	backup_barman_settle(backup);
	if (backup->label[0] != '\0'
		&& run_barman(source, "show-backup", backup->label, deadline_ms, backup, err) != 0)
		return -1;
	if (backup->failed_label[0] != '\0'
		&& run_barman(source, "show-backup", backup->failed_label, deadline_ms, backup, err) != 0)
		return -1;
	return source->wants_check ? run_barman(source, "check", "", deadline_ms, backup, err) : 0;
}

/* -- a file ------------------------------------------------------------------------------------- */

static int
refuse_file(const char *path, const char *why, struct err *err)
{
	return err_set(err, ERR_SETUP, "cannot read \"%s\": %s", path, why);
}

static int
read_open_file(const struct backup_source *source, int fd, struct snapshot_backup *backup, struct err *err)
{
	struct stat status;
	char *bytes;
	ssize_t got;
	size_t length = 0;
	int result;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		return refuse_file(source->file, "it is not a regular file", err);
	if (status.st_size > OUTPUT_MAX)
		return err_set(
			err, ERR_PROTOCOL, "\"%s\" is longer than %d kB", source->file, OUTPUT_MAX / 1024);
	bytes = malloc((size_t)status.st_size + 1);
	if (bytes == NULL)
		return refuse_file(source->file, "out of memory", err);
	while (length < (size_t)status.st_size
		&& (got = read(fd, bytes + length, (size_t)status.st_size - length)) > 0)
		length += (size_t)got;
	bytes[length] = '\0';
	backup->written_ms = (int64_t)status.st_mtim.tv_sec * 1000;
	result = read_documents(source, bytes, length, backup, err);
	free(bytes);
	return result == 0 ? 0 : err_context(err, "%s", source->file);
}

static int
read_file(const struct backup_source *source, struct snapshot_backup *backup, struct err *err)
{
	/* Not waiting: the name may be that of a pipe. */
	int fd = open(source->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), status;

	if (fd < 0)
		return refuse_file(source->file, strerror(errno), err);
	status = read_open_file(source, fd, backup, err);
	close(fd);
	return status;
}

/* -- the source --------------------------------------------------------------------------------- */

static int
refuse_source(const char *what, const char *hint, struct err *err)
{
	err_set(err, ERR_USAGE, "%s", what);
	return err_hint(err, "%s", hint);
}

static int
verify_source(const struct backup_source *source, struct err *err)
{
	bool has_file = source->file[0] != '\0', has_directory = source->directory[0] != '\0';
	bool runs = source->tool != BACKUP_TOLD_BY_FILE && !has_file;

	if (source->tool == BACKUP_TOLD_BY_FILE && !has_file && !has_directory)
		return refuse_source("no backups are named",
			"give --tool pgbackrest, --tool barman, --file FILE or --directory DIR", err);
	if (has_directory && (source->tool != BACKUP_TOLD_BY_FILE || has_file))
		return refuse_source("--directory cannot be given together with --tool or --file",
			"a directory is read without any tool", err);
	if (source->command[0] != '\0' && !runs)
		return refuse_source("--command is given, and no tool is to be run",
			"say with --tool what it is, and leave out --file", err);
	if (source->tool == BACKUP_PGBACKREST && source->server[0] != '\0')
		return refuse_source("--server is an option for Barman", "pgBackRest has --stanza", err);
	if (source->tool == BACKUP_BARMAN && (source->stanza[0] != '\0' || source->repository != 0))
		return refuse_source(
			"--stanza and --repo are options for pgBackRest", "Barman has --server", err);
	if (source->tool == BACKUP_BARMAN && runs && source->server[0] == '\0')
		return refuse_source(
			"--tool barman needs --server", "barman list-servers shows which there are", err);
	if (source->wants_check && !(runs && source->tool == BACKUP_BARMAN))
		return refuse_source("--barman-check needs --tool barman",
			"with --file, let the output of barman check follow that of list-backup", err);
	return 0;
}

static int
read_source(const struct backup_source *source, int64_t deadline_ms, struct snapshot_backup *backup,
	struct err *err)
{
	if (verify_source(source, err) != 0)
		return -1;
	if (source->directory[0] != '\0') {
		text_clean(backup->source, sizeof backup->source, "pg_basebackup");
		return backup_directory_read(
			source->directory, source->has_archive, deadline_ms, backup, err);
	}
	if (source->file[0] != '\0')
		return read_file(source, backup, err);
	if (source->tool == BACKUP_BARMAN)
		return run_barman_commands(source, deadline_ms, backup, err);
	return run_pgbackrest(source, deadline_ms, backup, err);
}

void
backup_collect(const struct backup_source *source, int64_t deadline_ms, struct snapshot *snapshot)
{
	int64_t start_us = clock_now_us();
	struct err err;

	snapshot_init(snapshot);
	snapshot->backup.count = 0;
	if (read_source(source, deadline_ms, &snapshot->backup, &err) == 0) {
		if (strcmp(snapshot->backup.source, backup_tool_names[BACKUP_BARMAN]) == 0)
			backup_barman_settle(&snapshot->backup);
		snapshot_mark(snapshot, SNAPSHOT_BACKUP);
	} else {
		snapshot_fail(snapshot, SNAPSHOT_BACKUP, &err);
	}
	text_clean(snapshot->target, sizeof snapshot->target,
		source->directory[0] != '\0'            ? source->directory
			: source->file[0] != '\0'       ? source->file
			: source->tool == BACKUP_BARMAN ? source->server
							: source->stanza);
	snapshot->elapsed_us = clock_now_us() - start_us;
	snapshot->taken_ms = clock_wall_ms();
}
