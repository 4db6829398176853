"""A term of the user's own in the meta-loss: what it adds, what of it is refused, and the page that explains it."""

import dataclasses
import importlib
import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.meta_training.config import MetaConfig
from lpg.meta_training.metrics import columns, terms_of
from lpg.meta_training.objective import meta_loss, terms
from lpg.meta_training.own_term import check_term, find_term
from lpg.types import AgentOutput, Targets
from tests.end_to_end.guides_test import smallest
from tests.end_to_end.readme_test import ROOT, blocks, commands

HERE = __name__


def largest(output, action, advantage, targets):
    return 3.0 * jnp.max(targets.pi_hat) + jnp.max(output.prediction)


def per_step(output, action, advantage, targets):
    return targets.pi_hat


def breaks(output, action, advantage, targets):
    return output.nothing


def counts(output, action, advantage, targets):
    return jnp.sum(action)


def arguments():
    """Two steps, one environment."""
    output = AgentOutput(logits=jnp.zeros((2, 1, 2)), prediction=jnp.array([[[1.0, 2.0]], [[0.0, 7.0]]]))
    targets = Targets(pi_hat=jnp.array([[1.0], [3.0]]), y_hat=jnp.zeros((2, 1, 2)))
    return output, jnp.zeros((2, 1), int), jnp.ones((2, 1)), targets


def test_the_term_is_added_as_it_is_and_as_a_mean_over_updates():
    without = terms(*arguments(), True)
    found = terms(*arguments(), True, find_term(f"{HERE}:largest"))
    # 3 · 3 + 7 = 16; all other terms are as before.
    assert (float(found.own_term), float(without.own_term)) == (16.0, 0.0)
    assert dataclasses.replace(found, own_term=without.own_term) == without
    two = jax.tree.map(lambda one, other: jnp.stack([one, other]), found, without)
    weights, beta = jnp.array([0.0, 1.0]), (jnp.array(0.1), 0.01, 0.2, 0.3)
    none = jax.tree.map(lambda one: jnp.stack([one, one]), without)
    np.testing.assert_allclose(meta_loss(two, weights, *beta) - meta_loss(none, weights, *beta), 8.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere:term", "importable"),
        (f"{HERE}:per_step", r"returned array float32\[3, 2\]; a floating-point number is needed"),
        (f"{HERE}:breaks", r"failed: AttributeError: .*own_term_test.py, line \d+\)"),
        (f"{HERE}:counts", "returned array int32"),
    ],
)
def test_what_is_no_term_is_refused_in_one_line(name, words):
    check_term(f"{HERE}:largest", 2, 3)
    check_term(None, 2, 3)
    with pytest.raises(ValueError, match=words) as caught:
        check_term(name, 2, 3)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"meta_optimizer": "es"}, {"objective": "imitate", "num_updates": 1}])
def test_a_term_without_a_meta_loss_is_refused(changes):
    MetaConfig(**changes)
    with pytest.raises(ValueError, match="meta_term is a:b, .* nothing else has a meta-loss with terms"):
        MetaConfig(**changes, meta_term="a:b")


@pytest.mark.thorough
def test_the_example_of_the_page_runs_and_agrees_with_its_twin(tmp_path, monkeypatch):
    page = (ROOT / "docs/changing_the_objective.md").read_text()
    example, twin = blocks("python", page)
    (tmp_path / "distinct.py").write_text(example)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    scope = {}
    exec(twin, scope)
    # The twin of the twin: another weight is noticed.
    monkeypatch.setattr(importlib.import_module("distinct"), "entropy", lambda p: -jnp.sum(p, axis=-1))
    assert (
        abs(float(scope["distinct"].distinct(scope["output"], None, None, None)) - scope["twin"](scope["logits"]))
        > 1e-5
    )
    (command,) = commands(page)
    done = subprocess.run(smallest(command), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder = next((tmp_path / "runs").iterdir())
    header, *rows = (folder / "metrics.csv").read_text().splitlines()
    config = MetaConfig(meta_term=json.loads((folder / "config.json").read_text())["config"]["meta_term"])
    assert header.split(",") == columns(("chain/short",), terms_of(config)) and "own_term" not in columns(("a",))
    values = [float(row.split(",")[header.split(",").index("own_term")]) for row in rows]
    assert len(values) == 2 and all(-1e-2 < value < 0 for value in values)
    assert sys.modules.pop("distinct")
