/*
 * Any bytes as what Patroni's REST API answers, one answer a line: the cluster, its configuration, and what
 * members say of themselves. They are read or refused, what was read is a sound snapshot, and no answer of
 * the check to it is OK without a leader.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/collect/patroni_json.h"
#include "lib/collect/patroni_view.h"
#include "lib/collect/patroni_whose.h"
#include "lib/collect/patroni_words.h"
#include "lib/evaluate/evaluate.h"
#include "lib/model/check.h"

extern const struct check check_patroni;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
judge(struct snapshot *snapshot)
{
	void *limits = calloc(1, check_patroni.limits_size);
	bool has_leader = false;
	struct verdict verdict;

	if (!snapshot_is_sound(snapshot))
		abort();
	for (int64_t i = 0; i < patroni_words_row_count(&snapshot->patroni_cluster); i++) {
		const struct snapshot_patroni_member *row = &snapshot->patroni_cluster.rows[i];

		has_leader = has_leader || row->has_lock || patroni_view_is_leader(row);
		if (row->lag_bytes != SNAPSHOT_NONE && row->lag_bytes < 0)
			abort();
	}
	evaluate_check(&check_patroni, snapshot, 1, limits, &verdict);
	if (verdict.state == STATE_OK && !has_leader)
		abort();
	free(limits);
}

/* The next line, and what is behind it. */
static const char *
next_line(const char **rest, size_t *length)
{
	const char *line = *rest;

	*length = strcspn(line, "\n");
	*rest += *length + (line[*length] == '\n' ? 1 : 0);
	return line;
}

static void
read_word(const char *line, size_t length, struct patroni_words *words, struct snapshot *snapshot)
{
	struct patroni_words_one *one = &words->ones[words->count];
	int64_t known = patroni_words_row_count(&snapshot->patroni_cluster);

	one->row = (int64_t)words->count < known ? (int64_t)words->count : -1;
	one->fault.class = ERR_NONE;
	memcpy(one->url, "http://h", sizeof "http://h");
	one->url[7] = (char)('a' + length % 4);
	if (patroni_json_member(line, length, &one->said, &one->fault) == 0) {
		one->said.has_lock = length % 2 == 0;
		snapshot->patroni = one->said;
		snapshot_mark(snapshot, SNAPSHOT_PATRONI);
		if (patroni_json_senders(line, length, &snapshot->patroni_cluster, &one->fault) != 0)
			one->fault.class = ERR_PROTOCOL;
	}
	words->count++;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct snapshot snapshot;
	static struct patroni_words words;
	char *text = malloc(size + 1);
	const char *rest = text, *line;
	size_t length;
	struct err err;

	memcpy(text, data, size);
	text[size] = '\0';
	snapshot_init(&snapshot);
	patroni_view_init(&snapshot.patroni_cluster);
	words.count = 0;
	line = next_line(&rest, &length);
	if (patroni_view_read(line, length, &snapshot.patroni_cluster, &err) != 0)
		memcpy(snapshot.patroni_cluster.view_fault, "none", sizeof "none");
	line = next_line(&rest, &length);
	if (patroni_view_config(line, length, &snapshot.patroni_cluster, &err) != 0
		&& snapshot.patroni_cluster.config_hash[0] != '\0')
		abort();
	while (*rest != '\0' && words.count < PATRONI_WORDS_MAX) {
		line = next_line(&rest, &length);
		read_word(line, length, &words, &snapshot);
	}
	patroni_whose_mark(&words, &snapshot.patroni_cluster);
	patroni_words_put(&words, &snapshot.patroni_cluster);
	snapshot.patroni_cluster.seen_ms = snapshot.taken_ms = 1800000000000;
	snapshot_mark(&snapshot, SNAPSHOT_PATRONI_CLUSTER);
	judge(&snapshot);
	free(text);
	return 0;
}
