/* version.h: what PostgreSQL's majors changed, by name; the numbers are PQserverVersion()'s. */
#ifndef PGHA_MODEL_VERSION_H
#define PGHA_MODEL_VERSION_H

/* The oldest major that the checks know: 14 brought pg_get_wal_replay_pause_state(). */
#define VERSION_OLDEST 140000

#endif
