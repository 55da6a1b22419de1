#include "lib/collect/patroni_cluster.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/collect/patroni_json.h"
#include "lib/collect/patroni_view.h"
#include "lib/collect/patroni_words.h"

const struct facet patroni_cluster_facet = {.part = SNAPSHOT_PATRONI_CLUSTER};

enum { STATUS_OK = 200 };

_Static_assert(
	(int)WEB_URL_SIZE == (int)PATRONI_WORDS_URL_SIZE, "a URL is as long for who asks and who reads");
_Static_assert((int)PATRONI_ASK_URLS_MAX + (int)SNAPSHOT_PATRONI_CLUSTER_MAX <= (int)PATRONI_WORDS_MAX,
	"no room for all");
_Static_assert((int)PATRONI_WORDS_MAX < (int)WEB_REQUESTS_MAX, "too many to be asked at once");

/* -- the first round ------------------------------------------------------------------------------- */

struct first_round {
	const struct patroni_ask *ask;
	struct snapshot_patroni_cluster *cluster;
	bool is_own_done;
	bool has_view;
	struct err fault; /* of the first that had no view to give */
};

/* Request 0 is the first URL's own word, request i + 1 the view of URL i. */
static bool
take_first(void *context, size_t index, const struct web_answer *answer)
{
	struct first_round *round = context;
	struct err err;

	if (index == 0) {
		round->is_own_done = true;
	} else if (!round->has_view) {
		const char *url = round->ask->urls[index - 1];

		round->has_view = patroni_ask_verify(answer, url, STATUS_OK, &err) == 0
			&& patroni_view_read(answer->body, answer->length, round->cluster, &err) == 0;
		if (round->has_view)
			text_clean(round->cluster->told_by, sizeof round->cluster->told_by, url);
		else if (round->fault.class == ERR_NONE)
			round->fault = err;
	}
	return round->is_own_done && round->has_view;
}

/* Asks for the view, and for the first one's own word; half of the time is left to ask the others for theirs.
 */
static void
ask_first(struct first_round *round, int64_t deadline_ms, struct snapshot_patroni *own, struct err *own_fault)
{
	const struct patroni_ask *ask = round->ask;
	char storage[1 + PATRONI_ASK_URLS_MAX][WEB_URL_SIZE];
	struct web_request requests[1 + PATRONI_ASK_URLS_MAX];
	struct web_answer answers[1 + PATRONI_ASK_URLS_MAX];
	size_t count = ask->url_count + 1;

	requests[0] = patroni_ask_request(ask, ask->urls[0], "/leader", storage[0]);
	for (size_t i = 1; i < count; i++)
		requests[i] = patroni_ask_request(ask, ask->urls[i - 1], "/cluster", storage[i]);
	web_ask(ask->access, requests, count, clock_now_ms() + clock_left_ms(deadline_ms) / 2, take_first,
		round, answers);
	own_fault->class = ERR_NONE;
	if (patroni_ask_read(&answers[0], ask->urls[0], own, own_fault) == 0)
		own_fault->class = ERR_NONE;
	/* What did not end before the deadline was not taken yet. */
	for (size_t i = 1; !round->has_view && round->fault.class == ERR_NONE && i < count; i++)
		round->fault = answers[i].fault;
	web_release(answers, count);
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

/* Members at their own URLs, then those of the given that no member calls its own. The first URL was asked.
 */
static void
list_words(const struct patroni_ask *ask, bool is_view_only, const struct snapshot_patroni_cluster *cluster,
	struct patroni_words *words)
{
	words->count = 0;
	for (int64_t i = 0; !is_view_only && i < patroni_words_row_count(cluster); i++)
		add_word(words, cluster->rows[i].api_url, i);
	for (size_t i = 1; i < ask->url_count; i++)
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
take_word(const struct web_answer *answer, struct patroni_words_one *one,
	struct snapshot_patroni_cluster *cluster)
{
	struct err err;

	if (patroni_ask_read(answer, one->url, &one->said, &err) != 0
		|| patroni_json_senders(answer->body, answer->length, cluster, &err) != 0)
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
		take_word(&answers[i], &words->ones[i], cluster);
	if (config_count > 0)
		take_config(&answers[count], cluster->told_by, cluster);
	web_release(answers, count + config_count);
}

/* -- both ------------------------------------------------------------------------------------------ */

/* The first one's own word was had in the first round, wherever its member says that it is. */
static void
add_own(const struct patroni_ask *ask, const struct snapshot_patroni *own, const struct err *own_fault,
	struct patroni_words *words)
{
	struct patroni_words_one *one;

	if (own_fault->class != ERR_NONE || is_listed(words, ask->urls[0])
		|| words->count == PATRONI_WORDS_MAX)
		return;
	add_word(words, ask->urls[0], -1);
	one = &words->ones[words->count - 1];
	one->said = *own;
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

int
patroni_cluster_ask(const struct patroni_ask *ask, bool is_view_only,
	const struct snapshot_patroni_cluster *before, int64_t deadline_ms, struct snapshot_patroni *own,
	struct err *own_fault, struct snapshot_patroni_cluster *cluster, struct err *err)
{
	struct first_round round = {.ask = ask, .cluster = cluster, .fault = {.class = ERR_NONE}};
	struct patroni_words words;

	patroni_view_init(cluster);
	ask_first(&round, deadline_ms, own, own_fault);
	if (!round.has_view) {
		text_clean(cluster->view_fault, sizeof cluster->view_fault, round.fault.text);
		if (before != NULL)
			patroni_words_recall(before, cluster);
	}
	cluster->seen_ms = clock_wall_ms();
	list_words(ask, is_view_only, cluster, &words);
	ask_second(ask, deadline_ms, cluster, &words);
	add_own(ask, own, own_fault, &words);
	if (!round.has_view && own_fault->class != ERR_NONE && !anyone_spoke(&words))
		return refuse_all(ask, own_fault, err);
	patroni_words_put(&words, cluster);
	date_pause(before, cluster);
	return 0;
}

const struct snapshot_patroni_member *
patroni_cluster_leader(const struct snapshot_patroni_cluster *cluster)
{
	for (int64_t i = 0; i < patroni_words_row_count(cluster); i++)
		if (patroni_view_is_leader(&cluster->rows[i]) || cluster->rows[i].has_lock)
			return &cluster->rows[i];
	return NULL;
}
