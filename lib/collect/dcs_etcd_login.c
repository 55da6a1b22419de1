#include "lib/collect/dcs_etcd_login.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/dcs_etcd_answer.h"
#include "lib/collect/document.h"

int
dcs_etcd_login_write(const struct web_secret *secret, char *body, size_t size, struct err *err)
{
	json_t *object = json_pack("{s:s, s:s}", "name", secret->user, "password", secret->password);
	char *written = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
	int status = written == NULL ? -1 : text_copy(body, size, written);

	free(written);
	json_decref(object);
	if (status != 0)
		return err_set(err, ERR_SETUP, "the user or password for etcd is too long, or not UTF-8");
	return 0;
}

int
dcs_etcd_login_read(const struct web_answer *answer, char *token, size_t size, struct err *err)
{
	struct dcs_etcd_answer_refusal refusal = {.code = 0};
	struct json_t *object;
	const char *found;
	int status = -1;

	if (dcs_etcd_answer_good(answer, &object, &refusal, err) != 0) {
		/* "authentication is not enabled": whoever asks may. */
		if (refusal.code != DCS_ETCD_ANSWER_FAILED_PRECONDITION)
			return -1;
		token[0] = '\0';
		return 0;
	}
	if (document_text(object, "token", &found, err) == 0) {
		/* It goes into a header. */
		if (found == NULL || strpbrk(found, "\r\n") != NULL || text_copy(token, size, found) != 0)
			err_set(err, ERR_PROTOCOL, "the token is not one");
		else
			status = 0;
	}
	document_release(object);
	return status;
}
