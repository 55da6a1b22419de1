"""Purity and names, read from the object files: what the pure layers call, and what a file exports."""

import os
import re
import subprocess
from functools import lru_cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PGHA_BUILD") or REPOSITORY / "build").resolve()

# What a function that only computes may call from outside the project. No clock, no descriptor, no
# environment, no locale, no exit.
PURE = {
    "memcpy", "memset", "memmove", "memcmp", "memchr", "strlen", "strsep", "strcmp", "strncmp", "strchr", "strrchr", "strstr", "strspn", "strcspn", "strpbrk", "strcasecmp",
    "strncasecmp", "strtod", "strtoll", "strtoull", "strtoul", "snprintf", "vsnprintf", "__ctype_b_loc", "__errno_location",
    "inet_pton", "free", "fmin", "fmax",
    "gmtime_r", "strftime",  # of a time that was given, in UTC and the C locale
    # Their hardened forms, and the compiler's own.
    "__snprintf_chk", "__vsnprintf_chk", "__memcpy_chk", "__memset_chk", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_",
    # glibc's names for strtoll and friends under later standards.
    "__isoc23_strtoll", "__isoc23_strtoull", "__isoc23_strtoul",
}
# JSON is built in memory, printed into a string and read from one.
PURE_JSON = re.compile(r"^json_(object|array|integer|real|number|string|null|boolean|true|false|pack|loadb|dumps|delete)")

PURE_LAYERS = ("lib/evaluate", "lib/render", "lib/model", "checks")
# In base and collect these are pure as well; the rest there is what I/O is made of.
PURE_FILES = (
    "lib/base/text", "lib/base/parse", "lib/base/err", "lib/collect/message", "lib/collect/place",
    "lib/base/nearest", "lib/collect/prepared", "lib/collect/conf_line", "lib/collect/conf_number", "lib/collect/conf_value",
    "lib/collect/conf_conninfo", "lib/collect/document", "lib/collect/patroni_json", "lib/collect/patroni_view", "lib/collect/patroni_tags", "lib/collect/patroni_instant", "lib/collect/patroni_words", "lib/collect/patroni_whose",
    "lib/collect/repmgr_conninfo", "lib/collect/repmgr_nodes", "lib/collect/repmgr_facet", "lib/collect/auto_failover_facet", "lib/collect/auto_failover_nodes", "lib/collect/dcs_base64", "lib/collect/dcs_path", "lib/collect/dcs_etcd",
    "lib/collect/dcs_etcd_answer", "lib/collect/dcs_etcd_status", "lib/collect/dcs_hide", "lib/collect/dcs_etcd_login", "lib/collect/dcs_etcd2", "lib/collect/dcs_consul", "lib/collect/dcs_zookeeper", "lib/collect/dcs_source", "lib/collect/pgpool_figure", "lib/collect/pgpool_pcp", "lib/collect/pgpool_own", "lib/collect/pgbouncer_choice", "lib/collect/pgbouncer_queue", "lib/collect/pgbouncer_worst", "lib/collect/backup_pgbackrest", "lib/collect/backup_barman",
    "lib/collect/web_hosts",
    "lib/run/settings_set", "lib/run/settings_nearest", "lib/run/settings_write", "lib/run/settings_needs", "lib/run/mask",
    "lib/agent/route", "lib/agent/health", "lib/agent/question", "lib/agent/board", "lib/agent/patroni", "lib/agent/history",
    "lib/agent/plan_rows", "lib/agent/plan_verify", "lib/agent/address",
    "lib/agent/page", "lib/agent/page_band", "lib/agent/page_chart", "lib/agent/page_checks", "lib/agent/page_html",
    "lib/agent/page_look", "lib/agent/page_node", "lib/agent/page_others",
    "lib/agent/board_answer", "lib/agent/board_inherit", "lib/agent/board_view", "lib/agent/plan",
    "lib/agent/plan_check", "lib/agent/plan_write", "lib/agent/question_unreachable",
    "lib/collect/backup_pgbackrest_stanza", "lib/collect/pg_keywords",
)
# Pure functions in files that do I/O as well, and tables of data.
PURE_NAMES = {
    "facet_role", "facet_read_only", "facet_standby", "facet_identity", "facet_senders", "facet_sync", "facet_slots",
    "facet_subscriptions", "facet_connections", "facet_archive", "facet_config", "backup_facet",
    "patroni_facet", "patroni_cluster_facet", "patroni_collect", "patroni_witness", "repmgr_facet", "repmgr_collect", "repmgr_witness",
    "auto_failover_facet", "auto_failover_collect", "auto_failover_witness", "dcs_facet", "dcs_kind_names", "dcs_collect", "pgbouncer_facet", "pgbouncer_collect",
    "pgpool_facet", "pgpool_collect",
    # What a check's own source is read by is named in its row, and called by whoever collects.
    "backup_collect", "backup_tool_names", "conf_file_read",
    "settings_check_section", "settings_find", "settings_member", "settings_take", "settings_set_initial",
    "options_policy_rows", "options_policy_row_count", "log_level_names",
}


def objects():
    return sorted(BUILD.glob("obj/lib/*/*.o")) + sorted(BUILD.glob("obj/checks/*.o"))


def stem(path):
    return path.relative_to(BUILD / "obj").with_suffix("").as_posix()


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@lru_cache(maxsize=None)
def all_symbols():
    """{object: [(kind, name) of each symbol]}, asked of nm at once."""
    found = {path: [] for path in objects()}
    for line in run("nm", "-A", "-g", "-P", *objects()).splitlines():
        path, name, kind = line.split()[:3]
        found[Path(path.rstrip(":"))].append((kind, name))
    return found


def symbols(path):
    return all_symbols()[path]


def exported(path):
    return {name for kind, name in symbols(path) if kind in "TDRBV"}


def is_pure(path):
    return stem(path).startswith(tuple(f"{layer}/" for layer in PURE_LAYERS)) or stem(path) in PURE_FILES


@lru_cache(maxsize=None)
def of_pure():
    return set().union(*(exported(path) for path in objects() if is_pure(path)), PURE_NAMES)


def test_there_are_objects():
    assert len(objects()) > 30, "run make first"


@pytest.mark.parametrize("path", filter(is_pure, objects()), ids=stem)
def test_pure(path):
    wanted = {name for kind, name in symbols(path) if kind == "U"}
    impure = {name for name in wanted - PURE - of_pure() if not PURE_JSON.match(name)}
    assert not impure, f"{stem(path)} calls {sorted(impure)}"


@pytest.mark.parametrize("path", objects(), ids=stem)
def test_exports_begin_with_the_name_of_the_file(path):
    name = Path(stem(path)).name
    foreign = {symbol for symbol in exported(path) if not symbol.startswith(name)}
    assert not foreign, f"{stem(path)} exports {sorted(foreign)}"


@pytest.mark.parametrize("path", objects(), ids=stem)
def test_no_mutable_globals(path):
    """The last resort has some, because a signal handler cannot be given a context, and few others."""
    # nm cannot tell read-only tables of pointers (.data.rel.ro) from data.
    rows = [line.split() for line in run("objdump", "-t", path).splitlines() if " O " in line]
    names = {row[-1].split(".")[0] for row in rows if row[-3] in (".data", ".bss")}
    allowed = {
        "lib/run/lastresort": {"last_answer", "last_length", "last_exit_code", "timer", "is_armed"},
        "lib/base/log": {"highest"},
        "lib/collect/resolve": {"left_over", "left_over_lock"},  # what runs on in the C library's threads
        "lib/agent/service": {"names", "socket_count"},  # handed over once in the life of a process
        "lib/run/oneshot": {"oneshot", "storage"},  # one life, one run: large, and therefore not on the stack
    }
    assert names <= allowed.get(stem(path), set())
