"""How the machine is set up, in processes of their own since JAX is set up once."""

import os
import subprocess
import sys

from lpg.cli.machine import cache_folder, cpu_model, num_cores

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


def test_the_cache_belongs_to_one_kind_of_cpu(monkeypatch):
    here = cache_folder()
    assert here == cache_folder() and cpu_model()
    monkeypatch.setattr("lpg.cli.machine.cpu_model", lambda: "another")
    assert cache_folder() != here
