#include "lib/collect/pg.h"

#include <libpq-fe.h>

#include "lib/collect/flow.h"
#include "lib/collect/pg_result.h"
#include "lib/collect/pg_session.h"
#include "lib/collect/prepared.h"

/* What pg_ask() was asked. */
struct question {
	const char *const *statements;
	size_t count;
	int64_t deadline_ms;
	const struct pg_reader *reader;
	unsigned preparations; /* a bit for each statement that is prepared first */
	unsigned executions;   /* a bit for each that is executed by its name */
	unsigned lost;         /* a bit for each statement that is not prepared any more where it was */
};

/* Hands over the answer to a statement, unless it has to be asked again: what was prepared is not there. */
static void
tell(struct question *question, size_t index, const PGresult *row, const struct err *fault)
{
	const struct pg_reader *reader = question->reader;
	const char *sqlstate = row == NULL ? NULL : PQresultErrorField(row, PG_DIAG_SQLSTATE);

	if ((question->executions & 1U << index) != 0 && prepared_is_lost(sqlstate))
		question->lost |= 1U << index;
	else if (fault->class == ERR_NONE)
		reader->take(reader->context, index, &(struct pg_row){.result = row}, NULL);
	else
		reader->take(reader->context, index, NULL, fault);
}

/*
 * Keeps the rows of a statement in *row, in the place of those before, or lets go of them, and notes in
 * `fault` what is wrong.
 */
static void
note_result(const struct pg *pg, PGresult *result, bool is_list, PGresult **row, struct err *fault)
{
	/* pgpool-II answers SHOW POOL_VERSION with nothing first. */
	bool is_second = *row != NULL && !(pg->is_console && PQntuples(*row) == 0);

	if (fault->class != ERR_NONE || PQresultStatus(result) == PGRES_COMMAND_OK) {
		PQclear(result);
		return;
	}
	if (pg_result_judge(result, is_list, fault) == 0 && is_second)
		err_set(fault, ERR_PROTOCOL, "a query returned two answers");
	PQclear(*row);
	*row = result;
}

/*
 * Takes all results of one statement; settings before it, and its preparation, return no rows. What follows
 * an error tells nothing more.
 */
static int
take_answer(struct pg *pg, struct question *question, size_t index, struct err *err)
{
	const struct pg_reader *reader = question->reader;
	bool is_list = reader->is_list != NULL && reader->is_list(reader->context, index);
	PGresult *row = NULL, *result;
	struct err fault = {.class = ERR_NONE};
	bool is_preparation = (question->preparations & 1U << index) != 0;

	for (int ends_left = is_preparation ? 2 : 1; ends_left > 0;) {
		if (pg_result_await(pg, question->deadline_ms, err) != 0) {
			if (fault.class != ERR_NONE)
				*err = fault; /* what the server said first tells more than how it ended */
			PQclear(row);
			return -1;
		}
		result = PQgetResult(pg->conn);
		if (result == NULL) {
			if (ends_left == 2 && fault.class != ERR_NONE)
				prepared_forget(&pg->prepared, question->statements[index]);
			ends_left--;
			continue;
		}
		if (pg_result_is_copy(result)) {
			PQclear(result);
			PQclear(row);
			return err_set(err, ERR_PROTOCOL, "unexpected answer to a query (COPY)");
		}
		note_result(pg, result, is_list, &row, &fault);
	}
	if (row == NULL)
		err_set(&fault, ERR_PROTOCOL, "a query returned nothing");
	tell(question, index, row, &fault);
	PQclear(row);
	return 0;
}

/* One statement with the simple protocol; poolers in transaction mode get the settings with it. */
static int
send_simple(struct pg *pg, const char *statement)
{
	char storage[16384]; /* the longest statement has a third of that */
	struct text text;

	if (!pg->settings_in_statement)
		return PQsendQuery(pg->conn, statement) == 1 ? 0 : -1;
	/* Together they are one implicit transaction, so SET LOCAL ends with it. */
	text_init(&text, storage, sizeof storage);
	text_add(&text,
		"SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = %lld; "
		"SET LOCAL search_path = ''; %s",
		(long long)pg->timeout_ms, statement);
	return !text.is_truncated && PQsendQuery(pg->conn, storage) == 1 ? 0 : -1;
}

/* Each statement in a round trip of its own. `answered` counts those whose answer was taken. */
static int
ask_in_turn(struct pg *pg, struct question *question, size_t *answered, struct err *err)
{
	for (; *answered < question->count; ++*answered) {
		if (send_simple(pg, question->statements[*answered]) != 0)
			return err_set(err, ERR_DOWN, "cannot send a query");
		if (take_answer(pg, question, *answered, err) != 0)
			return -1;
	}
	return 0;
}

/* Takes the mark that ends a statement's part of the pipeline. */
static int
take_sync(struct pg *pg, int64_t deadline_ms, struct err *err)
{
	PGresult *result;
	bool is_sync;

	if (pg_result_await(pg, deadline_ms, err) != 0)
		return -1;
	result = PQgetResult(pg->conn);
	is_sync = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
	PQclear(result);
	return is_sync ? 0 : err_set(err, ERR_PROTOCOL, "the answers to several queries are out of step");
}

/* Queues one statement, which is prepared when it comes again, and the mark that ends its part. */
static bool
queue_statement(struct pg *pg, struct question *question, size_t index)
{
	const char *statement = question->statements[index];
	char name[PREPARED_NAME_SIZE];
	bool is_sent = true;

	switch (prepared_send(&pg->prepared, statement, name)) {
	case PREPARED_NOT:
		return PQsendQueryParams(pg->conn, statement, 0, NULL, NULL, NULL, NULL, 0) == 1
			&& PQpipelineSync(pg->conn) == 1;
	case PREPARED_NOW:
		question->preparations |= 1U << index;
		is_sent = PQsendPrepare(pg->conn, name, statement, 0, NULL) == 1;
		break;
	case PREPARED_ONCE:
		break;
	}
	question->executions |= 1U << index;
	return is_sent && PQsendQueryPrepared(pg->conn, name, 0, NULL, NULL, NULL, 0) == 1
		&& PQpipelineSync(pg->conn) == 1;
}

/* A pooler led to another server connection, which has not what was prepared: from here on without. */
static int
ask_lost(struct pg *pg, struct question *question, struct err *err)
{
	unsigned lost = question->lost;

	pg->prepared.is_off = true;
	question->preparations = question->executions = 0;
	for (size_t i = 0; i < question->count; i++) {
		if ((lost & 1U << i) == 0)
			continue;
		if (send_simple(pg, question->statements[i]) != 0)
			err_set(err, ERR_DOWN, "cannot send a query");
		else if (take_answer(pg, question, i, err) == 0)
			continue;
		for (; i < question->count; i++)
			if ((lost & 1U << i) != 0)
				question->reader->take(question->reader->context, i, NULL, err);
		return -1;
	}
	return 0;
}

/* All statements in one round trip, each behind a sync of its own. */
static int
ask_pipelined(struct pg *pg, struct question *question, size_t *answered, struct err *err)
{
	bool is_sent = PQenterPipelineMode(pg->conn) == 1;

	for (size_t i = 0; i < question->count && is_sent; i++)
		is_sent = queue_statement(pg, question, i);
	if (!is_sent)
		return err_set(err, ERR_DOWN, "cannot send queries");
	while (*answered < question->count) {
		if (take_answer(pg, question, *answered, err) != 0)
			return -1;
		++*answered;
		if (take_sync(pg, question->deadline_ms, err) != 0)
			return -1;
	}
	PQexitPipelineMode(pg->conn);
	return question->lost == 0 ? 0 : ask_lost(pg, question, err);
}

bool
pg_ask(struct pg *pg, const char *const *statements, size_t count, int64_t deadline_ms,
	const struct pg_reader *reader)
{
	struct question question = {
		.statements = statements, .count = count, .deadline_ms = deadline_ms, .reader = reader};
	bool is_pipelined = count > 1 && !pg->settings_in_statement && !pg->is_console;
	size_t answered = 0;
	struct err err;
	int status;

	flow_restart(&pg->flow, PQsocket(pg->conn));
	status = (is_pipelined ? ask_pipelined : ask_in_turn)(pg, &question, &answered, &err);
	for (; answered < count; answered++)
		reader->take(reader->context, answered, NULL, &err);
	return status == 0;
}
