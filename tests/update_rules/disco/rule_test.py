"""The rule object: the form of a rule, which only whole trainings may use."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.types import Targets
from lpg.update_rules.base import Rule, RuleInputs
from lpg.update_rules.disco.rule import Disco, read_disco
from lpg.update_rules.registry import find_algorithm, find_rule
from tests.helpers import hyperparameters, random_output, trajectory
from tests.update_rules.disco.oracle import random_weights


@pytest.fixture
def path(tmp_path):
    np.savez(tmp_path / "mine.npz", **random_weights())
    return tmp_path / "mine.npz"


def test_it_is_named_by_its_path_and_has_a_card_that_tells_weights_apart(path):
    found = find_algorithm(f"disco:{path}")
    assert isinstance(found.rule, Disco) and isinstance(found.rule, Rule) and found.is_learned
    assert (found.name, found.label, found.path, found.step_limit) == ("disco", "disco", path, None)
    np.savez(path, **random_weights(1))
    card = read_disco(str(path))[1]
    assert card["config"]["time_limit_is_termination"] is True and card != found.card
    assert sum(leaf.size for leaf in jax.tree.leaves(found.rule)) == 754_778


def test_it_is_refused_where_a_rule_is_needed(path, key):
    with pytest.raises(ValueError, match="only lpg train and lpg evaluate"):
        find_rule(f"disco:{path}")
    rule, output = find_algorithm(f"disco:{path}").rule, random_output(key, (2, 1))
    inputs = RuleInputs(trajectory(reward=[1, 2]), output, output.prediction)
    with pytest.raises(ValueError, match="agents and updates of its own"):
        rule.targets(inputs, hyperparameters())
    with pytest.raises(ValueError, match="agents and updates of its own"):
        rule.loss(output, inputs, Targets(jnp.zeros((2, 1)), output.prediction), hyperparameters())


def test_without_a_file_the_line_says_what_is_needed():
    with pytest.raises(ValueError, match="nowhere.npz: no such file; .*disco_103.npz"):
        find_algorithm("disco:nowhere.npz")
