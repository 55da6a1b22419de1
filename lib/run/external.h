/*
 * external.h: HAProxy's external-check convention: four operands (proxy address, proxy port,
 * server address, server port) and an exit code that is 0 or not.
 */
#ifndef PGHA_RUN_EXTERNAL_H
#define PGHA_RUN_EXTERNAL_H

#include "lib/base/err.h"
#include "lib/model/target.h"

enum { EXTERNAL_OPERANDS = 4 };

/*
 * Takes host and port of the server from the operands where the options have not set them. A
 * server on a UNIX socket comes as the socket's path, with NOT_USED as the port; libpq wants
 * the directory and the number in the name.
 */
int external_take(char *const operands[EXTERNAL_OPERANDS], struct target *target, struct err *err)
	__attribute__((warn_unused_result));

#endif
