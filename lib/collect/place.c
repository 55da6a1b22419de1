#include "lib/collect/place.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/base/parse.h"

int
place_verify_ports(const char *ports, struct err *err)
{
	for (size_t i = 0; i < text_item_count(ports); i++) {
		char port[32];
		int64_t ignored;

		text_item(ports, i, port, sizeof port);
		if (port[0] != '\0' && parse_integer(port, 1, 65535, &ignored, err) != 0)
			return -1;
	}
	return 0;
}

size_t
place_count(const struct place_list *list)
{
	return text_item_count(list->hostaddr[0] != '\0' ? list->hostaddr : list->host);
}

void
place_at(const struct place_list *list, size_t index, struct place *ret)
{
	text_item(list->host, index, ret->host, sizeof ret->host);
	text_item(list->hostaddr, index, ret->hostaddr, sizeof ret->hostaddr);
	text_item(list->port, text_item_count(list->port) == 1 ? 0 : index, ret->port, sizeof ret->port);
}

static bool
is_socket(const char *host)
{
	return host[0] == '/' || host[0] == '@';
}

static bool
is_address(const char *host)
{
	struct in6_addr ignored;

	return inet_pton(AF_INET, host, &ignored) == 1 || inet_pton(AF_INET6, host, &ignored) == 1
		|| (strchr(host, ':') != NULL && strchr(host, '%') != NULL); /* fe80::1%eth0 */
}

bool
place_needs_lookup(const struct place *place)
{
	return place->hostaddr[0] == '\0' && place->host[0] != '\0' && !is_socket(place->host)
		&& !is_address(place->host);
}

void
place_write(const struct place *place, struct text *text)
{
	const char *host = place->host[0] != '\0' ? place->host : place->hostaddr;
	const char *port = place->port[0] != '\0' ? place->port : "5432";

	text_add(text, !is_socket(host) && strchr(host, ':') != NULL ? "[%s]" : "%s", host);
	if (place->host[0] != '\0' && place->hostaddr[0] != '\0' && strcmp(place->host, place->hostaddr) != 0)
		text_add(text, " (%s)", place->hostaddr); /* where it really goes */
	text_add(text, ":%s", port);
}
