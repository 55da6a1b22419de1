#include "lib/agent/plan_rows.h"

#include "lib/base/log.h"
#include "lib/run/options.h"

#define TEXT(owner, member) .type = SETTING_TEXT, SETTING_AT(owner, member)
#define FLAG(owner, member) .type = SETTING_FLAG, SETTING_AT(owner, member)
#define DURATION(owner, member) .type = SETTING_DURATION, SETTING_AT(owner, member), .argument = "DURATION"

static const struct setting agent_rows[] = {
	{.name = "name",
		TEXT(struct plan_agent, name),
		.help = "what this node is called in answers, metrics and logs; without it, the host's name"},
	{.name = "interval",
		DURATION(struct plan_agent, interval_ms),
		.initial = "250ms",
		.help = "from one look at a server to the next"},
	{.name = "timeout",
		DURATION(struct plan_agent, timeout_ms),
		.initial = "1s",
		.help = "for one look, connecting included; what takes longer is a timeout, which is a no"},
	{.name = "max-age",
		DURATION(struct plan_agent, max_age_ms),
		.initial = "3s",
		.help = "older facts are not believed: the answer is then a no that says how old they are"},
	{.name = "run-directory",
		TEXT(struct plan_agent, run_directory),
		.initial = "/run/pgha",
		.help = "where the socket, the track files and the operator's switch are by default"},
	{.name = "log",
		.type = SETTING_WORD,
		SETTING_AT(struct plan_agent, log),
		.initial = "info",
		.words = log_level_names,
		.help = "error, warning or info (each change of an answer, once)"},
};

static const struct setting target_rows[] = {
	{.name = "conninfo",
		TEXT(struct plan_target, target.dbname),
		.is_secret = true,
		.help = "connection string or URI; what it leaves out comes from libpq's own rules (service, "
			"password "
			"file, environment). Keep passwords in a password file: passfile=/etc/pgha/pgpass"},
};

static const struct setting listen_rows[] = {
	{.name = "http",
		TEXT(struct plan_listen, http),
		.initial = "127.0.0.1:8009",
		.help = "addresses for HTTP: Patroni's paths, /check/NAME, /metrics, /status; HOST:PORT, "
			"several with "
			"commas, [::]:8009 for all; empty: none"},
	{.name = "agent",
		TEXT(struct plan_listen, agent),
		.initial = "127.0.0.1:8010",
		.help = "addresses for HAProxy's agent-check that take the question from agent-send"},
	{.name = "socket",
		TEXT(struct plan_listen, socket),
		.help
		= "the socket for pgha-ask; without it, agent.sock in run_directory; \"none\": none. Who may "
		  "write to it may ask, and drain"},
	{.name = "tls-certificate",
		TEXT(struct plan_listen, tls_certificate),
		.help = "PEM file with the certificate and its chain: HTTP then speaks TLS only"},
	{.name = "tls-key", TEXT(struct plan_listen, tls_key), .help = "PEM file with its private key"},
	{.name = "tls-client-ca",
		TEXT(struct plan_listen, tls_client_ca),
		.help = "PEM file with the authorities whose client certificates are let in; nobody else is"},
	{.name = "max-connections",
		.type = SETTING_INTEGER,
		SETTING_AT(struct plan_listen, max_connections),
		.initial = "1000",
		.min = 1,
		.max = 100000,
		.help = "clients that have sent something, of HTTP, and of the others; more are refused at "
			"once with "
			"503, and silent ones make room for new ones"},
	{.name = "request-timeout",
		DURATION(struct plan_listen, request_timeout_ms),
		.initial = "5s",
		.help = "for a client to send its whole request, however slowly, and to take the answer"},
};

static const struct setting answer_rows[] = {
	{.name = "check",
		TEXT(struct plan_answer, check),
		.help = "which check answers, such as pg_replica; without it, the one that the section is "
			"named after. "
			"Stands first"},
	{.name = "agent",
		TEXT(struct plan_answer, agent),
		.help = "addresses for HAProxy's agent-check that answer this question unasked"},
	{.name = "rise",
		.type = SETTING_INTEGER,
		SETTING_AT(struct plan_answer, damping.rise),
		.initial = "1",
		.min = 1,
		.max = 1000,
		.help = "so many good looks in a row make a yes"},
	{.name = "fall",
		.type = SETTING_INTEGER,
		SETTING_AT(struct plan_answer, damping.fall),
		.initial = "1",
		.min = 1,
		.max = 1000,
		.help = "so many bad ones make a no, if all that is bad is a figure over its limit, or one "
			"that was not "
			"answered in time; what is known for certain is a no at once"},
	{.name = "recover",
		.type = SETTING_LIMIT,
		SETTING_AT(struct plan_answer, recover),
		.accepted = 1U << UNIT_BYTES | 1U << UNIT_SECONDS,
		.plain = UNIT_BYTES,
		.help
		= "to come back after a no, the figure must be within this range, not just within critical"},
	{.name = "weight-ramp",
		DURATION(struct plan_answer, damping.weight_ramp_ms),
		.help = "HAProxy's weight climbs to its full value over so long after a return"},
	{.name = "maintenance",
		TEXT(struct plan_answer, maintenance),
		.help = "while this file (on a local file system) is there, the node is drained; without it, "
			"NAME.drain in "
			"run_directory, which "
			"pgha-ask --drain makes"},
};

static const struct setting source_rows[] = {
	{.name = "interval",
		DURATION(struct plan_source, interval_ms),
		.initial = "1min",
		.help = "from one look at what the check reads or runs to the next"},
	{.name = "timeout",
		DURATION(struct plan_source, timeout_ms),
		.initial = "30s",
		.help = "for one such look"},
};

static const struct setting yes_rows[] = {
	{.name = "warning-is-failure",
		FLAG(struct plan_answer, warning_is_failure),
		.help = "a WARNING is a no to keepalived, HAProxy and HTTP"},
	{.name = "unknown-is-ok",
		FLAG(struct plan_answer, unknown_is_ok),
		.help = "an UNKNOWN is a yes to them"},
};

static const struct setting track_rows[] = {
	{.name = "check",
		TEXT(struct plan_track, check),
		.help = "whose answer it is; without it, the check that the section is named after"},
	{.name = "file",
		TEXT(struct plan_track, file),
		.help
		= "1 for yes and 0 for no, for keepalived's \"weight 0 reverse\"; without it, NAME.track in "
		  "run_directory"},
};

#define GROUP(title_text, row_table, base_pointer)                                                           \
	((struct settings_group){.title = (title_text),                                                      \
		.rows = (row_table),                                                                         \
		.count = sizeof(row_table) / sizeof(row_table)[0],                                           \
		.base = (base_pointer)})

struct settings_group
plan_rows_of_agent(struct plan_agent *agent)
{
	return GROUP("", agent_rows, agent);
}

struct settings_group
plan_rows_of_target(struct plan_target *target)
{
	return GROUP("", target_rows, target);
}

struct settings_group
plan_rows_of_listen(struct plan_listen *listen)
{
	return GROUP("", listen_rows, listen);
}

struct settings_group
plan_rows_of_track(struct plan_track *track)
{
	return GROUP("", track_rows, track);
}

struct settings_group
plan_rows_of_answer(struct plan_answer *answer)
{
	return GROUP("The answer", answer_rows, answer);
}

void
plan_rows_list_question(const struct check *check, void *limits, struct plan_answer *answer,
	struct settings_group groups[PLAN_QUESTION_GROUPS])
{
	groups[0] = (struct settings_group){.title = "The question",
		.rows = check->settings,
		.count = check->setting_count,
		.base = limits};
	groups[1] = (struct settings_group){.title = "What a fault means",
		.rows = options_policy_rows,
		.count = options_policy_row_count,
		.base = limits};
	groups[2] = GROUP("Yes and no", yes_rows, answer);
}

void
plan_rows_list_check(struct plan_check *check, struct settings_group groups[PLAN_ROWS_CHECK_GROUPS])
{
	groups[0] = plan_rows_of_answer(&check->answer);
	plan_rows_list_question(check->check, check->limits.bytes, &check->answer, groups + 1);
	groups[1 + PLAN_QUESTION_GROUPS] = GROUP("The source", source_rows, &check->source);
	if (check->check->collect == NULL)
		groups[1 + PLAN_QUESTION_GROUPS].count = 0;
}
