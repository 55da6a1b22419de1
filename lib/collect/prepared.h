/*
 * prepared.h: which statements a connection that is kept has prepared. Parsing and planning is most of what a
 * catalog query costs the server; a statement that comes again over one connection is prepared there. Pure.
 */
#ifndef PGHA_COLLECT_PREPARED_H
#define PGHA_COLLECT_PREPARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PREPARED_MAX = 16, PREPARED_NAME_SIZE = 24 };

/* Starts zeroed, with the connection. */
struct prepared {
	const char *statements[PREPARED_MAX]; /* in the order in which they were first asked */
	uint64_t hashes[PREPARED_MAX];        /* of their texts */
	bool is_prepared[PREPARED_MAX];
	bool is_off; /* what stands between, a pooler, does not keep them */
};

enum prepared_way {
	PREPARED_NOT, /* it is sent as it is: for the first time, or there is no room */
	PREPARED_NOW, /* it is to be prepared, and executed */
	PREPARED_ONCE /* it was; it is only to be executed */
};

/*
 * How to send a statement, which is told apart by its address and must stay there; notes that it is sent so.
 * `name` gets what it is called on the server, which depends on its text alone: behind a pooler one
 * session may come upon what another has prepared, and that must be the same then.
 */
enum prepared_way
prepared_send(struct prepared *prepared, const char *statement, char name[PREPARED_NAME_SIZE]);

/* It could not be prepared: it will be tried again. */
void prepared_forget(struct prepared *prepared, const char *statement);

/* Whether an error says that the other end does not hold what was prepared, or holds another's. */
bool prepared_is_lost(const char *sqlstate);

#endif
