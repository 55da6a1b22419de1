"""What a section of a manager or pooler may say is found out when the file is read, not when it has been taken."""

import subprocess

import pytest

import programs

REFUSED = (
    ("[patroni]\nurl = http://\n", "[patroni]: url:"),
    ("[patroni]\nurl = ftp://10.0.0.11\n", "[patroni]: url:"),
    ("[patroni]\nurl = 10.0.0.11:8008\n", "[patroni]: url:"),
    ("[patroni]\nurl = http://10.0.0.11:99999\n", "[patroni]: url:"),
    ("[patroni]\nurl = http://10.0.0.11:80x\n", "[patroni]: url:"),
    ("[dcs]\nendpoints = http://10.0.0.11:2379, http://10.0.0.12:0\n", "[dcs]: endpoints:"),
    ("[dcs]\nendpoints = http://[::1]:65536\n", "[dcs]: endpoints:"),
    ("[patroni]\nurl = http://10.0.0.11:8008, http:///x\n", "[patroni]: url:"),
    ("[patroni]\nurl = http://10.0.0.11:8008/?x\n", "[patroni]: url:"),
    ("[patroni]\nurl = http://10.0.0.11:8008#x\n", "[patroni]: url:"),
    ("[dcs]\nendpoints = http://10.0.0.11:2379?x\n", "[dcs]: endpoints:"),
    ("[patroni]\nurl = http://admin:hunter2@10.0.0.11:8008\n", "holds a user or a password (not shown)"),
    ("[dcs]\nendpoints = https://root:hunter2@10.0.0.11:2379\n", "holds a user or a password (not shown)"),
    ("[patroni]\nurl = https://10.0.0.11:8008\ncert_file = /nonexistent/x\n", "cannot read \"/nonexistent/x\""),
    ("[repmgr]\nconninfo = hots=10.0.0.11 password=hunter2\n", "[repmgr]: conninfo: bad connection string"),
    ("[pgbouncer]\nconninfo = host=10.0.0.11 port=99999\n", "[pgbouncer]: conninfo:"),
    ("[pgbouncer reads]\nconninfo = hots=10.0.0.11\n", "[pgbouncer reads]: conninfo: bad connection string"),
    ("[check reads]\ncheck = pgbouncer\nconninfo = hots=10.0.0.11\n", "[pgbouncer reads]: conninfo: bad connection"),
    ("[pgpool]\n", ": [pgpool] does not say where to look"),
    ("[dcs]\nendpoints = http://10.0.0.11:2379\nnamespace = db\n", 'setting "namespace" has no effect without "scope"'),
    ("[patroni]\nurl = https://10.0.0.11:8008\nkey_file = /x\n", 'setting "key_file" has no effect without "cert_file"'),
    ("[pgpool]\nconninfo = host=10.0.0.11\npcp_host = n1\n", 'setting "pcp_host" has no effect without "pcp_user"'),
    ("[pg_auto_failover]\nconninfo = host=10.0.0.10\nnode_conninfo = user=x\ntrust_monitor = yes\n",
     'setting "node_conninfo" has no effect with "trust_monitor"'),
)
TAKEN = (
    "[patroni]\nurl = http://10.0.0.11:8008, https://[::1]:8008\n",
    "[patroni]\nurl = http://n1\nmax_pause = 2h\n[check leader]\npatroni_unreachable = ok\nstandby_leader = yes\n",
    "[dcs]\nendpoints = n1\nnamespace = service\nmin_ttl = 5s\n",
    "[patroni]\nurl = http://n1, http://n2/prefix, http://n3:8008/\n",
    "[dcs]\nendpoints = 10.0.0.11:2379, http://10.0.0.12:2379\n",
    "[pg_auto_failover]\nconninfo = postgresql://pgha:hunter2@10.0.0.10/pg_auto_failover\nnode = n1\n",
)


def check_config(tmp_path, text):
    path = tmp_path / "agent.ini"
    path.write_text("[postgres]\nconninfo = host=/nonexistent\n" + text, encoding="utf-8")
    return subprocess.run([programs.path("pgha-agent", "plain"), "-c", path, "--check-config"], capture_output=True,
                          text=True, timeout=20, check=False)


@pytest.mark.parametrize("text, words", REFUSED)
def test_what_cannot_be_asked_is_refused(tmp_path, text, words):
    ended = check_config(tmp_path, text)
    assert ended.returncode == 3 and words in ended.stderr, ended.stderr
    assert "hunter2" not in ended.stderr + ended.stdout


@pytest.mark.parametrize("text", TAKEN)
def test_what_can_be_asked_is_taken_and_shown_without_passwords(tmp_path, text):
    ended = check_config(tmp_path, text)
    assert ended.returncode == 0, ended.stderr
    assert "hunter2" not in ended.stdout
