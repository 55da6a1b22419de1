/*
 * dcs_base64.h: Base64 as JSON carries bytes with it: etcd's keys and values, Consul's values. Pure.
 */
#ifndef PGHA_COLLECT_DCS_BASE64_H
#define PGHA_COLLECT_DCS_BASE64_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

/* Appends `bytes` in Base64, with the padding. */
void dcs_base64_write(const char *bytes, size_t length, struct text *text);

/*
 * The bytes as text, cleaned as text_clean() does and cut to `size`; what comes after the first few hundred
 * is not looked at. -1 with class protocol when it is not Base64.
 */
int dcs_base64_read(const char *encoded, char *to, size_t size, struct err *err)
	__attribute__((warn_unused_result));

#endif
