/*
 * patroni.h: what is known of the node, in the JSON of Patroni's REST API (its /patroni and the bodies of its
 * health paths), for what already reads that. Pure.
 *
 * What only Patroni knows (tags, pause, the scope ...) is there where it is asked and answers.
 */
#ifndef PGHA_AGENT_PATRONI_H
#define PGHA_AGENT_PATRONI_H

#include <stdbool.h>

#include "lib/base/text.h"
#include "lib/model/snapshot.h"
#include "lib/model/verdict.h"

/*
 * Appends one object. `name` is this node's, `version` the agent's. `verdict` (may be NULL) is the answer to
 * the path that was asked, and `is_yes` whether it is a yes; they stand in a member of our own, "pgha".
 */
void patroni_write(const struct snapshot *snapshot, const char *name, const char *version,
	const struct verdict *verdict, bool is_yes, struct text *text);

#endif
