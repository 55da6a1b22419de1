#include "lib/evaluate/patroni_member.h"

#include <stdlib.h>
#include <string.h>

int64_t
patroni_member_count(const struct snapshot_patroni_cluster *cluster)
{
	return cluster->total < SNAPSHOT_PATRONI_CLUSTER_MAX ? cluster->total : SNAPSHOT_PATRONI_CLUSTER_MAX;
}

bool
patroni_member_is_leader(const struct snapshot_patroni_member *member)
{
	return strcmp(member->role, "leader") == 0 || strcmp(member->role, "standby_leader") == 0
		|| strcmp(member->role, "promoted") == 0; /* after 4.1 */
}

bool
patroni_member_is_listed(const struct snapshot_patroni_member *member)
{
	return strcmp(member->role, "unlisted") != 0;
}

bool
patroni_member_is_silent(const struct snapshot_patroni_member *member)
{
	return member->fault[0] != '\0' && !member->is_unheard;
}

/* Patroni stops in modes that end all sessions first. One that could not be stopped may live. */
bool
patroni_member_is_down(const struct snapshot_patroni_member *member)
{
	static const char *const states[] = {"stopping", "stopped", "crashed", "start failed"};

	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
		if (strcmp(member->state, states[i]) == 0)
			return true;
	return false;
}

/* "3.0.2" is before 3.0.4, where replication_state came; so is whatever is no version. */
bool
patroni_member_tells_replication(const char *version)
{
	static const long since[] = {3, 0, 4};

	for (size_t i = 0; i < 3; i++) {
		char *end;
		unsigned long part = strtoul(version, &end, 10);

		if (end == version || part != (unsigned long)since[i])
			return end != version && part > (unsigned long)since[i];
		version = *end == '.' ? end + 1 : end;
	}
	return true;
}

static bool
all_spoke(const struct snapshot_patroni_cluster *cluster)
{
	for (int64_t i = 0; i < patroni_member_count(cluster); i++)
		if (!cluster->rows[i].is_asked)
			return false;
	return true;
}

/* Whether it is called by a name of its own, and not by its place, as where neither it nor a view tells one.
 */
static bool
has_name(const struct snapshot_patroni_member *member)
{
	const char *place = strstr(member->api_url, "://");

	return place == NULL || strcmp(place + strlen("://"), member->name) != 0;
}

static bool
streams(const struct snapshot_patroni_cluster *cluster, const struct snapshot_patroni_member *member,
	struct text *why)
{
	if (strcmp(member->state, "streaming") == 0 || strcmp(member->sender_state, "streaming") == 0)
		return true;
	if (member->sender_state[0] != '\0')
		text_add(why, "%s does not stream, the state of its sender is \"%s\"", member->name,
			member->sender_state);
	else if (patroni_member_tells_replication(member->version)
		|| (has_name(member) && all_spoke(cluster)))
		text_add(why, "%s runs and does not stream", member->name);
	else
		return true;
	return false;
}

static bool
is_in_state(const struct snapshot_patroni_cluster *cluster, const struct snapshot_patroni_member *member,
	bool allow_archive, struct text *why)
{
	const char *state = member->state;

	if (strcmp(state, "in archive recovery") == 0) {
		if (!allow_archive)
			text_add(why, "%s restores from the archive and does not stream", member->name);
		return allow_archive;
	}
	if (strcmp(state, "running") == 0 || strcmp(state, "streaming") == 0)
		return streams(cluster, member, why);
	text_add(why, "the state of %s is \"%s\"", member->name, state[0] == '\0' ? "unknown" : state);
	return false;
}

static bool
is_on_timeline(const struct snapshot_patroni_member *member, const struct snapshot_patroni_member *ahead,
	struct text *why)
{
	bool is_leader;

	if (ahead == NULL || ahead->timeline == SNAPSHOT_NONE || member->timeline == SNAPSHOT_NONE
		|| member->timeline == ahead->timeline)
		return true;
	is_leader = ahead->has_lock || patroni_member_is_leader(ahead);
	text_add(why, "%s is on timeline %lld, %s on %lld", member->name, (long long)member->timeline,
		is_leader ? "the leader" : ahead->name, (long long)ahead->timeline);
	return false;
}

bool
patroni_member_replicates(const struct snapshot_patroni_cluster *cluster,
	const struct snapshot_patroni_member *member, const struct snapshot_patroni_member *ahead,
	bool allow_archive, struct text *why)
{
	if (member->fault[0] != '\0' && !member->is_asked) {
		text_add(why,
			patroni_member_is_silent(member) ? "Patroni of %s does not answer: %s"
							 : "%s could not be asked itself: %s",
			member->name, member->fault);
		return false;
	}
	return is_in_state(cluster, member, allow_archive, why) && is_on_timeline(member, ahead, why);
}
