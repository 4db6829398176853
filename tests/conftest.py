"""Strict settings for the test run: shapes checked, ranks never promoted, warnings are errors (see pyproject.toml)."""

import os

os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import pytest
from jaxtyping import install_import_hook

jax.config.update("jax_numpy_rank_promotion", "allow")
_hook = install_import_hook("lpg", "beartype.beartype")
_hook.__enter__()


@pytest.fixture
def key():
    return jax.random.key(20200717)
