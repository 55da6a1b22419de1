"""The files under configs/ that no other test loads, each read by the program that it is for."""

import json
import os
import pwd
import re
import subprocess

import pytest

import programs

CONFIGS = programs.REPOSITORY / "configs"
TOOLS = programs.REPOSITORY / "build" / "tools"


def tool(path):
    if not (TOOLS / path).exists():
        pytest.skip(f"{path} is not there: make check unpacks it with apt-get download, which failed")
    return TOOLS / path


def test_monitoring_role(own_cluster, check):
    """Run twice, as administrators do, it makes a role with which every check works, on the standby too."""
    text = (CONFIGS / "postgresql" / "monitoring-role.sql").read_text()
    primary = own_cluster.primary()
    primary.sql(text)
    primary.sql(text)
    standby = own_cluster.standby(primary)
    standby.wait_until("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgha')")
    leader = check("check_pg_leader", "-H", primary.host, "-p", primary.port, "-U", "pgha")
    replica = check("check_pg_replica", "-H", standby.host, "-p", standby.port, "-U", "pgha")
    assert (leader.code, replica.code) == (0, 0), leader.stdout + replica.stdout
    assert primary.sql("SELECT rolsuper OR rolreplication FROM pg_roles WHERE rolname = 'pgha'")[0][0] is False


# Contacts and the main file are the site's; these are the least that nagios4 -v wants.
NAGIOS = """\
cfg_file={objects}
cfg_file={contacts}
log_file={directory}/log
object_cache_file={directory}/cache
status_file={directory}/status
check_result_path={directory}
lock_file={directory}/lock
temp_file={directory}/temp
nagios_user={user}
nagios_group={user}
illegal_macro_output_chars=`~$&|'"<>
"""
CONTACTS = """\
define command {
    command_name  notify
    command_line  /bin/true
}
define contact {
    contact_name                   dba
    service_notification_period    24x7
    host_notification_period       24x7
    service_notification_options   c
    host_notification_options      d
    service_notification_commands  notify
    host_notification_commands     notify
}
"""


@pytest.mark.parametrize("path", sorted((CONFIGS / "nagios").glob("*.cfg")), ids=lambda p: p.name)
def test_nagios_reads_it(path, tmp_path):
    nagios = tool("usr/sbin/nagios4")
    user = pwd.getpwuid(os.getuid()).pw_name  # it drops to this one; its package's own user is not there
    (tmp_path / "contacts.cfg").write_text(CONTACTS)
    main = tmp_path / "nagios.cfg"
    main.write_text(NAGIOS.format(objects=path, contacts=tmp_path / "contacts.cfg", directory=tmp_path, user=user))
    ended = subprocess.run([nagios, "-v", main], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0 and re.search(r"Total Errors:\s+0\n", ended.stdout), ended.stdout


@pytest.mark.parametrize("path", sorted((CONFIGS / "prometheus").glob("*.yml")), ids=lambda p: p.name)
def test_prometheus_reads_it(path, tmp_path):
    promtool = tool("usr/bin/promtool")
    kind, word = ("rules", "expr") if path.name.endswith("-rules.yml") else ("config", "static_configs")
    ended = subprocess.run([promtool, "check", kind, path], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0 and "SUCCESS" in ended.stdout, ended.stdout + ended.stderr
    broken = tmp_path / path.name
    broken.write_text(path.read_text().replace(word, f"{word}s"))
    assert subprocess.run([promtool, "check", kind, broken], capture_output=True, timeout=120).returncode != 0


# Of three agents: the values of a metric, one every 5 s, and the alerts that ring at a time.
SCENES = {
    "well": ({"leader n1": "1x60", "leader n2": "0x60", "replica n2": "1x60"}, {"5m": []}),
    "failover": ({"leader n1": "1x5 0x50", "leader n2": "0x7 1x50", "replica n1": "0x8 1x50"}, {"30s": [], "5m": []}),
    "nobody": ({"leader n1": "1x5 0x50", "replica n1": "0x60"}, {"35s": [], "1m": ["NoLeader"],
                                                                "2m": ["NoLeader", "NodeOut n1"]}),
    "no agent at all": ({"up n1": "0x20"}, {"1m": ["NoLeader", "AgentDown n1"]}),
    "split brain": ({"leader n1": "1x60", "leader n2": "0x5 1x50"}, {"1m": ["TwoLeaders"]}),
    "store": ({"leader n1": "1x60", "state critical dcs n1": "0x2 1x60"}, {"30s": [], "2m": ["CheckCritical n1"]}),
    "doubt": ({"leader n1": "1x99", "state unknown patroni n1": "1x99"}, {"4m": [], "6m": ["CheckNotWell n1"]}),
}


def series(words):
    kind, *rest, instance = words.split()
    labels = f'job="pgha-agent",instance="{instance}"'
    if kind == "up":
        return f"up{{{labels}}}"
    if kind == "state":
        return f'pgha_check_state{{{labels},check="{rest[1]}",state="{rest[0]}"}}'
    return f'pgha_check_yes{{{labels},check="{kind}"}}'


@pytest.mark.parametrize("scene", SCENES)
def test_alerts_ring_when_they_should(scene, tmp_path):
    promtool = tool("usr/bin/promtool")
    rules = CONFIGS / "prometheus" / "pgha-rules.yml"
    known = re.findall(r"alert: PostgreSQL(\w+)", rules.read_text())
    values, rings = SCENES[scene]
    # promtool compares labels and annotations whole; which alert rings for whom is enough here.
    expressions = []
    for at, alerts in rings.items():
        for name in known:
            found = [word.partition(" ")[2] for word in alerts if word.split()[0] == name]
            expressions.append({"expr": f'count by (instance) (ALERTS{{alertname="PostgreSQL{name}",alertstate="firing"}})',
                                "eval_time": at,
                                "exp_samples": [{"labels": f'{{instance="{of}"}}' if of else "{}", "value": 1}
                                                for of in found]})
    text = {"rule_files": [str(rules)], "evaluation_interval": "5s", "tests": [{
        "interval": "5s",
        "input_series": [{"series": series(words), "values": expanded(value)} for words, value in values.items()],
        "promql_expr_test": expressions}]}
    file = tmp_path / "test.yml"
    file.write_text(json.dumps(text))
    ended = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0 and "SUCCESS" in ended.stdout, ended.stdout + ended.stderr


def expanded(value):
    """ "1x2 0x1" as "1 1 0"."""
    return " ".join(" ".join([number] * int(times)) for number, times in
                    (word.split("x") for word in value.split()))


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.ini")), ids=lambda p: p.name)
def test_the_agent_reads_it(path, check):
    shown = check("pgha-agent", "-c", path, "--check-config")
    assert (shown.code, shown.stderr) == (0, ""), shown
    assert "[check leader]\n" in shown.stdout


@pytest.mark.parametrize("path", sorted((CONFIGS / "nagios").glob("*.cfg")), ids=lambda p: p.name)
def test_commands_for_nagios_are_accepted(path, check):
    """The command lines that Nagios would run, tried where nothing is to be seen: CRITICAL, not a usage error."""
    text = path.read_text()
    commands = dict(re.findall(r"command_name\s+(\S+)\n\s*command_line\s+(.*)\n", text))
    calls = re.findall(r"check_command\s+(\w+)!?(.*)\n", text)
    assert {name for name, _ in calls} <= set(commands) and len(calls) > 2
    unused = [(name, "") for name in commands if name not in dict(calls)]
    for name, argument in calls + unused:
        line = commands[name].replace("$HOSTADDRESS$", "127.0.0.1").replace("$ARG1$", argument)
        words = re.sub(r"http://\d+\.\d+\.\d+\.(\d+):\d+", r"http://127.0.0.\1:1", line).split()
        assert words[0] == f"/usr/local/bin/{name}"
        if "-p" in words:
            words[words.index("-p") + 1] = "1"
        elif "http://" not in line and name != "check_pg_backup":
            words += ["-p", "1"]
        result = check(name, *words[1:])
        assert result.code == 2, result.stdout + result.stderr
        assert "Connection refused" in result.stdout or name == "check_pg_backup", result.stdout + result.stderr
