#include "lib/render/format.h"

#include "lib/render/writers.h"

/* keepalived reads exit codes only, and throws away what a script prints. */
static void
write_nothing(const struct verdict *verdict, const struct format_options *options, struct text *text)
{
	(void)verdict;
	(void)options;
	(void)text;
}

const struct format formats[FORMAT_COUNT] = {
	[FORMAT_NAGIOS] = {.name = "nagios",
		.media_type = "text/plain; charset=utf-8",
		.write = nagios_write},
	[FORMAT_KEEPALIVED] = {.name = "keepalived",
		.media_type = "text/plain; charset=utf-8",
		.write = write_nothing,
		.is_yes_no = true},
	[FORMAT_HAPROXY] = {.name = "haproxy",
		.media_type = "text/plain; charset=utf-8",
		.write = haproxy_write},
	[FORMAT_HTTP] = {.name = "http", .media_type = "message/http", .write = http_write},
	[FORMAT_JSON] = {.name = "json", .media_type = "application/json", .write = json_write},
	[FORMAT_PROMETHEUS] = {.name = "prometheus",
		.media_type = "text/plain; version=0.0.4; charset=utf-8",
		.write = prometheus_write},
	[FORMAT_PLAIN] = {.name = "plain", .media_type = "text/plain; charset=utf-8", .write = plain_write},
};

const char *const format_names[] = {
	"nagios", "keepalived", "haproxy", "http", "json", "prometheus", "plain", NULL};

bool
format_is_yes(const struct verdict *verdict, const struct format_options *options)
{
	if (verdict->is_wrong_role || verdict->is_stale || verdict->is_drained
		|| verdict->fault.class == ERR_USAGE)
		return false;
	switch (verdict->state) {
	case STATE_OK:
		return true;
	case STATE_WARNING:
		return !options->warning_is_failure;
	case STATE_UNKNOWN:
		return options->unknown_is_ok;
	case STATE_CRITICAL:
	case STATE_COUNT:
		break;
	}
	return false;
}

int
format_exit_code(
	const struct format *format, const struct verdict *verdict, const struct format_options *options)
{
	if (verdict->fault.class == ERR_USAGE)
		return STATE_UNKNOWN;
	if (format->is_yes_no)
		return format_is_yes(verdict, options) ? 0 : 1;
	return (int)verdict->state;
}
