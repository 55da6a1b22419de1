/*
 * lsn.h: positions in the write-ahead log, 64-bit byte addresses written "16/B374D848".
 *
 * The high word counts whole 4 GiB (since PostgreSQL 9.3); a peer that still multiplies it by
 * 0xFF000000 reports a standby 8 MB behind as caught up.
 */
#ifndef PGHA_MODEL_LSN_H
#define PGHA_MODEL_LSN_H

#include <stddef.h>
#include <stdint.h>

/* No position: NULL in SQL. PostgreSQL's own InvalidXLogRecPtr. */
#define LSN_NONE UINT64_C(0)

/* Room for the longest position and its zero byte. */
enum { LSN_TEXT_SIZE = 18 };

/* Reads "X/X", each one to eight hexadecimal digits, all of `text`. 0, or -1 if it is none. */
int lsn_parse(const char *text, uint64_t *ret) __attribute__((warn_unused_result));

/* Writes the position into `to` and returns it. */
const char *lsn_format(uint64_t lsn, char to[LSN_TEXT_SIZE]);

/* How far `behind` is behind `ahead` in bytes; 0 when it is not, as two reads may cross. */
int64_t lsn_distance(uint64_t ahead, uint64_t behind);

/*
 * The timeline of a WAL file, which its name begins with as eight hexadecimal digits
 * ("000000030000000100000014"); 0 when it is not such a name.
 */
uint32_t lsn_timeline(const char *wal_file);

/* The newer of two. */
uint64_t lsn_newer(uint64_t a, uint64_t b);

#endif
