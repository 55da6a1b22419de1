#include "lib/collect/dcs_base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* No name that is asked for is longer. */
enum { READ_MAX = 384 };

void
dcs_base64_write(const char *bytes, size_t length, struct text *text)
{
	for (size_t i = 0; i < length; i += 3) {
		size_t rest = length - i;
		uint32_t group = (uint32_t)(unsigned char)bytes[i] << 16;
		char four[4];

		if (rest > 1)
			group |= (uint32_t)(unsigned char)bytes[i + 1] << 8;
		if (rest > 2)
			group |= (unsigned char)bytes[i + 2];
		for (size_t k = 0; k < 4; k++)
			four[k] = k <= rest ? digits[group >> (18 - 6 * k) & 63] : '=';
		text_add_bytes(text, four, sizeof four);
	}
}

/* The value of a digit, or -1. */
static int
digit_value(char digit)
{
	const char *found = digit == '\0' ? NULL : strchr(digits, digit);

	return found == NULL ? -1 : (int)(found - digits);
}

int
dcs_base64_read(const char *encoded, char *to, size_t size, struct err *err)
{
	char bytes[READ_MAX + 4];
	size_t count = 0, length = strcspn(encoded, "=");
	uint32_t group = 0;

	if ((length + strspn(encoded + length, "=")) % 4 != 0 || strspn(encoded + length, "=") > 2
		|| strlen(encoded) != length + strspn(encoded + length, "="))
		return err_set(err, ERR_PROTOCOL, "a value is not Base64");
	for (size_t i = 0; i < length; i++) {
		int value = digit_value(encoded[i]);

		if (value < 0)
			return err_set(err, ERR_PROTOCOL, "a value is not Base64");
		group = group << 6 | (uint32_t)value;
		if (i % 4 != 0 && count < READ_MAX)
			bytes[count++] = (char)(group >> (6 - 2 * (i % 4)) & 0xff);
	}
	bytes[count] = '\0';
	text_clean(to, size, bytes);
	return 0;
}
