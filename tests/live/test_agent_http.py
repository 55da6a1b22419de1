"""How pgha-agent speaks HTTP: both versions, keep-alive, bounds on what a client may send and how slowly."""

import re
import socket
import time

import pytest

import postgres
import programs
import sandbox
from agent import LIMIT, PATIENT, Agent, receive_all

CAP = 8  # max_connections of the agent that is easily full
PATIENCE = 2.0  # request_timeout of one that cuts off who is slow
FOREVER = "2min"  # request_timeout of the other: nothing that a test waits for comes by it


@pytest.fixture(scope="module")
def primary(any_installation):
    with postgres.Cluster(any_installation) as cluster:
        server = cluster.primary()
        server.sql("CREATE ROLE pgha LOGIN IN ROLE pg_monitor")
        yield server


@pytest.fixture(params=["plain", "san"], scope="module")
def agents(request, primary):
    """{request_timeout: one that is easily full}, shared by tests which leave them as empty as they found them."""
    reason = programs.why_missing(request.param, "pgha-agent")
    if reason and request.param == "san":
        pytest.skip(reason)

    def made(patience):
        limits = {"max_connections": CAP, "request_timeout": patience}
        return Agent(primary, build=request.param, config={"agent": PATIENT, "listen": limits})

    with made(FOREVER) as agent, made(f"{round(PATIENCE * 1000)}ms") as hasty:
        yield agent, hasty
        for each in (agent, hasty):
            assert each.stop() == 0, each.log_tail()


@pytest.fixture
def agent(agents):
    """One that waits for who is slow, as a test on a busy machine is."""
    return agents[0]


@pytest.fixture
def hasty(agents):
    return agents[1]


@pytest.fixture(autouse=True)
def nobody_left(agents):
    yield
    for each in agents:
        agent_served(each)


def request(path="/primary", version="1.1", method="GET", headers="Host: x\r\n"):
    return f"{method} {path} HTTP/{version}\r\n{headers}\r\n".encode()


def read_answer(connection):
    """(status line, headers in lower case, body) of one answer on a connection that stays."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            raise ConnectionError(f"closed after {data!r}")
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines[1:]}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return lines[0], headers, body


# --- versions and connections ----------------------------------------------------------------------------------------

def test_http_1_0(agent):
    """One answer, then the connection is closed; without a Host header, as HAProxy's httpchk asks."""
    answer = agent.raw(request(version="1.0", headers=""))
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n") or answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer
    assert b'"answer":"yes"' in answer


def test_what_haproxy_sends(agent):
    """option httpchk OPTIONS /primary, in both ways to write it."""
    for data in (b"OPTIONS /primary HTTP/1.0\r\n\r\n",
                 b"OPTIONS /primary HTTP/1.1\r\nhost: n1\r\nconnection: close\r\n\r\n"):
        assert agent.raw(data).split(b"\r\n")[0].endswith(b" 200 OK")
    assert agent.raw(b"OPTIONS /replica HTTP/1.0\r\n\r\n").split(b" ")[1] == b"503"


def test_http_1_0_keep_alive(agent):
    with agent.connect() as connection:
        for _ in range(3):
            connection.sendall(request(version="1.0", headers="Connection: keep-alive\r\n"))
            status, headers, _ = read_answer(connection)
            assert " 200 " in status and headers["connection"].lower() == "keep-alive"


def test_http_1_1_keeps_the_connection(agent):
    with agent.connect() as connection:
        codes = {"/primary": "200", "/replica": "503", "/nonsense": "404", "/replica?lag=x": "400"}
        for path, code in [*codes.items()] * 3:
            connection.sendall(request(path))
            status, headers, body = read_answer(connection)
            assert status.split()[1] == code and headers.get("connection") != "close", (path, status, headers)
            assert len(body) == int(headers["content-length"]) > 0
        for method in ("HEAD", "OPTIONS", "GET"):
            connection.sendall(request(method=method))
            assert connection.recv(4096, socket.MSG_PEEK)
            head = receive_until_head(connection, method)
            assert head.startswith(b"HTTP/1.1 200"), (method, head)


def receive_until_head(connection, method):
    if method != "HEAD":
        status, _, _ = read_answer(connection)
        return status.encode()
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += connection.recv(1)
    return data


def test_http_1_1_close(agent):
    answer = agent.raw(request(headers="Host: x\r\nConnection: close\r\n"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and b"\r\nConnection: close\r\n" in answer
    assert agent.raw(request(headers="Host: x\r\nConnection: Close\r\n")).startswith(b"HTTP/1.1 200")


def test_half_closed(agent):
    """A client that says at once that it will ask nothing more (nc -N) gets its answer, and holds no slot after it."""
    for _ in range(CAP * 2):
        with agent.connect() as connection:
            connection.sendall(request())
            connection.shutdown(socket.SHUT_WR)
            answer = receive_all(connection)  # in time, or the test's own limit ends it
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer
    agent_has(agent, 0)


def test_pipelining(agent):
    """Answers in the order of the requests."""
    paths = ("/primary", "/replica", "/primary", "/nonsense")
    data = b"".join(map(request, paths)) + request(headers="Host: x\r\nConnection: close\r\n")
    answer = agent.raw(data)
    codes = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert codes == [b"200", b"503", b"200", b"404", b"200"], answer


def test_http_1_1_without_host(agent):
    assert agent.raw(request(headers="Connection: close\r\n")).split()[1] in (b"400", b"200")


# --- what is too much ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("data, codes", [
    (request("/" + "a" * 100000), (b"414",)),
    (request("/primary?" + "a" * 100000), (b"414",)),
    (request(headers="Host: x\r\nX-Long: " + "a" * 100000 + "\r\n"), (b"431",)),
    (request(headers="Host: x\r\n" + "".join(f"X-{i}: y\r\n" for i in range(5000))), (b"431",)),
    (request(method="G" * 100000), (b"414", b"400", b"405", b"431", b"501")),
    (request(headers="Host: x\r\nContent-Length: 5\r\n") + b"hello", (b"413",)),
    (request(method="POST", headers="Host: x\r\nContent-Length: 5\r\n") + b"hello", (b"413", b"405")),
    (request(headers="Host: x\r\nContent-Length: 99999999999\r\n"), (b"413",)),
    (request(headers="Host: x\r\nContent-Length: -1\r\n"), (b"400", b"413")),
    (request(headers="Host: x\r\nContent-Length: x\r\n"), (b"400", b"413")),
    (request(headers="Host: x\r\nTransfer-Encoding: chunked\r\n") + b"5\r\nhello\r\n0\r\n\r\n", (b"413",)),
], ids=("path", "query", "header", "headers", "method", "body", "post", "huge-body", "negative", "no-number",
        "chunked"))
def test_too_much(agent, data, codes):
    """Refused, with the right code if anything can be said at all, and at once."""
    with agent.connect() as connection:
        watch = agent.stopwatch()
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has heard enough
        try:
            answer = connection.recv(65536)
        except ConnectionResetError:
            answer = b""
        assert answer[9:12] in codes, answer
        assert watch.seconds() < 1


@pytest.mark.parametrize("data", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0" * 100, b"\r\n" * 50, b"HELLO\n", b"\xff" * 4096,
    b"GET\r\n\r\n", b"GET /primary\r\n\r\n", b"GET /primary HTTP/9.9\r\n\r\n", request("http://x/nonsense"),
    request("/%00primary"), request("/primary%00"), request("/%zz"), request("/check/leader?%00a=b"),
    request("/check/replica?accept_primary=yes%00x"),
], ids=range(14))
def test_what_is_no_request(hasty, data):
    """No yes is said to it, and no connection lasts longer than a request may take."""
    watch = hasty.stopwatch()
    with hasty.connect() as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = receive_all(connection)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
        assert b" 200 " not in answer.split(b"\r\n")[0], answer
        assert watch.seconds() < PATIENCE + 0.5


@pytest.mark.parametrize("data", [
    request("/primary?" + "a=b&" * 1500), request("/primary?" + "&" * 7000), request("/primary?" + "a=b&" * 30),
    request(headers="Host: x\r\nCookie: " + "a=b;" * 1500 + "\r\n"), request()[:-2], request("/" + "a" * 9000),
    request() * 30, b"G",
], ids=range(8))
def test_closed_early(hasty, data):
    """By clients that do not wait for an answer, at whatever point: nothing of them stays, no memory either."""
    for number in range(40):
        with hasty.connect() as connection:
            try:
                connection.sendall(data)
                if number % 2 == 0:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has heard enough
    agent_has(hasty, 0)


# --- slow and silent clients -----------------------------------------------------------------------------------------

def assert_cut_off(agent, port=None, data=b""):
    """Who says no more than that is heard for PATIENCE."""
    started, watch = time.monotonic(), agent.stopwatch()
    with agent.connect(port) as connection:
        connection.sendall(data)
        try:
            receive_all(connection)
        except ConnectionResetError:
            pass
        assert time.monotonic() - started > PATIENCE * 0.8
        assert watch.seconds() < PATIENCE * 1.5


@pytest.mark.parametrize("data", [b"", b"G", b"GET /primary HTTP/1.1\r\n", request()[:-2]],
                         ids=("nothing", "letter", "line", "head"))
def test_unfinished_requests_are_cut_off(hasty, data):
    assert_cut_off(hasty, data=data)


def test_a_byte_at_a_time(hasty):
    """The deadline is for the whole request: that bytes keep coming does not put it off."""
    started, watch = time.monotonic(), hasty.stopwatch()
    with hasty.connect() as connection:
        with pytest.raises(OSError):
            for byte in request(headers="Host: x\r\nX-Slow: " + "a" * 100 + "\r\n"):
                connection.sendall(bytes([byte]))
                time.sleep(0.1)
        assert time.monotonic() - started > PATIENCE * 0.8
        assert watch.seconds() < PATIENCE + 1


def test_a_client_that_does_not_read(hasty):
    """Answers that nobody takes fill no memory and hold no slot for ever."""
    with hasty.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        sent, until = 0, time.monotonic() + PATIENCE * 2
        while time.monotonic() < until:
            try:
                sent += connection.send(request("/status"))
            except BlockingIOError:
                time.sleep(0.05)
                assert hasty.get("/primary").status == 200
            except (BrokenPipeError, ConnectionResetError):
                break
    agent_has(hasty, 0)


def agent_has(agent, count):
    """Waits until so many connections besides the asking one hold a slot."""
    sandbox.wait_for(lambda: slots_held(agent) == count, f"{count} connections", LIMIT,
                     detail=lambda: f"there are {slots_held(agent)}")


def slots_held(agent):
    answer = agent.get("/metrics")
    if answer.status == 503:
        return CAP
    return int(re.search(r"^pgha_http_connections (\d+)", answer.text, re.MULTILINE)[1]) - 1


# --- the cap ---------------------------------------------------------------------------------------------------------

def test_over_the_cap(agent):
    """The new get a quick 503, those who hold a slot are served, and slots come back."""
    holders = [agent.connect() for _ in range(CAP)]
    try:
        for connection in holders:
            connection.sendall(request())
            assert " 200 " in read_answer(connection)[0]
        for _ in range(20):
            watch = agent.stopwatch()
            refused = agent.raw(request())
            assert refused.startswith(b"HTTP/1.1 503 ") and b"too many connections" in refused, refused
            assert watch.seconds() < 0.2
            for connection in holders:
                connection.sendall(request())
                assert " 200 " in read_answer(connection)[0]
        holders.pop().close()
        agent_served(agent)
    finally:
        for connection in holders:
            connection.close()
    agent_served(agent)
    agent_has(agent, 0)


def agent_served(agent):
    sandbox.wait_for(lambda: agent.get("/primary").status == 200, "a slot to come back", LIMIT)


def test_silent_clients_hold_no_slot(agent):
    silent = [agent.connect() for _ in range(CAP * 5)]
    try:
        for _ in range(20):
            assert agent.get("/primary").status == 200
        assert agent.agent_check("leader\n") == "up ready 100%\n"
    finally:
        for connection in silent:
            connection.close()


def test_slots_come_back_from_those_who_are_cut_off(hasty):
    watch = hasty.stopwatch()
    half = [hasty.connect() for _ in range(CAP)]
    try:
        for connection in half:
            connection.sendall(b"GET /primary HTTP/1.1\r\n")
        sandbox.wait_for(lambda: hasty.get("/primary").status == 503, "all slots to be taken", LIMIT)
        agent_served(hasty)
        assert watch.seconds() < PATIENCE * 1.5
    finally:
        for connection in half:
            connection.close()


def test_agent_check_clients(agent, hasty):
    """What is no line, too long a line, and clients that neither speak nor close."""
    assert agent.agent_check("x" * 5000 + "\n").startswith(("down #", "fail #"))
    assert agent.agent_check("\0\0\n").startswith(("down #", "fail #"))
    assert agent.agent_check("leader\nreplica\n") == "up ready 100%\n", "one line, one answer"
    assert_cut_off(hasty, hasty.check_port)
    with agent.connect(agent.check_port) as connection:
        connection.sendall(b"lead")  # and the rest too late: what has come by then is the question
        assert receive_all(connection).startswith((b"down #", b"fail #"))
