/* Any file as a recording: it is read or refused, and what was read is evaluated by every check. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "checks/table.h"
#include "lib/evaluate/evaluate.h"
#include "lib/render/format.h"
#include "lib/run/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
answer_all(const struct snapshot *snapshots, size_t count)
{
	static char storage[65536];
	struct format_options options = {.verbosity = 1};

	for (size_t i = 0; table_checks[i] != NULL; i++) {
		void *limits = calloc(1, table_checks[i]->limits_size);
		struct verdict verdict;
		struct text text;

		evaluate_check(table_checks[i], snapshots, count, limits, &verdict);
		for (int format = 0; format < FORMAT_COUNT; format++) {
			text_init(&text, storage, sizeof storage);
			formats[format].write(&verdict, &options, &text);
			if (text.is_truncated)
				abort();
		}
		free(limits);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("recording", 0);
	char path[64];
	struct snapshot *snapshots;
	size_t count;
	struct err err;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (record_read(path, &snapshots, &count, &err) == 0) {
		answer_all(snapshots, count);
		free(snapshots);
	}
	close(fd);
	return 0;
}
