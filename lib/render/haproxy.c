/*
 * haproxy.c: one line for HAProxy's agent-check. It always says the whole state: "up" alone does
 * not take back an earlier "drain", and a word has to end before the "#".
 */
#include <stdio.h>

#include "lib/render/writers.h"

void
haproxy_write(const struct verdict *verdict, const struct format_options *options, struct text *text)
{
	char reason[128]; /* HAProxy keeps 127 characters */

	if (format_is_yes(verdict, options)) {
		text_add(text, "up ready %d%%\n",
			verdict->weight_percent == VERDICT_NO_WEIGHT ? 100 : verdict->weight_percent);
		return;
	}
	text_clean(reason, sizeof reason, verdict->summary);
	/* Sessions that are there may end by themselves, if the server is well; only "ready" ends a drain. */
	if (verdict->is_drained && (verdict->state == STATE_OK || verdict->state == STATE_WARNING))
		text_add(text, "up drain #%s\n", reason);
	else
		text_add(text, "down #%s\n", reason);
}
