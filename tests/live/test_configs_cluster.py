"""The files of configs/ for a cluster of three hosts, each where the README's map puts it: what they make together, and
that each program refuses its file when something is wrong with it."""

import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

import machines
import patroni_document as document
import programs
import sandbox
import shipped
from reference import ENDPOINTS, MEMBERS, PLACES, SECRET, VIP, Reference, why_missing_managers
from turns import Turns
from until import until

pytestmark = pytest.mark.xdist_group("configs-cluster")


@pytest.fixture(scope="module")
def stores():
    """The machines with all files in their places, and etcd on each."""
    if reason := why_missing_managers():
        pytest.skip(reason)
    with machines.Machines() as network:
        made = Reference(network)
        made.start_etcd()
        yield made


@pytest.fixture(scope="module")
def reference(stores):
    """All of it; the tests that change something come last, in the order of this file."""
    stores.start()
    return stores


# --- the map ---------------------------------------------------------------------------------------------------------

def test_the_map_of_the_readme():
    """It has each file with its place, and no file of configs/ is in neither it nor the rest of the README."""
    text = (programs.REPOSITORY / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    for config, place in PLACES.items():
        assert [row for row in rows if f"`{config}`" in row and f"`{place}`" in row], f"no row for {config} at {place}"
        assert config not in SECRET or [row for row in rows if f"`{config}`" in row and "mode 0600" in row], config
    for path in shipped.CONFIGS.rglob("*"):
        assert not path.is_file() or str(path.relative_to(shipped.CONFIGS)) in text, path


# --- each program reads its file -------------------------------------------------------------------------------------

def assert_refuses(machine, path, broken, *argv, is_root=False):
    """The program ends with 0 over the file as it is, and with something else when {this: is that}."""
    good = machine.run(*argv, is_root=is_root)
    assert good.returncode == 0, good.stdout + good.stderr
    file = machine.root / path[1:]
    text = file.read_text(encoding="utf-8")
    for found, instead in broken.items():
        assert found in text, f"{path} has no {found} any more"
        file.write_text(text.replace(found, instead), encoding="utf-8")
        try:
            bad = machine.run(*argv, is_root=is_root)
            assert bad.returncode != 0, f"{instead}: {bad.stdout + bad.stderr}"
        finally:
            file.write_text(text, encoding="utf-8")
    return good


def test_patroni_finds_nothing_wrong(stores):
    """It looks for the ports and the programs, too, and for etcd."""
    broken = {"scope: pg": "skope: pg", "data_dir:": "data_directory:", "ttl: 10": "ttl: soon", "etcd3:": "etcd4:",
              "/usr/lib/postgresql/15/bin": "/nowhere"}
    for node in stores:
        good = assert_refuses(node.machine, "/etc/patroni/config.yml", broken,
                              "patroni", "--validate-config", "/etc/patroni/config.yml")
        assert (good.stdout.strip(), good.stderr.strip()) == ("", "")
        broken = {}  # one will do


def test_etcd_took_every_line(stores):
    """It passes over what it does not know, so it is held to what it says that it does."""
    for node in stores:
        log = (node.machine.root / "etcd.log").read_text(encoding="utf-8")
        config = next(json.loads(line) for line in log.splitlines() if '"msg":"starting an etcd server"' in line)
        assert (config["name"], config["data-dir"]) == (node.name, "/var/lib/etcd/pgha")
        assert config["listen-client-urls"] == [f"http://{node.address}:2379", "http://127.0.0.1:2379"]
        assert config["advertise-client-urls"] == [f"http://{node.address}:2379"]
        assert config["listen-peer-urls"] == config["initial-advertise-peer-urls"] == [f"http://{node.address}:2380"]
        assert config["initial-cluster"].count("http://") == 3 and config["initial-cluster-state"] == "new"
        assert (config["auto-compaction-mode"], config["auto-compaction-interval"]) == ("periodic", "1h0m0s")
        assert (config["quota-backend-bytes"], config["pre-vote"]) == (2147483648, True)
        stores.wait(lambda node=node: node.check("check_dcs", "--endpoints", ENDPOINTS).returncode == 0,
                    "enable-grpc-gateway")


def test_haproxy_and_keepalived_refuse_what_they_do_not_know(stores):
    machine = next(iter(stores)).machine
    assert_refuses(machine, "/etc/haproxy/haproxy.cfg", {"redispatch": "redespatch", "leastconn": "lastconn"},
                   "haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg")
    assert_refuses(machine, "/etc/keepalived/keepalived.conf", {"track_file {": "track_fail {", "weight 0": "wait 0"},
                   "keepalived", "-t", is_root=True)


def test_pgbouncer_refuses_what_it_does_not_know(stores):
    machine = next(iter(stores)).machine
    file = machine.root / "etc/pgbouncer/pgbouncer.ini"
    text = file.read_text(encoding="utf-8")
    for found, instead in {"server_lifetime": "server_lifetme", "pool_mode = transaction": "pool_mode = often"}.items():
        assert found in text
        file.write_text(text.replace(found, instead), encoding="utf-8")
        try:
            run = machine.run("pgbouncer", "/etc/pgbouncer/pgbouncer.ini")
            assert run.returncode != 0 and "cannot load config file" in run.stdout + run.stderr, run
        finally:
            file.write_text(text, encoding="utf-8")


# --- what they make together -----------------------------------------------------------------------------------------

def says(node, code, text, program, *options):
    """It does, at once or when a neighbour that was late has answered in time."""
    return until(lambda: node.check(program, *options), lambda run: run.returncode == code and text in run.stdout,
                 f"{code} {text} of {program} on {node.name}")


def test_every_check_is_content(reference):
    leader = reference.leader()
    standbys = [node for node in reference if node is not leader]
    socket = ("-H", "/run/postgresql", "-U", "pgha")
    for node in reference:
        content = {
            "check_patroni": ("--url", MEMBERS, "--min-members", "3", "--min-replicas", "2"),
            "check_dcs": ("--endpoints", ENDPOINTS, "--scope", "pg"),
            "check_pgbouncer": (*socket, "-p", "6432", "--expect-primary", "app"),
            "check_pg_slots": socket,
            # Backups are a matter of their own.
            "check_pg_config": ("-H", "/run/postgresql", "-U", "postgres", "--ignore", "archive_mode"),
        }
        for program, options in content.items():
            says(node, 0, "", program, *options)
    says(leader, 0, "holds Patroni's leader lock", "check_pg_leader", *socket, "--patroni", "http://127.0.0.1:8008")
    for node in standbys:
        says(node, 0, "", "check_pg_replica", *socket, "--patroni", "http://127.0.0.1:8008", "-c", "1MB")
        says(node, 2, "", "check_pg_leader", *socket, "--patroni", "http://127.0.0.1:8008")


def test_the_agent_answers_every_section(reference):
    leader = reference.leader()
    for node in reference:
        for question in ("leader", "replica", "patroni", "dcs", "pgbouncer"):
            is_no = question == ("replica" if node is leader else "leader")
            # What it saw last may be of before the pooler or a neighbour was up.
            says(node, 2 if is_no else 0, "", "pgha-ask", question)
        metrics = node.ask("/metrics", 8009)[1]
        rules = shipped.adapted("prometheus/pgha-rules.yml", {})
        for name in set(re.findall(r"pgha_\w+", rules)):
            assert f"\n{name}{{" in metrics, f"{name} of the rules for Prometheus"


def test_each_way_leads_to_its_role(reference):
    leader = reference.wait_settled()
    standbys = {node.address for node in reference} - {leader.address}
    for _ in range(4):
        for way, port, led_to in (("app", 5000, {leader.address}), ("app", 5001, standbys),
                                  ("app", 6432, {leader.address}), ("app_ro", 6432, standbys)):
            # HAProxy has nobody for a moment when an agent was late. It never leads to another role.
            until(lambda: reference.where(way, port), lambda found: found, f"{way} by {port}",
                  always=lambda found: found in {None, *led_to})


def test_nobody_is_let_in_without_a_password(reference):
    node = next(iter(reference))
    for port, user in ((5432, "app"), (5000, "app"), (6432, "app"), (5432, "postgres"), (6432, "postgres")):
        assert node.psql("SELECT 1", "-w", host=VIP, port=port, user=user, dbname="app", passfile="/dev/null") is None
    assert node.psql("SELECT 1", host=VIP, user="postgres") is None, "not with its password either"


def test_pgpool_took_every_line(reference):
    """It passes over what it does not know or understand, so it is asked for every setting of the file."""
    for node in reference:
        node.install_pgpool()
        node.start_pgpool()
    for node in reference:
        reference.wait(lambda node=node: node.psql("SELECT 1", port=9999, user="pgha") == "1", "pgpool-II")
    node = reference.living()[-1]
    shown = until(lambda: node.psql("PGPOOL SHOW ALL", port=9999, user="pgha"), bool, "pgpool-II's settings")
    known = dict(line.split("|")[:2] for line in shown.splitlines())
    file = (node.machine.root / "etc/pgpool2/pgpool.conf").read_text(encoding="utf-8")
    settings = dict(re.findall(r"(?m)^(\w+) = '?(.*?)'?$", file))
    assert len(settings) > 30
    # Two that it does not show as they are.
    assert known.pop("pool_passwd") == "*****" and settings.pop("pool_passwd") == "pool_passwd"
    assert settings["backend_flag0"].split("|") == ["ALWAYS_PRIMARY", known.pop("backend_flag0")]
    assert "find_primary_node: standby node is" not in node.machine.log("pgpool", 2000)
    del settings["backend_flag0"]
    assert {name: (value, known.get(name)) for name, value in settings.items()
            if plain(value) != plain(known.get(name, "not known"))} == {}
    asked = ("pcp_node_count", "-h", "127.0.0.1", "-p", "9898", "-U", "pgha", "-w")
    until(lambda: node.machine.run(*asked, env={"PCPPASSFILE": "/etc/pgha/pcppass"}),
          lambda run: run.stdout.strip() == "2", "two nodes")


def test_pgpool_tells_reads_from_writes(reference):
    leader = reference.wait_settled()
    for node in reference:
        # On a busy machine one of pgpool's own health checks comes to nothing now and then.
        says(node, 0, "", "check_pgpool", "-H", "/run/postgresql", "-p", "9999", "-U", "pgha", "--failed-within", "2s")
    standbys = {node.address for node in reference} - {leader.address}
    until(lambda: reference.where("app", 9999), lambda address: address in standbys, "pgpool-II to read from a standby")
    until(lambda: reference.write(9999), lambda address: address == leader.address, "pgpool-II to write to the primary")


def plain(value):
    """pgpool-II shows 300s for 5min, 5s for 5, 16MB for 16777216."""
    number, unit = re.fullmatch(r"(\d+)(min|s|MB)", value).groups() if re.fullmatch(r"\d+(min|s|MB)", value) else (value, "")
    return str(int(number) * {"min": 60, "s": 1, "MB": 1 << 20}[unit]) if unit else number


def test_synchronous_mode_as_the_comments_have_it(reference):
    """From here on: nothing that was acknowledged is lost."""
    comments = re.findall(r"(?m)^    #(synchronous_\w+): (\w+)$", shipped.adapted("patroni/patroni.yml", {}))
    dynamic = {name: json.loads(value) for name, value in comments}
    assert dynamic == {"synchronous_mode": True, "synchronous_node_count": 1}
    leader = reference.leader()
    assert leader.rest("/config", "patroni:CHANGE-ME-1", dynamic, "PATCH", timeout=60), leader.logs()
    reference.wait(lambda: leader.check("check_pg_sync", "-H", "/run/postgresql", "-U", "pgha").returncode == 0,
                   "a synchronous standby")
    reference.wait_synchronous()


def synchronous(reference):
    """The node that is Patroni's synchronous standby, once there is one."""
    def look():
        return next((node for node in reference if "sync_standby" in (node.rest("/patroni") or "")), None)

    return reference.wait(look, "a synchronous standby")


def test_a_switchover_moves_everything(reference):
    before = reference.wait_settled()
    reference.wait_synchronous()
    to = synchronous(reference)
    asked = {"leader": before.name, "candidate": to.name}
    assert before.ask("/switchover", 8008, 10, "POST", json.dumps(asked))[0] == 401, "no password"
    assert before.rest("/switchover", "patroni:CHANGE-ME-0", asked, "POST") is None, "another password"
    # To Patroni a candidate that is late for an answer is none.
    reference.wait(lambda: reference.leader() not in (before, None) or before.rest(
        "/switchover", "patroni:CHANGE-ME-1", asked, "POST", timeout=60), "the switchover")
    reference.wait(lambda: reference.leader() not in (before, None), "another leader")
    after = reference.wait_settled()
    assert after is to
    standbys = {node.address for node in reference} - {after.address}
    reference.wait(lambda: reference.where("app_ro") in standbys, "reads by a standby")
    reference.wait(lambda: reference.write(9999) == after.address, "pgpool-II to write there")
    reference.wait(lambda: before.check("check_pg_replica", "-H", "/run/postgresql", "-U", "pgha", "-c", "1MB")
                   .returncode == 0, "the old primary as a replica")


# --- a host that is cut off ------------------------------------------------------------------------------------------

OWN = ("-H", "/run/postgresql", "-U", "pgha")
CHECKS = (("check_pg_leader", *OWN, "--patroni", "http://127.0.0.1:8008", "-t", "2s"),
          ("check_patroni", "--url", MEMBERS, "--min-members", "3", "-t", "2s"),
          ("check_dcs", "--endpoints", ENDPOINTS, "--scope", "pg", "-t", "2s"),
          *(("pgha-ask", question) for question in ("leader", "patroni", "dcs")))


def told(node):
    """What the checks and the agent say on this host: {"check_dcs": run, "dcs": run, ...}"""
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        runs = pool.map(lambda asked: node.check(*asked), CHECKS)
        return {asked[asked[0] == "pgha-ask"]: run for asked, run in zip(CHECKS, runs)}


def wait_told(node, codes, **texts):
    """Until they say that."""
    last = [{}]

    def look():
        last[0] = told(node)
        return codes == tuple(run.returncode for run in last[0].values()) \
            and all(re.search(text, last[0][name].stdout) for name, text in texts.items())

    sandbox.wait_for(look, f"{codes} and {texts} on {node.name}", 90, 0.5,
                     detail=lambda: "\n".join(f"{name} {run.returncode}: {run.stdout}" for name, run in last[0].items()))


def row_of(node):
    """{path: cell} of all paths that stand for others in the document."""
    return {group[0]: document.cell(*(str(node.status(group[0], port) or document.SILENT) for port in (8008, 8009)))
            for group in document.GROUPS}


@contextmanager
def watched(reference):
    """Those whom its list names in the end have led and had the address meanwhile, one after the other."""
    with Turns(reference, lambda node: node.status("/primary") == 200) as leaders, \
            Turns(reference, lambda node: node.has_address()) as holders:
        yield (names := [])
    leaders.check(*names)
    holders.check(*names)


def compare_with_document(members):
    """What Patroni and the agent of each answer, {where: node}, is what the document has, or is written to it."""
    expected = document.read("hosts")
    rows = lambda: {where: row_of(node) for where, node in members.items()}  # noqa: E731
    if os.environ.get("PGHA_GOLDEN") == "write":
        time.sleep(10)
        document.write("hosts", "situation", [group[0] for group in document.GROUPS], {**expected, **rows()})
        return
    wanted = {where: expected.get(where) for where in members}
    sandbox.wait_for(lambda: rows() == wanted, f"{', '.join(members)} to answer as the document has it", 60, 0.5,
                     detail=lambda: f"{rows()}\nand not\n{wanted}")


def test_a_leader_that_is_cut_off(reference):
    """It lives on where nobody hears it, and has given way before another is promoted; back again it is a replica."""
    old = reference.wait_settled()
    reference.wait_synchronous()
    with watched(reference) as turns:
        reference.cut_off(old)
        lost = old.psql("INSERT INTO written VALUES (now(), 'lost')", dbname="app", user="app", host="127.0.0.1")
        new = reference.wait_settled()
        turns.extend((old.name, new.name))
        assert new is not old and lost is None, "an acknowledged write is gone"
        third = reference.living()[reference.living()[0] is new]
        nobody = "^(?!.*split brain).*(says that it does not hold the lock|nobody says that it holds the leader lock)"
        wait_told(old, (2,) * 6, check_patroni=nobody, patroni=nobody, check_dcs="no quorum, 2 of 3 endpoints do not")
        few = "2 healthy members, at least 3 must be there"
        wait_told(new, (0, 2, 1, 0, 2, 1), check_patroni=few, check_dcs="1 of 3 endpoints does not answer", patroni=few)
        wait_told(third, (2, 2, 1, 2, 2, 1), check_pg_leader=f'standby, not the leader, which is "{new.name}"')
        compare_with_document({"leader cut off: old leader": old, "leader cut off: leader": new,
                               "leader cut off: replica": third})
        assert old.status("/primary") == 503 and not old.has_address()
        reference.plug(old)
        reference.wait(lambda: old.check("check_pg_replica", *OWN, "-c", "1MB").returncode == 0, f"{old.name} to follow")
        assert old.psql("SELECT count(*) FROM written WHERE host = 'lost'", dbname="app") == "0", "it was not rewound"
        reference.wait_synchronous()
        for node in reference:
            wait_told(node, (0, 0, 0, 0, 0, 0) if node is new else (2, 0, 0, 2, 0, 0),
                      patroni=f"leader {new.name} on timeline .*, 2 of 2 replicas are healthy, 1 of them synchronous")
        assert reference.wait_settled() is new


def test_a_synchronous_standby_that_is_cut_off(reference):
    """Nothing changes who leads; the other standby is synchronous then."""
    leader = reference.wait_settled()
    reference.wait_synchronous()
    cut = synchronous(reference)
    other = next(node for node in reference if node not in (leader, cut))
    with watched(reference) as turns:
        turns.append(leader.name)
        reference.cut_off(cut)
        wait_told(cut, (2,) * 6, check_dcs="no quorum, 2 of 3 endpoints do not answer",
                  check_patroni=f"Patroni of the leader {leader.name} does not answer|nobody says that it holds")
        reference.wait(lambda: other.status("/sync") == 200, f"{other.name} to be synchronous")
        wait_told(leader, (0, 2, 1, 0, 2, 1), patroni="2 healthy members, at least 3 must be there")
        compare_with_document({"standby cut off: leader": leader, "standby cut off: synchronous": cut,
                               "standby cut off: replica": other})
        until(lambda: reference.write(5432), lambda address: address == VIP, "a write by the virtual IP")
        reference.plug(cut)
        wait_told(leader, (0,) * 6, patroni="2 of 2 replicas are healthy, 1 of them synchronous")
        wait_told(cut, (2, 0, 0, 2, 0, 0), patroni="2 of 2 replicas are healthy, 1 of them synchronous")


def test_what_differs_on_hosts_that_are_cut_off_is_listed():
    listed = document.differences()
    seen = {(where, f"GET {path}", *codes.split("/")) for where, row in document.read("hosts").items()
            for path, codes in row.items() if "/" in codes}
    assert seen and not [what for what in seen if not any(row.covers(*what) for row in listed)]
    assert not [row for row in listed if row.is_of_hosts() and not any(row.covers(*what) for what in seen)]


# --- a host that dies ------------------------------------------------------------------------------------------------

def test_a_host_that_dies_is_replaced(reference):
    before = reference.wait_settled()
    reference.wait_synchronous()  # nobody else may be promoted
    reference.removed.add(before.name)
    before.machine.kill()
    before.machine.host.unplug()
    after = reference.wait_settled()
    assert after is not before
    until(lambda: reference.write(5432), lambda address: address == VIP, "a write by the virtual IP")
    for port in (5000, 6432):
        until(lambda port=port: reference.write(port), lambda address: address == after.address, f"a write by {port}",
              always=lambda address: address in (None, after.address))
    # It may first find that a connection is closed that it kept for reuse.
    reference.wait(lambda: reference.write(9999) == after.address, "pgpool-II to write there")
    says(after, 1, "1 of 3 endpoints does not answer",
         "check_dcs", "--endpoints", ENDPOINTS, "--scope", "pg", "-t", "5s")
    says(after, 2, "2 healthy members, at least 3 must be there",
         "check_patroni", "--url", MEMBERS, "--min-members", "3", "-t", "5s")
