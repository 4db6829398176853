import jax.numpy as jnp
import numpy as np

from lpg.types import AgentOutput
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.returns import generalised_advantages
from lpg.update_rules.value_based import advantages, value_loss
from tests.helpers import hyperparameters, trajectory


def test_advantages_are_those_of_the_agents_only_prediction():
    seen = trajectory(reward=[1.0, 2.0, 3.0], terminated=[0, 1, 0], is_last=[0, 1, 0])
    value, next_value = jnp.array([[3.0], [4.0], [5.0]]), jnp.array([[4.0], [7.0], [6.0]])
    inputs = RuleInputs(
        trajectory=seen,
        output=AgentOutput(logits=jnp.zeros((3, 1, 2)), prediction=value[..., None]),
        next_prediction=next_value[..., None],
    )
    found = advantages(inputs, hyperparameters(gamma=0.9, lambda_=0.8))
    expected = generalised_advantages(
        seen.reward, value, next_value, seen.terminated, seen.is_last, jnp.array(0.9), jnp.array(0.8)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_value_loss_is_half_the_square_step_by_step():
    # ½ (1 − 3)² = 2, ½ (1 − 0)² = 0.5
    output = AgentOutput(logits=jnp.zeros((2, 1, 2)), prediction=jnp.ones((2, 1, 1)))
    np.testing.assert_allclose(value_loss(output, jnp.array([[[3.0]], [[0.0]]])), [[2], [0.5]])
