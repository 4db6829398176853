"""Settings of the test run: shape checks, warnings as errors (see pyproject.toml), fast compilation, kept programs."""

import importlib.metadata
import os
from pathlib import Path

os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Small programs take longer to optimise than to run; without optimisation they compile four times faster. `make slow`
# sets no flags. An unknown flag ends the process, and jaxlib 0.11 removed the last one.
flags = ["--xla_backend_optimization_level=0", "--xla_llvm_disable_expensive_passes=true"]
if importlib.metadata.version("jaxlib").startswith("0.10."):
    flags.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(flags))

import jax
import pytest
from jaxtyping import install_import_hook

_hook = install_import_hook("lpg", "beartype.beartype")
_hook.__enter__()

# Compiled programs are kept between runs; workers, and commands that tests start, share them. They belong to one jaxlib
# and one kind of CPU, as the folder of the command line says; `make clean` removes them.
from lpg.cli.machine import cache_folder

if "JAX_COMPILATION_CACHE_DIR" not in os.environ and (folder := cache_folder()) is not None:
    kept = {
        "jax_compilation_cache_dir": str(Path(__file__).parents[1] / ".cache" / "tests" / folder.name),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    for name, value in kept.items():
        os.environ[name.upper()] = str(value)
        jax.config.update(name, value)


@pytest.fixture
def key():
    return jax.random.key(20200717)


@pytest.fixture(autouse=True, scope="module")
def limit_memory_maps():
    """Clears compiled programs before a process has too many memory maps.

    Every program needs some; Linux allows a process 65,530, and the compiler crashes without a message beyond that.
    """
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and len(maps.read_bytes().splitlines()) > 30_000:
        jax.clear_caches()
