"""The files under configs/ that no other test loads, each read by the program that it is for."""

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
    ended = subprocess.run([nagios, "-v", main], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0 and re.search(r"Total Errors:\s+0\n", ended.stdout), ended.stdout


@pytest.mark.parametrize("path", sorted((CONFIGS / "prometheus").glob("*.yml")), ids=lambda p: p.name)
def test_prometheus_reads_it(path, tmp_path):
    promtool = tool("usr/bin/promtool")
    ended = subprocess.run([promtool, "check", "config", path], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0 and "SUCCESS" in ended.stdout, ended.stdout + ended.stderr
    broken = tmp_path / path.name
    broken.write_text(path.read_text().replace("static_configs", "statik_configs"))
    assert subprocess.run([promtool, "check", "config", broken], capture_output=True, timeout=30).returncode != 0


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
    for name, argument in calls:
        words = commands[name].replace("$HOSTADDRESS$", "127.0.0.1").replace("$ARG1$", argument).split()
        assert words[0] == f"/usr/local/bin/{name}"
        result = check(name, *words[1:], "-p", "1")
        assert result.code == 2, result.stdout + result.stderr
        assert "Connection refused" in result.stdout or name == "check_pg_backup", result.stdout + result.stderr
