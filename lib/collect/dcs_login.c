#include "lib/collect/dcs_login.h"

#include <stdbool.h>
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/collect/dcs_etcd.h"
#include "lib/collect/dcs_etcd_login.h"

enum { TOKEN_SIZE = 600 };

static bool
is_answer(void *round, size_t index, const struct web_answer *answer)
{
	(void)round;
	(void)index;
	return answer->fault.class == ERR_NONE && answer->status < 500;
}

/* Takes the token from the first answer that has one, or tells that we are refused. */
static int
take_token(const struct dcs_round *round, char token[TOKEN_SIZE], bool *is_done, struct err *err)
{
	struct err fault;

	for (size_t i = 0; i < round->count; i++) {
		if (dcs_etcd_login_read(&round->answers[i], token, TOKEN_SIZE, &fault) == 0) {
			*is_done = true;
			return 0;
		}
		if (fault.class == ERR_SETUP && round->answers[i].fault.class == ERR_NONE) {
			*err = fault;
			return fault.hint[0] != '\0'
				? -1
				: err_hint(err, "see the user and password in --auth-file");
		}
	}
	return 0;
}

static void
add_logins(const struct snapshot_dcs *dcs, const char *body, bool is_one_enough, struct dcs_round *round)
{
	for (size_t i = 0; i < (size_t)dcs->total; i++) {
		struct dcs_dialect_question *question;

		if (dcs->rows[i].version[0] == '\0' || (is_one_enough && round->count > 0))
			continue;
		question = dcs_round_add(round, dcs->rows[i].url, i);
		snprintf(question->path, sizeof question->path, "%s/auth/authenticate",
			dcs_etcd_prefix(dcs->rows[i].version));
		snprintf(question->body, sizeof question->body, "%s", body);
	}
}

int
dcs_login(const struct snapshot_dcs *dcs, const struct web_secret *secret, int64_t deadline_ms,
	struct dcs_round_way *way, char *header, size_t size, struct err *err)
{
	char body[DCS_DIALECT_BODY_SIZE], token[TOKEN_SIZE] = "";
	bool is_done = false;
	int status = dcs_etcd_login_write(secret, body, sizeof body, err);

	/*
	 * A login is a write, and to check a password is meant to be slow: one endpoint is asked, the others
	 * only if it does not answer.
	 */
	for (int attempt = 0; attempt < 2 && !is_done && status == 0; attempt++) {
		struct dcs_round *round = dcs_round_new();

		if (round == NULL)
			return err_set(err, ERR_DOWN, "out of memory");
		add_logins(dcs, body, attempt == 0, round);
		dcs_round_ask(round, way, clock_now_ms() + clock_left_ms(deadline_ms) / 4, is_answer);
		status = take_token(round, token, &is_done, err);
		dcs_round_free(round);
	}
	if (status == 0 && token[0] != '\0') {
		snprintf(header, size, "Authorization: %s", token);
		way->header = header;
	}
	return status;
}
