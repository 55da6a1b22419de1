/*
 * sync_names.h: the grammar of synchronous_standby_names, as the server reads it. Pure.
 *
 *	value  := "" | list | NUMBER ( list ) | FIRST NUMBER ( list ) | ANY NUMBER ( list )
 *	list   := name , name , ...
 *	name   := word | "quoted" | NUMBER | *
 *
 * From syncrep_gram.y, syncrep_scanner.l and syncrep.c; PostgreSQL 14 to 18 do not differ in what they
 * accept (tests/live/test_sync_names.py asks them). What is not said here is who is connected and
 * whether commits wait: commits block when fewer standbys than `required` are candidates.
 */
#ifndef PGHA_EVALUATE_SYNC_NAMES_H
#define PGHA_EVALUATE_SYNC_NAMES_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

enum sync_names_method {
	SYNC_NAMES_OFF,      /* the empty value: commits wait for no standby */
	SYNC_NAMES_PRIORITY, /* FIRST, a number alone, or a plain list, which is FIRST 1 */
	SYNC_NAMES_QUORUM    /* ANY */
};

/* The size of a value in a snapshot, with its zero byte. The server's own has no limit. */
enum { SYNC_NAMES_TEXT = 1024 };

/*
 * Plain data. Nothing keeps `required` at or below `name_count`: the server takes "FIRST 5 (a)", and then
 * every commit waits until five standbys called "a" stream.
 */
struct sync_names {
	enum sync_names_method method;
	int required;                /* num_sync: at least 1, or 0 when off */
	int name_count;              /* with duplicates, which the server keeps */
	bool has_star;               /* a member is "*", with or without quotes: any standby is a member */
	char names[SYNC_NAMES_TEXT]; /* without quotes, one after the other, each with its zero byte */
};

/*
 * Reads a value. What does not fit into an int as a number is taken for what the server takes it for
 * ("ANY 4294967297 (a)" requires 1).
 *
 * -1 with class usage where the server would refuse the value: the text says what is wrong and at
 * which character (of UTF-8, from 1), the hint what to write instead, if that can be told. -1 with
 * class protocol where the value is longer than a snapshot holds, of which the server would say nothing.
 * The caller may add with err_context() whose value it is.
 */
int sync_names_parse(const char *value, struct sync_names *ret, struct err *err)
	__attribute__((warn_unused_result));

/* The name at an index, from 0, as written but for its quotes. NULL where there is none. */
const char *sync_names_at(const struct sync_names *names, int index);

/*
 * pg_stat_replication.sync_priority of a standby that streams from a primary under this
 * application_name: 0 when it is not listed, 1 when it is one of a quorum, else the place, from 1, of
 * the first member that is "*" or the same name, in whatever case of the letters A to Z.
 *
 * An application_name is cut to 63 bytes of ASCII: a longer member matches no standby, and one with
 * other letters neither (the server turns them into "??", from 16 on into "\xc3\xa9").
 */
int sync_names_priority(const struct sync_names *names, const char *application);

/*
 * Appends how people say it: "1 of (n2, n3)" for ANY, "the first 2 of (n2, n3)" for FIRST, "none" when
 * off. Names are quoted where the setting needs that; a long list ends in "and 7 more". Bytes are not
 * cleaned: whoever makes a line of it does that, as the judge and err_set() do.
 */
void sync_names_describe(const struct sync_names *names, struct text *text);

#endif
