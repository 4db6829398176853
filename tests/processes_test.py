"""Several processes as one: what they agree on, how they are started, and what is left when one of them is gone."""

import os
import signal
import subprocess
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec
from safetensors.numpy import load_file

from lpg.meta_training.checkpoint import list_checkpoints, path_of
from lpg.meta_training.metrics import read_metrics
from lpg.processes import LOST, device_mesh, fetch, is_first, is_one_of_several, joined, largest, place
from tests.several import end, said, start_command, wait_for
from tests.tiny_run import config_file

SLURM = {"SLURM_JOB_ID": "7", "SLURM_STEP_NODELIST": "a[1-2]", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}


def test_one_process_is_the_first_and_agrees_with_itself():
    assert is_first() and largest(7) == 7 and largest(-1) == -1
    with joined(None, None, None):
        assert jax.process_count() == 1 and not jax.distributed.is_initialized()


def test_what_is_placed_on_devices_comes_back():
    tree = {"x": np.arange(6.0, dtype=np.float32), "keys": jax.random.split(jax.random.key(0), 2)}
    placed = place(tree, NamedSharding(device_mesh("a"), PartitionSpec("a")))
    assert len(placed["x"].sharding.device_set) == jax.device_count() == 2
    np.testing.assert_array_equal(fetch(placed["x"]), tree["x"])
    assert jnp.all(jax.random.key_data(placed["keys"]) == jax.random.key_data(tree["keys"]))
    assert isinstance(fetch(placed)["x"], np.ndarray)


@pytest.mark.parametrize(
    "given, words",
    [
        (("host:1", None, None), "belong together"),
        ((None, 2, 0), "belong together"),
        (("host:1", 2, 2), r"process-id is 2; it must lie in \[0, 2\)"),
        (("host:1", 2, -1), "process-id is -1"),
        (("host", 2, 0), "coordinator is 'host'; HOST:PORT"),
        ((":1", 2, 0), "HOST:PORT"),
        (("host:port", 2, 0), "HOST:PORT"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        is_one_of_several(*given)
    assert is_one_of_several("host:1", 2, 1)


def test_slurm_and_open_mpi_say_so_themselves(monkeypatch):
    for name in [name for name in os.environ if name.startswith(("SLURM_", "OMPI_"))]:
        monkeypatch.delenv(name)
    assert not is_one_of_several(None, None, None)
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLURM_NTASKS", "1")
    assert not is_one_of_several(None, None, None)
    monkeypatch.setenv("SLURM_NTASKS", "2")
    assert is_one_of_several(None, None, None)
    # An allocation in which nothing was started by srun, which sets the nodes of a step.
    monkeypatch.delenv("SLURM_STEP_NODELIST")
    assert not is_one_of_several(None, None, None)
    for name, value in {"SIZE": "2", "RANK": "1"}.items():
        monkeypatch.setenv(f"OMPI_COMM_WORLD_{name}", value)
    assert not is_one_of_several(None, None, None)
    monkeypatch.setenv("OMPI_MCA_orte_hnp_uri", "1531576320.0;tcp://10.96.0.1:34911")
    assert is_one_of_several(None, None, None)


def start(config: str, folder: Path, processes: int, devices: int, *more: str) -> list[subprocess.Popen]:
    return start_command(["meta-train", config, *more], folder, processes, devices)


def arrays(folder: Path, meta_update: int) -> dict[str, np.ndarray]:
    return load_file(path_of(folder, meta_update))


def assert_same_rule(found: Path, expected: Path, meta_update: int) -> None:
    """η, its optimiser and all lifetimes that are no padding (which is at the end)."""
    one, two = arrays(found, meta_update), arrays(expected, meta_update)
    for name in two:
        rows = slice(5) if name.startswith(("lifetimes.", "slots.")) else ...
        np.testing.assert_allclose(one[name][rows], two[name][rows], rtol=1e-5, atol=1e-5, err_msg=name)
    before = arrays(expected, 2)
    assert any(np.abs(two[name] - before[name]).max() > 1e-4 for name in two if name.startswith("rule."))


@pytest.mark.slow
def test_two_processes_are_one_with_two_devices_and_go_on_as_one_with_one(tmp_path):
    sizes = {"validation_every": 100, "validation_updates": 4, "validation_seeds": 1}
    config = config_file(tmp_path / "tiny.json", **sizes)
    assert end(start(config, tmp_path / "one", 1, 2)) == [0]
    both = start(config, tmp_path / "two", 2, 1)
    assert end(both) == [0, 0], said(tmp_path / "two", 0).read_text() + said(tmp_path / "two", 1).read_text()
    assert_same_rule(tmp_path / "two", tmp_path / "one", 4)
    # Only the first one writes and prints.
    assert len(read_metrics(tmp_path / "two" / "metrics.csv")) == 4
    assert said(tmp_path / "two", 1).read_text() == ""
    assert "4 of 4 meta-updates" in said(tmp_path / "two", 0, "out").read_text()
    assert "meta-updates" not in said(tmp_path / "two", 1, "out").read_text()
    # The checkpoint of the middle, with one padded lifetime on two devices and none on one.
    path_of(tmp_path / "two", 4).unlink()
    assert end(start(config, tmp_path / "two", 1, 1, "--resume")) == [0]
    assert "at meta-update 2" in said(tmp_path / "two", 0).read_text()
    assert len(arrays(tmp_path / "two", 4)["slots.0.age"]) == 5 < len(arrays(tmp_path / "one", 4)["slots.0.age"])
    assert_same_rule(tmp_path / "two", tmp_path / "one", 4)


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_process_ends_the_other_with_one_line_and_both_go_on(killed, tmp_path):
    folder, sizes = tmp_path / "run", {"meta_updates": 10**5, "validation_every": 10**5, "checkpoint_every": 5}
    config = config_file(tmp_path / "long.json", **sizes)
    both = start(config, folder, 2, 1)
    wait_for(lambda: path_of(folder, 5).exists() or both[0].poll() is not None)
    both[killed].send_signal(signal.SIGKILL)
    began = time.monotonic()
    assert end([both[1 - killed]], 60) != [0] and time.monotonic() - began < 60
    end(both)
    lines = said(folder, 1 - killed).read_text().splitlines()
    assert lines[-1] == f"lpg: {LOST}" and sum(line.startswith("lpg: ") for line in lines) == 1
    assert "Traceback" not in "\n".join(lines) and (killed == 1 or len(lines) == 1)
    # Both go on, and a signal to one of them stops both at the same meta-update.
    newest = int(list_checkpoints(folder)[-1].stem.removeprefix("state-"))
    assert newest >= 5
    both = start(config, folder, 2, 1, "--resume")
    wait_for(lambda: "\nmeta-update " in said(folder, 0).read_text() or both[0].poll() is not None)
    both[1].send_signal(signal.SIGTERM)
    assert end(both) == [143, 143]
    assert f"at meta-update {newest}\n" in said(folder, 0).read_text()
    done = len(read_metrics(folder / "metrics.csv"))
    assert done > newest and path_of(folder, done).exists()
    assert f"stopped at meta-update {done} of 100000" in said(folder, 0, "out").read_text()


@pytest.mark.slow
def test_a_folder_that_is_refused_ends_all_processes(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    config = config_file(tmp_path / "tiny.json")
    both = start(config, tmp_path / "run", 2, 1)
    assert end(both, 60)[0] == 2
    assert said(tmp_path / "run", 0).read_text().count("\n") == 1
    assert "is not empty and holds no run" in said(tmp_path / "run", 0).read_text()
    assert said(tmp_path / "run", 1).read_text() == f"lpg: {LOST}\n"
    assert os.listdir(tmp_path / "run") == ["thesis.txt"]
