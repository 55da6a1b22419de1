/*
 * mask.h: connection strings made fit to be shown.
 *
 * Errs on the side of hiding: a string need not be well formed, and what a slip of the pen turned into
 * something else is still somebody's password.
 */
#ifndef PGHA_RUN_MASK_H
#define PGHA_RUN_MASK_H

#include "lib/base/text.h"

/*
 * Appends a database name, a conninfo string or a URI with "***" in place of each secret: the values of
 * password, sslpassword, the SCRAM keys and the OAuth client's secret (keywords of libpq, in any case),
 * what stands between ":" and "@" in a URI, and the value of a URI's parameter whose name is
 * percent-encoded, for libpq decodes names too.
 */
void mask_write(const char *conninfo, struct text *text);

#endif
