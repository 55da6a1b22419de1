/*
 * route.h: the names of questions that every agent answers, without any section in its file: Patroni's
 * paths, and the same words for HAProxy's agent-send and pgha-ask. Pure.
 */
#ifndef PGHA_AGENT_ROUTE_H
#define PGHA_AGENT_ROUTE_H

#include <stdbool.h>

enum route_kind {
	ROUTE_CHECK,         /* the configured check that `base` names */
	ROUTE_HEALTH,        /* the server answers, whatever its role */
	ROUTE_READINESS,     /* the leader, or a standby that follows closely */
	ROUTE_LIVENESS,      /* the agent itself gets on */
	ROUTE_STANDBY_LEADER /* the leader of a standby cluster, which only a manager knows */
};

/* What a standby has to be to its primary. */
enum route_sync { ROUTE_ANY_SYNC, ROUTE_SYNC, ROUTE_QUORUM, ROUTE_ASYNC };

struct route {
	const char *name;
	enum route_kind kind;
	const char *base;
	enum route_sync sync;
	bool accepts_primary;
	bool is_for_primary;         /* and never for the leader of a standby cluster */
	bool accepts_standby_leader; /* the leader of a standby cluster, too */
	bool has_no_tags;            /* of whom Patroni asks no tag_NAME */
};

/* The route of that name, or NULL. "" is "primary", as Patroni's "/" is. */
const struct route *route_find(const char *name);

#endif
