"""Reach on delayed chains: a rule that bootstraps sees beyond its rollout, one that does not is blind there."""

import jax
import numpy as np

from lpg.analysis.probe.delay import gaps
from lpg.evaluation.train_agents import TrainingSizes
from lpg.update_rules.a2c import A2C
from tests.analysis.toys import Discounting

SIZES = TrainingSizes(num_envs=32, num_steps=5)
LENGTHS = (3, 4, 8)


def test_with_values_actor_critic_sees_beyond_the_rollout_and_without_them_it_does_not():
    table = gaps(A2C(), jax.random.key(0), 0.9, 4.0, 150, SIZES, LENGTHS)
    # Right minus wrong is worth 2 γ^(L−1): 1.62, 1.458, 0.957; all of it is known when the values are.
    np.testing.assert_allclose(table["with"], [1.62, 1.458, 0.957], atol=0.12)
    # Without values only (γλ)^(L−1) of it is seen where the end is in the rollout, and nothing where it is not.
    np.testing.assert_allclose(table["without"][:2], 2 * 0.855 ** np.array([2, 3]), rtol=1e-3)
    assert table["without"][2] == 0


def test_a_rule_that_ignores_predictions_is_as_blind_with_them():
    table = gaps(Discounting(decay=0.8), jax.random.key(0), 0.9, 4.0, 3, SIZES, LENGTHS)
    np.testing.assert_allclose(table["with"], table["without"])
    np.testing.assert_allclose(table["with"], [2 * 0.8**2, 2 * 0.8**3, 0], rtol=1e-3)
