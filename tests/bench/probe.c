/*
 * probe.c: what the facets cost on a connection that stays open: asks them again and again, all in one
 * round trip as the agent does, and prints the median in microseconds, of each alone and of all together.
 *
 *     probe CONNINFO COUNT
 *
 * Before and after the looks at all together it says so, and waits for a line: meanwhile somebody else reads
 * what time the server's process has used.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/collect/collect.h"
#include "lib/collect/facets.h"

static const struct facet *const all[] = {&facet_role, &facet_standby, &facet_identity, &facet_senders,
	&facet_sync, &facet_slots, &facet_subscriptions, &facet_connections, &facet_archive, &facet_config};

enum { FACETS = sizeof all / sizeof all[0], COUNT_MAX = 10000, WARM_UP = 20 };

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
die(const struct snapshot *snapshot, const struct facet *const *facets)
{
	for (; *facets != NULL; facets++)
		if (!snapshot_has(snapshot, (*facets)->part))
			fprintf(stderr, "probe: %s: %s\n", snapshot_part_name((*facets)->part),
				snapshot->faults[(*facets)->part].text);
	exit(1);
}

/* The median of `count` looks. Every part is asked each time: the session has no memory. */
static int64_t
median_us(struct collect_session *session, const struct facet *const *facets, int count)
{
	static int64_t elapsed_us[COUNT_MAX];
	static struct snapshot snapshot;

	for (int i = -WARM_UP; i < count; i++) {
		collect_probe(session, facets, clock_now_ms() + 5000, &snapshot);
		for (size_t j = 0; facets[j] != NULL; j++)
			if (!snapshot_has(&snapshot, facets[j]->part))
				die(&snapshot, facets);
		if (i >= 0)
			elapsed_us[i] = snapshot.elapsed_us;
	}
	qsort(elapsed_us, (size_t)count, sizeof elapsed_us[0], compare);
	return elapsed_us[count / 2];
}

static void
wait_for_line(const char *word)
{
	int byte;

	printf("%s\n", word);
	fflush(stdout);
	do
		byte = getchar();
	while (byte != EOF && byte != '\n');
}

int
main(int argc, char **argv)
{
	static struct target target = {.application = "probe", .timeout_ms = 5000};
	static struct collect_session session = {.target = &target};
	const struct facet *facets[FACETS + 1] = {NULL};
	int count = argc == 3 ? atoi(argv[2]) : 0;

	if (count < 1 || count > COUNT_MAX) {
		fprintf(stderr, "usage: probe CONNINFO COUNT\n");
		return 2;
	}
	snprintf(target.dbname, sizeof target.dbname, "%s", argv[1]);
	for (size_t i = 0; i < FACETS; i++) {
		facets[0] = all[i];
		printf("%s %lld\n", snapshot_part_name(all[i]->part),
			(long long)median_us(&session, facets, count));
	}
	memcpy(facets, all, sizeof all);
	median_us(&session, facets, 1); /* which prepares them */
	wait_for_line("ready 0");
	printf("all %lld\n", (long long)median_us(&session, facets, count));
	wait_for_line("done 0");
	collect_close(&session);
	return 0;
}
