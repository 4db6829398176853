"""The benchmark of Atari runs from its command, with either network."""

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "agent"), [("a2c", "atari-small"), ("lpg-kick-start", "atari")])
def test_every_part_is_timed(rule, agent, tmp_path):
    pytest.importorskip("ale_py.vector_env")
    options = {"game": "pong", "rule": rule, "agent": agent, "num-envs": 2, "updates": 1, "out": tmp_path / "a.json"}
    given = [f"--{name}={value}" for name, value in options.items()]
    subprocess.run([sys.executable, "-m", "benchmarks.atari", *given], check=True, timeout=300)
    found = json.loads((tmp_path / "a.json").read_text())
    assert (found["game"], found["rule"], found["agent"], found["environments"]) == ("pong", rule, agent, 2)
    assert set(found["rates"]) == {"emulator", "acting", "updating", "learning", "overlap"}
    assert all(rate > 0 for row in found["rates"].values() for rate in row.values())
