"""Tasks: the same for every rule, different for every purpose."""

import jax
import numpy as np
import pytest

from lpg.evaluation.tasks import instances, references, run_keys


def data(keys):
    return np.asarray(jax.random.key_data(keys))


def test_a_seed_gives_the_same_instance_in_any_company_and_another_one_for_another_purpose():
    alone = instances("chain/long", [3], "report")
    together = instances("chain/long", [1, 2, 3], "report")
    assert alone.length[0] == together.length[2]
    many = instances("chain/long", range(20), "report").length
    others = [instances("chain/long", range(20), purpose).length for purpose in ("validation", "tuning")]
    assert all(not np.array_equal(many, other) for other in others)


def test_keys_depend_on_the_environments_name():
    one, same, other = (data(run_keys(name, [0], "report")[1]) for name in ("chain/long", "chain/long", "chain/short"))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_a_grid_has_eighteen_actions_unless_asked():
    assert instances("tabular/sparse", [0], "report").has_collect_actions.all()
    assert not instances("tabular/sparse", [0], "report", 9).has_collect_actions.any()


def test_the_rulers_of_a_chain_are_known_without_computing():
    # Right or wrong with equal probability: 0. Always right: 1. The noise in between has mean 0.
    random, optimum = references("chain/short_noisy", [0, 1], "report")
    np.testing.assert_allclose(random, 0.0, atol=1e-6)
    np.testing.assert_allclose(optimum, 1.0, rtol=1e-6)


def test_an_environment_that_cannot_be_solved_has_no_rulers(monkeypatch):
    from lpg.evaluation import tasks

    class Unsolved:
        distribution = type("D", (), {"shape": object()})

    monkeypatch.setattr(tasks, "environment", lambda name: Unsolved)
    assert np.isnan(references("somewhere/else", [0], "report")).all()


def test_an_unknown_environment_is_refused():
    with pytest.raises(ValueError, match="did you mean"):
        instances("chain/shrot", [0], "report")
