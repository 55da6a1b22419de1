#include "lib/agent/plan.h"

#include <string.h>

#include "lib/agent/plan_rows.h"
#include "lib/base/text.h"
#include "lib/run/settings.h"

static void
write_header(const char *word, const char *name, struct text *text)
{
	text_add(text, "%s[%s%s%s]\n", text->length > 0 ? "\n" : "", word, name[0] != '\0' ? " " : "", name);
}

static void
write_check(const struct plan_check *check, bool is_documented, struct text *text)
{
	struct settings_group groups[PLAN_ROWS_CHECK_GROUPS];

	if (check->check->has_section && strcmp(check->name, check->check->name) == 0)
		write_header(check->name, "", text);
	else
		write_header("check", check->name, text);
	plan_rows_list_check((struct plan_check *)check, groups);
	for (size_t i = 0; i < PLAN_ROWS_CHECK_GROUPS; i++)
		settings_write_section(&groups[i], is_documented, text);
}

static void
write_group(const char *word, const char *name, const struct settings_group *group, bool is_documented,
	struct text *text)
{
	write_header(word, name, text);
	settings_write_section(group, is_documented, text);
}

/* Sections of which there is none by default, shown as comments. */
static const char examples[]
	= "\n; Another node of the cluster, a section each. With peers, a stale primary is found out, and "
	  "/sync,\n"
	  "; /async and /quorum can be answered: only the primary knows who is synchronous.\n"
	  ";[peer n2]\n"
	  ";conninfo = host=10.0.0.12 user=pgha passfile=/etc/pgha/pgpass\n"
	  "\n; The manager of the cluster: this node is the leader only if it agrees. [repmgr] and "
	  "[pg_auto_failover],\n"
	  "; with a conninfo, likewise. Its settings are those of check_patroni; the first url is this "
	  "node's own.\n"
	  ";[patroni]\n"
	  ";url = http://10.0.0.11:8008, http://10.0.0.12:8008, http://10.0.0.13:8008\n"
	  "\n; What else is to be watched, with the settings of check_dcs, check_pgbouncer, check_pgpool; "
	  "with a name, "
	  "more than one.\n"
	  ";[dcs]\n"
	  ";endpoints = http://10.0.0.11:2379, http://10.0.0.12:2379, http://10.0.0.13:2379\n"
	  ";scope = demo\n"
	  ";[pgbouncer]\n"
	  ";conninfo = host=127.0.0.1 port=6432 dbname=pgbouncer user=pgha passfile=/etc/pgha/pgpass\n"
	  ";[pgpool reads]\n"
	  ";conninfo = host=127.0.0.1 port=9999 user=pgha passfile=/etc/pgha/pgpass\n"
	  "\n; A question of one's own, asked as /check/reporting, agent-send \"reporting\\n\" or pgha-ask "
	  "reporting.\n"
	  ";[check reporting]\n"
	  ";check = pg_replica\n"
	  ";critical = 1GB\n"
	  "\n; A file for keepalived, which tracks it with \"weight 0 reverse\".\n"
	  ";[track_file leader]\n"
	  ";file = /run/pgha/leader.track\n";

void
plan_write(const struct plan *plan, bool is_documented, struct text *text)
{
	struct settings_group agent = plan_rows_of_agent((struct plan_agent *)&plan->agent);
	struct settings_group listen = plan_rows_of_listen((struct plan_listen *)&plan->listen);

	write_group("agent", "", &agent, is_documented, text);
	for (size_t i = 0; i < plan->target_count; i++) {
		struct settings_group target = plan_rows_of_target((struct plan_target *)&plan->targets[i]);

		write_group(i == 0 ? "postgres" : "peer", i == 0 ? "" : plan->targets[i].name, &target,
			is_documented, text);
	}
	write_group("listen", "", &listen, is_documented, text);
	for (size_t i = 0; i < plan->check_count; i++)
		write_check(&plan->checks[i], is_documented, text);
	for (size_t i = 0; i < plan->track_count; i++) {
		struct settings_group track = plan_rows_of_track((struct plan_track *)&plan->tracks[i]);

		write_group("track_file", plan->tracks[i].name, &track, is_documented, text);
	}
	if (is_documented)
		text_add(text, "%s", examples);
}
