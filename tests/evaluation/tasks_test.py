"""Tasks: the same for every rule, different for every purpose."""

import jax
import numpy as np
import pytest

from lpg.evaluation.reference_returns import listed
from lpg.evaluation.tasks import reference, references, run_keys, sample_env_params


def data(keys):
    return np.asarray(jax.random.key_data(keys))


def test_a_seed_gives_the_same_instance_in_any_company_and_another_one_for_another_purpose():
    alone = sample_env_params("chain/long", [3], "report")
    together = sample_env_params("chain/long", [1, 2, 3], "report")
    assert alone.length[0] == together.length[2]
    many = sample_env_params("chain/long", range(20), "report").length
    others = [sample_env_params("chain/long", range(20), purpose).length for purpose in ("validation", "tuning")]
    assert all(not np.array_equal(many, other) for other in others)


def test_keys_depend_on_the_environments_name():
    one, same, other = (data(run_keys(name, [0], "report")[1]) for name in ("chain/long", "chain/long", "chain/short"))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_a_grid_has_eighteen_actions_unless_asked():
    assert sample_env_params("tabular/sparse", [0], "report").has_collect_actions.all()
    assert not sample_env_params("tabular/sparse", [0], "report", 9).has_collect_actions.any()


def test_the_rulers_of_a_chain_are_known_without_computing():
    # Right or wrong with equal probability: 0. Always right: 1. The noise in between has mean 0.
    random, optimum = references("chain/short_noisy", [0, 1], "report")
    np.testing.assert_allclose(random, 0.0, atol=1e-6)
    np.testing.assert_allclose(optimum, 1.0, rtol=1e-6)


def test_what_cannot_be_solved_has_the_listed_rulers_of_its_action_set():
    random, best = references("random/small", [0, 1], "report")
    there = {n: listed("random/small", n) for n in (9, 18)}
    np.testing.assert_array_equal(random, there[18].random)
    np.testing.assert_array_equal(best, there[18].best)
    assert reference("random/small", 0, "report", 9) == there[9] != there[18]
    assert not there[9].is_optimum and reference("chain/short", 0, "report").is_optimum


def test_an_environment_that_is_neither_solved_nor_listed_has_no_reference_returns(monkeypatch):
    from lpg.evaluation import tasks

    class Unsolved:
        distribution = type("D", (), {"env": type("S", (), {"num_actions": 2})()})

    monkeypatch.setattr(tasks, "env_spec", lambda name: Unsolved)
    assert np.isnan(references("somewhere/else", [0], "report")).all()
    assert reference("somewhere/else", 1, "report") is None


def test_an_unknown_environment_is_refused():
    with pytest.raises(ValueError, match="did you mean"):
        sample_env_params("chain/shrot", [0], "report")
