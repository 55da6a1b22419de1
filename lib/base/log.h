/*
 * log.h: what a resident program says, a line each, to standard error; under systemd with the priority
 * that the journal reads. A reader that does not read loses lines and holds nothing up.
 */
#ifndef PGHA_BASE_LOG_H
#define PGHA_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_COUNT };

/* "error", "warning", "info", NULL. */
extern const char *const log_level_names[];

/* From now on lines up to that level are written. */
void log_set_level(enum log_level level);

/* Writes one line: made clean by text_clean(), so that no server can forge a line. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
