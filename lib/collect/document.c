#include "lib/collect/document.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "lib/model/snapshot_parts.h"

/* Up to here a double holds every whole number. */
#define WHOLE_MAX 9007199254740992.0

int
document_next(const char *bytes, size_t length, size_t *offset, struct json_t **ret, struct err *err)
{
	json_error_t error;

	*ret = NULL;
	*offset += strspn(bytes + *offset, " \t\r\n");
	if (*offset >= length)
		return 0;
	/*
	 * Whole numbers are read as reals: a system identifier does not fit 63 bits from 2038 on, and must
	 * not make all the rest unreadable.
	 */
	*ret = json_loadb(bytes + *offset, length - *offset,
		JSON_DISABLE_EOF_CHECK | JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES, &error);
	if (*ret == NULL && json_error_code(&error) == json_error_out_of_memory)
		return err_set(err, ERR_PROTOCOL, "too long to be read");
	if (*ret == NULL)
		return err_set(err, ERR_PROTOCOL, "not JSON: line %d, column %d: %s", error.line,
			error.column, error.text);
	*offset += (size_t)error.position;
	return 0;
}

int
document_parse(const char *bytes, size_t length, struct json_t **ret, struct err *err)
{
	size_t offset = 0;

	if (document_next(bytes, length, &offset, ret, err) != 0)
		return -1;
	if (*ret == NULL)
		return err_set(err, ERR_PROTOCOL, "it is empty");
	offset += strspn(bytes + offset, " \t\r\n");
	if (offset >= length)
		return 0;
	document_release(*ret);
	*ret = NULL;
	return err_set(err, ERR_PROTOCOL, "not JSON: there is something behind it");
}

bool
document_is_list(const struct json_t *document)
{
	return json_is_array(document);
}

void
document_release(struct json_t *document)
{
	json_decref(document);
}

/* The member; NULL when it is null as well. */
static json_t *
member(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

static int
refuse(const char *name, const char *what, struct err *err)
{
	return err_set(err, ERR_PROTOCOL, "\"%s\" is not %s", name, what);
}

int
document_text(const struct json_t *object, const char *name, const char **ret, struct err *err)
{
	const json_t *value = member(object, name);

	if (value != NULL && !json_is_string(value))
		return refuse(name, "text", err);
	*ret = json_string_value(value);
	return 0;
}

int
document_number(const struct json_t *object, const char *name, int64_t *ret, struct err *err)
{
	const json_t *value = member(object, name);
	double number = json_number_value(value);

	if (value != NULL && (!json_is_number(value) || !(fabs(number) <= WHOLE_MAX)))
		return refuse(name, "a number that can be read", err);
	*ret = value == NULL ? SNAPSHOT_NONE : (int64_t)number;
	return 0;
}

int
document_truth(const struct json_t *object, const char *name, bool *ret, struct err *err)
{
	const json_t *value = member(object, name);

	if (value != NULL && !json_is_boolean(value))
		return refuse(name, "true or false", err);
	*ret = json_is_true(value);
	return 0;
}

int
document_list(const struct json_t *object, const char *name, struct json_t **ret, struct err *err)
{
	json_t *value = member(object, name);

	if (value != NULL && !json_is_array(value))
		return refuse(name, "a list", err);
	*ret = value;
	return 0;
}

int
document_object(const struct json_t *object, const char *name, struct json_t **ret, struct err *err)
{
	json_t *value = member(object, name);

	if (value != NULL && !json_is_object(value))
		return refuse(name, "an object", err);
	*ret = value;
	return 0;
}

size_t
document_count(const struct json_t *list)
{
	return json_array_size(list);
}

struct json_t *
document_item(const struct json_t *list, size_t index)
{
	return json_array_get(list, index);
}

int
document_instant(int64_t seconds, const char *name, int64_t *ret_ms, struct err *err)
{
	if (seconds < 0 || seconds > INT64_C(253402300799))
		return refuse(name, "seconds since 1970", err);
	*ret_ms = seconds * 1000;
	return 0;
}
