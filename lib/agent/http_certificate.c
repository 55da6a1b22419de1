#include "lib/agent/http_certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/agent/http.h"

static int
read_text(const char *path, char **ret, struct err *err)
{
	enum { FILE_MAX = 256 * 1024 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *bytes = fd < 0 ? NULL : malloc(FILE_MAX + 1);
	ssize_t got = bytes == NULL ? -1 : read(fd, bytes, FILE_MAX + 1);
	int why = errno;

	if (fd >= 0)
		close(fd);
	if (got < 0 || got > FILE_MAX) {
		free(bytes);
		return err_set(err, ERR_USAGE, "[listen]: cannot read \"%s\": %s", path,
			got > FILE_MAX ? "it is larger than 256 kB" : strerror(why));
	}
	bytes[got] = '\0';
	*ret = bytes;
	return 0;
}

int
http_certificate_read(struct http_certificate *certificate, const struct http_manner *manner, struct err *err)
{
	if (manner->certificate_path[0] == '\0')
		return 0;
	if (read_text(manner->certificate_path, &certificate->certificate, err) != 0
		|| read_text(manner->key_path, &certificate->key, err) != 0)
		return -1;
	return manner->client_ca_path[0] == '\0'
		? 0
		: read_text(manner->client_ca_path, &certificate->client_ca, err);
}

void
http_certificate_release(struct http_certificate *certificate)
{
	free(certificate->certificate);
	free(certificate->key);
	free(certificate->client_ca);
}
