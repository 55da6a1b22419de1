/*
 * conf_file.h: reads a proposed postgresql.conf as a server would, without one.
 *
 * include, include_if_exists and include_dir lead on, relative to the file that they stand in; of a setting
 * the last line counts. What stands in postgresql.auto.conf (ALTER SYSTEM), on the server's command line or
 * in the environment is not in the file, and not known here.
 */
#ifndef PGHA_COLLECT_CONF_FILE_H
#define PGHA_COLLECT_CONF_FILE_H

#include "lib/base/err.h"
#include "lib/model/snapshot.h"

/*
 * Makes a snapshot of the part "config" alone, with the file as its target; settings that the file does not
 * have get the defaults of major 18. What a running server alone has is not known: slots, roles, checksums.
 *
 * A file that the server would refuse is no failure but an answer: config.refused says the first reason, as
 * "FILE:LINE: text", and what could be read is filled all the same. Refused are syntax errors, values that
 * are none, names that nobody knows but that are nearly one that is judged, and files to include that are not
 * there. Other names are not judged: extensions and later majors bring their own.
 *
 * -1 when nothing can be said: class usage for what cannot be read, is no regular file, or is too large (1
 * MiB and 100 files altogether), class protocol for a value that is longer than a snapshot holds. No text
 * repeats a value that may be a password.
 */
int conf_file_read(const char *path, struct snapshot *snapshot, struct err *err)
	__attribute__((warn_unused_result));

#endif
