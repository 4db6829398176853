import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.layers import Linear
from lpg.types import AgentOutput, Targets
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.lpg_v import LPGV, init_lpg_v
from lpg.update_rules.lstm import LSTM
from tests.helpers import hyperparameters, trajectory

OPEN, SHUT = 40.0, -40.0
targets_of = jax.jit(lambda rule, inputs, hyper: rule.targets(inputs, hyper))


def reader(feature: int) -> LPGV:
    """A rule without memory whose π̂ is relu(tanh(tanh(feature))): input and output gates open, forget gate shut."""
    weight = jnp.zeros((7, 4)).at[feature, 2].set(1.0)
    return LPGV(
        lstm=LSTM(weight=weight, bias=jnp.array([OPEN, SHUT, 0.0, OPEN])),
        pi_head=Linear(weight=jnp.ones((1, 1)), bias=jnp.zeros(1)),
    )


def inputs(reward, value, next_value, terminated, is_last) -> RuleInputs:
    """Always action 1, of probability ¾."""
    steps = len(reward)
    return RuleInputs(
        trajectory=trajectory(reward=reward, action=[1] * steps, terminated=terminated, is_last=is_last),
        output=AgentOutput(
            logits=jnp.tile(jnp.log(jnp.array([0.25, 0.75])), (steps, 1, 1)),
            prediction=jnp.array(value)[:, None, None],
        ),
        next_prediction=jnp.array(next_value)[:, None, None],
    )


# γ = .9; the second step ends the episode, by termination or by a time limit.
FEATURES = {
    "reward": ([0.5, 0.25], [0.5, 0.25]),
    "continues": ([1, 0], [1, 1]),
    "discount": ([0.9, 0.9], [0.9, 0.9]),
    "probability of the action": ([0.75, 0.75], [0.75, 0.75]),
    "value here": ([1.5, 2.0], [1.5, 2.0]),
    "value there": ([2.0, 0], [2.0, 1.2]),
}


@pytest.mark.parametrize("feature, name", list(enumerate(FEATURES)))
def test_values_replace_embedded_predictions(feature, name):
    for expected, is_terminal in zip(FEATURES[name], (True, False), strict=True):
        seen = inputs([0.5, 0.25], [1.5, 2.0], [2.0, 1.2], [0, is_terminal], [0, 1])
        found = targets_of(reader(feature), seen, hyperparameters(gamma=0.9)).pi_hat[:, 0]
        np.testing.assert_allclose(found, np.tanh(np.tanh(expected)), rtol=1e-5, atol=1e-7)


def test_the_values_target_is_the_lambda_return_worked_by_hand():
    # γ = .9, λ = .8, terminated after the second step:
    #   G_1 = .25,   G_0 = .5 + .9 (.2 · V(s_1) + .8 · G_1) = .5 + .9 (.2 · 2 + .8 · .25) = .5 + .54 = 1.04
    # Cut off there: G_1 = .25 + .9 · 1.2 = 1.33,   G_0 = .5 + .9 (.4 + .8 · 1.33) = .5 + 1.3176 = 1.8176
    for is_terminal, expected in ((True, [1.04, 0.25]), (False, [1.8176, 1.33])):
        seen = inputs([0.5, 0.25], [1.5, 2.0], [2.0, 1.2], [0, is_terminal], [0, 1])
        found = targets_of(reader(0), seen, hyperparameters(gamma=0.9, lambda_=0.8)).y_hat[:, 0, 0]
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_steps_after_the_end_of_an_episode_do_not_influence_steps_before_it(key):
    rule = init_lpg_v(key, lstm_size=4)
    for ends, is_influenced in (([0, 1, 0, 0], False), ([0, 0, 0, 0], True)):
        one = inputs([0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 5.0], ends, ends)
        other = inputs([0.1, 0.2, 1.3, -0.4], [1.0, 2.0, 0.0, 1.0], [2.0, 3.0, 1.0, 7.0], ends, ends)
        found, changed = (targets_of(rule, i, hyperparameters()) for i in (one, other))
        for a, b in ((found.pi_hat, changed.pi_hat), (found.y_hat, changed.y_hat)):
            assert np.all(a[:2] != b[:2]) if is_influenced else np.all(a[:2] == b[:2])


def test_loss_on_one_step_worked_by_hand():
    # −.4 · ln ½ = 0.277259;  α_y ½ (v − G)² = .5 · ½ · (1 − 3)² = 1
    seen = inputs([0.5], [1.0], [2.0], [0], [0])
    output = AgentOutput(logits=jnp.zeros((1, 1, 2)), prediction=jnp.ones((1, 1, 1)))
    targets = Targets(pi_hat=jnp.array([[0.4]]), y_hat=jnp.full((1, 1, 1), 3.0))
    loss = reader(0).loss(output, seen, targets, hyperparameters(y_weight=0.5))
    np.testing.assert_allclose(loss, 1.277259, rtol=1e-5)
