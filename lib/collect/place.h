/*
 * place.h: the hosts of a connection string, one by one, as libpq pairs them. Pure.
 */
#ifndef PGHA_COLLECT_PLACE_H
#define PGHA_COLLECT_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

/* libpq's host, hostaddr and port lists, with every rule applied (environment, services). */
struct place_list {
	char host[1024];
	char hostaddr[1024];
	char port[256];
};

struct place {
	char host[256]; /* a name, an address or a socket directory; empty only beside a hostaddr */
	char hostaddr[64];
	char port[16];
};

/*
 * Whether a list of ports is one: numbers from 1 to 65535, or nothing, between commas. -1 with class
 * usage and the item that is none.
 */
int place_verify_ports(const char *ports, struct err *err) __attribute__((warn_unused_result));

/* How many there are; at least one. */
size_t place_count(const struct place_list *list);

/* The one at `index`. A single port serves every host. */
void place_at(const struct place_list *list, size_t index, struct place *ret);

/* Whether its name has to be looked up before a connection can be tried. */
bool place_needs_lookup(const struct place *place);

/* Appends it for people: "db1:5432", "/run/postgresql:5432", "[::1]:5432". */
void place_write(const struct place *place, struct text *text);

#endif
