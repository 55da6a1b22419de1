#include "lib/collect/dcs_hide.h"

#include <stddef.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/dcs_base64.h"

static const char mask[] = "***";

enum { MASK_LENGTH = sizeof mask - 1, HIDDEN_MIN = MASK_LENGTH + 1 };

/* In place: the mask is never longer. What was cut short at the end of the text is found by its beginning. */
static void
hide_one(const char *secret, char *text)
{
	size_t length = strlen(secret), left = strlen(text);

	if (length < HIDDEN_MIN)
		return;
	for (char *at = text; left >= HIDDEN_MIN; at++, left--) {
		size_t found = left < length ? left : length;

		if (memcmp(at, secret, found) != 0)
			continue;
		memcpy(at, mask, MASK_LENGTH);
		memmove(at + MASK_LENGTH, at + found, left - found + 1);
		left -= found - MASK_LENGTH;
	}
}

static void
hide(const struct dcs_hide_sent *sent, const char *basic, char *text)
{
	const char *value = strstr(sent->header, ": ");

	hide_one(basic, text);
	hide_one(value == NULL ? "" : value + 2, text);
	hide_one(sent->secret->password, text);
}

void
dcs_hide(const struct dcs_hide_sent *sent, struct snapshot_dcs *dcs, struct err *err)
{
	char both[sizeof sent->secret->user + sizeof sent->secret->password + 1];
	char basic[sizeof both * 4 / 3 + 8];
	struct text text;

	if (sent->secret->password[0] == '\0')
		return;
	text_init(&text, both, sizeof both);
	text_add(&text, "%s:%s", sent->secret->user, sent->secret->password);
	text_init(&text, basic, sizeof basic);
	dcs_base64_write(both, strlen(both), &text);
	hide(sent, basic, err->text);
	hide(sent, basic, err->hint);
	hide(sent, basic, dcs->scope_fault);
	for (int64_t i = 0; i < dcs->total && i < SNAPSHOT_DCS_MAX; i++) {
		hide(sent, basic, dcs->rows[i].fault);
		hide(sent, basic, dcs->rows[i].health);
	}
}
