"""The cluster of three hosts that configs/ describes, on machines.Machines: each file where the README's map puts it.

Pure Python, no pytest.
"""

import base64
import http.client
import json
import os
import shutil
import signal
import socket
import sys
import threading

import psycopg2

import etcd
import haproxy
import installations
import keepalived
import machines
import netns
import patroni
import pgbouncer
import pgpool
import reaper
import sandbox

VIP = "10.0.0.10"
ENDPOINTS = "http://10.0.0.11:2379,http://10.0.0.12:2379,http://10.0.0.13:2379"
MEMBERS = "http://10.0.0.11:8008,http://10.0.0.12:8008,http://10.0.0.13:8008"
PASSWORDS = {"app": "CHANGE-ME-5", "pgha": "CHANGE-ME-6", "postgres": "CHANGE-ME-7"}
PGPASS = "".join(f"*:*:*:{role}:{password}\n" for role, password in PASSWORDS.items())

# {file of configs/: where it goes}, as the README's map has it.
PLACES = {
    "etcd/etcd.yml": "/etc/etcd/etcd.yml",
    "patroni/patroni.yml": "/etc/patroni/config.yml",
    "agent-patroni.ini": "/etc/pgha/agent.ini",
    "agent-minimal.ini": "/etc/pgha/agent.ini",  # without Patroni
    "keepalived/keepalived-agent.conf": "/etc/keepalived/keepalived.conf",
    "haproxy/haproxy-agent.cfg": "/etc/haproxy/haproxy.cfg",
    "pgbouncer/pgbouncer.ini": "/etc/pgbouncer/pgbouncer.ini",
    "pgbouncer/userlist.txt": "/etc/pgbouncer/userlist.txt",
    "pgpool/pgpool.conf": "/etc/pgpool2/pgpool.conf",
    "pgpool/pool_hba.conf": "/etc/pgpool2/pool_hba.conf",
    "pgpool/pool_passwd": "/etc/pgpool2/pool_passwd",
    "pgpool/pcp.conf": "/etc/pgpool2/pcp.conf",
    "postgresql/postgresql-primary.conf": "/etc/postgresql/15/main/conf.d/postgresql-primary.conf",
    "postgresql/postgresql-standby.conf": "/etc/postgresql/15/main/conf.d/postgresql-standby.conf",
    "postgresql/pg_hba.conf": "/etc/postgresql/15/main/pg_hba.conf",
}
SECRET = {"patroni/patroni.yml", "pgbouncer/userlist.txt", "pgpool/pool_passwd"}  # mode 0600


def put(machine, config, replacements=None, is_roots=False):
    machine.install(PLACES[config], config, replacements, 0o600 if config in SECRET else 0o644, is_roots)


# A test does not wait for half a minute until a lock expires.
SHORT_TIMES = {"ttl: 30": "ttl: 10", "loop_wait: 10": "loop_wait: 1", "retry_timeout: 10": "retry_timeout: 4"}
# Thirty processes of pgpool-II on each host would do as well, but for the time that they take to begin and to end.
FEW_CHILDREN = {"num_init_children = 30": "num_init_children = 8"}

CHECKS = ("check_pg_leader", "check_pg_replica", "check_pg_lag", "check_pg_sync", "check_pg_slots", "check_pg_config",
          "check_patroni", "check_dcs", "check_pgbouncer", "check_pgpool", "pgha-agent", "pgha-ask")


def bindir():
    """Where configs/patroni/patroni.yml has it, if that is there."""
    found = installations.installations().get(15)
    return found.bindir if found and str(found.bindir) == "/usr/lib/postgresql/15/bin" else None


def why_missing():
    """The reason for a skip, "" when everything is there but the managers."""
    if not bindir() or not shutil.which("psql"):
        return "no PostgreSQL 15 from Debian with its clients"
    return machines.why_missing()


def why_missing_managers():
    return (why_missing() or patroni.why_missing() or haproxy.why_missing() or keepalived.why_missing()
            or pgbouncer.why_missing() or pgpool.why_missing())


def start_agent(machine):
    """Its unit is Before=keepalived.service haproxy.service."""
    machine.start("agent", "/usr/local/bin/pgha-agent", "-c", "/etc/pgha/agent.ini")
    sandbox.wait_for(lambda: (machine.root / "run/pgha/leader.track").exists(), "the agent's first answer", 60, 0.1,
                     detail=lambda: machine.log("agent"))


def start_keepalived(machine):
    machine.start("keepalived", "keepalived", "--dont-fork", "--log-console", "--vrrp", is_root=True)


# --- one host --------------------------------------------------------------------------------------------------------

class Node:
    """A machine with all that the map gives a database host."""

    def __init__(self, machine, peers):
        self.machine = machine
        self.name, self.address = machine.name, machine.address
        self.patroni_pid = None
        machine.install_programs(*CHECKS)
        machine.write("/var/lib/postgresql/.pgpass", PGPASS, 0o600)
        machine.install("/usr/local/share/pgha-checks/postgresql/monitoring-role.sql", "postgresql/monitoring-role.sql")
        machine.directory("/var/log/postgresql")
        machine.directory("/var/lib/etcd")
        put(machine, "etcd/etcd.yml")
        machine.directory("/var/lib/postgresql/15")
        put(machine, "patroni/patroni.yml", SHORT_TIMES)
        self._install_agent(peers)
        put(machine, "keepalived/keepalived-agent.conf", is_roots=True)
        machine.directory("/run/haproxy")
        for config in ("haproxy/haproxy-agent.cfg", "pgbouncer/pgbouncer.ini", "pgbouncer/userlist.txt"):
            put(machine, config)

    def _install_agent(self, peers):
        first, second = peers
        put(self.machine, "agent-patroni.ini", {
            r"(?m)^name = n1$": f"name = {self.name}",
            r"(?m)^(url = http://127.0.0.1:8008)$": r"\1\ncluster_interval = 2s",
            r"\[peer n2\]\nconninfo = host=10.0.0.12": f"[peer {first.name}]\nconninfo = host={first.address}",
            r"\[peer n3\]\nconninfo = host=10.0.0.13": f"[peer {second.name}]\nconninfo = host={second.address}",
        })
        self.machine.write("/etc/pgha/pgpass", PGPASS, 0o600)
        self.machine.directory("/run/pgha")

    def start_etcd(self):
        self.machine.start("etcd", *etcd.first_in_queue(["etcd", "--config-file", "/etc/etcd/etcd.yml"]), is_root=True)

    def start_patroni(self):
        # PostgreSQL becomes nobody's child: this adopts it.
        pid_file = "/run/postgresql/patroni.pid"
        (self.machine.root / pid_file[1:]).unlink(missing_ok=True)
        self.machine.start("patroni", sys.executable, "-c", patroni.KEEPER, pid_file,
                           "patroni", "/etc/patroni/config.yml")
        self.patroni_pid = patroni.pid_kept(self.machine.root / pid_file[1:], lambda: self.machine.log("patroni"))

    def kill_patroni(self):
        """PostgreSQL goes on, and ends with its keeper."""
        keeper = self.machine.processes.pop("patroni")
        reaper.signal_each([self.patroni_pid], signal.SIGKILL)
        assert reaper.wait_gone([self.patroni_pid], 30), "Patroni is still there after SIGKILL"
        self.machine.processes[f"patroni that was killed, {keeper.pid}"] = keeper

    def start_others(self):
        start_agent(self.machine)
        self.machine.start("haproxy", "haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg")
        start_keepalived(self.machine)
        self.machine.start("pgbouncer", "pgbouncer", "/etc/pgbouncer/pgbouncer.ini")

    def check(self, program, *options):
        return self.machine.run(f"/usr/local/bin/{program}", *options)

    def install_pgpool(self):
        put(self.machine, "pgpool/pgpool.conf", FEW_CHILDREN)
        for name in ("pool_hba.conf", "pool_passwd", "pcp.conf"):
            put(self.machine, f"pgpool/{name}")
        self.machine.write("/etc/pgha/pcppass", "*:*:pgha:CHANGE-ME-8\n", 0o600)

    def start_pgpool(self):
        """As its unit does."""
        self.machine.start("pgpool", "pgpool", "-n", "-f", "/etc/pgpool2/pgpool.conf", "-F", "/etc/pgpool2/pcp.conf",
                           "-a", "/etc/pgpool2/pool_hba.conf")

    def psql(self, query, *options, host="/run/postgresql", port=5432, dbname="postgres", user="postgres",
             passfile="/var/lib/postgresql/.pgpass"):
        """What a query answers, as text, or None when there is no answer."""
        run = self.machine.run("psql", "-X", "-A", "-t", "-h", host, "-p", port, "-U", user, "-d", dbname, *options,
                               "-c", query, env={"PGCONNECT_TIMEOUT": "10", "PGPASSFILE": passfile})
        return run.stdout.strip() if run.returncode == 0 else None

    def rest(self, path, login=None, body=None, method="GET", timeout=10):
        """The body of Patroni's REST API on this host, None when it has not status 200."""
        headers = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()} if login else {}
        status, text = self.ask(path, 8008, timeout, method, None if body is None else json.dumps(body), headers)
        return text if status == 200 else None

    def lock_holder(self):
        """Who has the leader lock by what the etcd on this host has applied: Patroni, too, asks for no more than that."""
        asked = json.dumps({"key": etcd.encoded("/service/pg/leader"), "serializable": True})
        status, text = self.ask("/v3/kv/range", 2379, method="POST", body=asked)
        found = json.loads(text).get("kvs") if status == 200 else None
        return base64.b64decode(found[0]["value"]).decode() if found else ""

    def status(self, path, port=8009):
        """The code of the agent, or of what serves that port, asked on this host; 0: no answer."""
        return self.ask(path, port)[0]

    def ask(self, path, port, timeout=3, method="GET", body=None, headers=None):
        """(status, body) by HTTP on this host; (0, "") when no answer comes."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        try:
            connection.sock = self.machine.host.connect(port, timeout=timeout)
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def has_address(self):
        return self.machine.host.has(VIP)

    def logs(self):
        return "\n".join(self.machine.log(name, 25) for name in self.machine.processes)


# --- three of them ---------------------------------------------------------------------------------------------------

class Reference:
    def __init__(self, network):
        machine_list = list(network)
        self.nodes = {machine.name: Node(machine, [peer for peer in machine_list if peer is not machine])
                      for machine in machine_list}
        self.removed, self.without_pgpool = set(), set()

    def __iter__(self):
        return iter(self.nodes.values())

    def start_etcd(self):
        for node in self:
            node.start_etcd()
        first = next(iter(self))
        self.wait(lambda: first.check("check_dcs", "--endpoints", ENDPOINTS).returncode == 0, "etcd")

    def start(self):
        """The rest, in the order of the README."""
        for node in self:
            node.start_patroni()
        self.wait_leader()
        self._make_roles()
        whole = ("--url", MEMBERS, "--min-members", len(self.nodes))
        self.wait(lambda: self.wait_leader().check("check_patroni", *whole).returncode == 0, "all members")
        for node in self:
            node.start_others()
        self.wait_settled()

    def _make_roles(self):
        """What the comments of the files tell the administrator to do."""
        leader = self.wait_leader()
        is_made = "SELECT 1 FROM pg_roles WHERE rolname = 'pgha' AND NOT pg_is_in_recovery()"
        self.wait(lambda: leader.psql(is_made) == "1", "a primary that post_init is done with")
        roles = f"ALTER ROLE pgha PASSWORD '{PASSWORDS['pgha']}'; CREATE ROLE app LOGIN PASSWORD '{PASSWORDS['app']}'"
        assert leader.psql(roles) is not None, leader.logs()
        assert leader.psql("CREATE DATABASE app OWNER app") is not None, leader.logs()
        assert leader.psql("CREATE TABLE written (at timestamptz, host text)", dbname="app", host=leader.address,
                           user="app") is not None, leader.logs()

    def cut_off(self, node):
        """Its host lives on, and no packet gets in or out. Without pgpool-II there, which takes a whole processor while it
        reaches none of its backends."""
        if node.machine.is_running("pgpool"):
            node.machine.kill("pgpool")
            self.without_pgpool.add(node.name)
        node.machine.host.unplug()
        self.removed.add(node.name)

    def plug(self, node):
        """The link is back; Patroni is started anew when the host's etcd has caught up. Before 3.0.3 it overwrites the
        lock of the new leader if its etcd still tells that the lock is its own (its pull request 2689)."""
        leader = self.wait_leader()
        node.kill_patroni()
        node.machine.host.plug()
        self.wait(lambda: node.lock_holder() == leader.name, f"etcd on {node.name} to know that {leader.name} has the lock")
        node.start_patroni()
        if node.name in self.without_pgpool:
            self.without_pgpool.remove(node.name)
            node.start_pgpool()
        self.removed.remove(node.name)

    def living(self):
        return [node for node in self if node.name not in self.removed]

    def leader(self):
        """The node that holds the lock, None when nobody does."""
        for node in self.living():
            if node.rest("/leader", timeout=3):
                return node
        return None

    def wait(self, condition, what, timeout=90):
        return sandbox.wait_for(condition, what, timeout, 0.2,
                                detail=lambda: "\n".join(node.logs() for node in self.living()))

    def wait_leader(self):
        return self.wait(self.leader, "a leader")

    def wait_settled(self):
        """The virtual IP is at the leader, and writes by every way go there."""
        leader = self.wait_leader()
        self.wait(lambda: [node for node in self.living() if node.has_address()] == [leader], f"{VIP} on {leader.name}")
        self.wait(lambda: self.where("app") == leader.address, f"PgBouncer's app to lead to {leader.name}")
        return leader

    def wait_synchronous(self):
        """Until Patroni has a synchronous standby, by the members' own word."""
        asked = ("check_patroni", "--url", MEMBERS, "--min-sync", "1")
        self.wait(lambda: self.wait_leader().check(*asked).returncode == 0, "a synchronous standby")

    def where(self, dbname, port=6432):
        """The address of the server that an application comes to, by the virtual IP; None: to none."""
        return self._as_application("SELECT host(inet_server_addr())", dbname, port)

    def write(self, port):
        """Likewise, of one that writes."""
        query = "INSERT INTO written VALUES (now(), host(inet_server_addr())) RETURNING host"
        return self._as_application(query, "app", port)

    def _as_application(self, query, dbname, port):
        host = self.living()[-1].machine.host
        try:
            connection = netns.inside(host.netns, lambda: psycopg2.connect(
                host=VIP, port=port, dbname=dbname, user="app", password=PASSWORDS["app"], connect_timeout=5))
        except psycopg2.Error:
            return None
        connection.autocommit = True
        patience = threading.Timer(20, _shut, [connection.fileno()])
        patience.start()
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchone()[0]
        except psycopg2.Error:
            return None
        finally:
            patience.cancel()
            patience.join()
            connection.close()


def _shut(descriptor):
    """Who waits for an answer from there hears that there is none."""
    with socket.socket(fileno=os.dup(descriptor)) as connection:
        connection.shutdown(socket.SHUT_RDWR)
