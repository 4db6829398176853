import jax
import jax.numpy as jnp
import numpy as np

from lpg.types import AgentOutput, Targets
from lpg.update_rules.a2c import A2C
from lpg.update_rules.base import RuleInputs
from tests.helpers import hyperparameters, trajectory


def inputs(reward, value, next_value, ends) -> RuleInputs:
    steps = len(reward)
    return RuleInputs(
        trajectory=trajectory(reward=reward, terminated=ends),
        output=AgentOutput(logits=jnp.zeros((steps, 1, 2)), prediction=jnp.array(value)[:, None, None]),
        next_prediction=jnp.array(next_value)[:, None, None],
    )


def test_targets_are_advantage_and_lambda_return():
    # γ = .9, λ = .8, terminated after the second step:
    #   A_1 = 2 − 4 = −2,   A_0 = (1 + .9 · 4 − 3) + .72 · −2 = 0.16;   G = A + V = (3.16, 2)
    targets = A2C().targets(inputs([1.0, 2.0], [3.0, 4.0], [4.0, 5.0], [0, 1]), hyperparameters(gamma=0.9, lambda_=0.8))
    np.testing.assert_allclose(targets.pi_hat[:, 0], [0.16, -2], rtol=1e-5)
    np.testing.assert_allclose(targets.y_hat[:, 0, 0], [3.16, 2], rtol=1e-6)


def test_steps_after_the_end_of_an_episode_do_not_influence_steps_before_it():
    for ends, is_influenced in (([0, 1, 0], False), ([0, 0, 0], True)):
        one = A2C().targets(inputs([0.1, 0.2, 0.3], [1.0, 2.0, 3.0], [2.0, 3.0, 4.0], ends), hyperparameters())
        other = A2C().targets(inputs([0.1, 0.2, 1.3], [1.0, 2.0, 0.0], [2.0, 3.0, 9.0], ends), hyperparameters())
        for a, b in ((one.pi_hat, other.pi_hat), (one.y_hat, other.y_hat)):
            assert np.all(a[:2] != b[:2]) if is_influenced else np.all(a[:2] == b[:2])


def test_loss_on_one_step_worked_by_hand():
    # policy  −.4 · ln ½ = 0.277259;  value  .5 · ½ · (1 − 3)² = 1;  entropy  −.1 · ln 2 = −0.069315
    output = AgentOutput(logits=jnp.zeros((1, 1, 2)), prediction=jnp.ones((1, 1, 1)))
    targets = Targets(pi_hat=jnp.array([[0.4]]), y_hat=jnp.full((1, 1, 1), 3.0))
    hyper = hyperparameters(y_weight=0.5, policy_entropy_weight=0.1)
    loss = A2C().loss(output, inputs([0.5], [1.0], [2.0], [0]), targets, hyper)
    np.testing.assert_allclose(loss, 0.277259 + 1 - 0.069315, rtol=1e-5)


def test_it_has_no_learned_parameters():
    assert jax.tree.leaves(A2C()) == []
