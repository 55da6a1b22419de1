"""Patroni's REST API and the agent beside it, asked the same in every situation.

What was seen stands in docs/patroni-compatibility.md, and so does every difference with its reason: one that is not
listed fails, and so does one that is listed and was not seen. With PGHA_GOLDEN=write the tables of what was seen are
written anew; read the difference before committing it. Patroni has the times of TIMES here, to save some.
"""

import collections
import http.client
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

import patroni
import patroni_document as document
import patroni_situations as situations
from agent import Agent
from patroni_document import GROUPS

VERSION = "3.0."  # of Patroni, which the document is about


def why_not():
    """The reason for a skip, "" if there is none."""
    if patroni.why_missing() or patroni.version().startswith(VERSION):
        return patroni.why_missing()
    return f"Patroni {patroni.version()} is here, and the document is about {VERSION}x"


pytestmark = [pytest.mark.xdist_group("patroni-differential"), pytest.mark.skipif(bool(why_not()), reason=why_not())]

TIMES = {"ttl": 7, "loop_wait": 1, "retry_timeout": 3}
IS_WRITING = os.environ.get("PGHA_GOLDEN") == "write"

LAGS = ("0", "1", "1kB", "1MB", "8MB", "1.5MB", "10%20MB", "10mb", "10KB", "1G", "0x10", "-1", "abc", "")
TAGS = ("gold=true", "gold=True", "gold=false", "zone=a", "zone=A", "gold=true&tag_zone=a", "noloadbalance=true",
        "none=1")
PARAMETERS = (
    *(f"/replica?lag={lag}" for lag in LAGS), *(f"/async?lag={lag}" for lag in ("0", "1MB", "10mb", "abc")),
    *(f"/read-only?lag={lag}" for lag in ("0", "1MB", "abc")), "/sync?lag=1MB", "/readiness?lag=1MB", "/health?lag=1MB",
    "/primary?lag=1MB", *(f"/replica?tag_{tag}" for tag in TAGS),
    *(f"{path}?tag_gold=true" for path in ("/read-only", "/async", "/health", "/primary", "/leader", "/readiness")),
    "/replica?replication_state=streaming", "/replica?nonsense=1", "/primary?nonsense=1", "/patroni?nonsense=1")
# Of those, what is asked in every situation, and where all are.
ALWAYS = tuple(f"{path}?lag={lag}" for path in ("/replica", "/async") for lag in ("0", "1MB", "abc"))
ALL_PARAMETERS = {"healthy: leader": "leader", "healthy: replica": "replica",
                  "synchronous mode: synchronous": "synchronous",
                  "replay stands still, 4 MB behind: replica": "4 MB behind", "tags: gold": "gold",
                  "tags: noloadbalance": "noloadbalance"}

# What /patroni of both has to have alike, while Patroni's PostgreSQL runs: all but positions, times and names.
MEMBERS = ("state", "role", "server_version", "timeline", "database_system_identifier", "tags", "pause", "sync_standby",
           "cluster_unlocked", "failsafe_mode_is_active", "pending_restart")

PATIENCE = 1.5  # seconds for one answer; a healthy one takes milliseconds
SETTLE = 30     # seconds within which both sides are to have taken in a situation; only a failure takes them


class Asker:
    """Asks many things at once, and each side not so fast that connections overflow its backlog (Patroni's is 5)."""

    def __init__(self):
        self.pool = ThreadPoolExecutor(96)
        self.turns = collections.defaultdict(threading.Lock)  # by port

    def ask(self, port, method, path):
        with self.turns[port]:
            time.sleep(0.003)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request(method, path)
            return str(connection.getresponse().status)
        except (OSError, http.client.HTTPException):
            return document.SILENT
        finally:
            connection.close()

    def body(self, port):
        """What /patroni says, of which Patroni before 4.0 calls a primary a master; None: nothing."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("GET", "/patroni")
            said = json.loads(connection.getresponse().read())
            return {**said, "role": said["role"].replace("master", "primary")}
        except (OSError, http.client.HTTPException, KeyError):
            return None
        finally:
            connection.close()

    def codes(self, ports, asked):
        """{"GET /": (Patroni's code, that of the agent with peers, that of the one without)}"""
        futures = {question: [self.pool.submit(self.ask, port, *question.split(" ", 1)) for port in ports]
                   for question in asked}
        return {question: tuple(future.result() for future in pair) for question, pair in futures.items()}


class Walk:
    """What was seen so far.

    A member is asked with its Patroni and two agents: one that has the others for peers, and one that has Patroni
    alone. Their answers may differ (who is synchronous is told by the primary, if it is a peer), and each must be
    Patroni's or be listed; the tables show the first.
    """

    def __init__(self):
        self.asker = Asker()
        self.differences = document.differences()
        self.began = time.monotonic()
        self.codes = {}         # {"healthy: leader": {"GET /": ("200", "200", "200")}}
        self.bodies = {}
        self.golden = {} if IS_WRITING else document.read("situations")
        self.golden_parameters = {} if IS_WRITING else document.read("parameters")

    def rows_for(self, where, asked, codes):
        """The listed differences that cover each agent's code, {code: [place]}, of those that are not Patroni's."""
        return {code: [number for number, row in enumerate(self.differences)
                       if row.covers(where, asked, codes[0], code)] for code in codes[1:] if code != codes[0]}

    def look_at_all(self, name, members, agents):
        """At all roles of a situation at once."""
        self.codes.update({f"{name}: {role}": None for role in members})  # they come in this order
        with ThreadPoolExecutor(len(members)) as pool:
            list(pool.map(lambda role: self.look(f"{name}: {role}", members[role], agents[members[role].name]),
                          members))

    def look(self, where, member, agents):
        """Asks everything, once what is to be seen is seen, or the time for that is over."""
        ports = (member.api_port, *(agent.http_port for agent in agents))
        codes = self.settled(where, ports)
        others = [f"{method} {group[0]}" for method in ("HEAD", "OPTIONS") for group in GROUPS]
        others += [f"GET {path}" for path in (PARAMETERS if where in ALL_PARAMETERS else ALWAYS)]
        codes.update(self.asker.codes(ports, others))
        self.ask_again(where, ports, codes)
        self.codes[where] = codes
        self.bodies[where] = self.compare_bodies(ports)
        print(f"{time.monotonic() - self.began:6.1f} s: {where:58s}", *row_of(codes).values())

    def compare_bodies(self, ports):
        """What the bodies of /patroni say otherwise for longer than a moment."""
        deadline = time.monotonic() + SETTLE
        while True:
            one, *others = map(self.asker.body, ports)
            if one is None or one["state"] != "running":
                return []
            unlike = [(name, one.get(name), [other and other.get(name) for other in others]) for name in MEMBERS
                      if any(other is None or other.get(name) != one.get(name) for other in others)]
            if not unlike or time.monotonic() > deadline:
                return unlike
            time.sleep(0.2)

    def settled(self, where, ports):
        """The codes of all paths, once those that the document shows are as it has them."""
        shown = [f"GET {group[0]}" for group in GROUPS]
        deadline = time.monotonic() + (3 if IS_WRITING else SETTLE)
        while row_of(self.asker.codes(ports[:2], shown)) != self.golden.get(where) and time.monotonic() < deadline:
            time.sleep(0.3)
        return self.asker.codes(ports, [f"GET {path}" for group in GROUPS for path in group])

    def ask_again(self, where, ports, codes):
        """A moment of transition is no difference."""
        deadline = time.monotonic() + SETTLE
        while doubtful := self.doubtful(where, codes):
            if time.monotonic() > deadline:
                break
            time.sleep(0.3)
            codes.update(self.asker.codes(ports, doubtful))

    def doubtful(self, where, codes):
        """What is not listed, not alike, or other than the document has it."""
        found = {asked for asked, said in codes.items() if not all(self.rows_for(where, asked, said).values())
                 or is_unlike(asked, said) or self.is_new(where, asked, said)}
        return found.union(*(pair for pair in alike() if is_odd(codes, *pair)))

    def is_new(self, where, asked, said):
        path, seen = asked.removeprefix("GET "), document.cell(*said[:2])
        row = self.golden_parameters.get(f"`{path}`", {})
        return self.golden.get(where, {}).get(path, seen) != seen \
            or where in ALL_PARAMETERS and bool(row) and row[ALL_PARAMETERS[where]] != seen

    def judge(self):
        """Lines about what is not listed, what is not alike, and what is listed for nothing."""
        wrong, seen = collections.defaultdict(list), set()
        for where, codes in self.codes.items():
            for asked, said in codes.items():
                for code, rows in self.rows_for(where, asked, said).items():
                    seen.update(rows)
                    if not rows:
                        wrong[f"{where}: Patroni {said[0]}, agent {code}"].append(asked)
                if is_unlike(asked, said):
                    wrong[f"{where}: agent with peers {said[1]}, without {said[2]}"].append(asked)
            wrong[f"{where}: not alike"] += [f"{asked} {codes[asked]} {one} {codes[one]}" for asked, one in alike()
                                             if is_odd(codes, asked, one)]
        return [f"{what}: {', '.join(asked)}" for what, asked in wrong.items() if asked] + [
            f"listed, and never seen: {row.where} {row.asked} {row.patroni} {row.agent}"
            for number, row in enumerate(self.differences) if number not in seen and not row.is_of_hosts()]


def alike():
    """Pairs of questions: other names of a path on both sides, and the agent's answers whatever the method is."""
    for one, *others in GROUPS:
        yield from ((f"GET {path}", f"GET {one}") for path in others)
        yield from ((f"{method} {one}", f"GET {one}") for method in ("HEAD", "OPTIONS"))


def is_unlike(asked, said):
    """Who is synchronous is the one thing that peers tell better."""
    return said[1] != said[2] and "sync" not in asked


def is_odd(codes, asked, one):
    """Patroni's answers to another method may be others: those are among the differences."""
    is_same_method = asked.split()[0] == one.split()[0]
    return codes[asked] != codes[one] if is_same_method else codes[asked][1:] != codes[one][1:]


def row_of(codes):
    return {group[0]: document.cell(*codes[f"GET {group[0]}"][:2]) for group in GROUPS}


def agents_of(stack, cluster):
    """Two beside each member, {name: (with peers, alone)}."""
    agents = {}
    for member in cluster.members:
        peers = {other.name: other for other in cluster.members if other is not member}
        # It need not look as often as it would: a dozen of them on one machine.
        config = {"agent": {"interval": "500ms"}, "patroni": {"url": member.url}}
        agents[member.name] = [stack.enter_context(Agent(member, name=member.name, peers=others, config=config))
                               for others in (peers, {})]
    return agents


def go(walk, chosen, has_standbys=False):
    """Takes a cluster through these situations."""
    with ExitStack() as stack:
        cluster = stack.enter_context(patroni.Cluster(dynamic=TIMES))
        agents = agents_of(stack, cluster)
        for name, situation in chosen.items():
            with situation(cluster) as members:
                walk.look_at_all(name, members, agents)
        if has_standbys:
            standbys = stack.enter_context(patroni.Cluster(2, scope="standbys", dynamic=TIMES, etcd=cluster.etcd,
                                                           standby_of=cluster.leader()))
            walk.look_at_all("standby cluster", situations.roles(standbys), agents_of(stack, standbys))


@pytest.fixture(scope="module")
def walk():
    """Everything that was seen. Two clusters, since most of the time is spent waiting for a lock to expire."""
    seen = Walk()
    with ThreadPoolExecutor(2) as pool:
        first, second = situations.SITUATIONS
        for way in [pool.submit(go, seen, first), pool.submit(go, seen, second, True)]:
            way.result()
    names = [*first, *second, "standby cluster"]
    seen.codes = dict(sorted(seen.codes.items(), key=lambda item: names.index(item[0].rpartition(":")[0])))
    return seen


def test_every_difference_is_listed_and_every_listed_one_is_there(walk):
    if IS_WRITING:
        document.write("situations", "situation", [group[0] for group in GROUPS],
                       {where: row_of(codes) for where, codes in walk.codes.items()})
        document.write("parameters", "asked of", list(ALL_PARAMETERS.values()), {
            f"`{path}`": {name: document.cell(*walk.codes[where][f"GET {path}"][:2])
                          for where, name in ALL_PARAMETERS.items()} for path in PARAMETERS})
    assert not (wrong := walk.judge()), "\n".join(wrong)


def test_bodies_say_the_same(walk):
    assert not (unlike := {where: members for where, members in walk.bodies.items() if members}), unlike


def test_the_document_shows_what_was_seen(walk):
    told = document.read("situations")
    assert told == {where: row_of(codes) for where, codes in walk.codes.items()}
    for row, cells in document.read("parameters").items():
        for where, name in ALL_PARAMETERS.items():
            seen = document.cell(*walk.codes[where][f"GET {row.strip('`')}"][:2])
            assert cells[name] == seen, f"{row} of {name}"
