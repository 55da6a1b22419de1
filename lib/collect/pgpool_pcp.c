#include "lib/collect/pgpool_pcp.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

/* One pgpool-II of the watchdog's cluster. */
struct member {
	char name[96];
	char state[32];
	bool is_counted; /* it was not taken out of the cluster (4.3 and later) */
};

/* A line, cut at its colon. */
struct line {
	char name[64];
	char value[128];
};

/* Takes the line at `*text`, which moves behind it. False: there is no more. */
static bool
take_line(const char **text, struct line *ret)
{
	size_t length = strcspn(*text, "\n"), name_length = strcspn(*text, ":\n");
	char raw[256];

	if (**text == '\0')
		return false;
	snprintf(raw, sizeof raw, "%.*s", (int)(name_length < sizeof raw ? name_length : sizeof raw), *text);
	text_clean(ret->name, sizeof ret->name, raw);
	raw[0] = '\0';
	if (name_length < length)
		snprintf(raw, sizeof raw, "%.*s",
			(int)(length < sizeof raw ? length - name_length - 1 : sizeof raw),
			*text + name_length + 1);
	text_clean(ret->value, sizeof ret->value, raw);
	*text += length + ((*text)[length] == '\n');
	return true;
}

static bool
is_named(const struct line *line, const char *name)
{
	return strcmp(line->name, name) == 0;
}

/* Whether a pgpool-II in that state takes part, or is about to. */
static bool
is_alive(const char *state)
{
	static const char *const dead[] = {
		"DEAD", "IN NETWORK TROUBLE", "LOST", "NETWORK ISOLATION", "SHUTDOWN"};

	for (size_t i = 0; i < sizeof dead / sizeof dead[0]; i++)
		if (strcmp(state, dead[i]) == 0)
			return false;
	return state[0] != '\0';
}

/* Counts a pgpool-II that was read; the first is the one that was asked. */
static void
end_member(const struct member *member, struct snapshot_pgpool *pgpool)
{
	if (member->name[0] == '\0')
		return;
	if (pgpool->watchdog_state[0] == '\0')
		text_clean(pgpool->watchdog_state, sizeof pgpool->watchdog_state,
			strcmp(member->state, "MASTER") == 0 ? "LEADER" : member->state);
	if (!member->is_counted)
		return;
	pgpool->watchdog_total++;
	if (is_alive(member->state))
		pgpool->watchdog_nodes++;
	else if (pgpool->watchdog_lost[0] == '\0')
		text_clean(pgpool->watchdog_lost, sizeof pgpool->watchdog_lost, member->name);
}

static void
take_member(const struct line *line, struct member *member)
{
	if (is_named(line, "Status Name"))
		text_clean(member->state, sizeof member->state, line->value);
	else if (is_named(line, "Membership Status"))
		member->is_counted = strcmp(line->value, "MEMBER") == 0;
}

static void
take_cluster(const struct line *line, struct snapshot_pgpool *pgpool)
{
	if (is_named(line, "Quorum state"))
		text_clean(pgpool->watchdog_quorum, sizeof pgpool->watchdog_quorum, line->value);
	else if ((is_named(line, "Leader Node Name") || is_named(line, "Master Node Name"))
		&& strcmp(line->value, "Not Set") != 0 && strcmp(line->value, "Not_Set") != 0)
		text_clean(pgpool->watchdog_leader, sizeof pgpool->watchdog_leader, line->value);
}

int
pgpool_pcp_read(const char *text, struct snapshot_pgpool *pgpool, struct err *err)
{
	struct member member = {.is_counted = true};
	struct snapshot_pgpool read = *pgpool;
	struct line line;

	read.watchdog_nodes = read.watchdog_total = 0;
	while (take_line(&text, &line)) {
		if (is_named(&line, "Node Name")) {
			end_member(&member, &read);
			member = (struct member){.is_counted = true};
			text_clean(member.name, sizeof member.name, line.value);
		} else if (member.name[0] != '\0') {
			take_member(&line, &member);
		} else {
			take_cluster(&line, &read);
		}
	}
	end_member(&member, &read);
	if (read.watchdog_quorum[0] == '\0' || read.watchdog_state[0] == '\0')
		return err_set(err, ERR_PROTOCOL, "it is not what pcp_watchdog_info -v writes");
	*pgpool = read;
	return 0;
}

void
pgpool_pcp_explain(const char *complaint, struct err *err)
{
	bool is_labelled = text_starts(complaint, "ERROR:") || text_starts(complaint, "FATAL:");
	const char *said = is_labelled ? complaint + strlen("ERROR:") : complaint;

	said += strspn(said, " ");
	if (text_starts(said, "connection to ")) {
		err_set(err, ERR_DOWN, "%s", said);
		err_hint(err, "does pgpool listen for PCP there? see pcp_port and pcp_listen_addresses");
		return;
	}
	err_set(err, ERR_SETUP, "%s", said[0] == '\0' ? "pcp_watchdog_info does not say why" : said);
	err_hint(err,
		"see --pcp-user, and its password in ~/.pcppass, or the file that PCPPASSFILE names (mode "
		"0600)");
}
