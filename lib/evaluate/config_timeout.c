#include "lib/evaluate/config_timeout.h"

#include "lib/base/parse.h"

/* Longer than this nobody who has an application to bring back wants to wait. */
enum { LONG_MS = 5 * 60 * 1000 };

/* A time as the server shows it ("1min", "0"), in ms; -1: it is none. */
static int64_t
time_ms(const char *shown)
{
	struct parse_quantity quantity;
	struct err ignored;

	if (parse_quantity(&shown, &quantity, &ignored) != 0 || *shown != '\0')
		return -1;
	return (int64_t)(quantity.value * 1000);
}

static enum config_rules_result
judge_timeout(const char *shown, const char *what, struct config_rules_finding *finding)
{
	int64_t ms = time_ms(shown);

	if (ms < 0)
		return CONFIG_RULES_NOT_JUDGED;
	if (ms == 0)
		return config_rules_say(finding, "0: %s is never noticed", what);
	if (ms > LONG_MS)
		return config_rules_say(finding, "%s, more than 5min: %s is noticed late", shown, what);
	return CONFIG_RULES_KEPT;
}

enum config_rules_result
config_timeout_receiver(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	return judge_timeout(
		facts->node->config.wal_receiver_timeout, "a primary that is gone without a word", finding);
}

enum config_rules_result
config_timeout_sender(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	return judge_timeout(facts->node->config.wal_sender_timeout,
		"a standby that is gone without a word, and that commits may wait for,", finding);
}

/* What Linux has where a setting is 0. A session over TCP tells what it really has, and one over a UNIX
 * socket 0. */
enum { SYSTEM_IDLE_S = 7200, SYSTEM_INTERVAL_S = 75, SYSTEM_COUNT = 9 };

static bool
is_tcp_known(const struct config_rules_facts *facts)
{
	return config_rules_is_file(facts) || facts->node->config.tcp_keepalives_idle > 0;
}

static int64_t
or_system(int64_t value, int64_t system)
{
	return value > 0 ? value : system;
}

enum config_rules_result
config_timeout_keepalives(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	const struct snapshot_config *config = &facts->node->config;
	int64_t interval_s = or_system(config->tcp_keepalives_interval, SYSTEM_INTERVAL_S);
	int64_t count = or_system(config->tcp_keepalives_count, SYSTEM_COUNT);
	int64_t idle_s = or_system(config->tcp_keepalives_idle, SYSTEM_IDLE_S);
	double total_s = (double)idle_s + (double)interval_s * (double)count;

	if (!is_tcp_known(facts))
		return CONFIG_RULES_NOT_JUDGED;
	if (total_s * 1000 <= LONG_MS)
		return CONFIG_RULES_KEPT;
	return config_rules_say(finding,
		"a client that is gone without a word keeps its session and its locks for %.0f minutes",
		total_s / 60);
}

enum config_rules_result
config_timeout_user(const struct config_rules_facts *facts, struct config_rules_finding *finding)
{
	int64_t ms = facts->node->config.tcp_user_timeout;

	if (!is_tcp_known(facts))
		return CONFIG_RULES_NOT_JUDGED;
	if (ms > 0 && ms <= LONG_MS)
		return CONFIG_RULES_KEPT;
	if (ms > LONG_MS)
		return config_rules_say(finding,
			"an answer to a client that is gone without a word is tried for %lld minutes",
			(long long)ms / 60000);
	return config_rules_say(finding,
		"0: an answer to a client that is gone without a word is tried for as long as the system "
		"does, some 15 minutes");
}
