/*
 * web_library.h: libcurl, opened when a request is made. Linked, it would bring forty more libraries into
 * every check, which cost more than all else that a check does.
 */
#ifndef PGHA_COLLECT_WEB_LIBRARY_H
#define PGHA_COLLECT_WEB_LIBRARY_H

#include <curl/curl.h>

#include "lib/base/err.h"

/* The macros of curl.h check the types of options where they are called by their own names. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

/* What is used of it. */
#define WEB_LIBRARY_CALLS(CALL)                                                                              \
	CALL(easy_init)                                                                                      \
	CALL(easy_setopt)                                                                                    \
	CALL(easy_getinfo)                                                                                   \
	CALL(easy_cleanup)                                                                                   \
	CALL(easy_strerror)                                                                                  \
	CALL(multi_init)                                                                                     \
	CALL(multi_add_handle)                                                                               \
	CALL(multi_remove_handle)                                                                            \
	CALL(multi_perform)                                                                                  \
	CALL(multi_poll)                                                                                     \
	CALL(multi_info_read) CALL(multi_cleanup) CALL(slist_append) CALL(slist_free_all) CALL(url)          \
		CALL(url_set) CALL(url_get) CALL(url_cleanup) CALL(free) CALL(global_init)

#define WEB_LIBRARY_DECLARE(name) __typeof__(curl_##name) *name;

/* curl_easy_init() is library->easy_init(), and so on. */
struct web_library {
	WEB_LIBRARY_CALLS(WEB_LIBRARY_DECLARE)
};

/* It stays open until the process ends: opening it again costs nothing. -1 with class setup. */
int web_library_open(struct web_library *library, struct err *err) __attribute__((warn_unused_result));

#endif
