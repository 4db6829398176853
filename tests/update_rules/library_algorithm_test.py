"""What stands for an algorithm of another library: it has the form of a rule, and refuses to be used as one."""

import jax
import pytest

from lpg.update_rules.base import Rule, RuleInputs
from lpg.update_rules.library_algorithm import LibraryAlgorithm
from tests.helpers import hyperparameters, random_output, trajectory

ALGORITHM = LibraryAlgorithm("x/y")


def test_it_has_the_form_of_a_rule_without_learned_parameters():
    assert isinstance(ALGORITHM, Rule) and jax.tree.leaves(ALGORITHM) == []


def test_it_cannot_be_used_as_a_rule(key):
    output = random_output(key, (2, 1))
    inputs = RuleInputs(trajectory(reward=[1, 2]), output, output.prediction)
    with pytest.raises(ValueError, match="x/y given; a rule is needed"):
        ALGORITHM.targets(inputs, hyperparameters())
