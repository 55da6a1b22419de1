/*
 * dcs_etcd_answer.h: reading what the gateway of etcd's API v3 answers: JSON of gRPC's messages, or of a
 * refusal. Pure; only the files dcs_etcd*.c use it.
 */
#ifndef PGHA_COLLECT_DCS_ETCD_ANSWER_H
#define PGHA_COLLECT_DCS_ETCD_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/collect/web.h"

struct json_t;

/* Codes of gRPC, as the gateway gives them. */
enum {
	DCS_ETCD_ANSWER_INVALID_ARGUMENT = 3,
	DCS_ETCD_ANSWER_PERMISSION_DENIED = 7,
	DCS_ETCD_ANSWER_FAILED_PRECONDITION = 9,
	DCS_ETCD_ANSWER_UNAUTHENTICATED = 16
};

/* What a refusal says: its words, and gRPC's code. */
struct dcs_etcd_answer_refusal {
	char words[160];
	int64_t code;
};

/*
 * The answer as an object, which is to be released; whatever its status, or with 200 alone. -1 with the fault
 * of the answer, protocol, or for a refusal, which `refusal` (may be NULL) tells of: setup where it is about
 * who we are and what we may, else down.
 */
int dcs_etcd_answer_object(const struct web_answer *answer, struct json_t **ret, struct err *err)
	__attribute__((warn_unused_result));
int dcs_etcd_answer_good(const struct web_answer *answer, struct json_t **ret,
	struct dcs_etcd_answer_refusal *refusal, struct err *err) __attribute__((warn_unused_result));

/* A whole number of at least `min`, which may come as text, and is left out when it is zero. */
int dcs_etcd_answer_whole(const struct json_t *object, const char *name, int64_t min, int64_t *ret,
	struct err *err) __attribute__((warn_unused_result));

/* An id: it has more than 63 bits, so it stays text. "" where it is left out: zero, nobody. */
int dcs_etcd_answer_id(const struct json_t *object, const char *name, char *to, size_t size, struct err *err)
	__attribute__((warn_unused_result));

/* Room for an id. */
enum { DCS_ETCD_ANSWER_ID_SIZE = 24 };

/*
 * The ids of who answers, in the header that every answer of API v3 has: without one of them it is none,
 * which an object of anything would be otherwise, as what is zero is left out.
 */
int dcs_etcd_answer_header(const struct json_t *object, char member[DCS_ETCD_ANSWER_ID_SIZE],
	char cluster[DCS_ETCD_ANSWER_ID_SIZE], struct err *err) __attribute__((warn_unused_result));

#endif
