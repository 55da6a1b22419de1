"""The process that HAProxy, keepalived and monitoring systems start: what they do to it, and what they rely on."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

import nodes
import peers
import programs
import wire
from expect import CHECKS, each_check, word_of
from launch import SANITIZED, launch

LEADER = CHECKS[0]
# For a build with sanitizers: the search for leaks needs a thread, and finds glibc's own where LOCPATH is set.
NO_LEAK_SEARCH = {"ASAN_OPTIONS": "detect_leaks=0"}


@pytest.fixture
def primary():
    with wire.PgPeer(nodes.script(nodes.PRIMARY)) as peer:
        yield peer


@contextlib.contextmanager
def never_answers(play=peers.silent):
    with peers.Peer(play) as peer:
        yield peer.target


# --- descriptors ------------------------------------------------------------------------------------------------------

def closing(*descriptors):
    def close():
        for fd in descriptors:
            os.close(fd)
    return close


@each_check
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)], ids=str)
def test_started_with_closed_descriptors(program, closed):
    """HAProxy does that. The socket must not become descriptor 1 or 2: the peer finds whatever is no protocol in it."""
    with wire.PgPeer(nodes.script(nodes.HEALTHY[program])) as peer:
        for args in ([], ["-v", "-v"], ["-f", "keepalived", "-v"], ["-f", "json"]):
            assert launch(program, *peer.target, *args, preexec_fn=closing(*closed)).code == 0
        assert len(peer.startups) == 4
    refusal = [wire.AUTH_OK, wire.notice("to stderr?"), wire.fatal("57P03", "the database system is starting up")]
    with wire.PgPeer(wire.Script(startup=refusal)) as peer:
        assert launch(program, *peer.target, "-v", preexec_fn=closing(*closed)).code == 2


@pytest.mark.parametrize("option", ["--help", "--version", "--nonsense"])
def test_usage_with_closed_descriptors(option):
    assert launch(LEADER, option, preexec_fn=closing(0, 1, 2)).code == 3


def test_record_with_closed_descriptors(primary, tmp_path):
    """The file must not be descriptor 1, or the summary ends up in the snapshot."""
    recorded = tmp_path / "snapshot"
    assert launch(LEADER, *primary.target, "--record", recorded, preexec_fn=closing(0, 1, 2)).code == 0
    assert launch(LEADER, "--replay", recorded).code == 0
    assert b"PG LEADER" not in recorded.read_bytes()


# --- an output that takes nothing -------------------------------------------------------------------------------------

@pytest.mark.parametrize("format_", ["nagios", "json", "http", "prometheus", "plain", "haproxy", "keepalived"])
def test_disk_full(primary, format_):
    """Nobody can read the answer, so it cannot be a yes; where the exit code is the whole answer, it still is."""
    with open("/dev/full", "wb") as full:
        outcome = launch(LEADER, *primary.target, "-f", format_, stdout=full)
    assert outcome.code == (0 if format_ == "keepalived" else 3), outcome


def test_reader_of_the_output_is_gone(primary):
    """With SIGPIPE at its default and ignored: by code or by signal, a no stays a no."""
    for ignored in (False, True):
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "wb") as pipe, peers.refusing() as target:
            outcome = launch(LEADER, *target, stdout=pipe, restore_signals=not ignored)
        assert outcome.code in (2, 3, -signal.SIGPIPE), outcome


@pytest.mark.parametrize("ignored", [False, True], ids=["SIGPIPE default", "SIGPIPE ignored"])
def test_server_that_is_gone_when_spoken_to(ignored):
    def serve(talk):
        talk.read(8)
        talk.send(b"N")
        talk.reset()
    with peers.Peer(serve) as peer:
        assert word_of(launch(LEADER, *peer.target, restore_signals=not ignored)) == "CRITICAL"


# --- environment ------------------------------------------------------------------------------------------------------

@each_check
def test_empty_environment(program):
    with wire.PgPeer(nodes.script(nodes.HEALTHY[program])) as peer:
        assert word_of(launch(program, *peer.target, clean_env={})) == "OK"


@pytest.fixture(scope="session")
def locales(tmp_path_factory):
    """German has a decimal comma, Turkish an i without its dot; both must be there for the test to mean anything."""
    if not shutil.which("localedef") or not os.path.exists("/usr/share/i18n/locales/tr_TR"):
        pytest.skip("no localedef, or no sources of locales (package locales)")
    directory = tmp_path_factory.mktemp("locales")
    for name in ("de_DE", "tr_TR"):
        subprocess.run(["localedef", "-i", name, "-f", "UTF-8", directory / f"{name}.UTF-8"], check=True,
                       capture_output=True)
    return str(directory)


def same_but_for_time(text):
    return re.sub(rb"[0-9.]+(e-?[0-9]+)?( ?m?s\b)?", b"0", text)


@pytest.mark.xdist_group("locales")  # it takes seconds to make them
@each_check
@pytest.mark.parametrize("locale", ["de_DE.UTF-8", "tr_TR.UTF-8", "C", "nonsense", "../../etc"])
def test_locale_changes_nothing(program, locale, locales):
    env = {"LC_ALL": locale, "LANG": locale, "LANGUAGE": locale[:2], "LOCPATH": locales, **NO_LEAK_SEARCH}
    with wire.PgPeer(nodes.script(nodes.HEALTHY[program], replay_lsn="0/4800000")) as peer:
        for args in (["-w", "1h", "-c", "2h"], ["-f", "json"], ["-f", "prometheus"], ["-f", "http"]):
            plain = launch(program, *peer.target, *args, env={"LC_ALL": "C"})
            other = launch(program, *peer.target, *args, env=env)
            assert other.code == plain.code == 0, other
            assert same_but_for_time(other.out) == same_but_for_time(plain.out)
            assert not re.search(rb"\d,\d", other.out), "a decimal comma"
    assert launch(program, "--WARNING", "1", env=env).code == 3, "long options are not case-folded"


# --- as somebody else -------------------------------------------------------------------------------------------------

@pytest.fixture
def as_nobody():
    """A copy that everybody may execute, and the function that becomes nobody in the child."""
    if os.geteuid() != 0:
        pytest.skip("only root can become nobody")
    nobody = pwd.getpwnam("nobody")

    def become():
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)

    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        yield lambda program: shutil.copy(programs.path(program), directory), become


@each_check
def test_as_nobody(program, as_nobody):
    copy, become = as_nobody
    path = Path(copy(program))
    path.chmod(path.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)

    no_thread_more = ["/usr/bin/prlimit", "--nproc=0"]  # HAProxy sets that limit for itself, unless told not to
    with wire.PgPeer(nodes.script(nodes.HEALTHY[program])) as peer:
        for under in ([], no_thread_more):
            asked = launch(path, *peer.target, under=under, preexec_fn=become, clean_env=NO_LEAK_SEARCH)
            assert word_of(asked) == "OK"
    with never_answers() as target:
        outcome = launch(path, *target, "-t", "300ms", under=no_thread_more, preexec_fn=become,
                         clean_env=NO_LEAK_SEARCH)
        assert word_of(outcome) == "CRITICAL" and outcome.elapsed < 1


# --- signals and the process group ------------------------------------------------------------------------------------

@contextlib.contextmanager
def running(*args, **popen):
    """A check that waits for an answer which does not come."""
    with peers.Peer(peers.silent) as peer:
        process = subprocess.Popen([programs.path(LEADER), *peer.target, *args], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=programs.environment(), **popen)
        try:
            peer.wait_for_talk()
            yield process
        finally:
            process.kill()
            process.communicate()


def test_group_and_session_stay(primary):
    """HAProxy reaps by process group, keepalived kills by it."""
    with running("-t", "60s") as process:
        assert os.getpgid(process.pid) == os.getpgid(0)
        assert os.getsid(process.pid) == os.getsid(0)


def test_no_child_process():
    """A child would outlive a SIGKILL and keep the pipe open that its caller waits for."""
    with running("-t", "60s") as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
        assert children == ""


@pytest.mark.parametrize("format_", ["nagios", "keepalived", "haproxy", "http"])
def test_sigterm_ends_it(format_):
    """keepalived takes exit code 0 after SIGTERM for success, so a handler would be a trap."""
    with running("-t", "60s", "-f", format_) as process:
        process.terminate()
        assert process.wait(20) == -signal.SIGTERM


def blocking():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - {signal.SIGTERM})


def ignoring():
    for number in (signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGRTMIN, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)


def both():
    blocking()
    ignoring()


@pytest.fixture
def fifo(tmp_path):
    """Nobody writes to it: open() and read() block for ever, in places where libpq knows no deadline."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("inherited", [blocking, ignoring, both])
def test_deadline_whatever_signals_are_inherited(inherited, fifo):
    """Both in our own waiting and inside of libpq, where only the last-resort timer can help."""
    stuck = ["-d", "service=nowhere", "-t", "400ms"]
    with never_answers() as target:
        waits = launch(LEADER, *target, "-t", "400ms", preexec_fn=inherited)
    blocks = launch(LEADER, *stuck, env={"PGSERVICEFILE": str(fifo)}, preexec_fn=inherited)
    with wire.PgPeer(wire.Script(startup=wire.scram_challenge(2_000_000_000))) as peer:
        computes = launch(LEADER, *peer.target, "-t", "400ms", env={"PGPASSWORD": "x"}, preexec_fn=inherited)
    for outcome in (waits, blocks, computes):
        assert word_of(outcome) == "CRITICAL", outcome
        assert outcome.elapsed < 1.2, outcome


@each_check
@pytest.mark.parametrize("format_", ["nagios", "json", "http"])
def test_one_answer_however_slow_the_end(program, format_):
    """The deadline may pass while the answer is being written: it is not followed by another that contradicts it."""
    if SANITIZED or not shutil.which("strace"):
        pytest.skip("it takes strace to stop the program just there, and a sanitizer does not run under it")
    late = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=write", "-e", "inject=write:delay_exit=2400000:when=1"]
    with wire.PgPeer(nodes.script(nodes.HEALTHY[program])) as peer:
        outcome = launch(program, *peer.target, "-t", "2s", "-f", format_, under=late)
    assert outcome.lasted > 2.4, "the write was not held up"
    assert b"CRITICAL" not in outcome.out, outcome
    assert outcome.code == 0, outcome


# --- HAProxy's external-check -----------------------------------------------------------------------------------------

HAPROXY_ENV = {"PATH": "", "HAPROXY_PROXY_NAME": "pg", "HAPROXY_PROXY_ID": "2", "HAPROXY_PROXY_ADDR": "",
               "HAPROXY_PROXY_PORT": "", "HAPROXY_SERVER_NAME": "db1", "HAPROXY_SERVER_ID": "1",
               "HAPROXY_SERVER_MAXCONN": "", "HAPROXY_SERVER_CURCONN": "0", "HAPROXY_SERVER_SSL": "0",
               "HAPROXY_SERVER_PROTO": "tcp"}


def external_check(program, address, port, *options, **how):
    env = {**HAPROXY_ENV, "HAPROXY_SERVER_ADDR": str(address), "HAPROXY_SERVER_PORT": str(port).replace("NOT_USED", "")}
    outcome = launch(program, *options, "NOT_USED", "NOT_USED", address, port, clean_env=env, **how)
    assert (outcome.out, outcome.err) == (b"", b""), outcome
    return outcome.code


@each_check
def test_external_check(program):
    other = nodes.HEALTHY[CHECKS[1 - CHECKS.index(program)]]
    with wire.PgPeer(nodes.script(nodes.HEALTHY[program])) as peer:
        assert external_check(program, peer.host, peer.port) == 0
        assert external_check(program, peer.host, peer.port, preexec_fn=closing(0, 1, 2)) == 0
        assert external_check(program, peer.host, peer.port, "-U", "pgha", "-d", "app") == 0
        assert {b"user": b"pgha", b"database": b"app"}.items() <= peer.startups[-1].items()
    with wire.PgPeer(nodes.script(other)) as peer:
        assert external_check(program, peer.host, peer.port) == 1
    with wire.PgPeer(wire.Script(startup=[wire.fatal("28P01", "no")])) as peer:
        assert external_check(program, peer.host, peer.port) == 1
    with peers.refusing() as target:
        assert external_check(program, target[1], target[3]) == 1
    with never_answers() as target:
        assert external_check(program, target[1], target[3], "-t", "300ms") == 1


def test_external_check_of_a_unix_socket(tmp_path):
    with wire.PgPeer(nodes.script(nodes.PRIMARY), unix_dir=tmp_path) as peer:
        assert external_check(LEADER, peer.path, "NOT_USED") == 0
    assert external_check(LEADER, tmp_path / ".s.PGSQL.5433", "NOT_USED") == 1


@pytest.mark.parametrize(("address", "port", "options"), [
    ("", "", []), ("", "5432", []), ("NOT_USED", "NOT_USED", []), ("127.0.0.1", "NOT_USED", ["-p", "1"]),
    ("127.0.0.1", "0", []), ("127.0.0.1", "70000", []), ("127.0.0.1", "x", []), ("/tmp/no.socket", "NOT_USED", []),
    ("127.0.0.1", "5432", ["--nonsense"]),
])
def test_external_check_of_nothing(address, port, options, primary):
    """A call that names no server is never a yes, not even where libpq's own rules lead to a server."""
    env = {**HAPROXY_ENV, "PGHOST": primary.host, "PGPORT": str(primary.port)}
    assert launch(LEADER, clean_env=env).code == 0, "this is where those rules lead"
    outcome = launch(LEADER, "-t", "1s", *options, "NOT_USED", "NOT_USED", address, port, clean_env=env)
    assert outcome.code in (1, 3), outcome
    assert len(primary.talks) == 1
