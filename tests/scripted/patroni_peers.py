"""A Patroni that answers as a test says, and a cluster of three of them: what is not packaged, or is no Patroni."""

import json

import peers
from expect import STATES, T
from launch import launch

PROGRAM = "check_patroni"
END = 0x5000060  # of WAL in nodes.PRIMARY, and replayed in nodes.STANDBY
MB = 1024 * 1024


def response(status, body, headers=b""):
    """As Patroni writes it: HTTP/1.0, no length, closed at the end."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return b"HTTP/1.0 %d -\r\nContent-Type: application/json\r\n%s\r\n%s" % (status, headers, data)


class Patroni(peers.Peer):
    """`paths` are the answers: (status, body), bytes as they are, or a function that plays; others get `otherwise`."""

    otherwise = (404, {})

    def __init__(self, name="n1", **paths):
        self.name = name
        self.paths = {f"/{path}": answer for path, answer in paths.items()}
        self.asked, self.headers = [], []
        super().__init__(self._answer)

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def _answer(self, talk):
        while not talk.received.endswith(b"\r\n\r\n"):
            talk.read(1)
        request = talk.received.decode()
        with self.lock:
            self.asked.append(request.split()[1])
            self.headers.append(request.lower())
        answer = self.paths.get(request.split()[1], self.otherwise)
        if callable(answer):
            answer(talk)
        else:
            talk.send(answer if isinstance(answer, bytes) else response(*answer))
        raise peers.Gone


def word(name, role, /, **changes):
    """What a member of Patroni 4.1 says of itself."""
    xlog = {"location": END} if role == "primary" else {"received_location": END, "replayed_location": END,
                                                        "replayed_timestamp": None, "paused": False}
    said = {"state": "running", "postmaster_start_time": f"2026-01-0{name[-1]} 04:26:40.122600+00:00", "role": role,
            "server_version": 180001, "xlog": xlog, "timeline": 3, "database_system_identifier": "7123456789012345678",
            "patroni": {"version": "4.1.4", "scope": "demo", "name": name}, **changes}
    if role == "replica":
        said.setdefault("replication_state", "streaming")
    return {key: value for key, value in said.items() if value is not None}


def member(name, role="replica", url="", /, **changes):
    """What /cluster says of it."""
    said = {"name": name, "role": role, "state": "running" if role == "leader" else "streaming", "api_url": f"{url}/patroni",
            "host": "127.0.0.1", "port": 5432, "timeline": 3}
    if role != "leader":
        said.update({"lag": 0, "lsn": "0/5000060", "receive_lag": 0, "receive_lsn": "0/5000060", "replay_lag": 0,
                     "replay_lsn": "0/5000060"})
    return {key: value for key, value in {**said, **changes}.items() if value is not None}


# Before 3.2 nobody tells a name; all of a version tell the scope.
NAMELESS = {"version": "3.1.0", "scope": "demo"}
CONFIG = {"ttl": 30, "loop_wait": 10, "retry_timeout": 10, "maximum_lag_on_failover": MB}


class Three:
    """n1 leads, n2 and n3 follow; each answers everything. A context manager; change `.paths` of a member before asking."""

    def __enter__(self):
        self.members = [Patroni(f"n{number}") for number in (1, 2, 3)]
        for peer in self.members:
            role, status = ("primary", 200) if peer.name == "n1" else ("replica", 503)
            peer.paths["/leader"] = (status, word(peer.name, role))
            peer.paths["/config"] = (200, CONFIG)
        self.set_view()
        return self

    def set_view(self, **changes):
        """What all say at /cluster; n2={...} changes a member, the rest the whole."""
        rows = [member(peer.name, "leader" if peer.name == "n1" else "replica", peer.url, **changes.pop(peer.name, {}))
                for peer in self.members]
        for peer in self.members:
            peer.paths["/cluster"] = (200, {"members": rows, "scope": "demo", **changes})

    def __exit__(self, *_):
        for peer in self.members:
            peer.close()

    @property
    def url(self):
        return self.members[0].url

    @property
    def urls(self):
        return ",".join(peer.url for peer in self.members)


def ask(url, *args, **how):
    outcome = launch(PROGRAM, "--url", url, "-f", "json", *args, *([] if "-t" in args else T), **how)
    assert outcome.err == b"", outcome
    answer = outcome.json()
    assert STATES.index(answer["state"]) == outcome.code, outcome
    return answer


def texts(answer):
    return [reason["text"] for reason in answer["reasons"]]


GOOD = "leader n1 on timeline 3, 2 of 2 replicas are healthy"
