"""What the values explain of y: all of a value, nothing of noise, and weighted by visits."""

import numpy as np
import pytest

from lpg.analysis.predictions.score import explained, score


def tables(component, visits=None):
    """A row of 60 cells whose value is 0.9^distance, and one component of y."""
    value = 0.9 ** np.arange(60.0)
    cells = {
        "row": np.zeros(60), "column": np.arange(60.0), "goal": np.zeros(60),
        "visits": np.ones(60) if visits is None else visits, "value_0.9": value, "value_0.995": value**0.05,
    }  # fmt: skip
    y = {"iteration": np.repeat([0.0, 7.0], 60), "cell": np.tile(np.arange(60.0), 2)}
    y["y_0"] = np.concatenate([np.full(60, 0.5), component(value)])
    return {"cells": cells, "y": y}


def noise(value):
    return 0.5 + 0.1 * np.random.default_rng(0).normal(size=len(value))


def test_a_component_that_is_a_value_is_explained_by_it_and_noise_is_not():
    (found,) = explained(tables(lambda v: 0.1 + 0.4 * v))
    assert found["value_0.9"] == pytest.approx(1) and found["value_0.995"] < 0.95
    (found,) = explained(tables(noise))
    assert found["value_0.9"] < 0.1
    assert explained(tables(lambda v: v), iteration=0.0)[0]["value_0.9"] == 0


def test_the_claim_needs_contrast_beside_a_shape():
    (claim,) = score(tables(lambda v: 0.1 + 0.4 * v))
    assert claim.verdict == "reproduced" and "y[0], R² 1.00 with the value at γ = 0.9" in claim.found
    assert score(tables(lambda v: 0.1 + 0.01 * v))[0].verdict == "partly"
    assert score(tables(noise))[0].verdict == "not reproduced"


def test_cells_that_nobody_visits_do_not_count():
    def broken(value):
        return np.where(np.arange(60) < 30, 0.1 + 0.4 * value, 1.0)

    assert explained(tables(broken))[0]["value_0.9"] < 0.9
    visited = np.where(np.arange(60) < 30, 1.0, 0.0)
    assert explained(tables(broken, visited))[0]["value_0.9"] == pytest.approx(1)
