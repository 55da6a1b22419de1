/*
 * dcs_hide.h: takes what we log in with out of what a store says: a proxy in front of it, or something that
 * is no store, may repeat what it was sent, and its words are shown, logged and recorded. Pure.
 */
#ifndef PGHA_COLLECT_DCS_HIDE_H
#define PGHA_COLLECT_DCS_HIDE_H

#include "lib/base/err.h"
#include "lib/collect/web.h"
#include "lib/model/snapshot.h"

/* What was sent; an empty password or header is none. */
struct dcs_hide_sent {
	const struct web_secret *secret;
	const char *header; /* "X-Consul-Token: ..." */
};

/*
 * Puts "***" in the place of the password, of user and password as basic authentication sends them, and of
 * the header's value: in the words of `err` (its class may be ERR_NONE), and in those of the store in the
 * part. Whatever is shorter than four bytes stays: it would be found everywhere.
 */
void dcs_hide(const struct dcs_hide_sent *sent, struct snapshot_dcs *dcs, struct err *err);

#endif
