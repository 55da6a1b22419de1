/*
 * web_transfer.h: one request and its answer, as libcurl is told of it.
 */
#ifndef PGHA_COLLECT_WEB_TRANSFER_H
#define PGHA_COLLECT_WEB_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/collect/resolve.h"
#include "lib/collect/web.h"
#include "lib/collect/web_library.h"
#include "lib/collect/web_url.h"

/* Starts zeroed but for the library and the answer to fill, and stays where it is. */
struct web_transfer {
	const struct web_library *library;
	struct web_answer *answer;
	CURL *easy; /* NULL until it is prepared */
	struct curl_slist *headers;
	struct curl_slist *addresses; /* what its host's name was found to be */
	struct web_url url;
	size_t size; /* of the storage of answer->body */
	size_t header_bytes;
	bool is_too_long;
	bool is_packed;       /* in a way that is not unpacked here */
	bool has_certificate; /* one to show */
	bool is_done;         /* its answer is filled */
	bool is_unnamed;      /* its host is looked up, at name_place; for whom looks it up */
	size_t name_place;
	char words[CURL_ERROR_SIZE];
};

/*
 * Makes it ready to start, but for the addresses of its host, with itself as CURLOPT_PRIVATE. `access` and
 * `request` must stay until it is closed. -1 as of web_url_read(), or with class down for want of memory.
 */
int web_transfer_prepare(struct web_transfer *transfer, const struct web_access *access,
	const struct web_request *request, struct err *err) __attribute__((warn_unused_result));

/* What the name of its host was found to be. */
void web_transfer_tell_addresses(struct web_transfer *transfer, const struct resolve_result *found);

/* Fills the rest of its answer, of which libcurl says `code`. */
void web_transfer_finish(struct web_transfer *transfer, CURLcode code, int64_t begun_us);

/* Lets go of all but the answer, whose body goes as well where there is a fault. */
void web_transfer_close(struct web_transfer *transfer);

#endif
