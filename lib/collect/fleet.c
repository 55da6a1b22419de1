#include "lib/collect/fleet.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/collect.h"
#include "lib/collect/place.h"

/*
 * Enough for libpq with TLS. The default of 8 MB would count, for a few nodes, as more memory than a one-shot
 * allows itself.
 */
#ifdef __SANITIZE_ADDRESS__
enum { STACK_BYTES = 2 * 1024 * 1024 };
#else
enum { STACK_BYTES = 256 * 1024 };
#endif

/* What a thread is given. */
struct inquiry {
	struct fleet_node *node;
	const struct facet *const *facets;
	int64_t deadline_ms;
	pthread_t thread;
	bool is_running;
};

static void *
inquire(void *context)
{
	struct inquiry *inquiry = context;

	collect_once(&inquiry->node->target, inquiry->facets, inquiry->deadline_ms, &inquiry->node->snapshot);
	return NULL;
}

static bool
start(struct inquiry *inquiry)
{
	pthread_attr_t attributes;
	bool is_started;

	if (pthread_attr_init(&attributes) != 0)
		return false;
	is_started = pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0
		&& pthread_create(&inquiry->thread, &attributes, inquire, inquiry) == 0;
	pthread_attr_destroy(&attributes);
	return is_started;
}

static void
fail(struct fleet_node *node, const struct facet *const *facets)
{
	struct err err;

	snapshot_init(&node->snapshot);
	err_set(&err, ERR_DOWN, "not asked: no thread could be started, for want of memory");
	for (; *facets != NULL; facets++)
		snapshot_fail(&node->snapshot, (*facets)->part, &err);
}

void
fleet_ask(struct fleet_node *nodes, size_t count, const struct facet *const *facets, int64_t deadline_ms)
{
	struct inquiry *inquiries = calloc(count + 1, sizeof *inquiries);

	for (size_t i = 0; i < count; i++) {
		if (inquiries == NULL) {
			fail(&nodes[i], facets);
			continue;
		}
		inquiries[i] = (struct inquiry){
			.node = &nodes[i], .facets = facets, .deadline_ms = deadline_ms};
		inquiries[i].is_running = start(&inquiries[i]);
		if (!inquiries[i].is_running)
			fail(&nodes[i], facets);
	}
	/* Each ends by the deadline, as collect_once() does. */
	for (size_t i = 0; i < count && inquiries != NULL; i++)
		if (inquiries[i].is_running)
			pthread_join(inquiries[i].thread, NULL);
	free(inquiries);
}

int
fleet_target(const struct target *like, const char *host, int64_t port, const char *dbname,
	struct target *ret, struct err *err)
{
	struct target target = *like;
	char digits[16];

	snprintf(digits, sizeof digits, "%lld", (long long)port);
	if (text_copy(target.host, sizeof target.host, host) != 0
		|| text_copy(target.port, sizeof target.port, digits) != 0
		|| (dbname != NULL && text_copy(target.database, sizeof target.database, dbname) != 0))
		return err_set(err, ERR_USAGE, "the name of a host or database is too long");
	if (place_verify_ports(target.port, err) != 0)
		return -1;
	if (strstr(target.dbname, "hostaddr") != NULL) {
		err_set(err, ERR_USAGE,
			"the connection string names a hostaddr, which would lead to that node");
		return err_hint(err, "write host= instead of hostaddr=");
	}
	target.is_console = false;
	*ret = target;
	return 0;
}
