#include "lib/evaluate/sync_standbys.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/model/lsn.h"

/* How long beyond its due time a receiver's answer may be late; as lag.c has it for the other side. */
enum { SILENCE_MARGIN_MS = 5000 };

/* Of a list of names, how many are told: a finding has room for so many of a usual length. */
enum { NAMES_TOLD = 8 };

static const char *const state_names[SYNC_STANDBYS_STATE_COUNT] = {
	[SYNC_STANDBYS_ASYNC] = "async",
	[SYNC_STANDBYS_POTENTIAL] = "potential",
	[SYNC_STANDBYS_QUORUM] = "quorum",
	[SYNC_STANDBYS_SYNC] = "sync",
};

/* -- one sender -------------------------------------------------------------------------------- */

/* The server tells no priority of a receiver that never tells what it flushed, as pg_basebackup. */
static bool
is_listed(const struct snapshot_sender *sender)
{
	return sender->sync_priority > 0;
}

static bool
is_candidate(const struct snapshot_sender *sender)
{
	return is_listed(sender)
		&& (strcmp(sender->state, "streaming") == 0 || strcmp(sender->state, "stopping") == 0);
}

/* It will be a candidate, or should; a backup never is. */
static bool
is_late(const struct sync_names *names, const struct snapshot_sender *sender)
{
	return sync_names_priority(names, sender->application) > 0 && !is_candidate(sender)
		&& strcmp(sender->state, "backup") != 0;
}

static bool
is_silent(const struct snapshot_senders *senders, const struct snapshot_sender *sender)
{
	return senders->sender_timeout_ms > 0
		&& sender->reply_age_ms > senders->sender_timeout_ms / 2 + SILENCE_MARGIN_MS;
}

/* What is replayed is written and flushed as well. */
static bool
is_behind(const struct snapshot_sender *sender)
{
	return sender->behind_bytes == SNAPSHOT_NONE || sender->behind_bytes > 0;
}

/* -- their states ------------------------------------------------------------------------------ */

/* Whether one of a priority list comes before another. */
static bool
is_before(const struct snapshot_sender *a, const struct snapshot_sender *b)
{
	return a->sync_priority < b->sync_priority
		|| (a->sync_priority == b->sync_priority && a->place < b->place);
}

/* How many candidates come before this one. */
static int
rank_of(const struct sync_standbys *standbys, const struct snapshot_sender *sender)
{
	const struct snapshot_sender *rows = standbys->senders->rows;
	int rank = 0;

	for (int i = 0; i < standbys->row_count; i++)
		rank += is_candidate(&rows[i]) && is_before(&rows[i], sender);
	return rank;
}

/* What the server says: where senders that are not among the rows may come before those that are. */
static enum sync_standbys_state
told_state(const struct snapshot_sender *sender)
{
	enum sync_standbys_state state = SYNC_STANDBYS_STATE_COUNT - 1;

	while (state > SYNC_STANDBYS_ASYNC && strcmp(state_names[state], sender->sync_state) != 0)
		state--;
	return state;
}

static enum sync_standbys_state
state_of(const struct sync_standbys *standbys, const struct snapshot_sender *sender)
{
	if (standbys->is_partial)
		return told_state(sender);
	if (standbys->names->method == SYNC_NAMES_OFF || !is_listed(sender))
		return SYNC_STANDBYS_ASYNC;
	if (!is_candidate(sender))
		return SYNC_STANDBYS_POTENTIAL;
	if (standbys->names->method == SYNC_NAMES_QUORUM)
		return SYNC_STANDBYS_QUORUM;
	return rank_of(standbys, sender) < standbys->names->required ? SYNC_STANDBYS_SYNC
								     : SYNC_STANDBYS_POTENTIAL;
}

static bool
is_needed(const struct sync_standbys *standbys, int row)
{
	return standbys->states[row] == SYNC_STANDBYS_SYNC || standbys->states[row] == SYNC_STANDBYS_QUORUM;
}

/* Whether what the server says of a sender is what this setting makes of it. */
static bool
is_as_told(const struct sync_standbys *standbys, int row)
{
	const struct snapshot_sender *sender = &standbys->senders->rows[row];
	int priority = sender->flush_lsn == LSN_NONE
		? 0
		: sync_names_priority(standbys->names, sender->application);

	return sender->sync_priority == priority
		&& strcmp(sender->sync_state, state_names[standbys->states[row]]) == 0;
}

static void
look_at(struct sync_standbys *standbys, int row)
{
	const struct snapshot_sender *sender = &standbys->senders->rows[row];

	standbys->states[row] = state_of(standbys, sender);
	standbys->candidates += is_candidate(sender);
	if (sender->state[0] == '\0')
		standbys->is_hidden = true;
	if (!is_as_told(standbys, row))
		standbys->is_settled = false;
	standbys->caught_up += is_needed(standbys, row) && !is_behind(sender);
	standbys->flushed += is_needed(standbys, row) && sender->flush_behind_bytes == 0;
}

/* The member at an index where it is a name, and the first of its spelling; else NULL. */
static const char *
member_at(const struct sync_names *names, int index)
{
	const char *name = sync_names_at(names, index);

	if (strcmp(name, "*") == 0)
		return NULL;
	for (int i = 0; i < index; i++)
		if (strcasecmp(sync_names_at(names, i), name) == 0)
			return NULL;
	return name;
}

void
sync_standbys_look(
	const struct sync_names *names, const struct snapshot_senders *senders, struct sync_standbys *ret)
{
	*ret = (struct sync_standbys){.names = names, .senders = senders, .is_settled = true};
	if (senders->total > 0) /* none, or not told, is below */
		ret->row_count = senders->total < SNAPSHOT_SENDERS_MAX ? (int)senders->total
								       : SNAPSHOT_SENDERS_MAX;
	/* The rows hold those that are listed before the others. */
	ret->is_partial = senders->total > SNAPSHOT_SENDERS_MAX
		&& senders->rows[SNAPSHOT_SENDERS_MAX - 1].sync_priority > 0;
	for (int i = 0; i < ret->row_count; i++)
		look_at(ret, i);
	ret->margin = ret->candidates - names->required;
	for (int i = 0; i < names->name_count; i++)
		ret->named += member_at(names, i) != NULL;
}

/* -- lists for people -------------------------------------------------------------------------- */

static bool
is_one_of(const struct sync_standbys *standbys, enum sync_standbys_who who, int row)
{
	const struct snapshot_sender *sender = &standbys->senders->rows[row];

	switch (who) {
	case SYNC_STANDBYS_WHO_SYNC:
		return standbys->states[row] == SYNC_STANDBYS_SYNC;
	case SYNC_STANDBYS_WHO_QUORUM:
		return standbys->states[row] == SYNC_STANDBYS_QUORUM;
	case SYNC_STANDBYS_WHO_POTENTIAL:
		return standbys->states[row] == SYNC_STANDBYS_POTENTIAL;
	case SYNC_STANDBYS_WHO_ASYNC:
		return standbys->states[row] == SYNC_STANDBYS_ASYNC;
	case SYNC_STANDBYS_WHO_LATE:
		return is_late(standbys->names, sender);
	case SYNC_STANDBYS_WHO_SILENT:
		return is_needed(standbys, row) && is_silent(standbys->senders, sender);
	case SYNC_STANDBYS_WHO_BEHIND:
		return is_needed(standbys, row) && is_behind(sender);
	default:
		return false;
	}
}

/* Appends a name, if not too many stand there already, and counts it. True if what belongs to it may follow.
 */
static bool
add_name(struct text *text, int *count, const char *name)
{
	if (++*count > NAMES_TOLD)
		return false;
	text_add(text, "%s%s", *count > 1 ? ", " : "", name[0] == '\0' ? "\"\"" : name);
	return true;
}

static int
list_senders(const struct sync_standbys *standbys, enum sync_standbys_who who, struct text *text)
{
	int count = 0;

	for (int i = 0; i < standbys->row_count; i++) {
		const struct snapshot_sender *sender = &standbys->senders->rows[i];

		if (!is_one_of(standbys, who, i) || !add_name(text, &count, sender->application))
			continue;
		if (who == SYNC_STANDBYS_WHO_LATE)
			text_add(text, " (%s)", sender->state);
		else if (who == SYNC_STANDBYS_WHO_SILENT)
			text_add(text, " (%lld s)", (long long)(sender->reply_age_ms / 1000));
		else if (sender->is_logical)
			text_add(text, " (logical)");
	}
	return count;
}

/* How many senders bear a name, streaming or not. */
static int
count_bearers(const struct sync_standbys *standbys, const char *name)
{
	int count = 0;

	for (int i = 0; i < standbys->row_count; i++)
		count += strcasecmp(standbys->senders->rows[i].application, name) == 0;
	return count;
}

static int
list_members(const struct sync_standbys *standbys, enum sync_standbys_who who, struct text *text)
{
	const struct sync_names *names = standbys->names;
	int count = 0;

	for (int i = 0; i < names->name_count; i++) {
		const char *name = member_at(names, i);
		int bearers = name == NULL ? 1 : count_bearers(standbys, name);

		if (who == SYNC_STANDBYS_WHO_TWINS && bearers > 1 && add_name(text, &count, name))
			text_add(text, " (%d)", bearers);
		if (who == SYNC_STANDBYS_WHO_ABSENT && bearers == 0 && !standbys->is_partial)
			add_name(text, &count, name);
	}
	return count;
}

int
sync_standbys_list(const struct sync_standbys *standbys, enum sync_standbys_who who, struct text *text)
{
	bool is_of_members = who == SYNC_STANDBYS_WHO_ABSENT || who == SYNC_STANDBYS_WHO_TWINS;
	int count = is_of_members ? list_members(standbys, who, text) : list_senders(standbys, who, text);

	if (count > NAMES_TOLD)
		text_add(text, " and %d more", count - NAMES_TOLD);
	return count;
}
