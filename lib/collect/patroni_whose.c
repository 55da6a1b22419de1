#include "lib/collect/patroni_whose.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/patroni_view.h"

bool
patroni_whose_differs(const char *one, const char *other)
{
	return one[0] != '\0' && other[0] != '\0' && strcmp(one, other) != 0;
}

bool
patroni_whose_is_one_cluster(const struct snapshot_patroni *one, const struct snapshot_patroni *other)
{
	return !patroni_whose_differs(one->scope, other->scope)
		&& !patroni_whose_differs(one->system_identifier, other->system_identifier);
}

/* -- which cluster it is --------------------------------------------------------------------------- */

static bool
has_spoken(const struct patroni_words_one *one)
{
	return one->fault.class == ERR_NONE;
}

static size_t
count_like(const struct patroni_words *words, const struct snapshot_patroni *said)
{
	size_t count = 0;

	for (size_t i = 0; i < words->count; i++)
		count += has_spoken(&words->ones[i])
			&& patroni_whose_is_one_cluster(&words->ones[i].said, said);
	return count;
}

/* One who is of the cluster that was asked about; NULL: nobody spoke who may be. */
static const struct snapshot_patroni *
find_own(const struct patroni_words *words, const struct snapshot_patroni_cluster *cluster)
{
	const struct snapshot_patroni *best = NULL;
	size_t best_count = 0;

	for (size_t i = 0; i < words->count; i++) {
		const struct patroni_words_one *one = &words->ones[i];
		size_t count;

		if (!has_spoken(one) || patroni_whose_differs(one->said.scope, cluster->scope))
			continue;
		if (strcmp(one->url, cluster->told_by) == 0)
			return &one->said;
		count = count_like(words, &one->said);
		if (count > best_count) {
			best = &one->said;
			best_count = count;
		}
	}
	return best;
}

/* -- before names were told ------------------------------------------------------------------------ */

static bool
is_one_server(const struct patroni_words_one *one, const struct patroni_words_one *other)
{
	const struct snapshot_patroni *said = &one->said, *also = &other->said;

	if (!has_spoken(one) || !has_spoken(other) || one->row < 0 || other->row < 0 || said->name[0] != '\0'
		|| also->name[0] != '\0')
		return false;
	return strcmp(one->url, other->url) == 0
		|| (said->started_ms != SNAPSHOT_NONE && said->started_ms == also->started_ms);
}

/*
 * Of several members who lead to one server, the one that it is: the leader, if it holds the lock; else
 * nobody can tell. NULL: then it is no member's word.
 */
static const struct patroni_words_one *
find_owner(const struct patroni_words *words, const struct patroni_words_one *one,
	const struct snapshot_patroni_cluster *cluster)
{
	const struct patroni_words_one *first = NULL;

	for (size_t i = 0; one->said.has_lock && i < words->count; i++) {
		const struct patroni_words_one *other = &words->ones[i];

		if (other != one && !is_one_server(one, other))
			continue;
		if (patroni_view_is_leader(&cluster->rows[other->row]))
			return other;
		if (first == NULL)
			first = other;
	}
	return first;
}

/* Another member who leads to the same server, if that is not this one's; NULL: none does. */
static const struct patroni_words_one *
find_rival(const struct patroni_words *words, const struct patroni_words_one *one,
	const struct snapshot_patroni_cluster *cluster)
{
	for (size_t i = 0; one->row >= 0 && i < words->count; i++)
		if (&words->ones[i] != one && is_one_server(one, &words->ones[i]))
			return find_owner(words, one, cluster) == one ? NULL : &words->ones[i];
	return NULL;
}

/* -- all ------------------------------------------------------------------------------------------- */

/* `at its api_url answers "x1" of scope "other", not "demo"`; short enough for all of it to be kept. */
static void
describe(const struct patroni_words_one *one, const char *expected, const struct snapshot_patroni *own,
	struct text *text)
{
	const struct snapshot_patroni *said = &one->said;

	text_add(text, "%s answers ", one->row < 0 ? "there" : "at its api_url");
	if (said->name[0] == '\0')
		text_add(text, "one");
	else
		text_add(text, "\"%.24s\"", said->name);
	if (patroni_whose_differs(said->scope, own->scope))
		text_add(text, " of scope \"%.24s\", not \"%.24s\"", said->scope, own->scope);
	else if (patroni_whose_differs(said->system_identifier, own->system_identifier))
		text_add(text, " with the system identifier %s, not %s", said->system_identifier,
			own->system_identifier);
	else if (said->name[0] == '\0')
		text_add(text, " and the same as at that of %.24s", expected);
}

static void
mark(const struct patroni_words *words, const struct snapshot_patroni_cluster *cluster,
	const struct snapshot_patroni *own, struct patroni_words_one *one)
{
	const struct patroni_words_one *rival = find_rival(words, one, cluster);
	char storage[2 * SNAPSHOT_FAULT_SIZE];
	struct text text;

	if (patroni_whose_is_one_cluster(&one->said, own) && rival == NULL
		&& (one->row < 0 || !patroni_whose_differs(one->said.name, cluster->rows[one->row].name)))
		return;
	text_init(&text, storage, sizeof storage);
	describe(one, rival == NULL ? "" : cluster->rows[rival->row].name, own, &text);
	text_clean(one->stranger, sizeof one->stranger, storage);
}

void
patroni_whose_mark(struct patroni_words *words, struct snapshot_patroni_cluster *cluster)
{
	const struct snapshot_patroni *found = find_own(words, cluster);
	struct snapshot_patroni own = {.name = ""};

	if (found != NULL)
		own = *found;
	if (cluster->scope[0] != '\0')
		text_clean(own.scope, sizeof own.scope, cluster->scope);
	for (size_t i = 0; i < words->count; i++) {
		words->ones[i].stranger[0] = '\0';
		if (has_spoken(&words->ones[i]))
			mark(words, cluster, &own, &words->ones[i]);
	}
	text_clean(cluster->scope, sizeof cluster->scope, own.scope);
}
