#include "lib/collect/patroni_cluster.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/collect/patroni_json.h"
#include "lib/collect/patroni_view.h"
#include "lib/collect/patroni_whose.h"
#include "lib/collect/patroni_words.h"

const struct facet patroni_cluster_facet = {.part = SNAPSHOT_PATRONI_CLUSTER};

enum { STATUS_OK = 200 };

_Static_assert(
	(int)WEB_URL_SIZE == (int)PATRONI_WORDS_URL_SIZE, "a URL is as long for who asks and who reads");
_Static_assert((int)PATRONI_ASK_URLS_MAX + (int)SNAPSHOT_PATRONI_CLUSTER_MAX <= (int)PATRONI_WORDS_MAX,
	"no room for all");
_Static_assert((int)PATRONI_WORDS_MAX + 1 <= (int)WEB_REQUESTS_MAX, "too many to be asked at once");

/* -- the first round ------------------------------------------------------------------------------- */

/* No view is waited for longer, where there is another to ask for. */
enum { FIRST_WAIT_MS = 1000 };

/* The given URLs, and where the last look saw members. */
enum { VIEWS_MAX = PATRONI_ASK_URLS_MAX + SNAPSHOT_PATRONI_CLUSTER_MAX };

struct first_round {
	const struct patroni_ask *ask;
	struct snapshot_patroni_cluster *cluster;
	size_t count;
	char urls[VIEWS_MAX][WEB_URL_SIZE];
	size_t next; /* the URL that is asked next */
	const struct snapshot_patroni_cluster *before;
	bool has_view;
	bool has_forgotten; /* the store was reached, and has lost what it knew */
	struct err fault;   /* why those who were asked had no view to give */
};

static void
add_url(struct first_round *round, const char *url)
{
	for (size_t i = 0; i < round->count; i++)
		if (strcmp(round->urls[i], url) == 0)
			return;
	if (url[0] != '\0' && round->count < VIEWS_MAX)
		text_clean(round->urls[round->count++], WEB_URL_SIZE, url);
}

static void
list_urls(struct first_round *round)
{
	const struct snapshot_patroni_cluster *before = round->before;

	for (size_t i = 0; i < round->ask->url_count; i++)
		add_url(round, round->ask->urls[i]);
	for (int64_t i = 0; before != NULL && i < patroni_words_row_count(before); i++)
		add_url(round, before->rows[i].api_url);
}

/* One that could not be reached tells less of the store than one that could, and had no view. */
static void
keep_fault(struct first_round *round, const struct err *fault)
{
	if (round->fault.class == ERR_NONE || (round->fault.class == ERR_DOWN && fault->class != ERR_DOWN))
		round->fault = *fault;
}

/*
 * A store that was away for longer than the ttl has no keys, until each Patroni has put its own there again,
 * which takes up to loop_wait. In failsafe mode the leader has led all the time: the members' own words are
 * the view for so long.
 */
static int
refuse_forgetful(struct first_round *round, const char *url, const struct snapshot_patroni_cluster *seen,
	struct err *err)
{
	const struct snapshot_patroni_cluster *before = round->before;
	bool was_away = before != NULL && before->view_fault[0] != '\0';

	if (seen->total == 0)
		err_set(err, ERR_PROTOCOL, "%s finds no members in it", url);
	else if (was_away && seen->total < before->total && patroni_cluster_leader(seen) == NULL)
		err_set(err, ERR_PROTOCOL, "%s finds %lld of %lld members in it, and no leader", url,
			(long long)seen->total, (long long)before->total);
	else
		return 0;
	round->has_forgotten = true;
	return -1;
}

static bool
take_view(struct first_round *round, const char *url, const struct web_answer *answer)
{
	struct snapshot_patroni_cluster seen;
	struct err err;

	if (patroni_ask_verify(answer, url, STATUS_OK, &err) == 0
		&& patroni_view_read(answer->body, answer->length, &seen, &err) == 0
		&& refuse_forgetful(round, url, &seen, &err) == 0) {
		*round->cluster = seen;
		text_clean(round->cluster->told_by, sizeof round->cluster->told_by, url);
		return true;
	}
	keep_fault(round, &err);
	return false;
}

static bool
take_first(void *context, size_t index, const struct web_answer *answer)
{
	struct first_round *round = context;

	if (!round->has_view)
		round->has_view = take_view(round, round->urls[round->next + index], answer);
	return round->has_view;
}

/* Asks the next `count` URLs, all at once, of which the first good view counts. */
static void
ask_views(struct first_round *round, size_t count, int64_t deadline_ms)
{
	char storage[VIEWS_MAX][WEB_URL_SIZE];
	struct web_request requests[VIEWS_MAX] = {{.url = NULL}};
	struct web_answer answers[VIEWS_MAX];

	for (size_t i = 0; i < count; i++)
		requests[i] = patroni_ask_request(
			round->ask, round->urls[round->next + i], "/cluster", storage[i]);
	web_ask(round->ask->access, requests, count, deadline_ms, take_first, round, answers);
	/* What did not end before the deadline was not taken. */
	for (size_t i = 0; !round->has_view && i < count; i++)
		if (answers[i].fault.class != ERR_NONE)
			keep_fault(round, &answers[i].fault);
	web_release(answers, count);
	round->next += count;
}

/*
 * The others are asked only where the first one has no view to give: each is a read of the store, and an
 * answer that is not waited for is an exception in Patroni's log. At least half of the time is left to ask
 * all for their own word, which is what matters when the store is away.
 */
static void
ask_first(struct first_round *round, int64_t deadline_ms)
{
	size_t other_count = round->count - 1;
	int64_t left_ms = clock_left_ms(deadline_ms), first_ms = other_count == 0 ? left_ms / 2 : left_ms / 4;

	if (other_count > 0 && first_ms > FIRST_WAIT_MS)
		first_ms = FIRST_WAIT_MS;
	ask_views(round, 1, clock_now_ms() + first_ms);
	if (!round->has_view && other_count > 0)
		ask_views(round, other_count, clock_now_ms() + clock_left_ms(deadline_ms) / 3);
}

/* -- the second round ------------------------------------------------------------------------------ */

static void
add_word(struct patroni_words *words, const char *url, int64_t row)
{
	struct patroni_words_one *one;

	if (url[0] == '\0' || words->count == PATRONI_WORDS_MAX)
		return;
	one = &words->ones[words->count++];
	one->row = row;
	one->fault.class = ERR_NONE;
	text_clean(one->url, sizeof one->url, url);
}

static bool
is_listed(const struct patroni_words *words, const char *url)
{
	for (size_t i = 0; i < words->count; i++)
		if (strcmp(words->ones[i].url, url) == 0)
			return true;
	return false;
}

/* Members at their own URLs, then those of the given that no member calls its own. */
static void
list_words(const struct patroni_ask *ask, bool is_view_only, struct snapshot_patroni_cluster *cluster,
	struct patroni_words *words)
{
	words->count = 0;
	for (int64_t i = 0; !is_view_only && i < patroni_words_row_count(cluster); i++) {
		struct snapshot_patroni_member *row = &cluster->rows[i];

		add_word(words, row->api_url, i);
		if (row->api_url[0] == '\0') {
			text_clean(row->fault, sizeof row->fault, "it has no api_url that can be asked");
			row->is_unheard = true;
		}
	}
	for (size_t i = 0; i < ask->url_count; i++)
		if (!is_listed(words, ask->urls[i]))
			add_word(words, ask->urls[i], -1);
}

/* Without it the limits and the hash are not known, which is for the check to tell. */
static void
take_config(const struct web_answer *answer, const char *url, struct snapshot_patroni_cluster *cluster)
{
	struct err err;

	if (patroni_ask_verify(answer, url, STATUS_OK, &err) != 0
		|| patroni_view_config(answer->body, answer->length, cluster, &err) != 0)
		cluster->config_hash[0] = '\0';
}

static void
take_word(const struct web_answer *answer, struct patroni_words_one *one)
{
	struct err err;

	if (patroni_ask_read(answer, one->url, &one->said, &err) != 0)
		one->fault = err;
}

/* Another cluster may well have standbys of the same names. */
static void
take_senders(const struct web_answer *answer, struct patroni_words_one *one,
	struct snapshot_patroni_cluster *cluster)
{
	struct err err;

	if (one->fault.class == ERR_NONE && one->stranger[0] == '\0'
		&& patroni_json_senders(answer->body, answer->length, cluster, &err) != 0)
		one->fault = err;
}

/* Without a view there is no configuration to be had either: it is in the same store. */
static void
ask_second(const struct patroni_ask *ask, int64_t deadline_ms, struct snapshot_patroni_cluster *cluster,
	struct patroni_words *words)
{
	char storage[PATRONI_WORDS_MAX + 1][WEB_URL_SIZE];
	struct web_request requests[PATRONI_WORDS_MAX + 1];
	struct web_answer answers[PATRONI_WORDS_MAX + 1];
	size_t count = words->count, config_count = cluster->told_by[0] != '\0' ? 1 : 0;

	for (size_t i = 0; i < count; i++)
		requests[i] = patroni_ask_request(ask, words->ones[i].url, "/leader", storage[i]);
	if (config_count > 0)
		requests[count] = patroni_ask_request(ask, cluster->told_by, "/config", storage[count]);
	web_ask(ask->access, requests, count + config_count, deadline_ms, NULL, NULL, answers);
	for (size_t i = 0; i < count; i++)
		take_word(&answers[i], &words->ones[i]);
	patroni_whose_mark(words, cluster);
	for (size_t i = 0; i < count; i++)
		take_senders(&answers[i], &words->ones[i], cluster);
	if (config_count > 0)
		take_config(&answers[count], cluster->told_by, cluster);
	web_release(answers, count + config_count);
}

/* -- both ------------------------------------------------------------------------------------------ */

/* What the first of the given URLs said. */
static void
take_own(const struct patroni_ask *ask, const struct patroni_words *words, struct snapshot_patroni *own,
	struct err *own_fault)
{
	for (size_t i = 0; i < words->count; i++)
		if (strcmp(words->ones[i].url, ask->urls[0]) == 0) {
			*own = words->ones[i].said;
			*own_fault = words->ones[i].fault;
			return;
		}
	err_set(own_fault, ERR_PROTOCOL, "there are too many members to ask %s as well", ask->urls[0]);
}

static bool
anyone_spoke(const struct patroni_words *words)
{
	for (size_t i = 0; i < words->count; i++)
		if (words->ones[i].fault.class == ERR_NONE)
			return true;
	return false;
}

/* A pause has no date of its own: it is dated by who first saw it. */
static void
date_pause(const struct snapshot_patroni_cluster *before, struct snapshot_patroni_cluster *cluster)
{
	for (int64_t i = 0; cluster->view_fault[0] != '\0' && i < patroni_words_row_count(cluster); i++)
		cluster->is_paused |= cluster->rows[i].sees_pause;
	if (!cluster->is_paused)
		return;
	cluster->paused_since_ms = before != NULL && before->is_paused
			&& before->paused_since_ms != SNAPSHOT_NONE
		? before->paused_since_ms
		: cluster->seen_ms;
}

static int
refuse_all(const struct patroni_ask *ask, const struct err *fault, struct err *err)
{
	*err = *fault;
	return ask->url_count > 1 ? err_context(err, "none of %zu URLs answers", ask->url_count) : -1;
}

/* Whether it will not stay as it is: whoever looks now and then is to look again soon. */
static bool
is_in_motion(const struct snapshot_patroni_cluster *cluster)
{
	const struct snapshot_patroni_member *leader = patroni_cluster_leader(cluster);

	for (int64_t i = 0; i < patroni_words_row_count(cluster); i++) {
		const struct snapshot_patroni_member *row = &cluster->rows[i];

		if (strcmp(row->role, "unlisted") == 0 ? !row->is_unheard
						       : row != leader && patroni_view_is_leader(row))
			return true;
	}
	return leader == NULL || (leader->is_asked && !leader->has_lock);
}

int
patroni_cluster_ask(const struct patroni_cluster_question *question, struct snapshot_patroni *own,
	struct err *own_fault, struct snapshot_patroni_cluster *cluster, struct err *err)
{
	const struct patroni_ask *ask = question->ask;
	const struct snapshot_patroni_cluster *before = question->before;
	struct first_round round = {
		.ask = ask, .cluster = cluster, .before = before, .fault = {.class = ERR_NONE}};
	struct patroni_words words;

	patroni_view_init(cluster);
	list_urls(&round);
	ask_first(&round, question->deadline_ms);
	if (!round.has_view) {
		text_clean(cluster->view_fault, sizeof cluster->view_fault, round.fault.text);
		if (before != NULL)
			patroni_words_recall(before, cluster);
	}
	cluster->seen_ms = clock_wall_ms();
	list_words(ask, question->is_view_only, cluster, &words);
	ask_second(ask, question->deadline_ms, cluster, &words);
	take_own(ask, &words, own, own_fault);
	if (!round.has_view && !anyone_spoke(&words))
		return refuse_all(ask, own_fault, err);
	patroni_words_put(&words, cluster);
	date_pause(before, cluster);
	/* A read of a store that is away takes long, and is not worth repeating. */
	cluster->is_outdated = round.has_forgotten || (round.has_view && is_in_motion(cluster));
	return 0;
}

const struct snapshot_patroni_member *
patroni_cluster_leader(const struct snapshot_patroni_cluster *cluster)
{
	const struct snapshot_patroni_member *named = NULL;

	for (int64_t i = 0; i < patroni_words_row_count(cluster); i++) {
		if (cluster->rows[i].has_lock)
			return &cluster->rows[i];
		if (named == NULL && patroni_view_is_leader(&cluster->rows[i]))
			named = &cluster->rows[i];
	}
	return named;
}
