#include "lib/run/options.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/collect/place.h"
#include "lib/model/check.h"
#include "lib/render/format.h"

#define TEXT(member) .type = SETTING_TEXT, SETTING_AT(struct options, member)
#define FLAG(member) .type = SETTING_FLAG, SETTING_AT(struct options, member)

const struct setting options_rows[] = {
	{.name = "host",
		.letter = 'H',
		TEXT(target.host),
		.argument = "HOST",
		.help = "name, address or socket directory; several with commas are tried in turn"},
	{.name = "port", .letter = 'p', TEXT(target.port), .argument = "PORT", .help = "port of the server"},
	{.name = "username",
		.letter = 'U',
		TEXT(target.user),
		.argument = "ROLE",
		.help = "role to connect as"},
	{.name = "dbname",
		.letter = 'd',
		TEXT(target.dbname),
		.argument = "DBNAME",
		.help = "database, connection string or URI; without any, \"postgres\""},
	{.name = "timeout",
		.letter = 't',
		.type = SETTING_DURATION,
		SETTING_AT(struct options, timeout_ms),
		.initial = "5s",
		.argument = "DURATION",
		.help = "for everything together, such as 900ms"},
	{.name = "format",
		.letter = 'f',
		.type = SETTING_WORD,
		SETTING_AT(struct options, format),
		.argument = "FORMAT",
		.words = format_names,
		.help = "nagios, keepalived, haproxy, http, json, prometheus or plain; without any, nagios"},
	{.name = "warning-is-failure",
		FLAG(warning_is_failure),
		.help = "a WARNING is a no to keepalived, HAProxy and HTTP"},
	{.name = "unknown-is-ok", FLAG(unknown_is_ok), .help = "an UNKNOWN is a yes to them"},
	{.name = "record",
		TEXT(record),
		.argument = "FILE",
		.help = "keep what was seen; - is standard output"},
	{.name = "replay",
		TEXT(replay),
		.argument = "FILE",
		.help = "answer from what was recorded; - is standard input"},
	{.name = "verbose",
		.letter = 'v',
		.type = SETTING_COUNT,
		SETTING_AT(struct options, verbosity),
		.help = "say more"},
	{.name = "version", .letter = 'V', FLAG(is_version_wanted), .help = "show the version"},
	{.name = "help", .letter = 'h', FLAG(is_help_wanted), .help = "show this"},
};

const size_t options_row_count = sizeof options_rows / sizeof options_rows[0];

const struct setting options_http_rows[OPTIONS_TARGET_ROWS] = {
	{.name = "host",
		.letter = 'H',
		TEXT(target.host),
		.argument = "HOST",
		.help = "name or address; several with commas between"},
	{.name = "port",
		.letter = 'p',
		TEXT(target.port),
		.argument = "PORT",
		.help = "port there; one for all hosts, or one for each"},
	{.name = "username",
		.letter = 'U',
		TEXT(target.user),
		.argument = "ROLE",
		.help = "accepted, as by every check; this one connects to no database"},
	{.name = "dbname", .letter = 'd', TEXT(target.dbname), .argument = "DBNAME", .help = "likewise"},
};

const struct setting options_row_primary = {.name = "primary",
	TEXT(second.dbname),
	.argument = "CONNINFO",
	.is_secret = true,
	.help = "asked of a standby: where its primary is, a connection string or URI"};

const struct setting options_row_publisher = {.name = "publisher",
	TEXT(second.dbname),
	.argument = "CONNINFO",
	.is_secret = true,
	.help = "where the publisher is, a connection string or URI, to measure the lag in bytes"};

const struct setting options_row_state = {.name = "state",
	TEXT(state),
	.argument = "FILE",
	.help = "keep this look there, and tell what is new since the one before"};

#define ON(class) .type = SETTING_STATE, SETTING_AT(struct policy, on[class]), .argument = "STATE"

const struct setting options_policy_rows[] = {
	{.name = "on-down",
		ON(ERR_DOWN),
		.initial = "critical",
		.help = "state when the server is down or starting"},
	{.name = "on-timeout",
		ON(ERR_TIMEOUT),
		.initial = "critical",
		.help = "state when nothing answers in time"},
	{.name = "on-full", ON(ERR_FULL), .initial = "critical", .help = "state when no connection is free"},
	{.name = "on-setup",
		ON(ERR_SETUP),
		.initial = "unknown",
		.help = "state when the check is not let in or not permitted to see"},
	{.name = "on-protocol",
		ON(ERR_PROTOCOL),
		.initial = "unknown",
		.help = "state when something else answers than what is asked for"},
};

const size_t options_policy_row_count = sizeof options_policy_rows / sizeof options_policy_rows[0];

/* As libpq tells it from the name of a database. */
static bool
is_conninfo(const char *dbname)
{
	return strchr(dbname, '=') != NULL || text_starts(dbname, "postgres://")
		|| text_starts(dbname, "postgresql://");
}

int
options_verify(const struct options *options, const char *second, struct err *err)
{
	const char *dbname = options->second.dbname;

	/* libpq would complain later, and not name the option. */
	if (place_verify_ports(options->target.port, err) != 0)
		return err_context(err, "option --port");
	if (strcmp(options->state, "-") == 0) {
		err_set(err, ERR_USAGE, "option --state: \"-\" is no file");
		return err_hint(err, "what is remembered must be there at the next look: name a file");
	}
	if (dbname[0] != '\0' && !is_conninfo(dbname)) {
		/* libpq would take it for a database of its default server. */
		err_set(err, ERR_USAGE, "option --%s: neither a connection string nor a URI", second);
		return err_hint(
			err, "write it like 'host=10.0.0.11 user=pgha', or postgresql://pgha@10.0.0.11");
	}
	return 0;
}
