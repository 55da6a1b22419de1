#include "lib/collect/column.h"

#include <string.h>

#include "lib/base/parse.h"
#include "lib/base/text.h"
#include "lib/model/snapshot.h"

/* The value of a column; NULL also where there is no such column. */
static const char *
value_of(const struct pg_row *row, const char *name)
{
	int column = pg_row_find(row, name);

	return column < 0 ? NULL : pg_row_value(row, column);
}

bool
column_is_there(const struct pg_row *row, const char *name)
{
	return pg_row_find(row, name) >= 0;
}

void
column_text(const struct pg_row *row, const char *name, char *to, size_t size)
{
	const char *value = value_of(row, name);

	text_clean(to, size, value == NULL ? "" : value);
}

static int
refuse(const char *name, const char *value, struct err *err)
{
	return err_set(err, ERR_PROTOCOL, "unexpected value \"%.64s\" for \"%s\"", value, name);
}

int
column_integer(const struct pg_row *row, const char *name, int64_t *ret, struct err *err)
{
	const char *value = value_of(row, name);
	struct err ignored;

	*ret = SNAPSHOT_NONE;
	if (value == NULL
		|| parse_integer(value, -SNAPSHOT_NUMBER_MAX, SNAPSHOT_NUMBER_MAX, ret, &ignored) == 0)
		return 0;
	return refuse(name, value, err);
}

int
column_truth(const struct pg_row *row, const char *name, bool *ret, struct err *err)
{
	static const struct {
		const char *word;
		bool is_true;
	} words[] = {{"0", false}, {"1", true}, {"f", false}, {"false", false}, {"no", false}, {"off", false},
		{"on", true}, {"t", true}, {"true", true}, {"yes", true}};
	const char *value = value_of(row, name);

	*ret = false;
	if (value == NULL)
		return 0;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strcmp(value, words[i].word) == 0) {
			*ret = words[i].is_true;
			return 0;
		}
	}
	return refuse(name, value, err);
}
