"""The direction of the layers, and who may include what (docs: README, "How it is built")."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)

# Each layer and those that it may include beside itself. collect, evaluate and render never call each other.
BELOW = {
    "base": set(),
    "model": {"base"},
    "collect": {"base", "model"},
    "evaluate": {"base", "model"},
    "render": {"base", "model"},
    "run": {"base", "model", "collect", "evaluate", "render"},
    "agent": {"base", "model", "collect", "evaluate", "render", "run"},
}

# Libraries that only these files know.
ONLY = {
    "libpq-fe.h": {f"lib/collect/pg{part}" for part in (".c", "_ask.c", "_connect.c", "_failure.h", "_result.h", "_target.c")},
    "curl/curl.h": {"lib/collect/web_library.h"},
    "getopt.h": {"lib/run/settings.c"},
    "ini.h": {"lib/run/ini.c"},
    "jansson.h": {"lib/run/record.c", "lib/run/record_read.c", "lib/render/json.c", "lib/agent/patroni.c", "lib/agent/web.c", "lib/collect/document.c", "lib/collect/patroni_json.c", "lib/collect/patroni_view.c", "lib/collect/patroni_tags.c",
                  "lib/collect/dcs_etcd.c", "lib/collect/dcs_etcd_answer.c", "lib/collect/dcs_etcd_status.c", "lib/collect/dcs_etcd_login.c", "lib/collect/dcs_consul.c",
                  "lib/collect/backup_pgbackrest.c", "lib/collect/backup_pgbackrest_stanza.c", "lib/collect/backup_barman.c"},
    "microhttpd.h": {f"lib/agent/http{part}" for part in (".c", "_client.c", "_kept.c", "_response.h")},
    "gnutls/gnutls.h": {"lib/agent/http.c"},
    "systemd/sd-daemon.h": {"lib/agent/service.c"},
}
# The event loop is the agent's.
LOOP = re.compile(r"^event2/")

SOURCES = sorted(p.relative_to(REPOSITORY) for d in ("lib", "checks") for p in (REPOSITORY / d).rglob("*.[ch]"))


def includes(path):
    return INCLUDE.findall((REPOSITORY / path).read_text())


def test_there_are_sources():
    assert len(SOURCES) > 40


def test_every_folder_is_a_layer():
    assert {p.name for p in (REPOSITORY / "lib").iterdir()} == set(BELOW)


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_includes(path):
    for kind, name in includes(path):
        if kind == "<":
            assert path.as_posix() in ONLY.get(name, {path.as_posix()}), f"{path} includes <{name}>"
            assert not LOOP.match(name) or path.parts[:2] == ("lib", "agent"), f"{path} includes <{name}>"
            continue
        assert (REPOSITORY / name).is_file(), f'{path}: "{name}" is not a path from the top'
        if path.parts[0] == "lib":
            assert name.startswith("lib/"), f"{path} includes {name}: programs are above the library"
            layer, other = path.parts[1], Path(name).parts[1]
            assert other == layer or other in BELOW[layer], f"{path} includes {name}: {layer} may not know {other}"


@pytest.mark.parametrize("path", [p for p in SOURCES if p.suffix == ".c" and p.parts[0] == "lib"], ids=str)
def test_own_header_comes_first(path):
    own = path.with_suffix(".h").as_posix()
    if (REPOSITORY / own).exists():
        assert includes(path)[0] == ('"', own)


@pytest.mark.parametrize("path", [p for p in SOURCES if p.suffix == ".h"], ids=str)
def test_header_guard_is_the_path(path):
    parts = [p for p in path.with_suffix("").parts if p != "lib"]
    guard = "PGHA_" + "_".join(parts).upper() + "_H"
    text = (REPOSITORY / path).read_text()
    assert f"#ifndef {guard}\n#define {guard}\n" in text and text.startswith("/*")
