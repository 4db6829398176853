import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.network import parse_architecture
from lpg.agents.separate import SeparateNetworks, init_separate
from tests.helpers import with_random_predictions

PLANES = (3, 4, 5)


def both(key, text: str = "C(2)-D(4)", other: str = "D(6)") -> SeparateNetworks:
    """Six actions and two predictions, which are not zero."""
    agent = init_separate(
        key, (parse_architecture(text), parse_architecture(other)),
        observation_shape=PLANES, num_actions=6, prediction_size=2,
    )  # fmt: skip
    return SeparateNetworks(policy=agent.policy, prediction=with_random_predictions(key, agent.prediction))


def test_the_policy_is_the_first_networks_and_the_prediction_the_seconds(key):
    agent, x = both(key), jax.random.normal(key, (7, *PLANES))
    output = agent(x)
    assert output.logits.shape == (7, 6) and output.prediction.shape == (7, 2)
    np.testing.assert_array_equal(output.logits, agent.policy(x).logits)
    np.testing.assert_array_equal(output.prediction, agent.prediction(x).prediction)
    assert len(agent.policy.convolutions) == 1 and len(agent.prediction.convolutions) == 0


@pytest.mark.thorough
@pytest.mark.parametrize("part", ["logits", "prediction"])
def test_what_moves_one_output_leaves_the_other_network_alone(part, key):
    x = jax.random.normal(key, (7, *PLANES))
    gradient = jax.grad(lambda agent: jnp.sum(getattr(agent(x), part) ** 2))(both(key))
    own, others = (gradient.policy, gradient.prediction) if part == "logits" else (gradient.prediction, gradient.policy)
    assert all(np.all(leaf == 0) for leaf in jax.tree.leaves(others))
    assert all(np.any(leaf != 0) for leaf in jax.tree.leaves(own.dense))  # the twin


def test_equal_networks_do_not_begin_alike(key):
    agent = both(key, "D(6)", "D(6)")
    assert not np.allclose(agent.policy.dense[0].weight, agent.prediction.dense[0].weight, rtol=0.1)
