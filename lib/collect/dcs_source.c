#include "lib/collect/dcs_source.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/dcs_path.h"
#include "lib/collect/web_hosts.h"

/* The longest of what stands before and behind a key in a path. */
enum { AROUND_KEY = 24 };

/* Where each kind listens unless it is told otherwise; of ZooKeeper that is the admin server. */
static const char *const usual_ports[] = {
	[DCS_AUTO] = "2379",
	[DCS_ETCD] = "2379",
	[DCS_ETCD2] = "2379",
	[DCS_CONSUL] = "8500",
	[DCS_ZOOKEEPER] = "8080",
};

int
dcs_source_name_hosts(
	const struct dcs_source *source, const struct target *target, char *to, size_t size, struct err *err)
{
	return web_hosts_write(target, source->access, usual_ports[source->kind], to, size, err);
}

enum { ITEM_SIZE = 256 };

/* Behind an item that is a host alone: "db1", "[::1]"; one with a path is of a proxy, which has a port of its
 * own. */
static bool
is_port_missing(const char *item)
{
	const char *host_end = item[0] == '[' ? strchr(item, ']') : item;

	return strstr(item, "://") == NULL && host_end != NULL && strpbrk(host_end, ":/") == NULL;
}

/* What stands without a scheme is meant as a host of the command line is. */
static void
complete(const struct dcs_source *source, char *item, struct text *url)
{
	for (size_t length = strlen(item); length > 0 && item[length - 1] == '/';)
		item[--length] = '\0';
	if (strstr(item, "://") == NULL)
		text_add(url, "http%s://", web_hosts_are_secured(source->access) ? "s" : "");
	text_add(url, "%s", item);
	if (is_port_missing(item))
		text_add(url, ":%s", usual_ports[source->kind]);
}

static int
take_endpoint(const struct dcs_source *source, size_t index, struct snapshot_dcs *dcs, struct err *err)
{
	struct snapshot_dcs_endpoint *row = &dcs->rows[index];
	char item[ITEM_SIZE], url[ITEM_SIZE + 16];
	struct text text;

	text_item(source->endpoints, index, item, sizeof item);
	text_init(&text, url, sizeof url);
	complete(source, item, &text);
	if (strchr(item, '@') != NULL) {
		err_set(err, ERR_USAGE, "an endpoint has a user in it (not shown)");
		return err_hint(err, "give user and password in a file: --auth-file");
	}
	if (strpbrk(item, "?#") != NULL)
		return err_set(
			err, ERR_USAGE, "endpoint %zu has more than a host, a port and a path", index + 1);
	if (item[0] == '\0' || text_copy(row->url, sizeof row->url, url) != 0)
		return err_set(err, ERR_USAGE, "endpoint %zu is empty, or has more than %zu characters",
			index + 1, sizeof row->url - 1);
	for (size_t i = 0; i < index; i++) {
		if (strcmp(dcs->rows[i].url, row->url) == 0)
			return err_set(err, ERR_USAGE, "endpoint %s is named twice", row->url);
	}
	return 0;
}

/* Who says whom to trust believes that the password is not sent in the clear. */
static int
refuse_vain_access(const struct dcs_source *source, const struct snapshot_dcs *dcs, struct err *err)
{
	for (int64_t i = 0; i < dcs->total; i++)
		if (text_starts(dcs->rows[i].url, "https:"))
			return 0;
	if (!web_hosts_are_secured(source->access))
		return 0;
	err_set(err, ERR_USAGE, "option --%s has no effect: no endpoint is asked by https",
		source->access->ca_file[0] != '\0' ? "ca-file" : "cert-file");
	return err_hint(err, "write https:// in --endpoints, or leave the scheme out");
}

int
dcs_source_take_endpoints(const struct dcs_source *source, struct snapshot_dcs *dcs, struct err *err)
{
	size_t count = text_item_count(source->endpoints);

	if (source->endpoints[0] == '\0') {
		err_set(err, ERR_USAGE, "no endpoints are named");
		return err_hint(err,
			"give all members of the store: --endpoints http://10.0.0.11:2379,..., or -H "
			"HOST,...");
	}
	if (count > SNAPSHOT_DCS_MAX)
		return err_set(
			err, ERR_USAGE, "%zu endpoints are named, there may be %d", count, SNAPSHOT_DCS_MAX);
	for (size_t i = 0; i < count; i++) {
		if (take_endpoint(source, i, dcs, err) != 0)
			return -1;
	}
	dcs->total = (int64_t)count;
	return refuse_vain_access(source, dcs, err);
}

/* Leaves out those at both ends; returns how long it is without them. */
static int
trim_slashes(const char **text)
{
	size_t length;

	*text += strspn(*text, "/");
	length = strlen(*text);
	while (length > 0 && (*text)[length - 1] == '/')
		length--;
	return (int)length;
}

int
dcs_source_take_key(const struct dcs_source *source, struct dcs_dialect_plan *plan, struct err *err)
{
	const char *space = source->name_space, *scope = source->scope;
	int space_length = trim_slashes(&space), scope_length = trim_slashes(&scope);
	char path[DCS_DIALECT_PATH_SIZE - AROUND_KEY];
	struct text text;

	if (source->scope[0] == '\0')
		return 0;
	if (scope_length == 0)
		return err_set(err, ERR_USAGE, "--scope has no name in it");
	text_init(&text, plan->key, sizeof plan->key);
	text_add(&text, "%.*s%s%.*s/leader", space_length, space, space_length > 0 ? "/" : "", scope_length,
		scope);
	if (!text.is_truncated) {
		text_init(&text, path, sizeof path);
		dcs_path_write(plan->key, &text);
	}
	if (text.is_truncated)
		return err_set(err, ERR_USAGE, "--namespace and --scope are too long together");
	return 0;
}
