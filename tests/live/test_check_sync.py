"""check_pg_sync says what the server does: who is waited for, whether a commit really blocks, and how long it has."""

import time
from collections import Counter
from contextlib import contextmanager

import psycopg2
import pytest
from psycopg2.extras import LogicalReplicationConnection

import installations
import postgres
import programs
from programs import at
from sandbox import wait_for

NOT_SETTLED = "the WAL senders do not go by this synchronous_standby_names (yet)"
COMMIT = "SELECT pg_catalog.pg_logical_emit_message(true, 'test', 'x')"  # a commit record and no table


def rename(standby, name):
    """Lets a standby stream under another application_name."""
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    standby.configure(primary_conninfo=f"host={standby.upstream.host} port={standby.upstream.port} user=postgres "
                                       f"application_name='{quoted}'")


def wait_names(primary, *names):
    """Until exactly these stream from it."""
    wait_for(lambda: streaming(primary) == sorted(names), f"{names} to stream", detail=lambda: streaming(primary))


def streaming(primary):
    return sorted(row[0] for row in primary.sql(
        "SELECT application_name FROM pg_catalog.pg_stat_replication WHERE state = 'streaming' AND flush_lsn IS NOT NULL"))


class Commit:
    """A session that commits, and may be held up.  It is let go at the end, whatever became of it."""

    def __init__(self, primary, level):
        self.primary = primary
        self.connection = psycopg2.connect(host=primary.socket_dir, port=primary.port, dbname="postgres",
                                           user="postgres", options=f"-c synchronous_commit={level}", async_=True)
        wait_for(self.is_done, "a session")
        self.pid = self.connection.info.backend_pid
        self.cursor = self.connection.cursor()  # the connection alone does not keep it
        self.cursor.execute(COMMIT)

    def is_done(self):
        return self.connection.poll() == psycopg2.extensions.POLL_OK

    def is_waiting(self):
        return self.primary.sql("SELECT wait_event FROM pg_catalog.pg_stat_activity WHERE pid = %s",
                                [self.pid]) == [("SyncRep",)]

    def close(self):
        if not self.is_done():
            self.primary.sql("SELECT pg_catalog.pg_terminate_backend(%s)", [self.pid])
            self.primary.wait_until(f"SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE pid = {self.pid})")
        self.connection.close()


@contextmanager
def commit(primary, level="on"):
    session = Commit(primary, level)
    try:
        yield session
    finally:
        session.close()


@contextmanager
def held_up_commit(primary, level="on"):
    with commit(primary, level) as session:
        wait_for(session.is_waiting, "a commit to wait for a standby")
        yield session


# --- the same view as the server's -----------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def cluster(installation):
    """A primary and three standbys, n2, n3 and "42"."""
    with postgres.Cluster(installation) as servers:
        primary = servers.primary()
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        for name in ("n2", "n3", "42"):
            servers.standby(primary, name)
        yield servers


def views(result):
    """What the check says and is not in the figures: (name, state) of each sender."""
    found = Counter()
    for reason in result.json()["reasons"]:
        state, colon, names = reason["text"].partition(": ")
        if colon and state in ("sync", "quorum", "potential", "async"):
            found.update((name, state) for name in names.split(", "))
    return found


def is_settled(result):
    return result.code != 3 and NOT_SETTLED not in [reason["text"] for reason in result.json()["reasons"]]


def look(primary, *options):
    """The check's answer, when the WAL senders have taken up what was reloaded."""
    seen = [None]

    def ask():
        seen[0] = programs.check("check_pg_sync", *at(primary), "-f", "json", *options)
        return is_settled(seen[0])

    wait_for(ask, "the WAL senders to take up the setting, and the check to agree with them",
             detail=lambda: f"{seen[0]}\n{server_view(primary)}")
    return seen[0]


def server_view(primary):
    return Counter(primary.sql("SELECT application_name, sync_state FROM pg_catalog.pg_stat_replication"))


def assert_blocks(primary, blocks):
    """Whether a commit really blocks."""
    if not blocks:
        with commit(primary) as session:
            wait_for(session.is_done, "a commit that need not wait")
        return
    with held_up_commit(primary) as session:
        waiting = look(primary)
        assert waiting.json()["metrics"]["waiting_sessions"]["value"] == 1, waiting
        time.sleep(0.2)  # what only takes its time is over by then
        assert not session.is_done(), waiting


def assert_same_view(primary, value):
    primary.configure(synchronous_standby_names="")
    primary.wait_until("SELECT pg_catalog.max(sync_priority) = 0 FROM pg_catalog.pg_stat_replication")
    primary.configure(synchronous_standby_names=value)
    result = look(primary)
    assert views(result) == server_view(primary), result
    figures = {name: metric["value"] for name, metric in result.json()["metrics"].items()}
    assert figures["margin"] == figures["streaming"] - figures["required"], result
    blocks = "commits block" in result.json()["summary"]
    assert (figures["margin"] < 0) == blocks == (result.state == "CRITICAL"), result
    assert_blocks(primary, blocks)


VALUES = {
    "42": ["n2", "n2,n3", "n3, n2", "FIRST 1 (n2, n3)", "first 2 (n3, n2, 42)", "2 (n2, 42)", "3(n2,n3,42)",
           "ANY 1 (n2, n3)", "Any 2 (n2, n3, 42)", "any 3 (*)", "FIRST 4 (*)", "ANY 4 (n2, n3, 42)", "*", '"*"',
           "n3, *", "*, n3", "42", "42, n2", "2 (42, *)", "N2", '"N3" , n2', "FIRST 1 (n2, n2)", "ANY 2 (n2, N2)",
           "FIRST 5 (n2)", "absent", "absent, n3", "ANY 1 (absent, n3)", "ANY 2 (absent, n3)", '""',
           'FIRST 1 ("", n2)', '"n2 "', "ANY 4294967297 (n2)"],
    'No de"4': ["n2", '"No de""4"', 'ANY 2 (n2, "NO DE""4")', 'FIRST 2 ("No de""4", n2, n3)', '"No de4"'],
    "N2": ["n2", "FIRST 2 (n2)", "ANY 2 (n2, n3)", "FIRST 3 (N2, n3)", "FIRST 4 (n2, n3)", "ANY 1 (n3)"],
}


@pytest.mark.parametrize("third", VALUES)
def test_the_check_sees_what_the_server_does(cluster, installation, third):
    primary, standby = cluster.servers[0], cluster.servers[3]
    rename(standby, third)
    wait_names(primary, "n2", "n3", third)
    try:
        for value in installations.share(VALUES[third], installation):
            assert_same_view(primary, value)
    finally:
        primary.configure(synchronous_standby_names=None)


def test_off_is_off(cluster):
    primary = cluster.servers[0]
    primary.configure(synchronous_standby_names="")
    off = programs.check("check_pg_sync", *at(primary))
    assert (off.state, "synchronous replication is off" in off.stdout) == ("CRITICAL", True), off
    allowed = programs.check("check_pg_sync", *at(primary), "--allow-async")
    assert allowed.state == "OK", allowed
    assert_blocks(primary, False)


# --- situations ------------------------------------------------------------------------------------------------------

shared = pytest.mark.xdist_group("check_sync-situations")


class Pair:
    """A primary and the standbys n2 and n3."""

    def __init__(self, servers):
        self.primary = servers.primary()
        self.primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor; CREATE ROLE plain LOGIN")
        self.n2 = servers.standby(self.primary, "n2")
        self.n3 = servers.standby(self.primary, "n3")


@pytest.fixture(scope="module")
def servers(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        yield Pair(cluster)


@pytest.fixture
def pair(servers):
    """Both stream when a test begins, and are waited for as it says."""
    wait_names(servers.primary, "n2", "n3")
    yield servers
    servers.primary.configure(synchronous_standby_names=None, synchronous_commit=None)


@pytest.fixture
def ask(check):
    """The check, asked until the senders have taken up what was set."""
    def ask_until(state, server, *options, user="pgha", **keywords):
        seen = [None]

        def is_so():
            seen[0] = check("check_pg_sync", *at(server, user), *options, **keywords)
            return seen[0].state == state

        wait_for(is_so, f"check_pg_sync to be {state}", interval=0.05, detail=lambda: str(seen[0]))
        return seen[0]
    return ask_until


@shared
def test_good(pair, ask):
    pair.primary.configure(synchronous_standby_names="ANY 1 (n2, n3)")
    good = ask("OK", pair.primary, "-w", "1:")
    assert good.stdout.startswith("PG SYNC OK - needs 1 of (n2, n3), 2 streaming, quorum: n2, n3 | required=1 "
                                  "streaming=2 margin=1;1: waiting_sessions=0 waiting_seconds=0s"), good


@shared
def test_a_standby_lost_with_one_to_spare_and_without(pair, ask):
    pair.primary.configure(synchronous_standby_names="ANY 1 (n2, n3)")
    ask("OK", pair.primary, "-w", "1:")
    pair.n3.stop()
    try:
        warned = ask("WARNING", pair.primary, "-w", "1:")
        assert "without n3 the margin before commits block is 0 (warning below 1)" in warned.stdout, warned
        told = ask("OK", pair.primary)
        assert "the next loss blocks commits, quorum: n2, not connected: n3" in told.stdout, told
        pair.n2.kill()
        blocked = ask("CRITICAL", pair.primary)
        assert "commits block: needs 1 of (n2, n3), 0 streaming, not connected: n2, n3" in blocked.stdout, blocked
        with held_up_commit(pair.primary) as session:
            waited_for = ask("CRITICAL", pair.primary)
            assert "1 session waits, for up to " in waited_for.stdout, waited_for
            assert "synchronous_standby_names = ''" in waited_for.stdout, "what to do about it"
            pair.n2.start()
            wait_for(session.is_done, "the standby's word")
        ask("OK", pair.primary)
    finally:
        if not pair.n2.is_running():
            pair.n2.start()
        pair.n3.start()
    wait_names(pair.primary, "n2", "n3")
    ask("OK", pair.primary, "-w", "1:")


@shared
def test_a_number_that_no_standby_can_satisfy(pair, ask):
    pair.primary.configure(synchronous_standby_names="FIRST 5 (n2)")
    never = ask("CRITICAL", pair.primary)
    assert "needs the first 5 of (n2), 1 streaming, that can never be: it asks for 5 and names 1" in never.stdout, never


@shared
def test_replay_paused_while_commits_wait_for_it(pair, ask):
    """The server sees nothing wrong: the standby streams, and its lag in time stands still."""
    pair.primary.configure(synchronous_standby_names="n2", synchronous_commit="remote_apply")
    ask("OK", pair.primary)
    pair.n2.sql("SELECT pg_catalog.pg_wal_replay_pause()")
    try:
        with held_up_commit(pair.primary, "remote_apply") as session:
            held = ask("CRITICAL", pair.primary, "--max-wait", "300ms")
            assert ("commits are held up by n2 (synchronous_commit is remote_apply): the longest wait of 1 session is "
                    in held.stdout), held
            assert "pg_wal_replay_resume" in held.stdout, held
            ask("OK", pair.primary, "--max-wait", "10min")
            pair.n2.sql("SELECT pg_catalog.pg_wal_replay_resume()")
            wait_for(session.is_done, "the standby's word")
    finally:
        pair.n2.sql("SELECT pg_catalog.pg_wal_replay_resume()")
    ask("OK", pair.primary, "--max-wait", "1ms")


@shared
def test_a_frozen_standby(pair, ask):
    pair.primary.configure(synchronous_standby_names="FIRST 1 (n2, n3)")
    ask("OK", pair.primary)
    pair.n2.freeze()
    try:
        with held_up_commit(pair.primary) as session:
            held = ask("CRITICAL", pair.primary, "--max-wait", "300ms")
            assert "commits are held up by n2 (synchronous_commit is on)" in held.stdout, held
            pair.n2.thaw()
            wait_for(session.is_done, "the standby's word")
    finally:
        pair.n2.thaw()
    ask("OK", pair.primary, "--max-wait", "1ms")


@contextmanager
def logical_subscriber(primary, name):
    """One that takes changes and says that it has them, under an application_name of its own."""
    receiver = psycopg2.connect(host=primary.socket_dir, port=primary.port, dbname="postgres", user="postgres",
                                application_name=name, connection_factory=LogicalReplicationConnection)
    cursor = receiver.cursor()
    cursor.execute(f"CREATE_REPLICATION_SLOT {name} TEMPORARY LOGICAL pgoutput")
    cursor.start_replication(slot_name=name, options={"proto_version": 1, "publication_names": "everything"},
                             decode=False)

    def confirm():
        cursor.read_message()
        cursor.send_feedback(flush_lsn=cursor.wal_end, apply_lsn=cursor.wal_end, force=True)
    try:
        yield confirm
    finally:
        cursor.close()
        receiver.close()


def test_a_logical_subscriber_is_waited_for_like_a_standby(any_installation, ask):
    with postgres.Cluster(any_installation) as servers:
        primary = servers.primary(settings={"wal_level": "logical"})
        primary.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor; CREATE PUBLICATION everything FOR ALL TABLES")
        with logical_subscriber(primary, "sub1") as confirm:
            primary.configure(synchronous_standby_names="*")

            def is_synchronous():
                confirm()
                return server_view(primary) == Counter([("sub1", "sync")])

            wait_for(is_synchronous, "the subscriber to be synchronous", detail=lambda: server_view(primary))
            good = ask("OK", primary)
            assert "needs the first 1 of (*), 1 streaming: the next loss blocks commits, sync: sub1 (logical)" \
                in good.stdout, good
            with held_up_commit(primary) as session:
                held = ask("CRITICAL", primary, "--max-wait", "300ms")
                assert "commits are held up by sub1 (logical)" in held.stdout, held

                def is_done():
                    confirm()
                    return session.is_done()

                wait_for(is_done, "the subscriber's word")
        gone = ask("CRITICAL", primary)
        assert "commits block: needs the first 1 of (*), 0 streaming" in gone.stdout, gone


# --- commits that do not wait ----------------------------------------------------------------------------------------

@shared
@pytest.mark.parametrize("level", ["local", "off"])
def test_commits_that_do_not_wait(pair, ask, level):
    pair.primary.configure(synchronous_standby_names="n2", synchronous_commit=level)
    weak = ask("CRITICAL", pair.primary)
    assert f"commits do not wait for a standby: synchronous_commit is {level}" in weak.stdout, weak
    allowed = ask("OK", pair.primary, "--allow-async")
    assert "which is allowed, needs the first 1 of (n2), 1 streaming" in allowed.stdout, allowed


OWN = {
    "role": ("ALTER ROLE pgha SET synchronous_commit = {}", "ALTER ROLE pgha RESET ALL"),
    "database": ("ALTER DATABASE postgres SET synchronous_commit = {}", "ALTER DATABASE postgres RESET ALL"),
    "role in database": ("ALTER ROLE pgha IN DATABASE postgres SET synchronous_commit = {}",
                         "ALTER ROLE pgha IN DATABASE postgres RESET ALL"),
}


@shared
@pytest.mark.parametrize("level, server_level", [("local", "on"), ("on", "local")])
@pytest.mark.parametrize("whose", OWN)
def test_a_level_of_the_checks_own_hides_the_servers(pair, ask, whose, level, server_level):
    pair.primary.configure(synchronous_standby_names="n2", synchronous_commit=server_level)
    ask("OK", pair.primary, "--allow-async")
    change, back = OWN[whose]
    pair.primary.sql(change.format(level))
    try:
        own = ask("UNKNOWN", pair.primary, "-f", "json")
        assert own.json()["fault"]["class"] == "setup", own
        assert f"the role or database of this check has its own, {level}" in own.json()["summary"], own
    finally:
        pair.primary.sql(back)
    ask("OK" if server_level == "on" else "CRITICAL", pair.primary)


@shared
def test_a_level_of_all_roles_is_the_servers(pair, ask):
    pair.primary.configure(synchronous_standby_names="n2")
    ask("OK", pair.primary)
    pair.primary.sql("ALTER ROLE ALL SET synchronous_commit = local")
    try:
        assert "synchronous_commit is local" in ask("CRITICAL", pair.primary).stdout
    finally:
        pair.primary.sql("ALTER ROLE ALL RESET ALL")
    ask("OK", pair.primary)


@shared
def test_options_of_the_connection(pair, check, ask):
    """PGOPTIONS changes nothing; what a connection string says cannot be told from the server's level."""
    pair.primary.configure(synchronous_standby_names="n2")
    ask("OK", pair.primary)
    weaker = "-c synchronous_commit=off"
    assert check("check_pg_sync", *at(pair.primary), env={"PGOPTIONS": weaker}).state == "OK"
    own = check("check_pg_sync", *at(pair.primary), "-d", f"dbname=postgres options='{weaker}'")
    assert (own.state, "has its own, off" in own.stdout) == ("UNKNOWN", True), own


# --- privileges ------------------------------------------------------------------------------------------------------

@shared
def test_what_a_plain_role_may_not_see_is_not_called_good(pair, check, ask):
    pair.primary.configure(synchronous_standby_names="n2")
    ask("OK", pair.primary)
    plain = check("check_pg_sync", *at(pair.primary, "plain"), "-f", "json")
    assert (plain.state, plain.json()["fault"]["class"], plain.json()["answer"]) == ("UNKNOWN", "setup", "no"), plain
    assert "not permitted to see" in plain.json()["summary"], plain
    assert "pg_monitor" in plain.json()["hint"], plain


@shared
def test_sessions_that_a_plain_role_may_not_see(pair, ask):
    """Without standbys nothing of theirs is hidden; that commits block is then no secret."""
    pair.n2.stop()
    pair.n3.stop()
    try:
        pair.primary.configure(synchronous_standby_names="n2")
        pair.primary.wait_until("SELECT pg_catalog.count(*) = 0 FROM pg_catalog.pg_stat_replication")
        with held_up_commit(pair.primary):
            blocked = ask("CRITICAL", pair.primary, "-v", user="plain")
            assert "commits block: needs the first 1 of (n2), 0 streaming" in blocked.stdout, blocked
            assert "not permitted to see how many sessions wait" in blocked.stdout, blocked
            assert "waiting_sessions=U" in blocked.stdout, blocked
    finally:
        pair.n2.start()
        pair.n3.start()


# --- asked of a standby ----------------------------------------------------------------------------------------------

def conninfo(server):
    return f"host={server.host} port={server.port} user=pgha"


@shared
def test_a_standby_and_its_primary(pair, check, ask):
    pair.primary.configure(synchronous_standby_names="FIRST 1 (n3, n2)")
    ask("OK", pair.primary)
    alone = check("check_pg_sync", *at(pair.n3))
    assert (alone.state, "only its primary knows" in alone.stdout) == ("UNKNOWN", True), alone
    assert check("check_pg_sync", *at(pair.n3), "--wrong-role", "ok").state == "OK"
    where = f"{pair.primary.host}:{pair.primary.port}"
    for standby, state in ((pair.n3, "sync"), (pair.n2, "potential")):
        told = check("check_pg_sync", *at(standby), "--primary", conninfo(pair.primary))
        assert told.state == "OK", told
        assert f"this standby is {state} to {where}, needs the first 1 of (n3, n2)" in told.stdout, told
    pair.primary.configure(synchronous_standby_names="n4")
    blocked = ask("CRITICAL", pair.n3, "--primary", conninfo(pair.primary))
    assert "commits block: needs the first 1 of (n4), 0 streaming, not connected: n4" in blocked.stdout, blocked


@shared
def test_what_is_called_the_primary_and_is_not(pair, check):
    standby = check("check_pg_sync", *at(pair.n3), "--primary", conninfo(pair.n2))
    assert (standby.state, "is a standby" in standby.stdout) == ("UNKNOWN", True), standby
    nobody = check("check_pg_sync", *at(pair.n3), "--primary", "host=127.0.0.1 port=1 user=pgha", "-f", "json")
    assert (nobody.state, nobody.json()["fault"]["class"]) == ("CRITICAL", "down"), nobody


@shared
def test_a_primary_of_another_cluster(any_installation, pair, check):
    with postgres.Cluster(any_installation) as others:
        stranger = others.primary(fresh=True)
        stranger.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        foreign = check("check_pg_sync", *at(pair.n3), "--primary", conninfo(stranger))
        assert (foreign.state, "is of another cluster" in foreign.stdout) == ("UNKNOWN", True), foreign
