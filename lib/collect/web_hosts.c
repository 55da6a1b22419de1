#include "lib/collect/web_hosts.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/text.h"

/* With one colon it is a host and its port, with more an address of IPv6. Nothing of it is shown: "@". */
static int
verify_host(const char *host, struct err *err)
{
	const char *colon = strchr(host, ':');

	if (host[0] != '\0' && strpbrk(host, "/@") == NULL && (colon == NULL || colon != strrchr(host, ':')))
		return 0;
	err_set(err, ERR_USAGE,
		"option --host: it is empty, a socket directory, or has a port or a URL in it");
	return err_hint(err, "name hosts, and the port with -p; URLs are for --url (--endpoints)");
}

bool
web_hosts_are_secured(const struct web_access *access)
{
	return access->ca_file[0] != '\0' || access->cert_file[0] != '\0';
}

int
web_hosts_write(const struct target *target, const struct web_access *access, const char *usual_port,
	char *to, size_t size, struct err *err)
{
	bool is_tls = web_hosts_are_secured(access);
	size_t count = text_item_count(target->host), port_count = text_item_count(target->port);
	struct text text;

	text_init(&text, to, size);
	if (port_count > 1 && port_count != count)
		return err_set(err, ERR_USAGE, "%zu ports are named for %zu hosts", port_count, count);
	for (size_t i = 0; i < count; i++) {
		char host[256], port[16];
		bool is_bare;

		text_item(target->host, i, host, sizeof host);
		text_item(target->port, port_count > 1 ? i : 0, port, sizeof port);
		if (verify_host(host, err) != 0)
			return -1;
		is_bare = host[0] != '[' && strchr(host, ':') != NULL;
		text_add(&text, "%shttp%s://%s%s%s:%s", i > 0 ? "," : "", is_tls ? "s" : "",
			is_bare ? "[" : "", host, is_bare ? "]" : "", port[0] == '\0' ? usual_port : port);
	}
	return text.is_truncated ? err_set(err, ERR_USAGE, "the hosts are too long together") : 0;
}
