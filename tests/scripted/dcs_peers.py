"""Stores that answer as their documentation says, or as no store should: HTTP by a table of paths.

etcd 3.3 to 3.6 and Consul differ in what they answer; what Debian has of them is in tests/live.
"""

import base64
import json

import peers


def encoded(text):
    return base64.b64encode(text.encode()).decode()


class Request:
    def __init__(self, head, body):
        line, *headers = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = line.split(" ")
        self.path, _, self.query = self.target.partition("?")
        pairs = (header.split(": ", 1) for header in headers if header)
        self.headers = {name.lower(): value for name, value in pairs}
        self.body = body

    def __repr__(self):
        return f"{self.method} {self.target} {self.headers} {self.body}"


def read_request(talk):
    while not talk.received.endswith(b"\r\n\r\n"):
        talk.read(1)
    head = bytes(talk.received[:-4])
    request = Request(head, b"")
    request.body = talk.read(int(request.headers.get("content-length", 0)))
    return request


def framed(status, body, more=b""):
    head = b"HTTP/1.1 %d Whatever\r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n"
    return head % (status, more, len(body)) + body


class Store(peers.Peer):
    """`answers` maps a path to (status, body), to bytes that are sent as they are, or to a function of (talk, request)
    that answers; a body that is not bytes is sent as JSON.  What is not there is answered with 404."""

    def __init__(self, answers):
        self.answers = answers
        self.requests = []
        super().__init__(self._serve)

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def _serve(self, talk):
        request = read_request(talk)
        self.requests.append(request)
        answer = self.answers.get(request.path, (404, b"404 page not found\n"))
        if callable(answer):
            answer = answer(talk, request)
        if isinstance(answer, tuple):
            status, body = answer
            answer = framed(status, body if isinstance(body, bytes) else json.dumps(body).encode())
        if answer is not None:
            talk.send(answer)
        raise peers.Gone

    def asked(self, path):
        return [request for request in self.requests if request.path == path]


# --- etcd -----------------------------------------------------------------------------------------------------------

PREFIXES = {"3.2": "/v3alpha", "3.3": "/v3beta"}
TTL = {"3.2": "/v3alpha/kv/lease/timetolive", "3.3": "/v3beta/kv/lease/timetolive"}
HEADER = {"cluster_id": "7", "member_id": "11", "raft_term": "2", "revision": "5"}
MEMBERS = [{"ID": "11", "name": "e1"}, {"ID": "12", "name": "e2"}, {"ID": "18446744073709551615", "name": "e3"}]


def etcd(version="3.6.1", leader="12", key=None, **status):
    """One member, named e1, of three; `key` is (value, lease, seconds left) of the leader key."""
    minor = ".".join(version.split(".")[:2])
    prefix = PREFIXES.get(minor, "/v3")
    said = {"header": HEADER, "version": version, "dbSize": "24576", "leader": leader, "raftIndex": "13",
            "raftTerm": "2", **status}
    if minor >= "3.6":
        said.setdefault("dbSizeQuota", "2147483648")
    found = {"header": HEADER}
    if key:
        entry = {"key": encoded("/service/demo/leader"), "value": encoded(key[0]), "lease": key[1]}
        found.update(kvs=[entry], count="1")
    answers = {
        "/version": (200, {"etcdserver": version, "etcdcluster": f"{minor}.0"}),
        f"{prefix}/maintenance/status": (200, said),
        f"{prefix}/cluster/member/list": (200, {"header": HEADER, "members": MEMBERS}),
        f"{prefix}/kv/range": (200, found),
        "/health": (200, {"health": "true"}),
    }
    if key:
        answers[f"{prefix}/kv/lease/timetolive"] = (
            200, {"header": HEADER, "ID": key[1], "TTL": str(key[2]), "grantedTTL": "30"})
    return answers


# --- Consul ----------------------------------------------------------------------------------------------------------

SESSION = "adf4238a-882b-9ddc-4a9d-5b6758e4159e"


def consul(state="Follower", key=None, session=True, voters=(True, True, True), **more):
    """One server of three; `key` is the value of the leader key, which a session holds unless told otherwise."""
    entry = {"LockIndex": 1, "Key": "service/demo/leader", "Flags": 0, "Value": key and encoded(key), "CreateIndex": 20,
             "ModifyIndex": 40, **({"Session": SESSION} if session else {})}
    kv = (200, [entry]) if key else (404, b"")
    answers = {
        "/v1/status/leader": (200, "10.1.10.12:8300"),
        "/v1/status/peers": (200, ["10.1.10.12:8300", "10.1.10.11:8300", "10.1.10.10:8300"]),
        "/v1/kv/service/demo/leader": kv,
        "/v1/kv/service/": (404, b""),
        f"/v1/session/info/{SESSION}": (200, [{"ID": SESSION, "Name": "demo-n1", "Node": "c1", "LockDelay": 1e9,
                                               "Behavior": "release", "TTL": "15.0s"}]),
        "/v1/agent/self": (200, {
            "Config": {"Datacenter": "dc1", "NodeName": "c1", "NodeID": "ed0bd8f5", "Server": True,
                       "Version": "1.17.1"},
            "Stats": {"raft": {"state": state, "last_log_index": "42", "term": "3", "applied_index": "42"}},
            "Member": {"Name": "c1", "Addr": "10.1.10.12"}}),
        "/v1/operator/autopilot/health": (200 if all(voters) else 429, {
            "Healthy": all(voters), "FailureTolerance": 1,
            "Servers": [{"Name": f"c{n}", "Healthy": well, "Voter": True} for n, well in enumerate(voters, start=1)]}),
    }
    return {**answers, **more}


# --- ZooKeeper -------------------------------------------------------------------------------------------------------

def zookeeper(state="follower", error=None, **monitor):
    answers = {"/commands/leader": (200, {"is_leader": state == "leader", "leader_id": 3, "leader_ip": "10.0.0.3",
                                          "command": "leader", "error": None}),
               "/commands/monitor": (200, {"version": "3.9.2-e454e8c7283100c7caec6dcae2bc82aaecb63023, built on "
                                           "2024-02-12 20:59 UTC", "server_state": state, "quorum_size": 3,
                                           "approximate_data_size": 44, "command": "monitor", "error": None,
                                           **monitor})}
    if error:
        answers["/commands/leader"] = (503, {"command": "leader", "error": error})
        answers["/commands/monitor"] = (503, {"command": "monitor", "error": error})
    return answers
