#include "lib/collect/patroni_view.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/document.h"
#include "lib/collect/patroni_json.h"
#include "lib/collect/patroni_tags.h"

void
patroni_view_init(struct snapshot_patroni_cluster *cluster)
{
	memset(cluster, 0, sizeof *cluster);
	cluster->paused_since_ms = SNAPSHOT_NONE;
	cluster->ttl_ms = SNAPSHOT_NONE;
	cluster->loop_wait_ms = SNAPSHOT_NONE;
	cluster->seen_ms = SNAPSHOT_NONE;
	cluster->changed_ms = SNAPSHOT_NONE;
}

void
patroni_view_init_member(struct snapshot_patroni_member *row)
{
	memset(row, 0, sizeof *row);
	row->port = SNAPSHOT_NONE;
	row->timeline = SNAPSHOT_NONE;
	row->lag_bytes = SNAPSHOT_NONE;
	row->dcs_seen_ms = SNAPSHOT_NONE;
}

static bool
is_web(const char *url)
{
	return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

size_t
patroni_view_url_length(const char *url)
{
	static const char path[] = "/patroni";
	const char *host = strstr(url, "://");
	size_t length = strlen(url), path_length = sizeof path - 1;

	/*
	 * libcurl would take "http:///leader" for the host "leader"; and behind "?" or "#" a path is none, so
	 * that something else would be asked.
	 */
	if (!is_web(url) || host[3] == '\0' || strchr("/:", host[3]) != NULL || strpbrk(url, "?#") != NULL)
		return 0;
	while (url[length - 1] == '/')
		length--;
	if (length > path_length + (size_t)(host + 3 - url)
		&& memcmp(url + length - path_length, path, path_length) == 0)
		length -= path_length;
	while (url[length - 1] == '/')
		length--;
	return length;
}

/* -- the cluster ----------------------------------------------------------------------------------- */

/* A number of bytes, or the text "unknown"; from 4.1 on that of the replay is told apart. */
static int
read_lag(const json_t *object, int64_t *ret, struct err *err)
{
	const char *name = json_object_get(object, "replay_lag") != NULL ? "replay_lag" : "lag";

	*ret = SNAPSHOT_NONE;
	if (json_is_string(json_object_get(object, name)))
		return 0;
	if (document_number(object, name, ret, err) != 0)
		return -1;
	if (*ret != SNAPSHOT_NONE && *ret < 0)
		return err_set(err, ERR_PROTOCOL, "\"%s\" is below zero", name);
	return 0;
}

/*
 * Where the API is, of "http://10.0.0.11:8008/patroni". Half a URL would be another one, and one with a
 * password is not to be shown: they are none.
 */
static int
read_url(const json_t *object, struct snapshot_patroni_member *row, struct err *err)
{
	char whole[sizeof row->api_url];
	const char *url;
	size_t length;

	if (document_text(object, "api_url", &url, err) != 0)
		return -1;
	length = url == NULL ? 0 : patroni_view_url_length(url);
	if (length > 0 && length < sizeof whole && strchr(url, '@') == NULL) {
		memcpy(whole, url, length);
		whole[length] = '\0';
		text_clean(row->api_url, sizeof row->api_url, whole);
	}
	return 0;
}

static int
read_row_names(const json_t *object, struct snapshot_patroni_member *row, struct err *err)
{
	if (patroni_json_text(object, "name", row->name, sizeof row->name, err) != 0
		|| patroni_json_text(object, "role", row->role, sizeof row->role, err) != 0
		|| patroni_json_text(object, "state", row->state, sizeof row->state, err) != 0
		|| patroni_json_text(object, "host", row->host, sizeof row->host, err) != 0
		|| read_url(object, row, err) != 0)
		return -1;
	if (row->name[0] == '\0' || row->role[0] == '\0')
		return err_set(err, ERR_PROTOCOL, "it has no \"name\" and \"role\"");
	return 0;
}

static int
read_row(json_t *object, struct snapshot_patroni_member *ret, struct err *err)
{
	struct snapshot_patroni_member row;
	json_t *tags;

	patroni_view_init_member(&row);
	if (!json_is_object(object))
		return err_set(err, ERR_PROTOCOL, "it is not an object");
	if (read_row_names(object, &row, err) != 0
		|| patroni_json_positive(object, "port", &row.port, err) != 0
		|| patroni_json_positive(object, "timeline", &row.timeline, err) != 0
		|| read_lag(object, &row.lag_bytes, err) != 0
		|| document_truth(object, "pending_restart", &row.has_pending_restart, err) != 0
		|| document_object(object, "tags", &tags, err) != 0)
		return -1;
	row.has_noloadbalance = patroni_tags_is_truthy(json_object_get(tags, "noloadbalance"));
	row.has_nofailover = patroni_tags_is_never_promoted(tags);
	*ret = row;
	return 0;
}

bool
patroni_view_is_leader(const struct snapshot_patroni_member *row)
{
	return strcmp(row->role, "leader") == 0 || strcmp(row->role, "standby_leader") == 0
		|| strcmp(row->role, "promoted") == 0;
}

static int
read_rows(const json_t *members, struct snapshot_patroni_cluster *cluster, struct err *err)
{
	cluster->total = (int64_t)json_array_size(members);
	for (size_t i = 0; i < json_array_size(members); i++) {
		size_t place = i < SNAPSHOT_PATRONI_CLUSTER_MAX ? i : SNAPSHOT_PATRONI_CLUSTER_MAX - 1;
		struct snapshot_patroni_member row;

		if (read_row(json_array_get(members, i), &row, err) != 0)
			return err_context(err, "member %zu", i + 1);
		if (i == place
			|| patroni_view_is_leader(&row)) /* whoever is left out, it must not be the leader */
			cluster->rows[place] = row;
		if (strcmp(row.role, "standby_leader") == 0)
			cluster->is_standby_cluster = true;
	}
	return 0;
}

static int
read_switchover(const json_t *object, struct snapshot_patroni_cluster *cluster, struct err *err)
{
	const char *at, *from, *to;
	char storage[512];
	struct text text;
	json_t *planned;

	if (document_object(object, "scheduled_switchover", &planned, err) != 0
		|| document_text(planned, "at", &at, err) != 0
		|| document_text(planned, "from", &from, err) != 0
		|| document_text(planned, "to", &to, err) != 0)
		return -1;
	if (planned == NULL)
		return 0;
	text_init(&text, storage, sizeof storage);
	text_add(&text, "at %.80s", at == NULL ? "an unknown time" : at);
	if (from != NULL)
		text_add(&text, " from %.80s", from);
	if (to != NULL)
		text_add(&text, " to %.80s", to);
	text_clean(cluster->switchover, sizeof cluster->switchover, storage);
	return 0;
}

static int
read_cluster(json_t *object, struct snapshot_patroni_cluster *cluster, struct err *err)
{
	json_t *members;

	if (!json_is_object(object))
		return err_set(err, ERR_PROTOCOL, "it is not an object");
	if (document_list(object, "members", &members, err) != 0)
		return -1;
	if (members == NULL) {
		err_set(err, ERR_PROTOCOL, "it has no \"members\"");
		return err_hint(err, "is this the URL of Patroni's REST API?");
	}
	if (patroni_json_text(object, "scope", cluster->scope, sizeof cluster->scope, err) != 0
		|| document_truth(object, "pause", &cluster->is_paused, err) != 0
		|| read_switchover(object, cluster, err) != 0)
		return -1;
	return read_rows(members, cluster, err);
}

int
patroni_view_read(const char *bytes, size_t length, struct snapshot_patroni_cluster *ret, struct err *err)
{
	struct snapshot_patroni_cluster cluster;
	json_t *document;
	int status;

	patroni_view_init(&cluster);
	if (document_parse(bytes, length, &document, err) != 0)
		return -1;
	status = read_cluster(document, &cluster, err);
	document_release(document);
	if (status == 0)
		*ret = cluster;
	return status;
}

/* -- the configuration ------------------------------------------------------------------------------ */

/* As Patroni reads a mode: true, or a word that means it; "quorum" is a kind of synchronous mode. */
static bool
is_on(const json_t *value)
{
	static const char *const words[] = {"on", "true", "yes", "1", "quorum"};

	for (size_t i = 0; json_is_string(value) && i < sizeof words / sizeof words[0]; i++)
		if (strcasecmp(json_string_value(value), words[i]) == 0)
			return true;
	return !json_is_string(value) && patroni_tags_is_truthy(value);
}

/* Seconds; none for what is no number: a strange value is Patroni's to complain about. */
static int64_t
read_seconds(const json_t *value)
{
	double seconds = json_is_string(value) ? strtod(json_string_value(value), NULL)
					       : json_number_value(value);

	return seconds > 0 && seconds < 1e9 ? (int64_t)(seconds * 1000) : SNAPSHOT_NONE;
}

/*
 * FNV-1a of 64 bits over the document with its members in order and no blanks. It tells a change from none;
 * it is no proof against one who wants to hide it.
 */
static void
hash(const json_t *document, char *to, size_t size)
{
	char *written = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
	uint64_t value = UINT64_C(0xcbf29ce484222325);
	struct text text;

	text_init(&text, to, size);
	for (const char *byte = written; written != NULL && *byte != '\0'; byte++)
		value = (value ^ (unsigned char)*byte) * UINT64_C(0x100000001b3);
	if (written != NULL)
		text_add(&text, "%016llx", (unsigned long long)value);
	free(written);
}

int
patroni_view_config(
	const char *bytes, size_t length, struct snapshot_patroni_cluster *cluster, struct err *err)
{
	json_t *document;

	if (document_parse(bytes, length, &document, err) != 0)
		return -1;
	if (!json_is_object(document)) {
		document_release(document);
		return err_set(err, ERR_PROTOCOL, "it is not an object");
	}
	cluster->ttl_ms = read_seconds(json_object_get(document, "ttl"));
	cluster->loop_wait_ms = read_seconds(json_object_get(document, "loop_wait"));
	cluster->is_synchronous = is_on(json_object_get(document, "synchronous_mode"));
	cluster->is_failsafe_enabled = is_on(json_object_get(document, "failsafe_mode"));
	if (json_object_size(json_object_get(document, "standby_cluster")) > 0)
		cluster->is_standby_cluster = true;
	json_object_del(document, "pause"); /* which is a state, and told by /cluster */
	hash(document, cluster->config_hash, sizeof cluster->config_hash);
	document_release(document);
	return 0;
}
