#include "lib/collect/conf_value.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "lib/base/nearest.h"
#include "lib/base/text.h"
#include "lib/collect/conf_conninfo.h"
#include "lib/collect/conf_number.h"

/* -- the settings ------------------------------------------------------------------------------ */

enum conf_type { CONF_BOOL, CONF_ENUM, CONF_INTEGER, CONF_TEXT, CONF_SLOT_NAME, CONF_CONNINFO };

/* What may be written, and how it is shown; the server tells those that are shown as themselves. */
struct conf_word {
	const char *word;
	const char *shown;
};

static const struct conf_word levels[] = {{"minimal", "minimal"}, {"replica", "replica"},
	{"logical", "logical"}, {"archive", "replica"}, {"hot_standby", "replica"}, {NULL, NULL}};
static const struct conf_word modes[] = {{"always", "always"}, {"on", "on"}, {"off", "off"}, {"true", "on"},
	{"false", "off"}, {"yes", "on"}, {"no", "off"}, {"1", "on"}, {"0", "off"}, {NULL, NULL}};
static const struct conf_word commits[] = {{"local", "local"}, {"remote_write", "remote_write"},
	{"remote_apply", "remote_apply"}, {"on", "on"}, {"off", "off"}, {"true", "on"}, {"false", "off"},
	{"yes", "on"}, {"no", "off"}, {"1", "on"}, {"0", "off"}, {NULL, NULL}};

/* One setting; its value goes into the field of its name. */
struct conf_row {
	const char *name;
	enum conf_type type;
	const char *initial;
	const struct conf_word *words; /* CONF_ENUM */
	enum conf_number_unit unit;    /* CONF_INTEGER */
	int min, max;
	bool is_whole; /* CONF_TEXT: it cannot be judged by its beginning */
};

enum { BACKENDS_MAX = 262143 };

/* No text that may be cut has more room than this. */
enum { CUT_SIZE = 256 };

static const struct conf_row rows[] = {
	{.name = "archive_mode", .type = CONF_ENUM, .initial = "off", .words = modes},
	{.name = "cluster_name", .type = CONF_TEXT, .initial = ""},
	{.name = "fsync", .type = CONF_BOOL, .initial = "on"},
	{.name = "full_page_writes", .type = CONF_BOOL, .initial = "on"},
	{.name = "hot_standby", .type = CONF_BOOL, .initial = "on"},
	{.name = "hot_standby_feedback", .type = CONF_BOOL, .initial = "off"},
	{.name = "max_connections", .type = CONF_INTEGER, .initial = "100", .min = 1, .max = BACKENDS_MAX},
	{.name = "max_locks_per_transaction",
		.type = CONF_INTEGER,
		.initial = "64",
		.min = 10,
		.max = INT_MAX},
	{.name = "max_prepared_transactions", .type = CONF_INTEGER, .initial = "0", .max = BACKENDS_MAX},
	{.name = "max_replication_slots", .type = CONF_INTEGER, .initial = "10", .max = BACKENDS_MAX},
	{.name = "max_slot_wal_keep_size",
		.type = CONF_INTEGER,
		.initial = "-1",
		.unit = CONF_NUMBER_MEGABYTES,
		.min = -1,
		.max = INT_MAX},
	{.name = "max_wal_senders", .type = CONF_INTEGER, .initial = "10", .max = BACKENDS_MAX},
	{.name = "max_worker_processes", .type = CONF_INTEGER, .initial = "8", .max = BACKENDS_MAX},
	{.name = "primary_conninfo", .type = CONF_CONNINFO, .initial = ""},
	{.name = "primary_slot_name", .type = CONF_SLOT_NAME, .initial = ""},
	{.name = "recovery_target_timeline", .type = CONF_TEXT, .initial = "latest"},
	{.name = "sync_replication_slots", .type = CONF_BOOL, .initial = "off"},
	{.name = "synchronized_standby_slots", .type = CONF_TEXT, .initial = ""},
	{.name = "synchronous_commit", .type = CONF_ENUM, .initial = "on", .words = commits},
	{.name = "synchronous_standby_names", .type = CONF_TEXT, .initial = "", .is_whole = true},
	{.name = "tcp_keepalives_count", .type = CONF_INTEGER, .initial = "0", .max = INT_MAX},
	{.name = "tcp_keepalives_idle",
		.type = CONF_INTEGER,
		.initial = "0",
		.unit = CONF_NUMBER_SECONDS,
		.max = INT_MAX},
	{.name = "tcp_keepalives_interval",
		.type = CONF_INTEGER,
		.initial = "0",
		.unit = CONF_NUMBER_SECONDS,
		.max = INT_MAX},
	{.name = "tcp_user_timeout",
		.type = CONF_INTEGER,
		.initial = "0",
		.unit = CONF_NUMBER_MILLISECONDS,
		.max = INT_MAX},
	{.name = "wal_keep_size",
		.type = CONF_INTEGER,
		.initial = "0",
		.unit = CONF_NUMBER_MEGABYTES,
		.max = INT_MAX},
	{.name = "wal_level", .type = CONF_ENUM, .initial = "replica", .words = levels},
	{.name = "wal_log_hints", .type = CONF_BOOL, .initial = "off"},
	{.name = "wal_receiver_timeout",
		.type = CONF_INTEGER,
		.initial = "60000",
		.unit = CONF_NUMBER_MILLISECONDS,
		.max = INT_MAX},
	{.name = "wal_sender_timeout",
		.type = CONF_INTEGER,
		.initial = "60000",
		.unit = CONF_NUMBER_MILLISECONDS,
		.max = INT_MAX},
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };
_Static_assert((int)ROW_COUNT <= (int)CONF_VALUE_MAX, "more settings than a reader has room for");

size_t
conf_value_find(const char *name)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (strcasecmp(rows[i].name, name) == 0)
			return i;
	return SIZE_MAX;
}

/* The servers' other settings whose names are near to one of them, in any of 14 to 18. */
static const char *const others[] = {"in_hot_standby", "log_connections"};

const char *
conf_value_nearest(const char *name)
{
	struct nearest nearest = nearest_begin(name);

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (strcasecmp(name, others[i]) == 0)
			return NULL;
	for (size_t i = 0; i < ROW_COUNT; i++)
		nearest_offer(&nearest, rows[i].name);
	return nearest.word;
}

const char *
conf_value_name(size_t index)
{
	return index < ROW_COUNT ? rows[index].name : NULL;
}

/* -- truth values and words -------------------------------------------------------------------- */

static int
fail_value(const struct conf_row *row, const char *value, struct err *err)
{
	return err_set(err, ERR_USAGE, "%s cannot be \"%s\"", row->name, value);
}

/* As the server's parse_bool(): any beginning of a word that is no other's. */
static int
read_bool(const struct conf_row *row, const char *value, const char **ret, struct err *err)
{
	static const struct {
		const char *word;
		size_t least;
		const char *shown;
	} words[] = {{"true", 1, "on"}, {"false", 1, "off"}, {"yes", 1, "on"}, {"no", 1, "off"},
		{"on", 2, "on"}, {"off", 2, "off"}, {"1", 1, "on"}, {"0", 1, "off"}};
	size_t length = strlen(value);

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (length >= words[i].least && strncasecmp(value, words[i].word, length) == 0
			&& length <= strlen(words[i].word)) {
			*ret = words[i].shown;
			return 0;
		}
	fail_value(row, value, err);
	return err_hint(err, "write on or off");
}

static int
read_enum(const struct conf_row *row, const char *value, const char **ret, struct err *err)
{
	char storage[sizeof err->hint];
	struct text list;

	text_init(&list, storage, sizeof storage);
	for (const struct conf_word *word = row->words; word->word != NULL; word++) {
		if (strcasecmp(word->word, value) == 0) {
			*ret = word->shown;
			return 0;
		}
		if (strcmp(word->word, word->shown) == 0)
			text_add(&list, "%s%s", list.length > 0 ? ", " : "", word->word);
	}
	fail_value(row, value, err);
	return err_hint(err, "it is one of %s", storage);
}

/* -- numbers ----------------------------------------------------------------------------------- */

static int
fail_number(const struct conf_row *row, const char *value, struct err *err)
{
	static const char *const hints[] = {
		[CONF_NUMBER_PLAIN] = "it is a number without a unit",
		[CONF_NUMBER_MEGABYTES] = "units are B, kB, MB, GB and TB, in just this case",
		[CONF_NUMBER_SECONDS] = "units are us, ms, s, min, h and d, in just this case",
		[CONF_NUMBER_MILLISECONDS] = "units are us, ms, s, min, h and d, in just this case",
	};

	fail_value(row, value, err);
	return err_hint(err, "%s", hints[row->unit]);
}

static int
read_integer(const struct conf_row *row, const char *value, int *ret, struct err *err)
{
	double number;

	if (!conf_number_read(value, row->unit, &number))
		return fail_number(row, value, err);
	if (number < row->min || number > row->max) {
		fail_value(row, value, err);
		return err_hint(err, "it may be %d to %d", row->min, row->max);
	}
	*ret = (int)number;
	return 0;
}

/* -- setting ----------------------------------------------------------------------------------- */

static int
set_field(const struct conf_row *row, const char *value, struct snapshot *snapshot, struct err *err)
{
	const struct snapshot_field *field = snapshot_field_find(SNAPSHOT_CONFIG, row->name);

	return snapshot_set(snapshot, field, value, err);
}

/* The server says nothing of what is too long for us, so this is no refusal. */
static int
set_text(const struct conf_row *row, const char *value, struct snapshot *snapshot, struct err *err)
{
	const struct snapshot_field *field = snapshot_field_find(SNAPSHOT_CONFIG, row->name);
	char storage[CUT_SIZE];
	struct text cut;

	if (strlen(value) < field->size)
		return snapshot_set(snapshot, field, value, err);
	if (row->is_whole)
		return err_set(err, ERR_PROTOCOL, "%s is longer than %zu characters, and cannot be judged",
			row->name, field->size - 1);
	text_init(&cut, storage, field->size < sizeof storage ? field->size : sizeof storage);
	text_add_bytes(&cut, value, strlen(value));
	return snapshot_set(snapshot, field, storage, err);
}

/* Those whose field is a number are shown without a unit there, in the setting's own. */
static int
set_integer(const struct conf_row *row, const char *value, struct snapshot *snapshot, struct err *err)
{
	const struct snapshot_field *field = snapshot_field_find(SNAPSHOT_CONFIG, row->name);
	char storage[32];
	struct text shown;
	int number = 0;

	if (read_integer(row, value, &number, err) != 0)
		return -1;
	text_init(&shown, storage, sizeof storage);
	if (field->type == SNAPSHOT_INTEGER)
		text_add(&shown, "%d", number);
	else
		conf_number_show(number, row->unit, &shown);
	return set_field(row, storage, snapshot, err);
}

/* The server's own rule for the names of slots. */
static int
set_slot_name(const struct conf_row *row, const char *value, struct snapshot *snapshot, struct err *err)
{
	if (value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0'
		|| strlen(value) >= SNAPSHOT_NAME_SIZE) {
		fail_value(row, value, err);
		return err_hint(err, "a slot's name has lower case letters, digits and underscores");
	}
	return set_field(row, value, snapshot, err);
}

int
conf_value_set(size_t index, const char *value, struct snapshot *snapshot, struct err *err)
{
	const struct conf_row *row = &rows[index];
	struct snapshot_config *config = &snapshot->config;
	const char *shown = value;

	switch (row->type) {
	case CONF_INTEGER:
		return set_integer(row, value, snapshot, err);
	case CONF_SLOT_NAME:
		return set_slot_name(row, value, snapshot, err);
	case CONF_CONNINFO:
		config->has_primary_conninfo = value[0] != '\0';
		config->has_application_name = conf_conninfo_has(value, "application_name");
		config->has_dbname = conf_conninfo_has(value, "dbname");
		return 0;
	case CONF_BOOL:
		if (read_bool(row, value, &shown, err) != 0)
			return -1;
		break;
	case CONF_ENUM:
		if (read_enum(row, value, &shown, err) != 0)
			return -1;
		break;
	case CONF_TEXT:
		return set_text(row, value, snapshot, err);
	}
	return set_field(row, shown, snapshot, err);
}

void
conf_value_set_initial(struct snapshot *snapshot)
{
	struct err ignored;

	for (size_t i = 0; i < ROW_COUNT; i++)
		if (conf_value_set(i, rows[i].initial, snapshot, &ignored) != 0)
			return; /* not with the defaults above, as the tests see */
}
