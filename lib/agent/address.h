/* address.h: where to listen, as numbers: "10.0.0.11:8009", "[::1]:8009". Pure: no name is looked up. */
#ifndef PGHA_AGENT_ADDRESS_H
#define PGHA_AGENT_ADDRESS_H

#include <sys/socket.h>

#include "lib/base/err.h"

/* Reads one address, all of `text`. -1 with class usage. */
int address_parse(const char *text, struct sockaddr_storage *ret, socklen_t *ret_length, struct err *err)
	__attribute__((warn_unused_result));

/* Takes the item at `index` of a list with commas, without the blanks around it. -1: it is too long. */
int address_item(const char *list, size_t index, char *to, size_t size);

/* Whether every item of a list (empty: none) is an address. -1 with class usage. */
int address_verify_list(const char *list, struct err *err) __attribute__((warn_unused_result));

#endif
