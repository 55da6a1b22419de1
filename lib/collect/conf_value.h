/*
 * conf_value.h: the settings of a postgresql.conf that the check of a configuration judges: their names, and
 * their values as the server reads and shows them. Pure.
 *
 * Names, units, ranges and defaults are the same in 14 to 18, but for two settings that 17 brought
 * (tests/live/test_check_config.py asks the servers).
 */
#ifndef PGHA_COLLECT_CONF_VALUE_H
#define PGHA_COLLECT_CONF_VALUE_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/model/snapshot.h"

/* How many settings there are, at most. */
enum { CONF_VALUE_MAX = 32 };

/* The setting of a name, in any case of the letters; SIZE_MAX: none that is judged. */
size_t conf_value_find(const char *name);

/* The judged setting that an unknown name was probably meant to be; NULL: none. */
const char *conf_value_nearest(const char *name);

/* The name of a setting; NULL behind the last one. */
const char *conf_value_name(size_t index);

/* Fills the part "config" of a snapshot with the defaults of a server of major 18, and nothing of its own. */
void conf_value_set_initial(struct snapshot *snapshot);

/*
 * Sets what a setting's value says, in the form that the server shows it: "60000" of wal_receiver_timeout is
 * "1min". -1 with class usage where the server would refuse the value, and with class protocol where a
 * snapshot does not hold it.
 */
int conf_value_set(size_t index, const char *value, struct snapshot *snapshot, struct err *err)
	__attribute__((warn_unused_result));

#endif
