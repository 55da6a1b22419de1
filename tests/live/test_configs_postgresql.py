"""The files of configs/postgresql/: a cluster without Patroni, made as their comments say, and what each major says of
each line."""

import re
import subprocess

import pytest

import keepalived
import machines
import sandbox
import shipped
from reference import CHECKS, PGPASS, VIP, bindir, put, start_agent, start_keepalived, why_missing

DATA = "/var/lib/postgresql/15/main"
ETC = "/etc/postgresql/15/main"  # Debian's; hba_file is there as its postgresql.conf says
PATIENCE = 60  # seconds; only a failure takes them


class Plain:
    """PostgreSQL alone on a machine, as the comments in postgresql-primary.conf and postgresql-standby.conf say."""

    def __init__(self, machine, peers):
        self.machine = machine
        machine.install_programs(*CHECKS)
        machine.directory("/var/lib/postgresql/15")
        machine.write("/var/lib/postgresql/.pgpass", PGPASS + "*:*:*:repl:CHANGE-ME-3\n", 0o600)
        machine.install("/var/lib/postgresql/monitoring-role.sql", "postgresql/monitoring-role.sql")
        for config in ("postgresql/postgresql-primary.conf", "postgresql/pg_hba.conf"):
            put(machine, config)
        put(machine, "keepalived/keepalived-agent.conf", is_roots=True)
        sections = "".join(f"[peer {peer.name}]\nconninfo = host={peer.address} user=pgha passfile=/etc/pgha/pgpass\n"
                           for peer in peers)
        put(machine, "agent-minimal.ini", {r"\Z": "\n" + sections})
        machine.write("/etc/pgha/pgpass", PGPASS, 0o600)
        machine.directory("/run/pgha")

    def program(self, name, *options):
        run = self.machine.run(bindir() / name, *options, env={"PGPASSFILE": "/var/lib/postgresql/.pgpass"}, timeout=60)
        assert run.returncode == 0, run.stdout + run.stderr

    def start(self):
        self.machine.write(f"{ETC}/postgresql.conf", f"hba_file = '{ETC}/pg_hba.conf'\n"
                                                     f"include_dir = '{ETC}/conf.d'\n")
        self.machine.start("postgres", bindir() / "postgres", "-D", DATA, "-c",
                           f"config_file={ETC}/postgresql.conf")
        sandbox.wait_for(lambda: self.psql("SELECT 1") == "1", f"PostgreSQL of {self.machine.name}", PATIENCE, 0.2,
                         detail=lambda: self.machine.log("postgres"))

    def clone(self):
        """A standby of whoever has the virtual IP."""
        name = self.machine.name
        self.program("pg_basebackup", "-h", VIP, "-U", "repl", "-D", DATA, "-X", "stream", "-c", "fast", "-S", name)
        self.machine.write(f"{DATA}/standby.signal", "")
        self.machine.write("/var/lib/postgresql/repl.pgpass", "*:*:*:repl:CHANGE-ME-3\n", 0o600)
        put(self.machine, "postgresql/postgresql-standby.conf")
        self.start()
        wait_ok(self, "check_pg_replica", "-c", "1MB")

    def psql(self, *statements):
        """In one session: what all of them answer, or None."""
        commands = [word for statement in statements for word in ("-c", statement)]
        run = self.machine.run("psql", "-X", "-A", "-t", "-q", "-h", "/run/postgresql", "-U", "postgres", *commands)
        return run.stdout.strip() if run.returncode == 0 else None

    def check(self, program, *options):
        answer = self.machine.run(f"/usr/local/bin/{program}", "-H", "/run/postgresql", "-U", "pgha", *options,
                                  env={"PGPASSFILE": "/var/lib/postgresql/.pgpass"})
        return answer.returncode, answer.stdout + answer.stderr


WELL = ("check_pg_config", "--ignore", "archive_mode,file")  # backups are another matter; this role may not see files


def wait_ok(server, *asked):
    """Until that check is OK: a standby that has begun to stream is a moment behind, and so is what is told of it."""
    sandbox.wait_for(lambda: server.check(*asked)[0] == 0, f"{asked} to be OK on {server.machine.name}", PATIENCE, 0.3,
                     detail=lambda: f"{server.check(*asked)[1]}\n{server.machine.log('postgres')}")


def wait_address(server):
    sandbox.wait_for(lambda: server.machine.host.has(VIP), f"{VIP} on {server.machine.name}", PATIENCE,
                     detail=lambda: server.machine.log("agent") + server.machine.log("keepalived"))


@pytest.fixture
def trio():
    """n1, n2 and n3 with nothing running."""
    if reason := why_missing() or keepalived.why_missing():
        pytest.skip(reason)
    with machines.Machines() as network:
        yield [Plain(machine, [peer for peer in network if peer is not machine]) for machine in network]


def make_cluster(primary, standbys):
    primary.program("initdb", "-D", DATA, "--no-sync")
    primary.start()
    done = primary.psql("SET synchronous_commit = local", "CREATE ROLE repl LOGIN REPLICATION PASSWORD 'CHANGE-ME-3'",
                        "SELECT pg_create_physical_replication_slot(name) FROM unnest(ARRAY['n2', 'n3']) name",
                        "\\i /var/lib/postgresql/monitoring-role.sql", "ALTER ROLE pgha PASSWORD 'CHANGE-ME-6'")
    assert done is not None, primary.machine.log("postgres")
    alone = primary.check("check_pg_sync")
    assert alone[0] == 2 and "commits block" in alone[1], alone
    for server in (primary, *standbys):
        if server is not primary:
            server.clone()
        start_agent(server.machine)
        start_keepalived(server.machine)
        wait_address(primary)


def test_a_cluster_without_patroni(trio):
    """The files, and the commands in their comments, make a primary that waits for one of two standbys, and another one
    when it is gone."""
    primary, successor, other = trio
    make_cluster(primary, [successor, other])
    assert primary.psql("CREATE TABLE written ()") == "", "a commit that is waited for"
    for asked in (("check_pg_leader",), ("check_pg_sync", "-w", "1:"), ("check_pg_lag", "--standby", "n2,n3"),
                  ("check_pg_slots", "--expect", "n2,n3"), WELL):
        wait_ok(primary, *asked)
    wait_ok(successor, *WELL)
    wait_ok(other, *WELL)

    primary.machine.kill()
    primary.machine.host.unplug()
    successor.program("pg_ctl", "promote", "-D", DATA)
    wait_address(successor)
    assert successor.psql("SELECT pg_create_physical_replication_slot(name) FROM unnest(ARRAY['n1', 'n3']) name") is not None
    wait_ok(successor, "check_pg_sync")  # n3 follows, by the virtual IP
    assert successor.psql("INSERT INTO written DEFAULT VALUES") == ""
    wait_ok(other, "check_pg_replica", "-c", "1MB")


@pytest.mark.parametrize("name", ["postgresql-primary.conf", "postgresql-standby.conf"])
def test_every_major_takes_every_line(installation, scratch, name):
    """postgres -C reads the whole file, and ends at a line that it does not know or cannot use."""
    text = shipped.adapted(f"postgresql/{name}", {})

    def ask(setting, contents):
        (scratch / "postgresql.conf").write_text(contents, encoding="utf-8")
        command = [str(installation.bindir / "postgres"), "-D", str(scratch), "-C", setting]
        run = subprocess.run(sandbox.as_user(command), cwd="/", capture_output=True, text=True, timeout=120, check=False)
        return run.returncode, run.stdout.strip()

    settings = dict(re.findall(r"(?m)^(\w+) = '?(.*?)'?(?:\s+#.*)?$", text))
    assert len(settings) > 4
    assert ask("cluster_name", text) == (0, settings["cluster_name"])
    for setting in settings:
        broken = re.sub(rf"(?m)^{setting} =", f"{setting}x =", text)
        assert ask("cluster_name", broken)[0] != 0, f"{setting}x"
