"""How the machine is set up, in separate processes because JAX is set up once per process."""

import os
import pwd
import subprocess
import sys

import pytest

from lpg.cli.machine import cache_folder, cpu_model, memory_bytes, num_cores, platform_problem

CODE = """
from lpg.cli.machine import set_up_jax
set_up_jax()
import jax
print(jax.device_count(), jax.config.jax_compilation_cache_dir)
"""


def devices_and_cache(tmp_path, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "XDG_"))}
    settings = {**kept, "JAX_PLATFORMS": "cpu", "XDG_CACHE_HOME": str(tmp_path), **environment}
    run = subprocess.run([sys.executable, "-c", CODE], env=settings, capture_output=True, text=True, check=True)
    return run.stdout.split()


def test_the_cores_are_devices_and_programs_are_kept(tmp_path):
    count, cache = devices_and_cache(tmp_path)
    assert int(count) == num_cores() and cache.startswith(str(tmp_path / "lpg" / "jaxlib-"))


def test_what_the_user_has_set_stays(tmp_path):
    assert devices_and_cache(tmp_path, JAX_NUM_CPU_DEVICES="3", JAX_COMPILATION_CACHE_DIR="/x") == ["3", "/x"]


def test_the_cache_belongs_to_one_kind_of_cpu(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    here = cache_folder()
    assert here == cache_folder() and here.is_dir() and cpu_model()
    monkeypatch.setattr("lpg.cli.machine.cpu_model", lambda: "another")
    assert cache_folder() not in (here, None)


def test_without_a_home_or_where_nothing_can_be_written_there_is_no_cache(monkeypatch, tmp_path):
    def no_entry(uid):
        raise KeyError(uid)

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder().is_relative_to(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nothing")
    assert cache_folder() is None
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    assert cache_folder() is None


def test_without_a_home_the_command_line_works_without_a_cache():
    code = "import pwd\npwd.getpwuid = {}.__getitem__" + CODE
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "XDG_", "HOME"))}
    run = subprocess.run([sys.executable, "-c", code], env=kept, capture_output=True, text=True, check=True)
    assert run.stdout.split()[1] == "None"


@pytest.mark.thorough
@pytest.mark.parametrize("platform", ["cuda", "tpu", "nonsense"])
def test_a_platform_that_is_missing_is_one_line_and_status_2(platform):
    argv = ["train", "chain/short", "--rule", "a2c", "--steps", "20"]
    settings = {**os.environ, "JAX_PLATFORMS": platform, "CUDA_VISIBLE_DEVICES": ""}
    run = subprocess.run([sys.executable, "-m", "lpg.cli.main", *argv], env=settings, capture_output=True, text=True)
    assert run.returncode == 2 and run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert line.startswith(f"lpg: JAX_PLATFORMS is '{platform}', and JAX finds no such device here")


def test_where_the_platform_works_there_is_no_problem(monkeypatch):
    assert platform_problem() is None
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    assert platform_problem() is None


def test_free_memory_is_a_part_of_the_machines():
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 2**26 < memory_bytes() <= pages
