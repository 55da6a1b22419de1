/*
 * dcs_source.h: what the options say of a store, verified and made ready. Pure.
 */
#ifndef PGHA_COLLECT_DCS_SOURCE_H
#define PGHA_COLLECT_DCS_SOURCE_H

#include "lib/base/err.h"
#include "lib/collect/dcs.h"
#include "lib/collect/dcs_dialect.h"
#include "lib/model/snapshot.h"

/*
 * Makes a row of each endpoint, with its URL: a scheme, no "/" at the end. -1 with class usage: none, too
 * many, one twice, too long, or with a user in it.
 */
int dcs_source_take_endpoints(const struct dcs_source *source, struct snapshot_dcs *dcs, struct err *err)
	__attribute__((warn_unused_result));

/*
 * The leader key, "service/demo/leader"; empty without a scope. Patroni's namespace is often written
 * "/service/". -1 with class usage: it is too long.
 */
int dcs_source_take_key(const struct dcs_source *source, struct dcs_dialect_plan *plan, struct err *err)
	__attribute__((warn_unused_result));

#endif
