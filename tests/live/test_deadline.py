"""-t bounds everything: what is no server, what never answers, what blocks where libpq knows no deadline.

Real servers that do not answer are in test_deadline_servers.py.
"""

import os

import pytest

import silent_names
from deadline import full_pipe, in_time, keeps
from programs import why_missing

import nodes  # these three are in tests/scripted; deadline.py opens the way
import peers
import wire

LEADER = "check_pg_leader"
each_check = pytest.mark.parametrize("program", [LEADER, "check_pg_replica"])


@pytest.fixture(autouse=True, scope="module")
def the_programs():
    assert not why_missing("plain"), why_missing("plain")


# --- no server at all -------------------------------------------------------------------------------------------------

GREETING = b"N" + wire.AUTH_OK + wire.parameters() + wire.key() + wire.ready()


@each_check
def test_port_that_accepts_and_never_speaks(build, program):
    with peers.Peer(peers.silent) as peer:
        keeps(build, program, peer.target, "timeout")


@each_check
def test_one_byte_a_second(build, program):
    """Each byte is right, so neither side has a reason to give up but the time."""
    with peers.Peer(peers.dribble(GREETING)) as peer:
        keeps(build, program, peer.target, "timeout", t=2.3)


def test_one_byte_each_20_ms(build):
    """Whoever grants a new wait for each byte is never in want of bytes."""
    with peers.Peer(peers.dribble(GREETING, 0.02)) as peer:
        keeps(build, LEADER, peer.target, "timeout")


@each_check
def test_http(build, program):
    with peers.Peer(peers.http_400) as peer:
        keeps(build, program, peer.target, "protocol")


@each_check
def test_listener_with_a_full_backlog(build, program):
    with peers.full_backlog() as target:
        keeps(build, program, target, "timeout")


@each_check
def test_silence_after_authentication(build, program):
    with wire.PgPeer(wire.Script(startup=[wire.AUTH_OK, wire.hold])) as peer:
        keeps(build, program, peer.target, "timeout")


@each_check
def test_silence_after_the_question(build, program):
    with wire.PgPeer(wire.Script(answer=lambda sql: [wire.raw(wire.hold)])) as peer:
        keeps(build, program, peer.target, "timeout")


def test_silence_in_the_tls_handshake(build):
    with wire.PgPeer(wire.Script(tls=b"S")) as peer:
        keeps(build, LEADER, peer.target, "timeout")


def test_work_without_end(build):
    """SCRAM lets the server choose how long the client computes, and libpq computes in one go."""
    with wire.PgPeer(wire.Script(startup=wire.scram_challenge(2_000_000_000))) as peer:
        keeps(build, LEADER, peer.target, "timeout", env={"PGPASSWORD": "secret"})


def test_whatever_timeout_is_short(build):
    with peers.Peer(peers.silent) as peer:
        for t in (0.05, 0.15, 0.3):
            keeps(build, LEADER, peer.target, "timeout", t=t)


# --- several waits are not several deadlines --------------------------------------------------------------------------

def test_connect_timeout_does_not_stretch_it(build):
    with peers.Peer(peers.silent) as peer:
        conninfo = f"host={peer.host} port={peer.port} connect_timeout=60"
        keeps(build, LEADER, ["-d", conninfo], "timeout")
        keeps(build, LEADER, peer.target, "timeout", env={"PGCONNECT_TIMEOUT": "60"})


def test_connect_timeout_does_not_shorten_it():
    """libpq's own applies to each host; ours is the one that was asked for."""
    with peers.Peer(peers.silent) as peer:
        conninfo = f"host={peer.host} port={peer.port} connect_timeout=1"
        outcome = keeps("plain", LEADER, ["-d", conninfo], "timeout", t=1.6)
        assert outcome.lasted > 1.4, outcome


@pytest.mark.parametrize("count", [2, 5, 20])
def test_several_silent_hosts(build, count):
    with peers.Peer(peers.silent) as one, peers.full_backlog() as other:
        ports = [one.port, other[3]] * count
        conninfo = f"host={','.join([peers.LOOPBACK] * count)} port={','.join(map(str, ports[:count]))}"
        keeps(build, LEADER, ["-d", conninfo], "timeout")
        keeps(build, LEADER, ["-d", conninfo + " target_session_attrs=primary connect_timeout=30"], "timeout")


@each_check
def test_good_host_behind_silent_ones(build, program):
    """Each host has its share of the time, so one that is silent does not hide the next."""
    with peers.Peer(peers.silent) as silent, wire.PgPeer(nodes.script(nodes.HEALTHY[program])) as good:
        conninfo = f"host={peers.LOOPBACK},{peers.LOOPBACK},{good.host} port={silent.port},{silent.port},{good.port}"
        keeps(build, program, ["-d", conninfo], None, t=6)


# --- a name server that never answers ---------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def no_names(tmp_path_factory):
    if reason := silent_names.why_missing():
        pytest.skip(reason)
    with silent_names.SilentNames(tmp_path_factory.mktemp("names")) as names:
        yield names.enter


@each_check
@pytest.mark.parametrize("target", [
    ["-H", "db1.example.org"], ["-d", "host=db1.example.org sslmode=disable connect_timeout=60"],
    ["-d", "postgresql://db1.example.org:5432,db2.example.org:5432,db3.example.org/postgres"],
], ids=["host", "conninfo", "three hosts"])
def test_name_server_that_never_answers(build, program, target, no_names):
    keeps(build, program, target, "timeout", preexec_fn=no_names)


def test_address_needs_no_name_server(build, no_names):
    keeps(build, LEADER, ["-H", "127.0.0.1", "-p", "1"], "down", preexec_fn=no_names)
    keeps(build, LEADER, ["-d", "host=db1.example.org hostaddr=127.0.0.1 port=1"], "down", preexec_fn=no_names)


NAMES = [f"http://db{number}.example.org:1" for number in (1, 2, 3)]


@pytest.mark.parametrize("program, option", [("check_dcs", "--endpoints"), ("check_patroni", "--url")])
def test_name_server_that_is_slow(build, program, option, tmp_path):
    """Several names, and several questions for each: all are looked up at once, and each name once."""
    if reason := silent_names.why_missing():
        pytest.skip(reason)
    with silent_names.SilentNames(tmp_path, delay=0.8) as names:
        keeps(build, program, [option, ",".join(NAMES)], "down", t=6, preexec_fn=names.enter)


@pytest.mark.parametrize("program, option", [("check_dcs", "--endpoints"), ("check_patroni", "--url")])
def test_name_server_that_never_answers_to_http(build, program, option, no_names):
    keeps(build, program, [option, ",".join(NAMES)], "timeout", preexec_fn=no_names)


# --- files and outputs that block -------------------------------------------------------------------------------------

@pytest.fixture
def fifo(tmp_path):
    """open() for reading waits for a writer, and nobody writes."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def test_service_file_that_blocks(build, fifo):
    keeps(build, LEADER, ["-d", "service=node"], "timeout", env={"PGSERVICEFILE": str(fifo)})


def test_password_file_that_blocks(build, fifo):
    """libpq passes over what is no plain file, so here the password is missing."""
    with wire.PgPeer(wire.Script(startup=[wire.AUTH_CLEARTEXT, wire.hold])) as peer:
        keeps(build, LEADER, ["-d", f"host={peer.host} port={peer.port} passfile={fifo}"], "setup")


def test_certificate_file_that_blocks(build, fifo):
    with wire.PgPeer(wire.Script(tls=b"S")) as peer:
        conninfo = f"host={peer.host} port={peer.port} sslmode=verify-ca sslrootcert={fifo}"
        keeps(build, LEADER, ["-d", conninfo], "timeout")


def test_replay_of_what_never_comes(build, fifo):
    keeps(build, LEADER, ["--replay", fifo], "timeout")
    read, write = os.pipe()
    with os.fdopen(read) as nothing, os.fdopen(write):
        keeps(build, LEADER, ["--replay", "-"], "timeout", stdin=nothing)


def test_record_that_nobody_takes(build, fifo):
    """The recording is in vain; the answer is not."""
    def judge(outcome):
        assert outcome.code == 2 and b"CRITICAL" in outcome.out, outcome
    with peers.refusing() as target:
        in_time(build, LEADER, [*target, "--record", fifo], judge)


@pytest.fixture
def full():
    read, write = full_pipe()
    with os.fdopen(read), os.fdopen(write, "wb") as pipe:
        yield pipe


@pytest.mark.parametrize("format_", ["nagios", "json", "http", "prometheus", "haproxy"])
def test_output_that_nobody_reads(build, full, format_):
    """The answer has nowhere to go; the exit code is in time, and a no."""
    def judge(outcome):
        assert outcome.code in (2, 3), outcome
    with peers.refusing() as target:
        in_time(build, LEADER, [*target, "-f", format_], judge, stdout=full)
    with peers.Peer(peers.silent) as peer:
        in_time(build, LEADER, [*peer.target, "-f", format_], judge, stdout=full)


def test_standard_error_that_nobody_reads(build, full):
    """keepalived's reason goes there."""
    def judge(outcome):
        assert outcome.code == 1, outcome
    with peers.refusing() as target:
        in_time(build, LEADER, [*target, "-f", "keepalived", "-v"], judge, stderr=full)
