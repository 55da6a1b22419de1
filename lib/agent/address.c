#include "lib/agent/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "lib/base/parse.h"
#include "lib/base/text.h"

/* Room for an address of either kind, brackets and a port. */
enum { HOST_SIZE = 64, ITEM_SIZE = 128 };

static int
refuse(const char *text, struct err *err)
{
	err_set(err, ERR_USAGE, "\"%s\" is no address to listen on", text);
	return err_hint(err,
		"write numbers: 10.0.0.11:8009, [::1]:8009, 0.0.0.0:8009 or [::]:8009 for every address of "
		"the host");
}

static void
set_v4(const struct in_addr *host, in_port_t port, struct sockaddr_storage *ret, socklen_t *ret_length)
{
	struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = port, .sin_addr = *host};

	memcpy(ret, &where, sizeof where);
	*ret_length = sizeof where;
}

static void
set_v6(const struct in6_addr *host, in_port_t port, struct sockaddr_storage *ret, socklen_t *ret_length)
{
	struct sockaddr_in6 where = {.sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = *host};

	memcpy(ret, &where, sizeof where);
	*ret_length = sizeof where;
}

int
address_parse(const char *text, struct sockaddr_storage *ret, socklen_t *ret_length, struct err *err)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon == NULL ? 0 : (size_t)(colon - text);
	bool is_bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
	char host[HOST_SIZE] = "";
	struct in_addr v4;
	struct in6_addr v6;
	int64_t port;
	in_port_t in_order;

	if (colon == NULL || length >= sizeof host || parse_integer(colon + 1, 1, 65535, &port, err) != 0)
		return refuse(text, err);
	memcpy(host, text + is_bracketed, length - 2 * is_bracketed);
	in_order = htons((in_port_t)port);
	memset(ret, 0, sizeof *ret);
	if (is_bracketed && inet_pton(AF_INET6, host, &v6) == 1)
		set_v6(&v6, in_order, ret, ret_length);
	else if (!is_bracketed && inet_pton(AF_INET, host, &v4) == 1)
		set_v4(&v4, in_order, ret, ret_length);
	else
		return refuse(text, err);
	return 0;
}

int
address_item(const char *list, size_t index, char *to, size_t size)
{
	char item[ITEM_SIZE];
	const char *start = item;
	size_t length;

	text_item(list, index, item, sizeof item);
	start += strspn(start, " \t");
	length = strlen(start);
	while (length > 0 && (start[length - 1] == ' ' || start[length - 1] == '\t'))
		length--;
	if (length >= size || strlen(item) == sizeof item - 1)
		return -1;
	memcpy(to, start, length);
	to[length] = '\0';
	return 0;
}

int
address_verify_list(const char *list, struct err *err)
{
	for (size_t i = 0; list[0] != '\0' && i < text_item_count(list); i++) {
		struct sockaddr_storage ignored;
		socklen_t length;
		char item[ITEM_SIZE];

		if (address_item(list, i, item, sizeof item) != 0)
			return refuse(list, err);
		if (address_parse(item, &ignored, &length, err) != 0)
			return -1;
	}
	return 0;
}
