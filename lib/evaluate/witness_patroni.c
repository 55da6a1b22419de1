#include "lib/evaluate/witness_patroni.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/evaluate/judge.h"
#include "lib/model/lsn.h"

/* Of the microseconds, one side's are rounded to milliseconds, and the other's are cut. */
enum { START_TOLERANCE_MS = 1 };

/* Room for a name in quotes and some words. */
enum { WORDS_SIZE = 160 };

/* -- of whom it speaks ------------------------------------------------------------------------- */

static bool
is_told_both(const struct snapshot *node)
{
	return snapshot_has(node, SNAPSHOT_IDENTITY) && node->patroni.system_identifier[0] != '\0';
}

static bool
is_other_cluster(const struct snapshot *node)
{
	return is_told_both(node)
		&& strcmp(node->patroni.system_identifier, node->identity.system_identifier) != 0;
}

static bool
is_start_told(const struct snapshot *node)
{
	return snapshot_has(node, SNAPSHOT_IDENTITY) && node->patroni.started_ms != SNAPSHOT_NONE
		&& node->identity.started_ms != SNAPSHOT_NONE;
}

static bool
is_other_start(const struct snapshot *node)
{
	int64_t difference_ms;

	if (!is_start_told(node))
		return false;
	difference_ms = node->patroni.started_ms - node->identity.started_ms;
	return difference_ms > START_TOLERANCE_MS || difference_ms < -START_TOLERANCE_MS;
}

bool
witness_patroni_is_same_server(const struct snapshot *node)
{
	return is_told_both(node) && is_start_told(node) && !is_other_cluster(node) && !is_other_start(node);
}

/* A primary has one timeline, and PostgreSQL tells Patroni the same as us. */
static bool
is_other_timeline(const struct snapshot *node)
{
	return !witness_patroni_is_same_server(node) && !node->role.in_recovery
		&& strcmp(node->patroni.role, "primary") == 0 && node->patroni.timeline != SNAPSHOT_NONE
		&& node->patroni.timeline != (int64_t)lsn_timeline(node->role.wal_file);
}

bool
witness_patroni_is_stranger(const struct snapshot *node)
{
	return is_other_cluster(node) || is_other_start(node) || is_other_timeline(node);
}

bool
witness_patroni_judge_identity(
	const struct snapshot *node, const struct policy *policy, struct verdict *verdict)
{
	const struct snapshot_patroni *patroni = &node->patroni;
	char who[sizeof patroni->name + 32];
	struct text text;
	struct err fault;

	if (!witness_patroni_is_stranger(node))
		return true;
	text_init(&text, who, sizeof who);
	if (patroni->name[0] != '\0')
		text_add(&text, " (its member \"%s\")", patroni->name);
	if (is_other_cluster(node))
		err_set(&fault, ERR_SETUP,
			"Patroni speaks of another cluster: its system identifier is %s, and here it is %s",
			patroni->system_identifier, node->identity.system_identifier);
	else if (is_other_start(node))
		err_set(&fault, ERR_SETUP,
			"Patroni speaks of another server%s, which was started at another time than this one",
			who);
	else
		err_set(&fault, ERR_SETUP, "Patroni speaks of another server%s, which is on timeline %lld",
			who, (long long)patroni->timeline);
	err_hint(&fault, "is the URL that of this node's own Patroni?");
	judge_fault(verdict, policy, &fault);
	return false;
}

/* -- the lock ---------------------------------------------------------------------------------- */

/* `, which "n2" holds`; empty where that is not known. */
static const char *
holder(const struct snapshot_patroni *patroni, char to[WORDS_SIZE])
{
	struct text text;

	text_init(&text, to, WORDS_SIZE);
	if (patroni->leader[0] != '\0' && strcmp(patroni->leader, patroni->name) != 0)
		text_add(&text, ", which \"%s\" holds", patroni->leader);
	else if (patroni->is_unlocked)
		text_add(&text, ", which nobody is seen to hold");
	return to;
}

/* In a pause without its store, Patroni calls a leader whom PostgreSQL calls a primary, lock or not. */
static bool
is_by_role_alone(const struct snapshot_patroni *patroni)
{
	return patroni->is_paused && patroni->is_unlocked;
}

/* A member that is being demoted may hold the lock still, and gives it away. */
static bool
is_leader(const struct snapshot_patroni *patroni)
{
	return patroni->has_lock && strcmp(patroni->role, "demoted") != 0;
}

enum witness_right
witness_patroni_right(const struct snapshot *node)
{
	if (!snapshot_has(node, SNAPSHOT_PATRONI) || witness_patroni_is_stranger(node)
		|| is_by_role_alone(&node->patroni))
		return WITNESS_RIGHT_UNKNOWN;
	return is_leader(&node->patroni) ? WITNESS_RIGHT_HERE : WITNESS_RIGHT_ELSEWHERE;
}

static void
judge_locked(const struct snapshot_patroni *patroni, struct verdict *verdict)
{
	if (is_by_role_alone(patroni)) {
		judge_reason(verdict, STATE_WARNING,
			"Patroni is paused, sees no leader lock, and goes by PostgreSQL's role alone");
		judge_hint(verdict,
			"is its store (DCS) reachable from here? while it is paused it promotes nobody");
		return;
	}
	/* Before 3.2 it does not tell the member's name. */
	if (patroni->name[0] != '\0')
		judge_reason(verdict, STATE_OK, "holds Patroni's leader lock as \"%s\"", patroni->name);
	else
		judge_reason(verdict, STATE_OK, "holds Patroni's leader lock of \"%s\"", patroni->scope);
	if (patroni->is_failsafe)
		judge_reason(verdict, STATE_OK, "Patroni's failsafe mode is active: its store (DCS) is away");
}

void
witness_patroni_judge_state(const struct snapshot_patroni *patroni, struct verdict *verdict)
{
	static const char *const usual[] = {"", "running", "starting", "restarting"};

	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		if (strcmp(patroni->state, usual[i]) == 0)
			return;
	/* It says so where its own query failed. */
	if (strcmp(patroni->state, "unknown") == 0)
		judge_reason(verdict, STATE_WARNING, "Patroni cannot query PostgreSQL");
	else
		judge_reason(
			verdict, STATE_WARNING, "Patroni says that PostgreSQL is \"%s\"", patroni->state);
	judge_hint(verdict, "PostgreSQL answers here: see Patroni's log");
}

/*
 * A primary without the lock may have been replaced already, and what is written to it is lost then. Patroni
 * takes the lock before it promotes: where it still sees a replica, its word is a moment older than the
 * server's, or somebody else promoted it.
 */
static void
judge_unlocked(const struct snapshot_patroni *patroni, struct verdict *verdict)
{
	char words[WORDS_SIZE];

	if (strcmp(patroni->role, "demoted") == 0) {
		judge_reason(verdict, STATE_CRITICAL,
			"primary without Patroni's leader lock%s: Patroni is demoting it",
			holder(patroni, words));
	} else if (strcmp(patroni->role, "replica") == 0) {
		judge_reason(verdict, STATE_CRITICAL,
			"primary, but to Patroni a replica without the leader lock%s",
			holder(patroni, words));
		judge_hint(verdict,
			"normal for the moment of a promotion or demotion; if it stays so, it was promoted "
			"behind Patroni's back, or the URL is another node's");
	} else {
		judge_reason(verdict, STATE_CRITICAL,
			"split brain suspected: primary without Patroni's leader lock%s",
			holder(patroni, words));
		judge_hint(verdict,
			"let nobody write here; Patroni is to demote it: see its log and patronictl list. If "
			"Patroni is stuck, stop PostgreSQL on this node");
	}
}

void
witness_patroni_judge_primary(
	const struct snapshot *node, const struct policy *policy, struct verdict *verdict)
{
	const struct snapshot_patroni *patroni = &node->patroni;

	if (!witness_patroni_judge_identity(node, policy, verdict))
		return;
	if (!is_leader(patroni)) {
		judge_unlocked(patroni, verdict);
		return;
	}
	judge_locked(patroni, verdict);
	if (strcmp(patroni->role, "replica") == 0)
		judge_reason(verdict, STATE_OK, "Patroni has not seen its promotion yet");
	witness_patroni_judge_state(patroni, verdict);
}

/* -- standbys ---------------------------------------------------------------------------------- */

/* Why a standby is not the leader, with what Patroni knows of it. */
static void
describe_standby(const struct snapshot *node, struct text *text)
{
	const struct snapshot_patroni *patroni = &node->patroni;

	text_add(text, "standby, not the leader");
	if (!snapshot_has(node, SNAPSHOT_PATRONI) || witness_patroni_is_stranger(node))
		return;
	if (patroni->has_lock && strcmp(patroni->role, "standby_leader") == 0)
		text_add(text, " of a primary cluster, but of a standby cluster");
	else if (patroni->has_lock)
		text_add(text, " yet: holds Patroni's leader lock, and is to be promoted");
	else if (patroni->leader[0] != '\0')
		text_add(text, ", which is \"%s\"", patroni->leader);
}

static void
judge_not_leader(const struct snapshot *node, const struct policy *policy, struct verdict *verdict)
{
	char storage[WORDS_SIZE];
	struct text text;

	text_init(&text, storage, sizeof storage);
	describe_standby(node, &text);
	judge_wrong_role(verdict, policy, storage);
}

/* Only Patroni knows of a standby cluster, so without its word no standby leads one. */
static void
judge_not_told(const struct snapshot *node, const struct policy *policy, struct verdict *verdict)
{
	const struct err *fault = &node->faults[SNAPSHOT_PATRONI];
	char storage[sizeof fault->text + WORDS_SIZE];
	struct text text;

	if (fault->class == ERR_USAGE) {
		judge_fault(verdict, policy, fault);
		return;
	}
	text_init(&text, storage, sizeof storage);
	if (fault->class == ERR_NONE) {
		text_add(&text, "standby, and nobody is asked whether it leads a standby cluster");
	} else {
		text_add(&text,
			"standby, and Patroni could not be asked whether it leads a standby cluster (%s)",
			fault->text);
	}
	judge_wrong_role(verdict, policy, storage);
	if (fault->class == ERR_NONE)
		judge_hint(verdict, "--standby-leader needs Patroni's word: --patroni URL");
}

bool
witness_patroni_judge_standby(const struct snapshot *node, bool accepts_standby_leader,
	const struct policy *policy, struct verdict *verdict)
{
	const struct snapshot_patroni *patroni = &node->patroni;

	if (!accepts_standby_leader) {
		judge_not_leader(node, policy, verdict);
		return false;
	}
	if (!snapshot_has(node, SNAPSHOT_PATRONI)) {
		judge_not_told(node, policy, verdict);
		return false;
	}
	if (!witness_patroni_judge_identity(node, policy, verdict))
		return false;
	/* One that holds the lock and is a mere replica is on its way to be a primary. */
	if (!patroni->has_lock || strcmp(patroni->role, "standby_leader") != 0) {
		judge_not_leader(node, policy, verdict);
		return false;
	}
	judge_reason(verdict, STATE_OK, "leader of a standby cluster");
	judge_locked(patroni, verdict);
	witness_patroni_judge_state(patroni, verdict);
	return true;
}
