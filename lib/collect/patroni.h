/*
 * patroni.h: the parts SNAPSHOT_PATRONI and SNAPSHOT_PATRONI_CLUSTER of a snapshot, which Patroni's REST API
 * is asked for: what the member at a node says of itself, and what is known of the cluster.
 */
#ifndef PGHA_COLLECT_PATRONI_H
#define PGHA_COLLECT_PATRONI_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/collect/web.h"
#include "lib/model/check.h"
#include "lib/model/facet.h"
#include "lib/model/witness.h"

/* The facet of a check that asks Patroni, which has no statement; patroni_cluster.h has the other. */
extern const struct facet patroni_facet;

/* Who is asked. */
struct patroni_source {
	char url[1024]; /* one or more with commas between; the first is the node's own */
	struct web_access access;
	int64_t cluster_interval_ms; /* in the agent the cluster is asked no more often */
	bool is_view_only;           /* members are not asked themselves: what /cluster says of them counts */
};

/* The rows of settings for a struct patroni_source, the member `source` of `holder`. */
#define PATRONI_SOURCE_SETTINGS(holder, source)                                                              \
	{.name = "url",                                                                                      \
		.type = SETTING_LIST,                                                                        \
		SETTING_AT(holder, source.url),                                                              \
		.argument = "URL",                                                                           \
		.help = "Patroni's REST API, such as http://10.0.0.11:8008; with several (comma, or "        \
			"repeated) the others are asked when the first has no answer; else -H and -p name "  \
			"the hosts",                                                                         \
		.is_source = true},                                                                          \
		WEB_ACCESS_SETTINGS(holder, source.access, "", NULL),                                              \
		{.name = "view-only",                                                                        \
			.type = SETTING_FLAG,                                                                \
			SETTING_AT(holder, source.is_view_only),                                             \
			.help = "do not ask each member itself, where their REST APIs cannot be reached "    \
				"from here",                                                                 \
			.is_source = true},                                                                  \
	{                                                                                                    \
		.name = "cluster-interval", .type = SETTING_DURATION,                                        \
		SETTING_AT(holder, source.cluster_interval_ms), .initial = "10s", .argument = "DURATION",    \
		.help = "in pgha-agent: how often the cluster is asked, besides the node's own Patroni",     \
		.is_source = true                                                                            \
	}

/*
 * Fills the whole snapshot before the deadline. Without a URL the hosts of the command line are asked.
 * SNAPSHOT_PATRONI is of the first URL;
 * SNAPSHOT_PATRONI_CLUSTER is there if any of them answered, see lib/collect/patroni_cluster.h. Faults by
 * part: usage (no URL, not one), setup, down, timeout, protocol as in err.h.
 */
void patroni_collect(
	const struct patroni_source *source, const struct check_look *look, struct snapshot *snapshot);

/*
 * Patroni as a witness: --patroni URL and its files. It fills SNAPSHOT_PATRONI; of a member without the lock
 * with the leader's position, if that can be had soon.
 */
extern const struct witness patroni_witness;

#endif
