"""Settings of the test run: shapes checked, warnings are errors (see pyproject.toml), programs compiled in haste."""

import os

os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Small programs take longer to optimise than to run: this makes compiling four times faster. The slow tests, run by
# `make slow`, set it to nothing.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true --xla_cpu_use_fusion_emitters=false",
)

import jax
import pytest
from jaxtyping import install_import_hook

_hook = install_import_hook("lpg", "beartype.beartype")
_hook.__enter__()


@pytest.fixture
def key():
    return jax.random.key(20200717)
