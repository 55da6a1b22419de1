/* sample.h: plans from text, and what workers would have seen. */
#ifndef PGHA_TESTS_UNIT_AGENT_SAMPLE_H
#define PGHA_TESTS_UNIT_AGENT_SAMPLE_H

#include <stdio.h>
#include <string.h>

#include "checks/table.h"
#include "lib/agent/plan.h"
#include "lib/model/snapshot.h"

enum { SAMPLE_POSITION = 0x14000060 };

/* The plan of that text, which has to be a good one. */
static inline void
sample_plan(const char *text, struct plan *plan)
{
	struct err err;

	if (plan_read_text(text, "agent.ini", table_checks, plan, &err) != 0)
		fail_msg("%s (%s)", err.text, err.hint);
}

static inline size_t
sample_check(const struct plan *plan, const char *name)
{
	const struct plan_check *check = plan_find_check(plan, name);

	if (check == NULL)
		fail_msg("there is no check \"%s\"", name);
	return (size_t)(check - plan->checks);
}

static inline struct snapshot
sample_server(const char *target)
{
	struct snapshot snapshot;

	snapshot_init(&snapshot);
	snprintf(snapshot.target, sizeof snapshot.target, "%s", target);
	snapshot.taken_ms = 1700000000123;
	snapshot.elapsed_us = 1500;
	snapshot.server_version = 150004;
	snapshot_mark(&snapshot, SNAPSHOT_ROLE);
	snapshot_mark(&snapshot, SNAPSHOT_STANDBY);
	snapshot_mark(&snapshot, SNAPSHOT_IDENTITY);
	snapshot_mark(&snapshot, SNAPSHOT_SENDERS);
	snprintf(snapshot.identity.system_identifier, sizeof snapshot.identity.system_identifier, "%s",
		"7123456789012345678");
	snapshot.senders.total = 0;
	return snapshot;
}

/* Two of one start time are one server. */
static inline struct snapshot
sample_primary(const char *target, unsigned timeline, int64_t started_ms)
{
	struct snapshot snapshot = sample_server(target);

	snprintf(snapshot.role.wal_file, sizeof snapshot.role.wal_file, "%08X0000000000000014", timeline);
	snapshot.role.wal_lsn = SAMPLE_POSITION;
	snapshot.identity.started_ms = started_ms;
	return snapshot;
}

/* A standby called "n2" that streams and is so far behind. */
static inline struct snapshot
sample_standby(const char *target, int64_t behind_bytes)
{
	struct snapshot snapshot = sample_server(target);
	struct snapshot_standby *standby = &snapshot.standby;

	snapshot.role.in_recovery = true;
	snapshot.identity.started_ms = 1690000000000;
	standby->replay_lsn = SAMPLE_POSITION - (uint64_t)behind_bytes;
	standby->receive_lsn = standby->written_lsn = standby->latest_end_lsn = SAMPLE_POSITION;
	snprintf(standby->replay_pause, sizeof standby->replay_pause, "not paused");
	standby->replay_age_ms = 20;
	standby->receiver_pid = 77;
	snprintf(standby->receiver_status, sizeof standby->receiver_status, "streaming");
	standby->received_timeline = 3;
	standby->has_heard = true;
	standby->receipt_age_ms = 100;
	standby->receiver_timeout_ms = 60000;
	standby->apply_delay_ms = 0;
	snprintf(standby->sender_host, sizeof standby->sender_host, "db1");
	standby->sender_port = 5432;
	snprintf(standby->application, sizeof standby->application, "n2");
	return snapshot;
}

/* Gives a primary one more standby. */
static inline void
sample_sender(struct snapshot *primary, const char *application, const char *sync_state)
{
	struct snapshot_sender *sender = &primary->senders.rows[primary->senders.total++];

	sender->pid = 1000 + primary->senders.total;
	snprintf(sender->application, sizeof sender->application, "%s", application);
	snprintf(sender->address, sizeof sender->address, "10.0.0.12");
	snprintf(sender->state, sizeof sender->state, "streaming");
	snprintf(sender->sync_state, sizeof sender->sync_state, "%s", sync_state);
	sender->replay_lsn = SAMPLE_POSITION;
	sender->behind_bytes = 0;
	sender->replay_lag_ms = SNAPSHOT_NONE;
}

/* Nothing was obtained, for that reason. */
static inline struct snapshot
sample_fault(const char *target, enum err_class class, const char *text)
{
	struct snapshot snapshot;
	struct err fault;

	snapshot_init(&snapshot);
	snprintf(snapshot.target, sizeof snapshot.target, "%s", target);
	snapshot.taken_ms = 1700000000123;
	err_set(&fault, class, "%s", text);
	for (enum snapshot_part part = 0; part < SNAPSHOT_PART_COUNT; part++)
		snapshot_fail(&snapshot, part, &fault);
	return snapshot;
}

#endif
