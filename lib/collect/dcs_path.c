#include "lib/collect/dcs_path.h"

#include <string.h>

void
dcs_path_write(const char *key, struct text *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";

	for (; *key != '\0'; key++) {
		if (strchr(plain, *key) != NULL)
			text_add_bytes(text, key, 1);
		else
			text_add(text, "%%%02X", (unsigned)(unsigned char)*key);
	}
}
