#include "lib/model/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/parse.h"
#include "lib/model/lsn.h"

static void *
member(struct snapshot *snapshot, const struct snapshot_field *field)
{
	return (char *)snapshot + field->offset;
}

static const void *
member_const(const struct snapshot *snapshot, const struct snapshot_field *field)
{
	return (const char *)snapshot + field->offset;
}

void
snapshot_init(struct snapshot *snapshot)
{
	memset(snapshot, 0, sizeof *snapshot);
	snapshot->server_version = SNAPSHOT_NONE;
	for (size_t i = 0; i < snapshot_fields_count; i++)
		if (snapshot_fields[i].type == SNAPSHOT_INTEGER)
			*(int64_t *)member(snapshot, &snapshot_fields[i]) = SNAPSHOT_NONE;
	/* Only the first rows were set: the others are copies. */
	for (size_t i = 0; i < snapshot_fields_list_count; i++) {
		const struct snapshot_list *list = &snapshot_fields_lists[i];
		char *rows = (char *)snapshot + list->rows_offset;

		for (size_t row = 1; row < list->rows_max; row++)
			memcpy(rows + row * list->row_size, rows, list->row_size);
	}
}

bool
snapshot_has(const struct snapshot *snapshot, enum snapshot_part part)
{
	return (snapshot->obtained & 1U << part) != 0;
}

void
snapshot_mark(struct snapshot *snapshot, enum snapshot_part part)
{
	snapshot->obtained |= 1U << part;
}

void
snapshot_copy_part(struct snapshot *snapshot, const struct snapshot *from, enum snapshot_part part)
{
	const struct snapshot_place *place = &snapshot_fields_places[part];

	memcpy((char *)snapshot + place->offset, (const char *)from + place->offset, place->size);
	snapshot_mark(snapshot, part);
}

void
snapshot_take_part(struct snapshot *snapshot, const struct snapshot *from, enum snapshot_part part)
{
	if (snapshot_has(from, part))
		snapshot_copy_part(snapshot, from, part);
	else
		snapshot_fail(snapshot, part, &from->faults[part]);
}

size_t
snapshot_part_length(const struct snapshot *snapshot, enum snapshot_part part)
{
	const struct snapshot_list *list = snapshot_list_of(part);
	const struct snapshot_place *place = &snapshot_fields_places[part];

	if (list == NULL)
		return place->size;
	return list->rows_offset - place->offset + snapshot_row_count(snapshot, list) * list->row_size;
}

void
snapshot_copy(struct snapshot *to, const struct snapshot *from)
{
	memcpy(to, from, offsetof(struct snapshot, faults));
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++) {
		size_t offset = snapshot_fields_places[part].offset;

		to->faults[part].class = ERR_NONE;
		if (from->faults[part].class != ERR_NONE)
			to->faults[part] = from->faults[part];
		if (snapshot_has(from, part))
			memcpy((char *)to + offset, (const char *)from + offset,
				snapshot_part_length(from, part));
	}
}

void
snapshot_fail(struct snapshot *snapshot, enum snapshot_part part, const struct err *fault)
{
	snapshot->obtained &= ~(1U << part);
	snapshot->faults[part] = *fault;
}

const char *
snapshot_part_name(enum snapshot_part part)
{
	return snapshot_fields_places[part].name;
}

enum snapshot_part
snapshot_part_parse(const char *name)
{
	enum snapshot_part part = SNAPSHOT_ROLE;

	while (part < SNAPSHOT_PART_COUNT && strcmp(snapshot_fields_places[part].name, name) != 0)
		part++;
	return part;
}

const struct snapshot_field *
snapshot_field_find(enum snapshot_part part, const char *name)
{
	for (size_t i = 0; i < snapshot_fields_count; i++)
		if (snapshot_fields[i].part == part && strcmp(snapshot_fields[i].name, name) == 0)
			return &snapshot_fields[i];
	return NULL;
}

const struct snapshot_list *
snapshot_list_of(enum snapshot_part part)
{
	for (size_t i = 0; i < snapshot_fields_list_count; i++)
		if (snapshot_fields_lists[i].part == part)
			return &snapshot_fields_lists[i];
	return NULL;
}

size_t
snapshot_row_count(const struct snapshot *snapshot, const struct snapshot_list *list)
{
	int64_t total;

	memcpy(&total, (const char *)snapshot + list->total_offset, sizeof total);
	if (total < 0) /* none is SNAPSHOT_NONE */
		return 0;
	return (uint64_t)total < list->rows_max ? (size_t)total : list->rows_max;
}

struct snapshot_field
snapshot_field_at(const struct snapshot_field *field, size_t row)
{
	struct snapshot_field at = *field;

	if (field->is_in_row)
		at.offset += row * snapshot_list_of(field->part)->row_size;
	return at;
}

static bool
is_sound_number(int64_t number)
{
	return number == SNAPSHOT_NONE || (number >= -SNAPSHOT_NUMBER_MAX && number <= SNAPSHOT_NUMBER_MAX);
}

static bool
is_sound_field(const struct snapshot *snapshot, const struct snapshot_field *field)
{
	const char *from = (const char *)snapshot + field->offset;

	if (field->type == SNAPSHOT_TEXT)
		return memchr(from, '\0', field->size) != NULL;
	if (field->type == SNAPSHOT_BOOL)
		return *(const unsigned char *)from <= 1;
	if (field->type == SNAPSHOT_INTEGER)
		return is_sound_number(*(const int64_t *)from);
	return true;
}

static bool
is_sound_fault(const struct err *fault)
{
	return (unsigned)fault->class < ERR_CLASS_COUNT
		&& memchr(fault->text, '\0', sizeof fault->text) != NULL
		&& memchr(fault->hint, '\0', sizeof fault->hint) != NULL;
}

bool
snapshot_is_sound(const struct snapshot *snapshot)
{
	bool is_sound = memchr(snapshot->target, '\0', sizeof snapshot->target) != NULL
		&& snapshot->obtained < 1U << SNAPSHOT_PART_COUNT && is_sound_number(snapshot->taken_ms)
		&& is_sound_number(snapshot->elapsed_us) && is_sound_number(snapshot->server_version);

	for (size_t i = 0; i < snapshot_fields_list_count; i++) {
		int64_t total;

		memcpy(&total, (const char *)snapshot + snapshot_fields_lists[i].total_offset, sizeof total);
		is_sound = is_sound && (total == SNAPSHOT_NONE || total >= 0);
	}
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		is_sound = is_sound && is_sound_fault(&snapshot->faults[part]);
	for (size_t i = 0; i < snapshot_fields_count; i++) {
		const struct snapshot_list *list = snapshot_list_of(snapshot_fields[i].part);
		size_t rows = snapshot_fields[i].is_in_row ? snapshot_row_count(snapshot, list) : 1;

		for (size_t row = 0; row < rows; row++) {
			struct snapshot_field field = snapshot_field_at(&snapshot_fields[i], row);

			is_sound = is_sound && is_sound_field(snapshot, &field);
		}
	}
	return is_sound;
}

static void
clean(char *text, size_t size)
{
	char copy[1024]; /* no field is longer */

	if (text[0] == '\0')
		return;
	snprintf(copy, sizeof copy, "%s", text);
	text_clean(text, size, copy);
}

void
snapshot_clean(struct snapshot *snapshot)
{
	clean(snapshot->target, sizeof snapshot->target);
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++) {
		clean(snapshot->faults[part].text, sizeof snapshot->faults[part].text);
		clean(snapshot->faults[part].hint, sizeof snapshot->faults[part].hint);
	}
	for (size_t i = 0; i < snapshot_fields_count; i++) {
		const struct snapshot_list *list = snapshot_list_of(snapshot_fields[i].part);
		size_t rows = snapshot_fields[i].is_in_row ? snapshot_row_count(snapshot, list) : 1;

		for (size_t row = 0; row < rows && snapshot_fields[i].type == SNAPSHOT_TEXT; row++) {
			struct snapshot_field field = snapshot_field_at(&snapshot_fields[i], row);

			clean(member(snapshot, &field), field.size);
		}
	}
}

/* A bool as SQL writes it, as JSON does, or as a setting of the server. */
static int
set_bool(bool *member, const char *value)
{
	static const char *const words[2][3] = {{"f", "false", "off"}, {"t", "true", "on"}};

	for (int is_true = 0; is_true <= 1; is_true++)
		for (int i = 0; i < 3; i++)
			if (strcmp(words[is_true][i], value) == 0) {
				*member = is_true;
				return 0;
			}
	return -1;
}

int
snapshot_set(
	struct snapshot *snapshot, const struct snapshot_field *field, const char *value, struct err *err)
{
	void *to = member(snapshot, field);
	struct err ignored;
	int status = 0;

	switch (field->type) {
	case SNAPSHOT_BOOL:
		status = value == NULL ? -1 : set_bool(to, value);
		break;
	case SNAPSHOT_INTEGER:
		if (value == NULL)
			*(int64_t *)to = SNAPSHOT_NONE;
		else
			status = parse_integer(
				value, -SNAPSHOT_NUMBER_MAX, SNAPSHOT_NUMBER_MAX, to, &ignored);
		break;
	case SNAPSHOT_LSN:
		if (value == NULL)
			*(uint64_t *)to = LSN_NONE;
		else
			status = lsn_parse(value, to);
		break;
	case SNAPSHOT_TEXT:
		if (value != NULL && strlen(value) >= field->size)
			status = -1;
		else
			text_clean(to, field->size, value == NULL ? "" : value);
		break;
	}
	if (status != 0)
		return err_set(err, ERR_PROTOCOL, "unexpected value \"%.64s\" for \"%s\"",
			value == NULL ? "NULL" : value, field->name);
	return 0;
}

bool
snapshot_is_set(const struct snapshot *snapshot, const struct snapshot_field *field)
{
	const void *from = member_const(snapshot, field);

	switch (field->type) {
	case SNAPSHOT_INTEGER:
		return *(const int64_t *)from != SNAPSHOT_NONE;
	case SNAPSHOT_LSN:
		return *(const uint64_t *)from != LSN_NONE;
	case SNAPSHOT_TEXT:
		return *(const char *)from != '\0';
	case SNAPSHOT_BOOL:
		break;
	}
	return true;
}

void
snapshot_write(const struct snapshot *snapshot, const struct snapshot_field *field, struct text *text)
{
	const void *from = member_const(snapshot, field);
	char lsn[LSN_TEXT_SIZE];

	switch (field->type) {
	case SNAPSHOT_BOOL:
		text_add(text, *(const bool *)from ? "true" : "false");
		break;
	case SNAPSHOT_INTEGER:
		text_add(text, "%" PRId64, *(const int64_t *)from);
		break;
	case SNAPSHOT_LSN:
		text_add(text, "%s", lsn_format(*(const uint64_t *)from, lsn));
		break;
	case SNAPSHOT_TEXT:
		text_add(text, "%s", (const char *)from);
		break;
	}
}
