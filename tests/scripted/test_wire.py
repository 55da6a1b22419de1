"""Both checks against what is no PostgreSQL server, or one that refuses or breaks off.

Each case names the class that a user must see; the state and the exit code follow from it.
"""

import struct

import pytest

import nodes
import peers
import wire
from expect import SHORT, T, ask, each_check, fault_is, word_of
from launch import launch


def cases(table):
    return pytest.mark.parametrize(("play", "wanted"), [pytest.param(*case, id=name) for name, case in table.items()])


# --- health: what the rest is measured against ------------------------------------------------------------------------

@each_check
def test_healthy(program):
    with wire.PgPeer(nodes.script(nodes.HEALTHY[program])) as peer:
        assert word_of(launch(program, *peer.target)) == "OK"
        startup = peer.startups[0]
        assert startup[b"database"] == b"postgres"
        assert b"pg" in startup[b"application_name"], "the server's log must tell who asked"


@each_check
def test_healthy_over_a_unix_socket(program, tmp_path):
    with wire.PgPeer(nodes.script(nodes.HEALTHY[program]), unix_dir=tmp_path) as peer:
        assert word_of(launch(program, *peer.target)) == "OK"


@each_check
def test_server_that_reads_slowly(program):
    script = nodes.script(nodes.HEALTHY[program])
    script.slowly = 0.0005
    with wire.PgPeer(script, receive_buffer=2048) as peer:
        assert word_of(launch(program, *peer.target, "-t", "60s", timeout=90)) == "OK"


@each_check
def test_notices_are_nobodys_business(program):
    noise = wire.notice("a notice\x1b[31m | with\ncontrol characters")
    node = nodes.HEALTHY[program]
    script = wire.Script(startup=[wire.AUTH_OK, noise, *wire.welcome()[1:]], answer=nodes.answers(
        node, lambda names, values: wire.table(names, values, then=[noise, wire.complete()])))
    with wire.PgPeer(script) as peer:
        outcome = launch(program, *peer.target)
        assert word_of(outcome) == "OK"
        assert b"notice" not in outcome.out


# --- no PostgreSQL there ----------------------------------------------------------------------------------------------

@each_check
def test_refused(program):
    with peers.refusing() as target:
        fault_is(program, target, "down", *T)


@each_check
def test_no_such_socket(program, tmp_path):
    fault_is(program, ["-H", tmp_path, "-p", "5432"], "down", *T)


NOT_POSTGRES = {
    "closes at once": (peers.close_at_once, "down"),
    "resets at once": (peers.reset_at_once, "down"),
    "resets after the first packet": (peers.reset_after_hello, "down"),
    "http": (peers.http_400, "protocol"),
    "smtp": (peers.blurt(b"220 mail.example.org ESMTP Postfix\r\n"), "protocol"),
    "ssh": (peers.blurt(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), "protocol"),
    "mysql": (peers.blurt(b"\x4a\0\0\0\x0a8.0.36\0" + bytes(60)), "protocol"),
    "redis": (peers.say(b"-ERR unknown command\r\n"), "protocol"),
    "tls alert": (peers.say(b"\x15\x03\x01\x00\x02\x02\x28", then=peers.close_at_once), "protocol"),
    "garbage": (peers.say(bytes(range(255, -1, -1)) * 40), "protocol"),
    "endless garbage": (peers.endless(bytes(range(128, 256))), "protocol"),
    "silent": (peers.silent, "timeout"),
    "offers tls and falls silent": (peers.say(b"S"), "timeout"),
}


@each_check
@cases(NOT_POSTGRES)
def test_not_postgres(program, play, wanted):
    with peers.Peer(play) as peer:
        fault_is(program, peer.target, wanted, *(SHORT if wanted == "timeout" else T))


@each_check
@pytest.mark.parametrize("name", ["http", "smtp", "ssh", "mysql", "redis"])
def test_not_postgres_without_tls(program, name):
    """Here the answer meets libpq where it expects an authentication request."""
    play, wanted = NOT_POSTGRES[name]
    with peers.Peer(play) as peer:
        fault_is(program, ["-d", f"host={peer.host} port={peer.port} sslmode=disable"], wanted, *T)


@each_check
def test_tls_demanded_and_not_offered(program):
    with wire.PgPeer() as peer:
        fault_is(program, ["-d", f"host={peer.host} port={peer.port} sslmode=require"], "setup", *T)


# --- refused at the start of the session ------------------------------------------------------------------------------

STARTUP = {
    "starting up": ("57P03", "the database system is starting up", "", "down"),
    "hot standby disabled": ("57P03", "the database system is not accepting connections",
                             "Hot standby mode is disabled.", "down"),
    "not yet consistent": ("57P03", "the database system is not yet accepting connections",
                           "Consistent recovery state has not been yet reached.", "down"),
    "shutting down": ("57P03", "the database system is shutting down", "", "down"),
    "crash recovery": ("57P03", "the database system is in recovery mode", "", "down"),
    "too many clients": ("53300", "sorry, too many clients already", "", "full"),
    "slots reserved": ("53300", "remaining connection slots are reserved for non-replication superuser connections",
                       "", "full"),
    "wrong password": ("28P01", 'password authentication failed for user "pgha"', "", "setup"),
    "no pg_hba entry": ("28000", 'no pg_hba.conf entry for host "127.0.0.1"', "", "setup"),
    "no database": ("3D000", 'database "postgres" does not exist', "", "setup"),
    "no CONNECT privilege": ("42501", 'permission denied for database "postgres"',
                             "User does not have CONNECT privilege.", "setup"),
    "admin shutdown": ("57P01", "terminating connection due to administrator command", "", "down"),
    "crash of another backend": ("57P02", "terminating connection because of crash of another server process",
                                 "The postmaster has commanded this server process to roll back.", "down"),
    "connection failure": ("08006", "connection failure", "", "down"),
    "pooler without server": ("08P01", "server login has been failing, try again later", "", "down"),
}


@each_check
@pytest.mark.parametrize("case", STARTUP)
def test_refused_at_startup(program, case):
    sqlstate, text, detail, wanted = STARTUP[case]
    refusal = wire.fatal(sqlstate, text, **({"D": detail} if detail else {}))
    _, answer = ask(program, wire.Script(startup=[refusal]), wanted, *T)
    assert text.split('"')[0].strip() in answer["fault"]["text"], "the server's own words must be there"
    if case == "hot standby disabled":
        assert detail.rstrip(".") in answer["fault"]["text"], "only the detail tells this from a start"


@each_check
def test_refused_after_authentication(program):
    """The slots are counted after the authentication, the database is opened after it."""
    for sqlstate, wanted in (("53300", "full"), ("3D000", "setup"), ("57P03", "down")):
        ask(program, wire.Script(startup=[wire.AUTH_OK, wire.fatal(sqlstate, "no")]), wanted, *T)


@each_check
@pytest.mark.parametrize(("real", "imitated", "wanted"), [("28P01", "53300", "setup"), ("53300", "28P01", "full")])
def test_message_that_imitates_a_code(program, real, imitated, wanted):
    """The class comes from the SQLSTATE, never from words that somebody else chose (a role's or a database's name)."""
    text = f'role "x:  {imitated}: y" does not exist\nFATAL:  {imitated}: z'
    ask(program, wire.Script(startup=[wire.fatal(real, text, D=f"FATAL:  {imitated}: detail")]), wanted, *T)


@each_check
@pytest.mark.parametrize("wanted", [wire.AUTH_CLEARTEXT, wire.AUTH_MD5, wire.AUTH_SCRAM], ids=["clear", "md5", "scram"])
def test_password_wanted_and_none_given(program, wanted, tmp_path):
    with wire.PgPeer(wire.Script(startup=[wanted, wire.hold])) as peer:
        fault_is(program, peer.target, "setup", *T, env={"PGPASSFILE": str(tmp_path / "none")})


@each_check
def test_password_wanted_and_given(program):
    node = nodes.HEALTHY[program]
    for wanted, sent in ((wire.AUTH_CLEARTEXT, b"right\0"), (wire.AUTH_MD5, wire.md5_answer("pgha", "right"))):
        script = nodes.script(node)
        script.startup = wire.ask_password(wanted, script.startup, sent)
        with wire.PgPeer(script) as peer:
            assert word_of(launch(program, *peer.target, "-U", "pgha", env={"PGPASSWORD": "right"})) == "OK"


STARTUP_BREAKS = {
    "closes after the authentication": ([wire.AUTH_OK, peers.close_at_once], "down"),
    "resets after the authentication": ([wire.AUTH_OK, peers.Talk.reset], "down"),
    "silent after the authentication": ([wire.AUTH_OK, wire.hold], "timeout"),
    "silent after the parameters": (wire.welcome()[:-1] + [wire.hold], "timeout"),
    "half a message": ([wire.AUTH_OK[:5], wire.hold], "timeout"),
    "half a message, then closes": ([wire.AUTH_OK[:5], peers.close_at_once], "down"),
    "unknown message": ([wire.AUTH_OK, wire.message(b"y", b"what"), wire.hold], "protocol"),
    "authentication of absurd length": ([b"R" + struct.pack("!I", 1 << 30) + bytes(64), wire.hold], "protocol"),
    "no SASL mechanism that we know": ([wire.authentication(10, b"NONSENSE-512\0\0"), wire.hold], "setup"),
}


@each_check
@cases(STARTUP_BREAKS)
def test_startup_breaks_off(program, play, wanted):
    ask(program, wire.Script(startup=play), wanted, *(SHORT if wanted == "timeout" else T),
        env={"PGPASSWORD": "secret"})


# --- errors in answer to the question ---------------------------------------------------------------------------------

QUERY_ERRORS = {
    "permission": ("42501", "setup"), "missing function": ("42883", "setup"), "missing table": ("42P01", "setup"),
    "statement timeout": ("57014", "timeout"), "admin shutdown": ("57P01", "down"), "crash": ("57P02", "down"),
    "no slot behind a pooler": ("53300", "full"), "no server behind a pooler": ("08P01", "down"),
    "connection failure": ("08006", "down"), "recovering": ("57P03", "down"),
}


@each_check
@pytest.mark.parametrize("case", QUERY_ERRORS)
def test_question_refused(program, case):
    sqlstate, wanted = QUERY_ERRORS[case]
    ask(program, wire.Script(answer=lambda sql: [wire.failure(sqlstate, "because")]), wanted, *T)


@each_check
@pytest.mark.parametrize(("sqlstate", "wanted"), [("57P01", "down"), ("57P02", "down"), ("42501", "setup")])
def test_question_refused_and_closed(program, sqlstate, wanted):
    """What the server said last counts, not that it closed after it."""
    script = wire.Script(answer=lambda sql: [wire.raw(wire.fatal(sqlstate, "because"), peers.close_at_once)])
    ask(program, script, wanted, *T)
