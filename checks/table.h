/* table.h: every check there is, in the order in which people meet them. */
#ifndef PGHA_CHECKS_TABLE_H
#define PGHA_CHECKS_TABLE_H

#include "lib/model/check.h"

/* Ends in NULL. */
extern const struct check *const table_checks[];

#endif
