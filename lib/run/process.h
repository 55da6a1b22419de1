/*
 * process.h: makes any environment safe to run in: HAProxy starts checks with descriptors 0 to 2
 * closed, keepalived with its own environment and foreign descriptors.
 */
#ifndef PGHA_RUN_PROCESS_H
#define PGHA_RUN_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Opens /dev/null on descriptors 0 to 2 where they are closed, so that no socket becomes one of
 * them; ignores SIGPIPE; bounds the memory; removes the environment's settings that libpq would send to the
 * server (PGOPTIONS and the like), which must not change what is measured. Leaves SIGTERM, the process group
 * and the locale alone.
 */
void process_prepare(void);

/* Writes all bytes before the deadline. 0, or -1 when the reader is gone or does not read. */
int process_write(int fd, const char *bytes, size_t length, int64_t deadline_ms)
	__attribute__((warn_unused_result));

/*
 * With standard input a socket, as under inetd: waits for the request's end (an empty line) until
 * the deadline. Whether the request is a HEAD. Anything but a socket is not waited for.
 */
bool process_is_head_request(int64_t deadline_ms);

/*
 * Ends our side of a socket on standard output and takes what the other side still sends, for at
 * most a moment: closing with unread data would reset the connection and could take the answer
 * back.
 */
void process_finish_response(int64_t deadline_ms);

#endif
