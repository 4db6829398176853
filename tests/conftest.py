"""Settings of the test run: shapes checked, warnings are errors (see pyproject.toml), programs compiled in haste."""

import importlib.metadata
import os
from pathlib import Path

os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Small programs take longer to optimise than to run: in haste they compile four times faster. The slow tests, run by
# `make slow`, set this to nothing. A flag that jaxlib does not know ends the process, and the last one went with 0.11.
in_haste = ["--xla_backend_optimization_level=0", "--xla_llvm_disable_expensive_passes=true"]
if importlib.metadata.version("jaxlib").startswith("0.10."):
    in_haste.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(in_haste))

import jax
import pytest
from jaxtyping import install_import_hook

_hook = install_import_hook("lpg", "beartype.beartype")
_hook.__enter__()


@pytest.fixture
def key():
    return jax.random.key(20200717)


@pytest.fixture(autouse=True, scope="module")
def room_for_programs():
    """Forgets compiled programs before there are too many.

    Each takes pieces of the address space, of which Linux gives a process 65,530. The compiler dies without a word
    where they are used up, and all tests together would need more.
    """
    yield
    pieces = Path("/proc/self/maps")
    if pieces.exists() and len(pieces.read_bytes().splitlines()) > 30_000:
        jax.clear_caches()
