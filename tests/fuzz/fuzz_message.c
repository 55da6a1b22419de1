/* Any text as a message of libpq or a server: what comes out is one clean line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect_clean(const char *text)
{
	char again[sizeof((struct err *)0)->text];

	for (const char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7F || *at == '|')
			abort();
	/* Cleaning what is clean changes nothing: no character was cut in two. */
	text_clean(again, sizeof again, text);
	if (strcmp(again, text) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *message = malloc(size + 1);
	char sqlstate[MESSAGE_SQLSTATE_SIZE], words[64];
	struct err err;

	memcpy(message, data, size);
	message[size] = '\0';
	if (message_find_sqlstate(message, sqlstate, &err) == 0)
		expect_clean(err.text);
	message_copy_reason(message, words, sizeof words);
	message_refuse_conninfo(&err, message);
	expect_clean(err.text);
	free(message);
	return 0;
}
