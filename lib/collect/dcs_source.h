/*
 * dcs_source.h: what the options say of a store, verified and made ready. Pure.
 */
#ifndef PGHA_COLLECT_DCS_SOURCE_H
#define PGHA_COLLECT_DCS_SOURCE_H

#include "lib/base/err.h"
#include "lib/collect/dcs.h"
#include "lib/collect/dcs_dialect.h"
#include "lib/model/snapshot.h"
#include "lib/model/target.h"

/*
 * Writes the hosts of a command line (-H and -p, or what HAProxy passes) as a list of endpoints: as libpq has
 * it, with commas between, and one port for all or one for each; without a port that of the kind. By https if
 * the options say whom to trust or who we are. -1 with class usage: a socket directory or a URL is no host.
 */
int dcs_source_name_hosts(const struct dcs_source *source, const struct target *target, char *to, size_t size,
	struct err *err) __attribute__((warn_unused_result));

/*
 * Makes a row of each endpoint, with its URL: a scheme, no "/" at the end. -1 with class usage: none, too
 * many, one twice, too long, with a user in it, or none by https although `access` is for that alone.
 */
int dcs_source_take_endpoints(const struct dcs_source *source, struct snapshot_dcs *dcs, struct err *err)
	__attribute__((warn_unused_result));

/*
 * The leader key, "service/demo/leader"; empty without a scope. Patroni's namespace is often written
 * "/service/", and a scope may be. -1 with class usage: it is too long, or the scope is empty but for that.
 */
int dcs_source_take_key(const struct dcs_source *source, struct dcs_dialect_plan *plan, struct err *err)
	__attribute__((warn_unused_result));

#endif
