"""check_pg_config --file: a proposed postgresql.conf is read as the server itself reads it (postgres -C)."""

import json
import subprocess

import pytest

import installations
import postgres
import sandbox


@pytest.fixture(scope="module")
def server(installation):
    with postgres.Cluster(installation) as cluster:
        yield cluster.primary()


def config_of(result):
    return json.loads(result.stdout)["snapshots"][0]["parts"]["config"]


def rules(result):
    """{rule: state} of the findings and remarks."""
    return {reason["text"].split(":")[0]: reason["state"] for reason in result.json()["reasons"]}


def write(path, text):
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    return path


# --- by postgres -C --------------------------------------------------------------------------------------------------

UNITS = {"us": 1 / 1000, "ms": 1, "s": 1000, "min": 60000, "h": 3600000, "d": 86400000,
         "kB": 1 / 1024, "MB": 1, "GB": 1024, "TB": 1048576}
NOT_IN_A_FILE = {"file", "refused", "data_checksums", "slots", "logical_slots", "failover_slots", "weak_commit_roles",
                 "weak_commit_role", "has_primary_conninfo", "has_application_name", "has_dbname"}
SINCE_17 = {"sync_replication_slots", "synchronized_standby_slots"}

ODD = r"""
# what the grammar allows

WAL_LEVEL hot_standby   # a word of old
hot_standby = tr
Wal_Log_Hints = 1
full_page_writes 'F'
fsync=YES#no
archive_mode = '1'
max_slot_wal_keep_size = 10GB
wal_keep_size = '1.5GB'
synchronous_standby_names = 'ANY 1 ("a""b", "o''brien", "c\'d", "\101\x")'
synchronous_commit = 'LOCAL'
wal_receiver_timeout = 90s
wal_receiver_timeout = 1500ms
wal_sender_timeout = '0.5 h'
hot_standby_feedback	=	oN
primary_slot_name = slot_1
max_connections = 0x40
max_worker_processes = 010
max_wal_senders = '7.5'
max_prepared_transactions = '1e1'
max_locks_per_transaction = '  65  '
tcp_keepalives_idle = 2min
tcp_keepalives_interval = '1500 ms'
tcp_keepalives_count = lots
tcp_keepalives_count = +5
tcp_user_timeout = '1.0004s'
cluster_name = 'one|two'
more.of = 'something'
"""


READ = {}  # what server_reads() has found, which is the same for each build of ours


def server_reads(installation, data, conf, name):
    """What postgres itself makes of a file: (exit code, value, error)."""
    case = installation.major, conf.read_text(encoding="utf-8"), name
    if case not in READ:
        command = [str(installation.bindir / "postgres"), "-C", name, "-D", str(data), "-c", f"config_file={conf}"]
        run = subprocess.run(sandbox.as_user(command), cwd="/", capture_output=True, text=True, timeout=120,
                             check=False)
        READ[case] = run.returncode, run.stdout.rstrip("\n"), run.stderr
    return READ[case]


def base(value):
    """A value as a snapshot has it, in the setting's own unit, as postgres -C prints it."""
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    digits = value.rstrip("usmindhkMGTB")
    unit = value[len(digits):]
    return str(round(int(digits) * UNITS[unit])) if digits.isdigit() and unit in UNITS else value


def assert_read_alike(check, server, installation, conf):
    config = config_of(check("check_pg_config", "--file", conf, "--record", "-"))
    assert config["refused"] is None, config
    known = config.keys() - NOT_IN_A_FILE - (SINCE_17 if installation.major < 17 else set())
    for name in installations.share(sorted(known), installation):
        code, value, error = server_reads(installation, server.data, conf, name)
        assert code == 0, error
        assert base(config[name]) == value.replace("|", "/"), name
    return config


def test_the_file_of_initdb(server, check, installation, scratch):
    """The template that the harness copies is as initdb left it."""
    text = (sandbox.directory() / f"template-{installation.major}" / "postgresql.conf").read_text()
    config = assert_read_alike(check, server, installation, write(scratch / "postgresql.conf", text))
    assert config["max_connections"] >= 20


def test_defaults(server, check, installation, scratch):
    assert_read_alike(check, server, installation, write(scratch / "postgresql.conf", ""))


def test_all_that_the_grammar_allows(server, check, installation, scratch):
    config = assert_read_alike(check, server, installation, write(scratch / "postgresql.conf", ODD))
    assert config["wal_receiver_timeout"] == "1500ms" and config["wal_keep_size"] == "1536MB"


def test_files_that_include_others(server, check, installation, scratch):
    (scratch / "conf.d" / "directory.conf").mkdir(parents=True)
    for directory in (scratch / "conf.d", scratch / "conf.d" / "directory.conf"):
        directory.chmod(0o755)
    write(scratch / "conf.d" / "10.conf", "max_connections = 11\nmax_wal_senders = 11\ninclude '../deep.conf'\n")
    write(scratch / "conf.d" / "9.conf", "max_connections = 9\nmax_wal_senders = 9\n")  # after 10.conf, by bytes
    write(scratch / "conf.d" / ".hidden.conf", "max_connections = 1\n")
    write(scratch / "conf.d" / "passed.over", "max_connections = 2\n")
    write(scratch / "deep.conf", "max_replication_slots = 7\n")
    conf = write(scratch / "postgresql.conf", "max_connections = 3\ninclude_dir 'conf.d'\nmax_wal_senders = 4\n"
                                              "include_if_exists = 'none.conf'\n")
    config = assert_read_alike(check, server, installation, conf)
    assert [config[name] for name in ("max_connections", "max_wal_senders", "max_replication_slots")] == [9, 4, 7]


LINES = [
    "synchronous_standby_names = 'ALL (a, b)'", "synchronous_standby_names = 'ANY 1 (a, b)'",
    "synchronous_standby_names = a, b", "synchronous_standby_names = '*'", "synchronous_standby_name = 'a'",
    "max_connections = lots", "max_connections = 0", "max_connections = 200000", "max_connections = 262144",
    "max_connections = 100kB", "max_connections = 99999999999999999999", "max_connections", "max_connections =",
    "max_connections 5", "= 5", "max_connections = 5 6", "max_connections == 5", "max_connections = 5;",
    "max_wal_senders = 1e", "max_wal_senders = 1e1", "max_wal_senders = '1e1'", "max_wal_senders = 0x",
    "max_wal_senders = 0x1F", "max_wal_senders = 09", "max_wal_senders = '1 '", "max_wal_senders = -1",
    "max_wal_senders = '0.4'", "max_wal_senders = .5", "max_wal_senders = '-0.4'", "max_wal_senders = ''",
    "max_locks_per_transaction = 9", "max_locks_per_transaction = 10",
    "wal_level = all", "wal_level = archive", "wal_level = 'replica '", "wal-level = replica", "wal_level: replica",
    "wal_level = replica # x", "wal_level = replica#x", "wal_level = replica\r", "wal_level\t=\treplica",
    "wal_level\f= replica", "WAL_LEVEL = LOGICAL",
    "fsync = o", "fsync = of", "fsync = offf", "fsync = ''", "fsync = t", "fsync = 10", "fsync = 0",
    "archive_mode = ALWAYS", "archive_mode = tr", "archive_mode = true", "synchronous_commit = remote_flush",
    "wal_receiver_timeout = 10 s", "wal_receiver_timeout = '10 s'", "wal_receiver_timeout = '10 S'",
    "wal_receiver_timeout = 1min30s", "wal_receiver_timeout = 10minutes", "wal_receiver_timeout = 0.0004",
    "wal_receiver_timeout = '24d'", "wal_receiver_timeout = '25d'", "wal_receiver_timeout = +5",
    "wal_keep_size = 1.5GB", "wal_keep_size = '1,5GB'", "wal_keep_size = 2047TB", "wal_keep_size = 2048TB",
    "wal_keep_size = 2147483647", "wal_keep_size = 2147483648", "wal_keep_size = 1KB", "wal_keep_size = '1MB B'",
    "max_slot_wal_keep_size = -1", "max_slot_wal_keep_size = -2", "max_slot_wal_keep_size = '-1GB'",
    "max_slot_wal_keep_size = '-0.4'", "tcp_keepalives_idle = 1us", "tcp_keepalives_idle = 1MB",
    "primary_slot_name = 'Bad'", "primary_slot_name = 'good_1'", "primary_slot_name = 'a-b'",
    "primary_slot_name = '" + 63 * "x" + "'", "primary_slot_name = '" + 64 * "x" + "'",
    "cluster_name = 'open", "cluster_name = open'", "cluster_name = 'a''b'", r"cluster_name = 'a\'b'",
    r"cluster_name = 'a\'", "cluster_name = 'a' 'b'", "cluster_name = a.b", "cluster_name = a.b.c",
    "cluster_name = a/b:c-d", "cluster_name = -x", "cluster_name = a*", "cluster_name = \"a\"",
    "x.y = z", "x.y.z = 1", "x. = 1", "5x = 1",
    "include 'none.conf'", "include_if_exists 'none.conf'", "include_dir 'none.d'", "include ''", "include_dir = ' '",
    "include postgresql.conf", "# only a comment", "   ", "'wal_level' = replica",
]


def test_what_the_server_refuses_is_refused(server, check, installation, scratch):
    """Line by line the same verdict; what a tutorial shows among them."""
    conf = scratch / "postgresql.conf"
    for line in installations.share(LINES, installation):
        write(conf, f"# first\n{line}\n")
        code, _, error = server_reads(installation, server.data, conf, "port")
        result = check("check_pg_config", "--file", conf, "-f", "json")
        broken = rules(result)
        refused = broken.get("file") == "CRITICAL" or broken.get("synchronous_standby_names") == "CRITICAL"
        assert refused == (code != 0), f"{line!r}\n{error}\n{result}"
        if broken.get("file") == "CRITICAL":
            assert f"{conf}:2: "[-60:] in result.json()["summary"], result


def test_no_setting_of_a_server_is_taken_for_a_misspelt_one(server, check, scratch):
    names = {row[0] for row in server.sql("SELECT name FROM pg_catalog.pg_settings")}
    judged = config_of(check("check_pg_config", "--file", write(scratch / "empty.conf", ""), "--record", "-")).keys()
    others = sorted(names - judged - {"primary_conninfo"})
    assert len(others) > 250
    conf = write(scratch / "postgresql.conf", "".join(f"{name} = 'x'\n" for name in others))
    assert config_of(check("check_pg_config", "--file", conf, "--record", "-"))["refused"] is None


def test_what_cannot_be_read(check, scratch):
    for path, told in ((scratch / "none.conf", "No such file"), (scratch, "is a directory"), ("/dev/null", "not a file")):
        unread = check("check_pg_config", "--file", path)
        assert unread.state == "UNKNOWN" and told in unread.stdout, unread
    write(scratch / "large.conf", "#" * (1 << 20) + "#")
    large = check("check_pg_config", "--file", scratch / "large.conf")
    assert large.state == "UNKNOWN" and "1 MiB" in large.stdout, large
