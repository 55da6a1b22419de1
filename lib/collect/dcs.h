/*
 * dcs.h: the part SNAPSHOT_DCS of a snapshot: the store that a cluster manager keeps its leader lock in, as
 * its endpoints tell over HTTP.
 */
#ifndef PGHA_COLLECT_DCS_H
#define PGHA_COLLECT_DCS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/collect/web.h"
#include "lib/model/check.h"
#include "lib/model/facet.h"

/* The facet of a check that judges the store; it has no statement. */
extern const struct facet dcs_facet;

enum dcs_kind { DCS_AUTO, DCS_ETCD, DCS_ETCD2, DCS_CONSUL, DCS_ZOOKEEPER };

/* As options spell them; ends in NULL. */
extern const char *const dcs_kind_names[];

/* Where to look. Texts are never NULL; empty ones are not given. */
struct dcs_source {
	const char *endpoints;  /* URLs with commas between; without a scheme: http://; empty: the target's
				   hosts */
	enum dcs_kind kind;     /* auto: the first endpoint that answers tells */
	const char *scope;      /* of the Patroni cluster whose leader key is looked for; empty: none is */
	const char *name_space; /* what Patroni puts before it: "service" */
	const struct web_access *access; /* its auth_file: for etcd v3 a login, else basic authentication */
	const char *token_file;          /* Consul's */
	bool wants_quota;                /* of etcd's database, also where that is dear */
};

/*
 * Fills the whole snapshot: SNAPSHOT_DCS, or its fault with class usage, setup, or, when no endpoint said
 * anything of use, the class of the first one's: down, timeout, setup, protocol. Where no endpoints are given
 * the hosts of the command line are asked. An endpoint that does not
 * answer costs the others nothing: what is asked first, and of all, has a share of the time that is left.
 */
void dcs_collect(const struct dcs_source *source, const struct check_look *look, struct snapshot *snapshot);

#endif
