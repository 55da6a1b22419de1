#include "lib/collect/dcs_etcd_answer.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/parse.h"
#include "lib/base/text.h"
#include "lib/collect/document.h"
#include "lib/model/snapshot.h"

/* Of 64 bits. */
enum { ID_DIGITS = 20 };

int
dcs_etcd_answer_whole(
	const struct json_t *object, const char *name, int64_t min, int64_t *ret, struct err *err)
{
	const json_t *value = json_object_get(object, name);
	int64_t number = 0;

	if (json_is_string(value)
		&& parse_integer(json_string_value(value), min, SNAPSHOT_NUMBER_MAX, &number, err) != 0)
		return err_set(err, ERR_PROTOCOL, "\"%s\" is not a number that can be read", name);
	if (!json_is_string(value)) {
		if (document_number(object, name, &number, err) != 0)
			return -1;
		if (number == SNAPSHOT_NONE)
			number = 0;
		else if (number < min)
			return err_set(err, ERR_PROTOCOL, "\"%s\" is below zero", name);
	}
	*ret = number;
	return 0;
}

int
dcs_etcd_answer_id(const struct json_t *object, const char *name, char *to, size_t size, struct err *err)
{
	const char *text;

	if (document_text(object, name, &text, err) != 0)
		return -1;
	if (text != NULL
		&& (text[strspn(text, "0123456789")] != '\0' || strlen(text) > ID_DIGITS
			|| strlen(text) >= size))
		return err_set(err, ERR_PROTOCOL, "\"%s\" is not an id", name);
	text_clean(to, size, text == NULL || strcmp(text, "0") == 0 ? "" : text);
	return 0;
}

int
dcs_etcd_answer_header(const struct json_t *object, char member[DCS_ETCD_ANSWER_ID_SIZE],
	char cluster[DCS_ETCD_ANSWER_ID_SIZE], struct err *err)
{
	struct json_t *header;

	if (document_object(object, "header", &header, err) != 0)
		return -1;
	if (header == NULL)
		return err_set(err, ERR_PROTOCOL, "it has no \"header\"");
	if (dcs_etcd_answer_id(header, "member_id", member, DCS_ETCD_ANSWER_ID_SIZE, err) != 0
		|| dcs_etcd_answer_id(header, "cluster_id", cluster, DCS_ETCD_ANSWER_ID_SIZE, err) != 0)
		return -1;
	if (member[0] == '\0' && cluster[0] == '\0')
		return err_set(err, ERR_PROTOCOL, "its \"header\" names nobody");
	return 0;
}

int
dcs_etcd_answer_object(const struct web_answer *answer, struct json_t **ret, struct err *err)
{
	struct json_t *document;

	if (answer->fault.class != ERR_NONE) {
		*err = answer->fault;
		return -1;
	}
	if (document_parse(answer->body, answer->length, &document, err) != 0)
		return -1;
	if (document_is_list(document)) {
		document_release(document);
		return err_set(err, ERR_PROTOCOL, "a list where an object should be");
	}
	*ret = document;
	return 0;
}

/* What is refused before it comes to the gateway is told in plain words. */
static bool
is_plain(const struct web_answer *answer)
{
	return answer->fault.class == ERR_NONE && answer->status >= 400 && answer->status <= 403
		&& answer->body[0] != '\0' && strchr("<{[", answer->body[0]) == NULL;
}

static int
refuse_plainly(const struct web_answer *answer, struct err *err)
{
	char words[120];

	text_clean(words, sizeof words, answer->body);
	err_set(err, ERR_SETUP, "it refuses with HTTP status %d: %s", answer->status, words);
	if (text_starts(words, "CommonName"))
		err_hint(err,
			"while its users are switched on, etcd takes no client certificate with a common "
			"name here: use one without, and --auth-file");
	return -1;
}

/*
 * The fault for an answer that is no 200. With 404 something else answers, or etcd without the gateway, which
 * its options may switch off.
 */
static int
explain_refusal(const struct web_answer *answer, struct dcs_etcd_answer_refusal *refusal, struct err *err)
{
	struct json_t *object = NULL;
	const char *words = NULL;
	struct err trouble;

	memset(refusal, 0, sizeof *refusal);
	if (dcs_etcd_answer_object(answer, &object, &trouble) == 0
		&& (document_text(object, "message", &words, &trouble) != 0
			|| (words == NULL && document_text(object, "error", &words, &trouble) != 0)
			|| document_number(object, "code", &refusal->code, &trouble) != 0))
		words = NULL;
	if (words != NULL)
		text_clean(refusal->words, sizeof refusal->words, words);
	document_release(object);
	if (is_plain(answer))
		return refuse_plainly(answer, err);
	if (refusal->words[0] == '\0')
		err_set(err, ERR_PROTOCOL, "it answers with HTTP status %d, not as etcd's API v3 does",
			answer->status);
	else if (refusal->code == DCS_ETCD_ANSWER_UNAUTHENTICATED
		|| refusal->code == DCS_ETCD_ANSWER_PERMISSION_DENIED
		|| refusal->code == DCS_ETCD_ANSWER_INVALID_ARGUMENT)
		err_set(err, ERR_SETUP, "%s", refusal->words);
	else
		err_set(err, ERR_DOWN, "%s", refusal->words);
	return -1;
}

int
dcs_etcd_answer_good(const struct web_answer *answer, struct json_t **ret,
	struct dcs_etcd_answer_refusal *refusal, struct err *err)
{
	struct dcs_etcd_answer_refusal unwanted;

	if (answer->fault.class != ERR_NONE || answer->status == 200)
		return dcs_etcd_answer_object(answer, ret, err);
	return explain_refusal(answer, refusal == NULL ? &unwanted : refusal, err);
}
