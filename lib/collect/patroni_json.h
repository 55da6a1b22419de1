/*
 * patroni_json.h: what a member of Patroni says of itself at its REST API, read; of versions 1.6 to 4.1, as
 * their api.py writes it. Pure.
 *
 * Each takes the body of an answer. -1 with class protocol: it is of another shape, and nothing is written.
 * Texts are made clean, and cut where they are too long.
 */
#ifndef PGHA_COLLECT_PATRONI_JSON_H
#define PGHA_COLLECT_PATRONI_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/snapshot.h"

struct json_t;

/*
 * What a member says of itself: the body of /patroni, which is that of every health path, /leader among them.
 * What this body does not tell is left empty: has_lock, leader, leader_url and leader_lsn.
 */
int patroni_json_member(const char *bytes, size_t length, struct snapshot_patroni *ret, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Sets sender_state of the members that a member's own answer (as for patroni_json_member()) lists as its
 * standbys: Patroni has each connect by its own name. Nothing where it lists none.
 */
int patroni_json_senders(const char *bytes, size_t length, struct snapshot_patroni_cluster *cluster,
	struct err *err) __attribute__((warn_unused_result));

/*
 * A member of an object that is text, made clean into `to`; "" when it is not there. And one that is a number
 * above zero; none when it is not there, null or 0, as Patroni writes what it does not know.
 */
int patroni_json_text(const struct json_t *object, const char *name, char *to, size_t size, struct err *err)
	__attribute__((warn_unused_result));
int patroni_json_positive(const struct json_t *object, const char *name, int64_t *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
