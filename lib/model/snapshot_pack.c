#include "lib/model/snapshot_pack.h"

#include <string.h>

/*
 * The members before the faults; then the fault of each part that has one, in their order; then in their
 * order each part that was obtained, without the rows that it does not have. Which there are, the first bytes
 * tell.
 */
enum { HEAD_SIZE = offsetof(struct snapshot, faults) };

/* The parts that have a fault, a bit for each, stand between the head and the faults. */
static unsigned
faulty_parts(const struct snapshot *snapshot)
{
	unsigned faulty = 0;

	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		if (snapshot->faults[part].class != ERR_NONE)
			faulty |= 1U << part;
	return faulty;
}

static char *
append(char *to, const void *from, size_t length)
{
	memcpy(to, from, length);
	return to + length;
}

size_t
snapshot_pack(const struct snapshot *snapshot, char *to)
{
	unsigned faulty = faulty_parts(snapshot);
	char *end = append(append(to, snapshot, HEAD_SIZE), &faulty, sizeof faulty);

	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		if ((faulty & 1U << part) != 0)
			end = append(end, &snapshot->faults[part], sizeof snapshot->faults[part]);
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		if (snapshot_has(snapshot, part))
			end = append(end, (const char *)snapshot + snapshot_fields_places[part].offset,
				snapshot_part_length(snapshot, part));
	return (size_t)(end - to);
}

/* What is left to be read. */
struct rest {
	const char *bytes;
	size_t length;
};

static int
take(struct rest *rest, void *to, size_t length)
{
	if (length > rest->length)
		return -1;
	memcpy(to, rest->bytes, length);
	rest->bytes += length;
	rest->length -= length;
	return 0;
}

/* A list's own members come before its rows, and tell how many there are. */
static int
take_part(struct rest *rest, enum snapshot_part part, struct snapshot *ret)
{
	const struct snapshot_list *list = snapshot_list_of(part);
	const struct snapshot_place *place = &snapshot_fields_places[part];
	char *to = (char *)ret + place->offset;
	size_t before;

	if (list == NULL)
		return take(rest, to, place->size);
	before = list->rows_offset - place->offset;
	if (take(rest, to, before) != 0)
		return -1;
	return take(rest, to + before, snapshot_row_count(ret, list) * list->row_size);
}

int
snapshot_pack_read(const char *bytes, size_t length, struct snapshot *ret)
{
	struct rest rest = {.bytes = bytes, .length = length};
	unsigned faulty;

	snapshot_init(ret);
	if (take(&rest, ret, HEAD_SIZE) != 0 || take(&rest, &faulty, sizeof faulty) != 0)
		return -1;
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		if ((faulty & 1U << part) != 0
			&& take(&rest, &ret->faults[part], sizeof ret->faults[part]) != 0)
			return -1;
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		if (snapshot_has(ret, part) && take_part(&rest, part, ret) != 0)
			return -1;
	return rest.length == 0 ? 0 : -1;
}
