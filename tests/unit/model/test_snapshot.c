#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/model/lsn.h"
#include "lib/model/snapshot.h"
#include "lib/model/snapshot_pack.h"

/* A value of each type, as SQL gives it and as snapshot_write() writes it. */
static const struct {
	const char *value, *written;
} samples[] = {
	[SNAPSHOT_BOOL] = {"t", "true"},
	[SNAPSHOT_INTEGER] = {"-42", "-42"},
	[SNAPSHOT_LSN] = {"16/b374d848", "16/B374D848"},
	[SNAPSHOT_TEXT] = {"a word", "a word"},
};

static void
set(struct snapshot *snapshot, const struct snapshot_field *field, const char *value)
{
	struct err err;

	if (snapshot_set(snapshot, field, value, &err) != 0)
		fail_msg("%s: %s", field->name, err.text);
}

static const char *
written(const struct snapshot *snapshot, const struct snapshot_field *field)
{
	static char storage[sizeof(struct snapshot)];
	struct text text;

	text_init(&text, storage, sizeof storage);
	snapshot_write(snapshot, field, &text);
	return storage;
}

/* How many rows there are of a field. */
static size_t
rows_of(const struct snapshot_field *field)
{
	return field->is_in_row ? snapshot_list_of(field->part)->rows_max : 1;
}

static void
the_table_names_each_member_once_and_where_it_is(void **state)
{
	(void)state;
	assert_true(snapshot_fields_count > 0);
	for (size_t i = 0; i < snapshot_fields_count; i++) {
		const struct snapshot_field *field = &snapshot_fields[i];
		const struct snapshot_place *place = &snapshot_fields_places[field->part];

		assert_true(field->part < SNAPSHOT_PART_COUNT);
		if (snapshot_field_find(field->part, field->name) != field)
			fail_msg("%s is twice in %s", field->name, snapshot_part_name(field->part));
		assert_true(field->offset >= place->offset);
		assert_true(snapshot_field_at(field, rows_of(field) - 1).offset + field->size
			<= place->offset + place->size);
		switch (field->type) {
		case SNAPSHOT_BOOL:
			assert_int_equal(field->size, sizeof(bool));
			break;
		case SNAPSHOT_INTEGER:
		case SNAPSHOT_LSN:
			assert_int_equal(field->size, sizeof(int64_t));
			break;
		case SNAPSHOT_TEXT:
			assert_true(field->size > 1);
			break;
		}
		for (size_t j = 0; j < i; j++)
			assert_true(field->offset >= snapshot_fields[j].offset + snapshot_fields[j].size
				|| snapshot_fields[j].offset >= field->offset + field->size);
	}
}

static void
a_field_is_found_only_in_its_part(void **state)
{
	(void)state;
	assert_non_null(snapshot_field_find(SNAPSHOT_ROLE, "in_recovery"));
	assert_null(snapshot_field_find(SNAPSHOT_STANDBY, "in_recovery"));
	assert_non_null(snapshot_field_find(SNAPSHOT_STANDBY, "replay_lsn"));
	assert_null(snapshot_field_find(SNAPSHOT_ROLE, "replay_lsn"));
	assert_null(snapshot_field_find(SNAPSHOT_ROLE, ""));
	assert_null(snapshot_field_find(SNAPSHOT_ROLE, "IN_RECOVERY"));
	assert_null(snapshot_field_find(SNAPSHOT_ROLE, "in_recovery "));
}

static void
an_empty_snapshot_knows_nothing(void **state)
{
	struct snapshot snapshot;

	(void)state;
	memset(&snapshot, 0xA5, sizeof snapshot);
	snapshot_init(&snapshot);
	assert_string_equal(snapshot.target, "");
	assert_true(snapshot.server_version == SNAPSHOT_NONE);
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++) {
		assert_false(snapshot_has(&snapshot, part));
		assert_int_equal(snapshot.faults[part].class, ERR_NONE);
	}
	for (size_t i = 0; i < snapshot_fields_count; i++)
		assert_int_equal(snapshot_is_set(&snapshot, &snapshot_fields[i]),
			snapshot_fields[i].type == SNAPSHOT_BOOL);
}

static void
every_field_is_set_and_written_and_reads_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < snapshot_fields_count; i++) {
		const struct snapshot_field *field = &snapshot_fields[i];
		struct snapshot first, second;

		snapshot_init(&first);
		snapshot_init(&second);
		set(&first, field, samples[field->type].value);
		assert_true(snapshot_is_set(&first, field));
		assert_string_equal(written(&first, field), samples[field->type].written);
		set(&second, field, written(&first, field));
		assert_memory_equal(&first, &second, sizeof first);
	}
}

static void
a_field_leaves_every_other_alone(void **state)
{
	struct snapshot snapshot;

	(void)state;
	for (size_t i = 0; i < snapshot_fields_count; i++) {
		snapshot_init(&snapshot);
		for (size_t j = 0; j < snapshot_fields_count; j++)
			set(&snapshot, &snapshot_fields[j], samples[snapshot_fields[j].type].value);
		if (snapshot_fields[i].type == SNAPSHOT_BOOL)
			set(&snapshot, &snapshot_fields[i], "f");
		else
			set(&snapshot, &snapshot_fields[i], NULL);
		for (size_t j = 0; j < snapshot_fields_count; j++)
			if (j != i)
				assert_string_equal(written(&snapshot, &snapshot_fields[j]),
					samples[snapshot_fields[j].type].written);
	}
}

static void
null_empties_a_field_and_is_no_truth_value(void **state)
{
	(void)state;
	for (size_t i = 0; i < snapshot_fields_count; i++) {
		const struct snapshot_field *field = &snapshot_fields[i];
		struct snapshot snapshot;
		struct err err;

		snapshot_init(&snapshot);
		set(&snapshot, field, samples[field->type].value);
		if (field->type == SNAPSHOT_BOOL) {
			assert_int_equal(snapshot_set(&snapshot, field, NULL, &err), -1);
			assert_int_equal(err.class, ERR_PROTOCOL);
			assert_string_equal(written(&snapshot, field), "true");
		} else {
			set(&snapshot, field, NULL);
			assert_false(snapshot_is_set(&snapshot, field));
		}
	}
}

static void
values_of_another_shape_are_refused_and_change_nothing(void **state)
{
	static const char *const bad[][12] = {
		[SNAPSHOT_BOOL] = {"", "T", "yes", "On", "1", "0", "tr", "true ", "TRUE", "NULL", "of"},
		[SNAPSHOT_INTEGER] = {"", "five", "5.0", "5 ", " 5", "+5", "0x5", "1e3",
			"9223372036854775808", "-9223372036854775808" /* that one means none */, "t"},
		[SNAPSHOT_LSN] = {"", "0", "0/", "/0", "0/0 ", "123456789/0", "G/0", "42", "-1/0"},
		[SNAPSHOT_TEXT] = {NULL},
	};

	(void)state;
	for (size_t i = 0; i < snapshot_fields_count; i++) {
		const struct snapshot_field *field = &snapshot_fields[i];

		for (size_t j = 0; bad[field->type][j] != NULL; j++) {
			const char *value = bad[field->type][j];
			struct snapshot snapshot;
			struct err err;

			snapshot_init(&snapshot);
			set(&snapshot, field, samples[field->type].value);
			if (snapshot_set(&snapshot, field, value, &err) != -1)
				fail_msg("%s took \"%s\"", field->name, value);
			assert_int_equal(err.class, ERR_PROTOCOL);
			assert_non_null(strstr(err.text, field->name));
			assert_string_equal(written(&snapshot, field), samples[field->type].written);
		}
	}
}

static void
truth_values_are_taken_as_columns_settings_and_json_write_them(void **state)
{
	static const char *const words[][2] = {{"f", "t"}, {"false", "true"}, {"off", "on"}};
	const struct snapshot_field *field = snapshot_field_find(SNAPSHOT_ROLE, "in_recovery");
	struct snapshot snapshot;

	(void)state;
	snapshot_init(&snapshot);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		set(&snapshot, field, words[i][1]);
		assert_true(snapshot.role.in_recovery);
		assert_string_equal(written(&snapshot, field), "true");
		set(&snapshot, field, words[i][0]);
		assert_false(snapshot.role.in_recovery);
		assert_string_equal(written(&snapshot, field), "false");
	}
}

static void
numbers_keep_their_range_and_zero_is_a_value(void **state)
{
	const struct snapshot_field *age = snapshot_field_find(SNAPSHOT_STANDBY, "replay_age_ms");
	const struct snapshot_field *position = snapshot_field_find(SNAPSHOT_STANDBY, "replay_lsn");
	struct snapshot snapshot;

	(void)state;
	snapshot_init(&snapshot);
	set(&snapshot, age, "0");
	assert_true(snapshot_is_set(&snapshot, age));
	set(&snapshot, age, "1152921504606846976");
	assert_true(snapshot.standby.replay_age_ms == SNAPSHOT_NUMBER_MAX);
	set(&snapshot, age, "-1152921504606846976");
	assert_true(snapshot.standby.replay_age_ms == -SNAPSHOT_NUMBER_MAX);
	assert_string_equal(written(&snapshot, age), "-1152921504606846976");
	assert_int_equal(
		snapshot_set(&snapshot, age, "1152921504606846977", &(struct err){.class = ERR_NONE}), -1);
	assert_true(snapshot_is_sound(&snapshot));
	snapshot.standby.replay_age_ms = INT64_MAX;
	assert_false(snapshot_is_sound(&snapshot));
	set(&snapshot, position, "FFFFFFFF/FFFFFFFF");
	assert_true(snapshot.standby.replay_lsn == UINT64_MAX);
	/* PostgreSQL's invalid position is none. */
	set(&snapshot, position, "0/0");
	assert_false(snapshot_is_set(&snapshot, position));
}

static void
text_is_made_clean_and_taken_whole_or_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < snapshot_fields_count; i++) {
		const struct snapshot_field *field = &snapshot_fields[i];
		struct snapshot snapshot;
		struct err err;
		char words[sizeof snapshot];

		if (field->type != SNAPSHOT_TEXT)
			continue;
		snapshot_init(&snapshot);
		set(&snapshot, field, " a\n|\033b ");
		assert_string_equal(written(&snapshot, field), "a / b");
		memset(words, 'x', sizeof words);
		words[field->size] = '\0';
		assert_int_equal(snapshot_set(&snapshot, field, words, &err), -1);
		assert_int_equal(err.class, ERR_PROTOCOL);
		assert_non_null(strstr(err.text, field->name));
		assert_string_equal(written(&snapshot, field), "a / b");
		words[field->size - 1] = '\0';
		set(&snapshot, field, words);
		assert_string_equal(written(&snapshot, field), words);
	}
}

static void
a_part_is_obtained_or_carries_its_fault(void **state)
{
	struct snapshot snapshot;
	struct err fault;

	(void)state;
	snapshot_init(&snapshot);
	snapshot_mark(&snapshot, SNAPSHOT_STANDBY);
	assert_true(snapshot_has(&snapshot, SNAPSHOT_STANDBY));
	assert_false(snapshot_has(&snapshot, SNAPSHOT_ROLE));
	snapshot_mark(&snapshot, SNAPSHOT_ROLE);
	err_set(&fault, ERR_TIMEOUT, "no answer");
	snapshot_fail(&snapshot, SNAPSHOT_STANDBY, &fault);
	assert_false(snapshot_has(&snapshot, SNAPSHOT_STANDBY));
	assert_true(snapshot_has(&snapshot, SNAPSHOT_ROLE));
	assert_int_equal(snapshot.faults[SNAPSHOT_STANDBY].class, ERR_TIMEOUT);
	assert_string_equal(snapshot.faults[SNAPSHOT_STANDBY].text, "no answer");
	assert_int_equal(snapshot.faults[SNAPSHOT_ROLE].class, ERR_NONE);
}

static void
part_names_read_back(void **state)
{
	(void)state;
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		assert_int_equal(snapshot_part_parse(snapshot_part_name(part)), part);
	assert_string_equal(snapshot_part_name(SNAPSHOT_ROLE), "role");
	assert_string_equal(snapshot_part_name(SNAPSHOT_READ_ONLY), "read_only");
	assert_string_equal(snapshot_part_name(SNAPSHOT_STANDBY), "standby");
	assert_int_equal(snapshot_part_parse("Role"), SNAPSHOT_PART_COUNT);
	assert_int_equal(snapshot_part_parse(""), SNAPSHOT_PART_COUNT);
}

/* -- lists ------------------------------------------------------------------------------------- */

static const struct snapshot_list *
senders(void)
{
	return snapshot_list_of(SNAPSHOT_SENDERS);
}

static void
a_part_is_a_list_with_a_total_and_rows_or_it_is_none(void **state)
{
	(void)state;
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++) {
		const struct snapshot_list *list = snapshot_list_of(part);
		const struct snapshot_field *total = snapshot_field_find(part, "total");

		for (size_t i = 0; i < snapshot_fields_count; i++)
			if (snapshot_fields[i].part == part && list == NULL)
				assert_false(snapshot_fields[i].is_in_row);
		if (list == NULL)
			continue;
		assert_int_equal(list->part, part);
		assert_non_null(total);
		assert_int_equal(total->type, SNAPSHOT_INTEGER);
		assert_false(total->is_in_row);
		assert_int_equal(total->offset, list->total_offset);
	}
	assert_non_null(senders());
	assert_int_equal(senders()->rows_max, SNAPSHOT_SENDERS_MAX);
	assert_null(snapshot_list_of(SNAPSHOT_STANDBY));
}

/* Each field of each row by way of the table is the member of that row, and touches no other. */
static void
a_field_of_a_row_is_in_that_row(void **state)
{
	const struct snapshot_field *pid = snapshot_field_find(SNAPSHOT_SENDERS, "pid");
	const struct snapshot_field *name = snapshot_field_find(SNAPSHOT_SENDERS, "application");
	const struct snapshot_field *total = snapshot_field_find(SNAPSHOT_SENDERS, "total");
	struct snapshot snapshot;

	(void)state;
	snapshot_init(&snapshot);
	for (size_t row = 0; row < SNAPSHOT_SENDERS_MAX; row++) {
		struct snapshot_field at = snapshot_field_at(pid, row),
				      name_at = snapshot_field_at(name, row);
		char value[24];

		assert_ptr_equal((char *)&snapshot + at.offset, &snapshot.senders.rows[row].pid);
		assert_true(name_at.offset + name_at.size <= sizeof snapshot);
		assert_true(snapshot.senders.rows[row].pid == SNAPSHOT_NONE);
		snprintf(value, sizeof value, "%zu", row + 100);
		set(&snapshot, &at, value);
		snprintf(value, sizeof value, "n%zu", row);
		set(&snapshot, &name_at, value);
	}
	for (size_t row = 0; row < SNAPSHOT_SENDERS_MAX; row++) {
		char value[24];

		snprintf(value, sizeof value, "n%zu", row);
		assert_true(snapshot.senders.rows[row].pid == (int64_t)row + 100);
		assert_string_equal(snapshot.senders.rows[row].application, value);
	}
	assert_true(snapshot.senders.total == SNAPSHOT_NONE);
	assert_int_equal(snapshot_field_at(total, 5).offset, total->offset); /* it is in no row */
}

/* Sets every field of a part in all its rows to something of its own. */
static void
fill_part(struct snapshot *snapshot, enum snapshot_part part, size_t seed)
{
	for (size_t i = 0; i < snapshot_fields_count; i++)
		for (size_t row = 0; snapshot_fields[i].part == part && row < rows_of(&snapshot_fields[i]);
			row++) {
			struct snapshot_field field = snapshot_field_at(&snapshot_fields[i], row);
			size_t number = (i * 100 + row) % 97 + seed;
			char value[24];

			if (field.type == SNAPSHOT_BOOL)
				snprintf(value, sizeof value, "%s", number % 2 == 0 ? "t" : "f");
			else
				snprintf(value, sizeof value, field.type == SNAPSHOT_LSN ? "%zu/1" : "%zu",
					number);
			set(snapshot, &field, value);
		}
}

/* Each row of each list is a place of its own, and all of them are the part's. */
static void
the_rows_of_a_list_do_not_touch_each_other(void **state)
{
	(void)state;
	for (size_t l = 0; l < snapshot_fields_list_count; l++) {
		const struct snapshot_list *list = &snapshot_fields_lists[l];
		struct snapshot all, some;

		snapshot_init(&all);
		fill_part(&all, list->part, 1);
		for (size_t row = 0; row < list->rows_max; row++) {
			some = all;
			for (size_t i = 0; i < snapshot_fields_count; i++) {
				struct snapshot_field field = snapshot_field_at(&snapshot_fields[i], row);

				if (field.part == list->part && field.is_in_row)
					set(&some, &field, field.type == SNAPSHOT_BOOL ? "f" : NULL);
			}
			for (size_t i = 0; i < snapshot_fields_count; i++)
				for (size_t other = 0; other < rows_of(&snapshot_fields[i]); other++) {
					struct snapshot_field at = snapshot_field_at(
						&snapshot_fields[i], other);
					char before[sizeof all];

					if (at.part != list->part || (at.is_in_row && other == row))
						continue;
					snprintf(before, sizeof before, "%s", written(&all, &at));
					assert_string_equal(written(&some, &at), before);
				}
		}
	}
}

static void
a_part_is_copied_whole_and_alone(void **state)
{
	(void)state;
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++) {
		struct snapshot from, to;

		snapshot_init(&from);
		snapshot_init(&to);
		for (enum snapshot_part other = 0; other < SNAPSHOT_PART_COUNT; other++) {
			fill_part(&from, other, 1);
			fill_part(&to, other, 2);
		}
		snprintf(from.target, sizeof from.target, "another");
		snapshot_copy_part(&to, &from, part);
		assert_int_equal(to.obtained, 1U << part);
		assert_string_equal(to.target, "");
		for (size_t i = 0; i < snapshot_fields_count; i++)
			for (size_t row = 0; row < rows_of(&snapshot_fields[i]); row++) {
				struct snapshot_field at = snapshot_field_at(&snapshot_fields[i], row);
				char theirs[sizeof from];

				snprintf(theirs, sizeof theirs, "%s", written(&from, &at));
				assert_int_equal(strcmp(written(&to, &at), theirs) == 0, at.part == part);
			}
	}
}

static void
no_more_rows_are_held_than_there_is_room_for(void **state)
{
	static const struct {
		int64_t total;
		size_t count;
	} cases[] = {{0, 0}, {1, 1}, {SNAPSHOT_SENDERS_MAX, SNAPSHOT_SENDERS_MAX},
		{SNAPSHOT_SENDERS_MAX + 1, SNAPSHOT_SENDERS_MAX}, {INT64_MAX, SNAPSHOT_SENDERS_MAX}, {-1, 0},
		{SNAPSHOT_NONE, 0}};
	struct snapshot snapshot;

	(void)state;
	snapshot_init(&snapshot);
	assert_int_equal(snapshot_row_count(&snapshot, senders()), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snapshot.senders.total = cases[i].total;
		assert_int_equal(snapshot_row_count(&snapshot, senders()), cases[i].count);
	}
}

/* -- from another process ---------------------------------------------------------------------- */

/* Fills each text of a field, in all its rows, without leaving room for its end. */
static void
overfill(struct snapshot *snapshot, const struct snapshot_field *field, size_t row)
{
	struct snapshot_field at = snapshot_field_at(field, row);

	memset((char *)snapshot + at.offset, 'x', at.size);
}

/* Only rows that there are count. */
static void
fill_lists(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot_fields_list_count; i++) {
		int64_t total = (int64_t)snapshot_fields_lists[i].rows_max;

		memcpy((char *)snapshot + snapshot_fields_lists[i].total_offset, &total, sizeof total);
	}
}

static void
texts_have_to_end_where_they_are(void **state)
{
	struct snapshot good, bad;

	(void)state;
	snapshot_init(&good);
	fill_lists(&good);
	assert_true(snapshot_is_sound(&good));
	for (size_t i = 0; i < snapshot_fields_count; i++) {
		const struct snapshot_field *field = &snapshot_fields[i];

		for (size_t row = 0; row < rows_of(field) && field->type == SNAPSHOT_TEXT; row++) {
			bad = good;
			overfill(&bad, field, row);
			if (snapshot_is_sound(&bad))
				fail_msg("%s without an end in row %zu is sound", field->name, row);
		}
	}
	bad = good;
	memset(bad.target, 'x', sizeof bad.target);
	assert_false(snapshot_is_sound(&bad));
	bad.target[sizeof bad.target - 1] = '\0';
	assert_true(snapshot_is_sound(&bad));
}

static void
truth_values_and_classes_have_to_be_some(void **state)
{
	struct snapshot good, bad;

	(void)state;
	snapshot_init(&good);
	fill_lists(&good);
	for (size_t i = 0; i < snapshot_fields_count; i++) {
		const struct snapshot_field *field = &snapshot_fields[i];
		struct snapshot_field last = snapshot_field_at(field, rows_of(field) - 1);

		for (int value = 0; value < 256 && field->type == SNAPSHOT_BOOL; value++) {
			bad = good;
			memset((char *)&bad + last.offset, value, 1);
			assert_int_equal(snapshot_is_sound(&bad), value <= 1);
		}
	}
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++) {
		bad = good;
		memset(bad.faults[part].text, 'x', sizeof bad.faults[part].text);
		assert_false(snapshot_is_sound(&bad));
		bad = good;
		memset(bad.faults[part].hint, 'x', sizeof bad.faults[part].hint);
		assert_false(snapshot_is_sound(&bad));
		for (int class = -1; class <= ERR_CLASS_COUNT; class ++) {
			bad = good;
			memcpy(&bad.faults[part].class, &class, sizeof class);
			assert_int_equal(snapshot_is_sound(&bad), class >= 0 && class < ERR_CLASS_COUNT);
		}
	}
}

static void
its_bits_have_to_name_parts(void **state)
{
	struct snapshot snapshot;

	(void)state;
	snapshot_init(&snapshot);
	for (unsigned bit = 0; bit < 32; bit++) {
		snapshot.obtained = 1U << bit;
		assert_int_equal(snapshot_is_sound(&snapshot), bit < SNAPSHOT_PART_COUNT);
	}
	snapshot.obtained = (1U << SNAPSHOT_PART_COUNT) - 1;
	assert_true(snapshot_is_sound(&snapshot));
}

static void
every_text_can_be_made_clean(void **state)
{
	static const char dirty[] = "a\n|\033b";
	struct snapshot snapshot, good;

	(void)state;
	snapshot_init(&snapshot);
	fill_lists(&snapshot);
	snprintf(snapshot.target, sizeof snapshot.target, "%s", dirty);
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++) {
		snprintf(snapshot.faults[part].text, sizeof snapshot.faults[part].text, "%s", dirty);
		snprintf(snapshot.faults[part].hint, sizeof snapshot.faults[part].hint, "%s", dirty);
	}
	for (size_t i = 0; i < snapshot_fields_count; i++)
		for (size_t row = 0;
			row < rows_of(&snapshot_fields[i]) && snapshot_fields[i].type == SNAPSHOT_TEXT; row++)
			memcpy((char *)&snapshot + snapshot_field_at(&snapshot_fields[i], row).offset, dirty,
				sizeof dirty);
	snapshot_clean(&snapshot);
	assert_string_equal(snapshot.target, "a / b");
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++) {
		assert_string_equal(snapshot.faults[part].text, "a / b");
		assert_string_equal(snapshot.faults[part].hint, "a / b");
	}
	for (size_t i = 0; i < snapshot_fields_count; i++)
		for (size_t row = 0;
			row < rows_of(&snapshot_fields[i]) && snapshot_fields[i].type == SNAPSHOT_TEXT;
			row++) {
			struct snapshot_field at = snapshot_field_at(&snapshot_fields[i], row);

			assert_string_equal(written(&snapshot, &at), "a / b");
		}
	good = snapshot;
	snapshot_clean(&snapshot); /* what is clean stays as it is */
	assert_memory_equal(&snapshot, &good, sizeof good);
}

/* A snapshot in which every field of every part differs from an empty one's, but for some rows. */
static void
fill_everything(struct snapshot *snapshot)
{
	snapshot_init(snapshot);
	snprintf(snapshot->target, sizeof snapshot->target, "n1");
	snapshot->taken_ms = 7;
	for (size_t i = 0; i < snapshot_fields_count; i++) {
		const struct snapshot_field *field = &snapshot_fields[i];
		const char *value = field->type == SNAPSHOT_BOOL ? "t"
			: field->type == SNAPSHOT_LSN            ? "0/10"
								 : "3";
		struct err err;

		for (size_t row = 0; row < (field->is_in_row ? 3U : 1U); row++) {
			struct snapshot_field at = snapshot_field_at(field, row);

			assert_int_equal(snapshot_set(snapshot, &at, value, &err), 0);
		}
		snapshot_mark(snapshot, field->part);
	}
}

static void
assert_same(const struct snapshot *a, const struct snapshot *b)
{
	assert_memory_equal(a, b, offsetof(struct snapshot, faults));
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++) {
		size_t offset = snapshot_fields_places[part].offset;

		assert_int_equal(a->faults[part].class, b->faults[part].class);
		assert_string_equal(a->faults[part].text, b->faults[part].text);
		if (snapshot_has(a, part))
			assert_memory_equal((const char *)a + offset, (const char *)b + offset,
				snapshot_part_length(a, part));
	}
}

static void
what_is_packed_reads_back_the_same(void **state)
{
	static struct snapshot snapshot, back;
	static char bytes[SNAPSHOT_PACK_MAX];
	struct err fault;
	size_t length;

	(void)state;
	fill_everything(&snapshot);
	err_set(&fault, ERR_DOWN, "away");
	snapshot_fail(&snapshot, SNAPSHOT_SYNC, &fault);
	length = snapshot_pack(&snapshot, bytes);
	assert_int_equal(snapshot_pack_read(bytes, length, &back), 0);
	assert_same(&snapshot, &back);
	assert_string_equal(back.faults[SNAPSHOT_SYNC].text, "away");
	for (size_t cut = 1; cut < length; cut += 101)
		assert_int_equal(snapshot_pack_read(bytes, length - cut, &back), -1);
	/* Rows that are not there take no room. */
	snapshot.slots.total = 0;
	assert_true(snapshot_pack(&snapshot, bytes) == length - 3 * sizeof snapshot.slots.rows[0]);
}

static void
a_full_list_fits_where_it_is_packed(void **state)
{
	static struct snapshot snapshot, back;
	static char bytes[SNAPSHOT_PACK_MAX];

	(void)state;
	fill_everything(&snapshot);
	snapshot.senders.total = snapshot.slots.total = snapshot.subscriptions.total = INT64_C(1) << 40;
	snapshot.connections.total = snapshot.patroni_cluster.total = snapshot.dcs.total = INT64_C(1) << 40;
	snapshot.pgbouncer.total = snapshot.pgpool.total = snapshot.repmgr.total = INT64_C(1) << 40;
	snapshot.auto_failover.total = INT64_C(1) << 40;
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		snapshot.faults[part].class = ERR_SETUP; /* more than there can be beside parts */
	assert_true(snapshot_pack(&snapshot, bytes) <= sizeof bytes);
	assert_int_equal(snapshot_pack_read(bytes, snapshot_pack(&snapshot, bytes), &back), 0);
	assert_same(&snapshot, &back);
}

static void
a_copy_has_what_was_obtained_and_no_more(void **state)
{
	static struct snapshot full, few, copy;

	(void)state;
	fill_everything(&full);
	snapshot_init(&copy);
	snapshot_copy(&copy, &full);
	assert_same(&full, &copy);
	snapshot_init(&few);
	snapshot_mark(&few, SNAPSHOT_ROLE);
	snapshot_copy(&copy, &few);
	assert_same(&few, &copy);
	assert_false(snapshot_has(&copy, SNAPSHOT_SYNC));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_names_each_member_once_and_where_it_is),
		cmocka_unit_test(a_field_is_found_only_in_its_part),
		cmocka_unit_test(an_empty_snapshot_knows_nothing),
		cmocka_unit_test(every_field_is_set_and_written_and_reads_back),
		cmocka_unit_test(a_field_leaves_every_other_alone),
		cmocka_unit_test(null_empties_a_field_and_is_no_truth_value),
		cmocka_unit_test(values_of_another_shape_are_refused_and_change_nothing),
		cmocka_unit_test(truth_values_are_taken_as_columns_settings_and_json_write_them),
		cmocka_unit_test(numbers_keep_their_range_and_zero_is_a_value),
		cmocka_unit_test(text_is_made_clean_and_taken_whole_or_refused),
		cmocka_unit_test(a_part_is_obtained_or_carries_its_fault),
		cmocka_unit_test(part_names_read_back),
		cmocka_unit_test(a_part_is_a_list_with_a_total_and_rows_or_it_is_none),
		cmocka_unit_test(a_field_of_a_row_is_in_that_row),
		cmocka_unit_test(the_rows_of_a_list_do_not_touch_each_other),
		cmocka_unit_test(a_part_is_copied_whole_and_alone),
		cmocka_unit_test(no_more_rows_are_held_than_there_is_room_for),
		cmocka_unit_test(texts_have_to_end_where_they_are),
		cmocka_unit_test(truth_values_and_classes_have_to_be_some),
		cmocka_unit_test(its_bits_have_to_name_parts),
		cmocka_unit_test(every_text_can_be_made_clean),
		cmocka_unit_test(what_is_packed_reads_back_the_same),
		cmocka_unit_test(a_full_list_fits_where_it_is_packed),
		cmocka_unit_test(a_copy_has_what_was_obtained_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
