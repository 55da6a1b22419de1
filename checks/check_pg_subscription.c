/*
 * check_pg_subscription: do logical subscriptions run, without errors, caught up?
 *
 * On a subscriber its subscriptions, on a publisher its logical slots and senders, on a server that is both,
 * both. A subscriber does not know where its publisher is: see lib/evaluate/subscription.h.
 */
#include "lib/collect/facets.h"
#include "lib/evaluate/judge.h"
#include "lib/evaluate/publications.h"
#include "lib/evaluate/subscriptions.h"
#include "lib/model/check.h"

struct subscription_check_limits {
	struct policy policy;
	struct limit warning;
	struct limit critical;
	enum state disabled;
	enum state not_ready;
	char only[1024];
};

static void
judge_subscriber(const struct snapshot *snapshots, size_t count,
	const struct subscription_check_limits *limits, struct verdict *verdict)
{
	const struct subscription_limits subscription = {.policy = &limits->policy,
		.warning = &limits->warning,
		.critical = &limits->critical,
		.disabled = limits->disabled,
		.not_ready = limits->not_ready};

	subscriptions_judge(snapshots, count, &subscription, limits->only, verdict);
}

static void
judge_publisher(const struct snapshot *snapshot, const struct subscription_check_limits *limits,
	struct verdict *verdict)
{
	const struct publications_limits publications = {.policy = &limits->policy,
		.warning = &limits->warning,
		.critical = &limits->critical,
		.unused = limits->disabled};

	publications_judge(snapshot, &publications, verdict);
}

static void
evaluate(const struct snapshot *snapshots, size_t count, const void *limits_data, struct verdict *verdict)
{
	const struct subscription_check_limits *limits = limits_data;
	const struct snapshot *snapshot = &snapshots[0];
	bool is_named = limits->only[0] != '\0';
	/* A standby has the subscriptions of its primary in the catalog, and runs none. */
	bool is_subscriber = !snapshot->role.in_recovery && (snapshot->subscriptions.total > 0 || is_named);
	bool is_publisher = !is_named && publications_are_there(snapshot);

	if (is_subscriber)
		judge_subscriber(snapshots, count, limits, verdict);
	if (is_publisher)
		judge_publisher(snapshot, limits, verdict);
	if (is_subscriber || is_publisher)
		return;
	if (snapshot->subscriptions.total > 0)
		judge_wrong_role(verdict, &limits->policy, "standby: the subscriptions run on its primary");
	else
		judge_wrong_role(verdict, &limits->policy, "neither subscribes nor publishes");
}

#define SUBSCRIPTION_UNITS (1U << UNIT_BYTES | 1U << UNIT_SECONDS)

static const struct setting settings[] = {
	{.name = "warning",
		.letter = 'w',
		.type = SETTING_LIMIT,
		SETTING_AT(struct subscription_check_limits, warning),
		.initial = "512MB",
		.argument = "RANGE",
		.help
		= "WARNING when a subscription is outside RANGE: bytes (16MB) behind its publisher, which "
		  "only that knows, so on a publisher or with --publisher; time (60s) without a message, of "
		  "which an idle publisher sends one each half of wal_receiver_timeout",
		.accepted = SUBSCRIPTION_UNITS,
		.plain = UNIT_BYTES},
	{.name = "critical",
		.letter = 'c',
		.type = SETTING_LIMIT,
		SETTING_AT(struct subscription_check_limits, critical),
		.initial = "1GB",
		.argument = "RANGE",
		.help = "CRITICAL likewise; give either option twice to limit both",
		.accepted = SUBSCRIPTION_UNITS,
		.plain = UNIT_BYTES},
	{.name = "subscription",
		.type = SETTING_LIST,
		SETTING_AT(struct subscription_check_limits, only),
		.argument = "NAME",
		.help
		= "look at these subscriptions only, and not at what the server publishes; wildcards: s*; "
		  "CRITICAL when there is none"},
	{.name = "disabled",
		.type = SETTING_STATE,
		SETTING_AT(struct subscription_check_limits, disabled),
		.initial = "critical",
		.argument = "STATE",
		.help = "the state of a subscription that is disabled (by hand, or by an error where "
			"disable_on_error is set), and on a publisher of a logical slot that nobody reads"},
	{.name = "tables-not-ready",
		.type = SETTING_STATE,
		SETTING_AT(struct subscription_check_limits, not_ready),
		.initial = "warning",
		.argument = "STATE",
		.help
		= "the state while tables are not copied yet; only those of the database connected to (-d) "
		  "can be seen"},
	{.name = "wrong-role",
		.type = SETTING_STATE,
		SETTING_AT(struct subscription_check_limits, policy.wrong_role),
		.initial = "unknown",
		.argument = "STATE",
		.help = "the state of a server that neither subscribes nor publishes, or is a subscriber's "
			"standby"},
};

static const struct facet *const facets[] = {
	&facet_role, &facet_subscriptions, &facet_senders, &facet_slots, &facet_identity, NULL};

const struct check check_pg_subscription = {
	.name = "pg_subscription",
	.title = "PG SUBSCRIPTION",
	.summary = "do logical subscriptions run, without errors, caught up?",
	.example = "check_pg_subscription -H 10.0.0.21 -d shop --state /var/lib/pgha/shop\n"
		   "check_pg_subscription -H 10.0.0.21 -c 1GB --publisher host=10.0.0.11\n",
	.facets = facets,
	.settings = settings,
	.setting_count = sizeof settings / sizeof settings[0],
	.limits_size = sizeof(struct subscription_check_limits),
	.second = CHECK_PUBLISHER,
	.has_memory = true,
	.evaluate = evaluate,
};
