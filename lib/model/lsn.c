#include "lib/model/lsn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdefABCDEF";

int
lsn_parse(const char *text, uint64_t *ret)
{
	size_t high = strspn(text, hex_digits);
	size_t low = text[high] == '/' ? strspn(text + high + 1, hex_digits) : 0;

	if (high < 1 || high > 8 || low < 1 || low > 8 || text[high + 1 + low] != '\0')
		return -1;
	*ret = (uint64_t)strtoull(text, NULL, 16) << 32 | (uint64_t)strtoull(text + high + 1, NULL, 16);
	return 0;
}

const char *
lsn_format(uint64_t lsn, char to[LSN_TEXT_SIZE])
{
	snprintf(to, LSN_TEXT_SIZE, "%" PRIX32 "/%" PRIX32, (uint32_t)(lsn >> 32), (uint32_t)lsn);
	return to;
}

int64_t
lsn_distance(uint64_t ahead, uint64_t behind)
{
	uint64_t distance = ahead > behind ? ahead - behind : 0;

	return distance > INT64_MAX ? INT64_MAX : (int64_t)distance;
}

uint64_t
lsn_newer(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint32_t
lsn_timeline(const char *wal_file)
{
	char digits[9];

	if (strlen(wal_file) != 24 || strspn(wal_file, hex_digits) != 24)
		return 0;
	memcpy(digits, wal_file, 8);
	digits[8] = '\0';
	return (uint32_t)strtoul(digits, NULL, 16);
}
