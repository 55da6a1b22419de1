"""check_pgpool and the watchdog of three real pgpool-IIs: well, without a password, one lost, the leader lost."""

import os

import pytest

import pgpool
import programs
from sandbox import wait_for


@pytest.fixture
def build():
    """pgpool is slow to follow: what is read of it is tried with the sanitizers in tests/unit and tests/scripted."""
    return "plain"


@pytest.fixture
def setting(any_installation):
    if pgpool.why_missing():
        pytest.skip(pgpool.why_missing())
    with pgpool.Setting(any_installation, 2) as made:
        yield made


def test_watchdog(setting, check, scratch):
    # How the backends are is not the matter here, and three ask them.
    with pgpool.Watchdog(setting.servers, sr_check_period=5, health_check_period=5) as pools:
        def look(pool, *options, has_pcp=True, **variables):
            pcp = ("--pcp-user", pgpool.PCP_USER, "--pcp-port", pool.pcp_port) if has_pcp else ()
            return check("check_pgpool", *programs.at(pool), *pcp, *options, env={**pool.pcp_environment, **variables})

        def until(state, words, pool):
            seen = [None]

            def is_so():
                seen[0] = look(pool)
                return seen[0].state == state and words in seen[0].stdout

            wait_for(is_so, f"{state}: {words}", 120, interval=0.5, detail=lambda: seen[0])
            return seen[0]

        leader = pools.leader()
        for pool in pools:
            until("OK", f"watchdog leader is {leader.host}:{leader.port} ", pool)
        one, other = (pool for pool in pools if pool is not leader)
        result = look(one, "-f", "json")
        assert result.json()["metrics"]["watchdog_nodes_alive"]["value"] == 3, result

        result = look(one, "-v", has_pcp=False)
        assert result.state == "OK" and "the watchdog was not asked: give --pcp-user" in result.stdout, result
        (scratch / "wrong").write_text("*:*:pcp:wrong\n", encoding="utf-8")
        os.chmod(scratch / "wrong", 0o600)
        result = look(one, PCPPASSFILE=str(scratch / "wrong"))
        assert result.state == "UNKNOWN", result
        assert 'cannot see the watchdog: authentication failed for user "pcp"' in result.stdout, result
        result = look(one, "--pcp-host", "/nowhere")
        assert result.state == "CRITICAL" and "cannot see the watchdog: connection to socket" in result.stdout, result

        other.kill()
        until("WARNING", f"the watchdog has lost 1 of 3 pgpools ({other.host}:{other.port} ", one)
        leader.kill()
        # Nor a leader, for some seconds; then it leads itself.
        result = until("CRITICAL", "the watchdog has no quorum (1 of 3 pgpools alive)", one)
        assert "start the other pgpools" in result.stdout, result
