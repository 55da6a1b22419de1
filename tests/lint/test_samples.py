"""The agent's samples: agent.ini is generated, both are valid, and whoever asks the agent asks where it answers."""

import os
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PGHA_BUILD") or REPOSITORY / "build").resolve()
CONFIGS = REPOSITORY / "configs"
AGENT = BUILD / "pgha-agent"
INSTALLED = ("/usr/local/bin/pgha-agent", "/etc/pgha/agent.ini", "/run/pgha")


def read(name):
    return (CONFIGS / name).read_text(encoding="utf-8")


def run(*arguments):
    return subprocess.run([AGENT, *arguments], capture_output=True, text=True, timeout=20, check=False)


def effective(path):
    """{section: {key: value}} of a configuration file as the agent understands it."""
    ended = run("-c", path, "--check-config")
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
    sections = {}
    for line in filter(None, ended.stdout.splitlines()):
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
        else:
            key, _, value = line.partition(" = ")
            section[key] = value
    return sections


@pytest.fixture(scope="module")
def minimal():
    return effective(CONFIGS / "agent-minimal.ini")


def port(section, key):
    return section[key].rpartition(":")[2]


# --- the ini files ---------------------------------------------------------------------------------------------------

def test_agent_ini_is_generated():
    """Mend it with: build/pgha-agent --sample-config > configs/agent.ini."""
    shown = run("--sample-config")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == read("agent.ini")


def test_agent_ini_is_all_defaults(tmp_path):
    """Every line of it says what is so without it."""
    empty = tmp_path / "empty.ini"
    empty.write_text("", encoding="utf-8")
    assert effective(CONFIGS / "agent.ini") == effective(empty)


def test_every_setting_is_explained():
    """A comment stands above each, those that have no default included."""
    lines = read("agent.ini").splitlines()
    settings = [number for number, line in enumerate(lines) if re.match(r";?[a-z_]+ =", line)]
    assert len(settings) > 50
    bare = [lines[number] for number in settings if not lines[number - 1].startswith(("; ", ";["))
            and not re.match(r";[a-z_]+ =", lines[number - 1])]
    assert bare == []


def test_agent_ini_with_its_examples_switched_on_is_valid(tmp_path):
    """The commented sections at its end, and the conninfo of each."""
    switched = r"(?m)^;(\[.+\]|(?:conninfo|check|critical|file|url|endpoints|scope) = .+)$"
    text = re.sub(switched, r"\1", read("agent.ini"))
    assert text.count("\n[") >= 5 + 2, "nothing was switched on"
    full = tmp_path / "agent.ini"
    full.write_text(text, encoding="utf-8")
    sections = effective(full)
    assert {"peer n2", "patroni", "dcs", "pgbouncer", "check reporting", "track_file leader"} <= set(sections)


def test_agent_minimal_ini_is_short_and_says_nothing_twice(minimal, tmp_path):
    lines = [line for line in read("agent-minimal.ini").splitlines() if re.match(r"[a-z_]+ =", line)]
    assert len(lines) <= 10
    empty = tmp_path / "empty.ini"
    empty.write_text("", encoding="utf-8")
    defaults = effective(empty)
    section = None
    for line in read("agent-minimal.ini").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif re.match(r"[a-z_]+ =", line):
            key, _, value = line.partition(" = ")
            assert minimal[section][key] == value
            assert defaults.get(section, {}).get(key) != value, f"{line} is the default: leave it out"


# --- those who ask ---------------------------------------------------------------------------------------------------

def test_haproxy_asks_where_the_agent_answers(minimal):
    text = read("haproxy/haproxy-agent.cfg")
    assert set(re.findall(r"\bcheck port (\d+)", text)) == {port(minimal["listen"], "http")}
    assert set(re.findall(r"\bagent-port (\d+)", text)) == {port(minimal["listen"], "agent")}
    questions = re.findall(r'agent-send "(\w+)\\n"', text)
    assert questions == ["leader", "replica"] and all(f"check {question}" in minimal for question in questions)
    assert re.findall(r"option httpchk OPTIONS (\S+)", text) == ["/primary?drained=ok", "/replica?drained=ok"]


def test_every_server_of_haproxy_is_asked_twice():
    """agent-check alone fails open, and without a weight of 100 its percentages are nothing."""
    text = read("haproxy/haproxy-agent.cfg")
    defaults = " ".join(re.findall(r"default-server (.*)", text.partition("listen ")[0]))
    assert "weight 100" in defaults and "agent-check" in defaults and "on-marked-down shutdown-sessions" in defaults
    for section in text.split("\nlisten ")[1:]:
        assert "option httpchk" in section and "http-check expect status 200" in section
        assert re.search(r"default-server check port \d+ agent-send", section)
        assert len(re.findall(r"(?m)^    server n\d \S+$", section)) == 3


def test_keepalived_tracks_the_file_that_the_agent_writes(minimal):
    text = read("keepalived/keepalived-agent.conf")
    body = re.search(r"(?m)^track_file (\w+) \{\n(.*?)^\}", text, re.S)
    assert re.findall(r'(?m)^\s*file "(.*)"$', body[2]) == [minimal["track_file leader"]["file"]]
    assert re.findall(r"(?m)^\s*weight (.*)$", body[2]) == ["0 reverse"], "the one weight that fails safe"
    assert f"track_file {{\n        {body[1]}\n" in text, "the instance tracks it, with no weight of its own"
    # What its comment quotes of agent.ini.
    assert f"#     file = {minimal['track_file leader']['file']}\n" in text
    # The commented example of the generated file agrees.
    assert f";file = {minimal['track_file leader']['file']}\n" in read("agent.ini")


def test_prometheus_scrapes_where_the_agent_answers(minimal):
    targets = re.findall(r"- \d+\.\d+\.\d+\.\d+:(\d+)\n", read("prometheus/pgha-agent.yml"))
    assert len(targets) == 3 and set(targets) == {port(minimal["listen"], "http")}
    assert "metrics_path" not in read("prometheus/pgha-agent.yml"), "Prometheus' own default is /metrics"


def test_the_unit_uses_what_the_agent_uses(minimal):
    text = read("systemd/pgha-agent.service")
    program, config, run_directory = INSTALLED
    assert f"ExecStart={program} -c {config}\n" in text
    assert f"{program} --write-no -c {config} || " in text
    assert f"RuntimeDirectory={Path(run_directory).name}\n" in text
    assert minimal["agent"]["run_directory"] == run_directory
    assert Path(minimal["track_file leader"]["file"]).parent == Path(run_directory)
    shown = run("--help").stdout
    assert "--write-no" in shown and f"(default: {config})" in shown


OTHERS = {"etcd", "patroni", "pgbouncer", "pgpool", "postgresql"}  # their comments speak of settings of their own


@pytest.mark.parametrize("path", sorted(p for p in CONFIGS.rglob("*") if p.is_file() and p.parent.name not in OTHERS
                                        and "pgha-agent" in p.read_text()),
                         ids=lambda p: str(p.relative_to(CONFIGS)))
def test_settings_named_in_comments_exist(path):
    """Words in the manner of the agent's settings, such as max_age, are settings of it."""
    known = set(re.findall(r"(?m)^;?([a-z]+_[a-z_]+) =", read("agent.ini"))) | {"track_file"}
    comments = " ".join(re.findall(r"(?m)^\s*[#;] ?(.*)$", path.read_text(encoding="utf-8")))
    named = set(re.findall(r"(?<![\w/.-])[a-z]+_[a-z_]+(?![\w/.(])", comments))
    assert named <= known, named - known
