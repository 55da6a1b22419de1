#include "lib/evaluate/dcs_health.h"

#include <stddef.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/dcs_store.h"
#include "lib/evaluate/judge.h"

static size_t
row_count(const struct snapshot_dcs *dcs)
{
	return dcs->total < 0 ? 0 : dcs->total > SNAPSHOT_DCS_MAX ? SNAPSHOT_DCS_MAX : (size_t)dcs->total;
}

/* "NOSPACE of 123": the name of that member is better to read. */
static void
name_alarm(const struct snapshot_dcs *dcs, const char *alarm, struct text *text)
{
	const char *id = strstr(alarm, " of ");

	for (size_t i = 0; id != NULL && i < row_count(dcs); i++) {
		const struct snapshot_dcs_endpoint *row = &dcs->rows[i];

		if (row->id[0] != '\0' && strcmp(row->id, id + strlen(" of ")) == 0) {
			text_add(text, "%.*s of %s", (int)(id - alarm), alarm, dcs_store_label(dcs, row));
			return;
		}
	}
	text_add(text, "%s", alarm);
}

/* Each endpoint tells the alarms of all members. */
static void
judge_alarm(const struct snapshot_dcs *dcs, struct verdict *verdict)
{
	char storage[128];
	struct text text;

	for (size_t i = 0; i < row_count(dcs); i++) {
		if (!dcs->rows[i].is_asked || dcs->rows[i].alarm[0] == '\0')
			continue;
		text_init(&text, storage, sizeof storage);
		name_alarm(dcs, dcs->rows[i].alarm, &text);
		if (strstr(storage, "NOSPACE") != NULL) {
			judge_reason(verdict, STATE_CRITICAL, "alarm %s: %s is full and refuses all writes",
				storage, dcs->kind);
			judge_hint(verdict,
				"compact and defragment (etcdctl compact, etcdctl defrag), then etcdctl "
				"alarm disarm; see --quota-backend-bytes");
		} else {
			judge_reason(verdict, STATE_CRITICAL, "alarm %s", storage);
			judge_hint(verdict, "see etcdctl alarm list, and the log of that member");
		}
		return;
	}
}

/* Which endpoint is which member, for -v. */
static void
list(const struct snapshot_dcs *dcs, struct verdict *verdict)
{
	for (size_t i = 0; i < row_count(dcs); i++) {
		const struct snapshot_dcs_endpoint *row = &dcs->rows[i];

		if (row->is_asked)
			judge_detail(verdict, "%s is %s%s%s%s%s", row->url,
				row->name[0] == '\0' ? "a member" : row->name,
				row->role[0] == '\0' ? "" : ", ", row->role,
				row->version[0] == '\0' ? "" : ", ", row->version);
	}
}

static void
judge_health(const struct snapshot_dcs *dcs, struct verdict *verdict)
{
	for (size_t i = 0; i < row_count(dcs); i++) {
		const struct snapshot_dcs_endpoint *row = &dcs->rows[i];

		if (row->is_asked && row->health[0] != '\0')
			judge_reason(verdict, STATE_WARNING, "%s says that it is not well: %s",
				dcs_store_label(dcs, row), row->health);
	}
}

void
dcs_health_judge(const struct snapshot_dcs *dcs, struct verdict *verdict)
{
	judge_alarm(dcs, verdict);
	judge_health(dcs, verdict);
	list(dcs, verdict);
}
