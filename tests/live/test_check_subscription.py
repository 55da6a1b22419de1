"""check_pg_subscription against real servers: a publisher and a subscriber that are two clusters."""

from typing import NamedTuple

import pytest

import postgres
from programs import at
from sandbox import wait_for

FIRST_TO_COUNT_ERRORS = 15
FIRST_TO_COUNT_CONFLICTS = 18


class Pair(NamedTuple):
    publisher: postgres.Server
    subscriber: postgres.Server

    def conninfo(self):
        return f"host={self.publisher.host} port={self.publisher.port} user=pgha dbname=postgres"

    def write(self, first, last):
        self.publisher.sql("INSERT INTO thing SELECT i, repeat('x', 1000) FROM generate_series(%s, %s) i", (first, last))

    def wait_applied(self):
        """Until the subscriber has every row."""
        rows = self.publisher.value("SELECT count(*) FROM thing")
        self.subscriber.wait_until(f"SELECT count(*) = {rows} FROM thing", 90)


@pytest.fixture(scope="module")
def servers(installation):
    with postgres.Cluster(installation) as cluster:
        publisher = cluster.primary("publisher", settings={"wal_level": "logical"})
        subscriber = cluster.primary("subscriber", fresh=True)  # of another cluster
        for server in (publisher, subscriber):
            server.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor; CREATE ROLE plain LOGIN;"
                       "CREATE TABLE thing (id int PRIMARY KEY, filling text)")
        publisher.sql("CREATE PUBLICATION everything FOR ALL TABLES")
        subscriber.sql(f"CREATE SUBSCRIPTION orders CONNECTION 'host={publisher.host} port={publisher.port} "
                       "user=postgres dbname=postgres' PUBLICATION everything")
        subscriber.wait_until("SELECT count(*) = 1 FROM pg_catalog.pg_subscription_rel WHERE srsubstate = 'r'")
        yield Pair(publisher, subscriber)


@pytest.fixture
def pair(servers):
    """Shared by the tests of the module, which leave it as they found it, but for rows: each begins without any."""
    yield servers
    servers.publisher.sql("TRUNCATE thing")
    servers.wait_applied()


def settled(ask, state, *words, seconds=90):
    """The answer once it has that state and says these words: a worker that fails is started again and again."""
    answer = [None]

    def is_so():
        answer[0] = ask()
        return answer[0].state == state and all(word in answer[0].stdout for word in words)

    wait_for(is_so, f"{state} {words}", seconds, interval=0.05, detail=lambda: str(answer[0]))
    return answer[0]


# --- as it should be -------------------------------------------------------------------------------------------------

def test_both_sides_when_all_is_well(pair, check):
    pair.write(1, 10)
    pair.wait_applied()
    for user in ("pgha", "plain"):  # of subscriptions everybody may see what is asked
        good = check("check_pg_subscription", *at(pair.subscriber, user))
        assert good.stdout.startswith("PG SUBSCRIPTION OK - 1 of 1 subscription running, last message at most "), good
    measured = check("check_pg_subscription", *at(pair.subscriber), "--publisher", pair.conninfo(), "-c", "16MB")
    assert measured.state == "OK" and " behind |" in measured.stdout, measured
    published = check("check_pg_subscription", *at(pair.publisher))
    assert published.stdout.startswith("PG SUBSCRIPTION OK - 1 logical slot, 1 in use, at most "), published
    hidden = check("check_pg_subscription", *at(pair.publisher, "plain"))
    assert hidden.stdout.startswith("PG SUBSCRIPTION UNKNOWN - not permitted to see the WAL senders"), hidden


def test_names_and_databases(pair, check):
    absent = check("check_pg_subscription", *at(pair.subscriber), "--subscription", "invoices")
    assert absent.stdout.startswith('PG SUBSCRIPTION CRITICAL - subscription "invoices" does not exist |'), absent
    assert check("check_pg_subscription", *at(pair.subscriber), "--subscription", "o*").state == "OK"
    elsewhere = check("check_pg_subscription", *at(pair.subscriber), "-d", "template1")
    assert elsewhere.state == "OK", elsewhere
    assert 'the tables of 1 not seen (ask database "postgres")' in elsewhere.stdout, elsewhere


def test_bytes_without_a_publisher_are_not_known(pair, check):
    alone = check("check_pg_subscription", *at(pair.subscriber), "-c", "16MB")
    assert alone.stdout.startswith('PG SUBSCRIPTION UNKNOWN - lag of subscription "orders" in bytes not known: '), alone
    assert "--publisher" in alone.stdout, alone


# --- broken and mended -----------------------------------------------------------------------------------------------

def test_a_row_that_cannot_be_applied(pair, check, scratch):
    memory = ("--state", scratch / "looked")

    def subscriber(*options):
        return check("check_pg_subscription", *at(pair.subscriber), *options)

    def publisher():
        return check("check_pg_subscription", *at(pair.publisher))

    assert subscriber(*memory).state == "OK"
    pair.subscriber.sql("INSERT INTO thing VALUES (5000, 'in the way')")
    pair.write(5000, 5000)
    counted = ["so far"] if pair.subscriber.version >= FIRST_TO_COUNT_ERRORS else []
    settled(subscriber, "CRITICAL", 'the worker of subscription "orders" does not run', *counted)
    settled(publisher, "CRITICAL", 'no subscriber reads slot "orders"')

    pair.subscriber.sql("DELETE FROM thing WHERE id = 5000")
    pair.wait_applied()
    assert settled(publisher, "OK")
    settled(subscriber, "OK")
    if pair.subscriber.version >= FIRST_TO_COUNT_ERRORS:
        errors = subscriber(*memory)
        assert errors.state == "WARNING", errors
        assert ' of subscription "orders" since the last look |' in errors.stdout, errors
        again = subscriber(*memory)
        assert again.state == "OK", again
    pair.publisher.sql("DELETE FROM thing WHERE id = 5000")
    pair.wait_applied()


def test_a_row_that_is_missing(pair, check, scratch):
    if pair.subscriber.version < FIRST_TO_COUNT_CONFLICTS:
        pytest.skip("conflicts are counted from PostgreSQL 18 on")
    ask = (*at(pair.subscriber), "--state", scratch / "looked")
    pair.write(6000, 6000)
    pair.wait_applied()
    assert check("check_pg_subscription", *ask).state == "OK"
    counted = "SELECT confl_update_missing + confl_delete_missing FROM pg_catalog.pg_stat_subscription_stats"
    before = pair.subscriber.value(counted)
    pair.subscriber.sql("DELETE FROM thing WHERE id = 6000")
    pair.publisher.sql("UPDATE thing SET filling = 'y' WHERE id = 6000; DELETE FROM thing WHERE id = 6000")
    pair.wait_applied()
    pair.subscriber.wait_until(f"SELECT ({counted}) >= {before} + 2")
    conflict = check("check_pg_subscription", *ask)
    assert conflict.stdout.startswith('PG SUBSCRIPTION WARNING - 2 new conflicts of subscription "orders" since '
                                      "the last look |"), conflict
    assert check("check_pg_subscription", *ask).state == "OK"


def test_a_subscription_that_is_switched_off(pair, check):
    def subscriber(*options):
        return check("check_pg_subscription", *at(pair.subscriber), *options)

    pair.subscriber.sql("ALTER SUBSCRIPTION orders DISABLE")
    try:
        off = subscriber()
        assert off.stdout.startswith('PG SUBSCRIPTION CRITICAL - subscription "orders" is disabled'), off
        assert "ALTER SUBSCRIPTION orders ENABLE" in off.stdout, off
        assert subscriber("--disabled", "warning").state == "WARNING"
        settled(lambda: check("check_pg_subscription", *at(pair.publisher)), "CRITICAL", "no subscriber reads slot")
    finally:
        pair.subscriber.sql("ALTER SUBSCRIPTION orders ENABLE")
    settled(subscriber, "OK")


def test_the_publisher_goes_away(pair, check):
    def ask():
        return check("check_pg_subscription", *at(pair.subscriber), "--publisher", pair.conninfo())

    pair.publisher.stop()
    try:
        settled(ask, "CRITICAL", 'the worker of subscription "orders" does not run')
        # It is the subscriber that is asked about; but a limit in bytes cannot be kept now.
        limited = check("check_pg_subscription", *at(pair.subscriber), "--publisher", pair.conninfo(), "-c", "1GB")
        assert 'lag of subscription "orders" in bytes not known' in limited.stdout, limited
    finally:
        pair.publisher.start()
    settled(ask, "OK")


def test_an_apply_worker_that_waits_for_a_lock(pair, check):
    """The subscriber alone knows its silence only: neither of its positions moves."""
    pair.write(10000, 10010)
    pair.wait_applied()
    blocker = pair.subscriber.connect()
    try:
        with blocker.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE thing IN ACCESS EXCLUSIVE MODE")
        pair.write(20000, 22999)
        pair.subscriber.wait_until("SELECT count(*) = 1 FROM pg_catalog.pg_locks WHERE NOT granted")
        seen = pair.subscriber.sql("SELECT received_lsn, latest_end_lsn FROM pg_catalog.pg_stat_subscription")
        assert all(lsn < pair.publisher.lsn() for lsn in seen[0]), seen
        silent = settled(lambda: check("check_pg_subscription", *at(pair.subscriber), "-w", "500ms", "-c", "1s"),
                         "CRITICAL", 'time since the last message to subscription "orders" is ')
        assert "(critical above 1 s)" in silent.stdout, silent
        behind = check("check_pg_subscription", *at(pair.subscriber), "--publisher", pair.conninfo(), "-c", "1MB")
        # What was received may be on its way to be confirmed.
        assert behind.state == "CRITICAL" and 'subscription "orders" is ' in behind.stdout, behind
        lagging = check("check_pg_subscription", *at(pair.publisher), "-c", "1MB")
        assert lagging.stdout.startswith('PG SUBSCRIPTION CRITICAL - lag of slot "orders" is '), lagging
    finally:
        blocker.close()
    pair.wait_applied()
    pair.publisher.sql("DELETE FROM thing WHERE id BETWEEN 10000 AND 10010")
    pair.wait_applied()
    for ask in ((*at(pair.subscriber), "--publisher", pair.conninfo()), at(pair.publisher)):
        settled(lambda ask=ask: check("check_pg_subscription", *ask, "-c", "1MB"), "OK")


def test_a_table_that_cannot_be_copied(pair, check):
    def ask(*options):
        return check("check_pg_subscription", *at(pair.subscriber), *options)

    for server in pair:
        server.sql("CREATE TABLE late (id int PRIMARY KEY); INSERT INTO late VALUES (1)")
    pair.subscriber.sql("ALTER SUBSCRIPTION orders REFRESH PUBLICATION")
    try:
        settled(ask, "WARNING", '1 of 2 tables of subscription "orders" not copied yet')
        assert ask("--tables-not-ready", "critical").state == "CRITICAL"
        pair.subscriber.sql("DELETE FROM late")
        settled(ask, "OK")
    finally:
        for server in pair:
            server.sql("DROP TABLE late")
        pair.subscriber.sql("ALTER SUBSCRIPTION orders REFRESH PUBLICATION")


SLOW = """
CREATE TABLE large (id int PRIMARY KEY);
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_catalog.pg_advisory_xact_lock(1); RETURN NEW; END $$;
CREATE TRIGGER wait BEFORE INSERT ON large FOR EACH ROW EXECUTE FUNCTION wait();
ALTER TABLE large ENABLE ALWAYS TRIGGER wait;
"""


def test_a_copy_that_takes_its_time(pair, check):
    """The slot that it made is not in use meanwhile, and that is as it should be."""
    pair.publisher.sql("CREATE TABLE large (id int PRIMARY KEY); INSERT INTO large VALUES (1)")
    pair.subscriber.sql(SLOW)
    blocker = pair.subscriber.connect()
    try:
        with blocker.cursor() as cursor:
            cursor.execute("SELECT pg_catalog.pg_advisory_lock(1)")
        pair.subscriber.sql("ALTER SUBSCRIPTION orders REFRESH PUBLICATION")
        pair.publisher.wait_until("SELECT count(*) = 1 FROM pg_catalog.pg_replication_slots "
                                  "WHERE slot_name LIKE 'pg\\_%\\_sync\\_%' AND NOT active")
        for program in ("check_pg_subscription", "check_pg_slots"):
            copying = check(program, *at(pair.publisher))
            assert copying.state == "OK", copying
    finally:
        blocker.close()
        pair.subscriber.wait_until("SELECT count(*) = 0 FROM pg_catalog.pg_subscription_rel WHERE srsubstate <> 'r'")
        pair.publisher.sql("DROP TABLE large")
        pair.subscriber.sql("DROP TABLE large; DROP FUNCTION wait")
        pair.subscriber.sql("ALTER SUBSCRIPTION orders REFRESH PUBLICATION")


# --- wrong roles -----------------------------------------------------------------------------------------------------

def test_servers_that_the_question_does_not_apply_to(pair, check, build):
    with postgres.Cluster(pair.subscriber.installation) as cluster:
        alone = check("check_pg_subscription", *at(cluster.primary("alone"), "postgres"))
        assert alone.stdout.startswith("PG SUBSCRIPTION UNKNOWN - neither subscribes nor publishes |") \
            or alone.stdout.startswith("PG SUBSCRIPTION UNKNOWN - neither subscribes nor publishes\n"), alone
        standby = pair.subscriber.standby(f"standby-{build}")
        try:
            copied = check("check_pg_subscription", *at(standby))
            assert copied.state == "UNKNOWN", copied
            assert "standby: the subscriptions run on its primary" in copied.stdout, copied
            assert check("check_pg_subscription", *at(standby), "--wrong-role", "ok").state == "OK"
        finally:
            standby.release()
