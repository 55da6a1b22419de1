"""The files of configs/ for a cluster of three hosts, each where the README's map puts it: what they make together, and
that each program refuses its file when something is wrong with it."""

import json
import re

import pytest

import machines
import programs
import sandbox
import shipped
from reference import ASK, ENDPOINTS, MEMBERS, PLACES, SECRET, VIP, Reference, why_missing_managers

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
    broken = {"scope: pg": "skope: pg", "data_dir:": "data_directory:", "ttl: 8": "ttl: soon", "etcd3:": "etcd4:",
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
        assert config["quota-backend-bytes"] == 2147483648
        assert node.check("check_dcs", "--endpoints", ENDPOINTS).returncode == 0, "enable-grpc-gateway"


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
            run = machine.run("pgbouncer", "/etc/pgbouncer/pgbouncer.ini", timeout=10)
            assert run.returncode != 0 and "cannot load config file" in run.stdout + run.stderr, run
        finally:
            file.write_text(text, encoding="utf-8")


# --- what they make together -----------------------------------------------------------------------------------------

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
            answer = node.check(program, *options)
            assert answer.returncode == 0, f"{node.name}: {answer.stdout}{answer.stderr}"
    good = leader.check("check_pg_leader", *socket, "--patroni", "http://127.0.0.1:8008")
    assert good.returncode == 0 and "holds Patroni's leader lock" in good.stdout, good.stdout
    for node in standbys:
        replica = node.check("check_pg_replica", *socket, "--patroni", "http://127.0.0.1:8008", "-c", "1MB")
        assert replica.returncode == 0, replica.stdout
        assert node.check("check_pg_leader", *socket, "--patroni", "http://127.0.0.1:8008").returncode == 2


def test_the_agent_answers_every_section(reference):
    leader = reference.leader()
    for node in reference:
        for question in ("leader", "replica", "patroni", "dcs", "pgbouncer"):
            is_no = question == ("replica" if node is leader else "leader")
            # What it saw last may be of before the pooler or a neighbour was up.
            sandbox.wait_for(lambda: node.check("pgha-ask", question).returncode == (2 if is_no else 0),
                             f"{node.name} to answer about {question}", 15,
                             detail=lambda: node.check("pgha-ask", question).stdout)
        metrics = node.machine.run("python3", "-c", ASK, "http://127.0.0.1:8009/metrics").stdout
        rules = shipped.adapted("prometheus/pgha-rules.yml", {})
        for name in set(re.findall(r"pgha_\w+", rules)):
            assert f"\n{name}{{" in metrics, f"{name} of the rules for Prometheus"


def test_each_way_leads_to_its_role(reference):
    leader = reference.wait_settled()
    standbys = {node.address for node in reference} - {leader.address}
    for _ in range(4):
        assert reference.where("app", 5000) == leader.address
        assert reference.where("app", 5001) in standbys
        assert reference.where("app") == leader.address
        assert reference.where("app_ro") in standbys


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
    known = dict(line.split("|")[:2] for line in node.psql("PGPOOL SHOW ALL", port=9999, user="pgha").splitlines())
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
    pcp = node.machine.run("pcp_node_count", "-h", "127.0.0.1", "-p", "9898", "-U", "pgha", "-w",
                           env={"PCPPASSFILE": "/etc/pgha/pcppass"})
    assert pcp.stdout.strip() == "2", pcp.stderr


def test_pgpool_tells_reads_from_writes(reference):
    leader = reference.wait_settled()
    for node in reference:
        # On a busy machine one of pgpool's own health checks comes to nothing now and then.
        said = []
        sandbox.wait_for(lambda: said.append(node.check("check_pgpool", "-H", "/run/postgresql", "-p", "9999", "-U", "pgha",
                                                        "--failed-within", "2s")) or said[-1].returncode == 0,
                         "pgpool to be well", 15, detail=lambda: said[-1].stdout)
        assert reference.where("app", 9999) in {other.address for other in reference} - {leader.address}
        assert reference.write(9999) == leader.address


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
    assert leader.rest("/config", "patroni:CHANGE-ME-1", json.dumps(dynamic), "PATCH"), leader.logs()
    reference.wait(lambda: leader.check("check_pg_sync", "-H", "/run/postgresql", "-U", "pgha").returncode == 0,
                   "a synchronous standby")
    reference.wait_synchronous()


def test_a_switchover_moves_everything(reference):
    before = reference.wait_settled()
    to = next(node for node in reference if "sync_standby" in node.rest("/patroni"))
    asked = json.dumps({"leader": before.name, "candidate": to.name})
    assert before.rest("/switchover", "patroni:CHANGE-ME-0", asked) is None, "another password"
    assert before.rest("/switchover", "patroni:CHANGE-ME-1", asked), before.logs()
    after = reference.wait_settled()
    assert after is to
    standbys = {node.address for node in reference} - {after.address}
    reference.wait(lambda: reference.where("app_ro") in standbys, "reads by a standby")
    reference.wait(lambda: reference.write(9999) == after.address, "pgpool-II to write there")
    reference.wait(lambda: before.check("check_pg_replica", "-H", "/run/postgresql", "-U", "pgha", "-c", "1MB")
                   .returncode == 0, "the old primary as a replica")


def test_a_host_that_dies_is_replaced(reference):
    before = reference.wait_settled()
    reference.wait_synchronous()  # nobody else may be promoted
    reference.removed.add(before.name)
    before.machine.kill()
    before.machine.host.unplug()
    after = reference.wait_settled()
    assert after is not before
    assert reference.write(5432) == VIP
    for port in (5000, 6432):
        assert reference.write(port) == after.address
    # It may first find that a connection is closed that it kept for reuse.
    reference.wait(lambda: reference.write(9999) == after.address, "pgpool-II to write there")
    told = after.check("check_dcs", "--endpoints", ENDPOINTS, "--scope", "pg")
    assert told.returncode == 1 and "1 of 3 endpoints does not answer" in told.stdout, told.stdout
    members = after.check("check_patroni", "--url", MEMBERS, "--min-members", "3")
    assert members.returncode == 2, members.stdout
