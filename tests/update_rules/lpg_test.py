import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.layers import Linear
from lpg.types import AgentOutput, Targets, Trajectory
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.lpg import LPG, init_lpg
from lpg.update_rules.lstm import LSTM
from tests.helpers import hyperparameters, random_output, trajectory

OPEN, SHUT = 40.0, -40.0
targets_of = jax.jit(lambda rule, inputs, hyper: rule.targets(inputs, hyper))


def reader(feature: int, sign: float = 1.0) -> LPG:
    """A rule without memory whose π̂ is relu(tanh(tanh(feature))): input and output gates open, forget gate shut."""
    weight = jnp.zeros((7, 4)).at[feature, 2].set(sign)
    return LPG(
        hidden=Linear(weight=jnp.array([[1.0], [2.0], [4.0]]), bias=jnp.zeros(1)),
        scalar=Linear(weight=jnp.ones((1, 1)), bias=jnp.zeros(1)),
        lstm=LSTM(weight=weight, bias=jnp.array([OPEN, SHUT, 0.0, OPEN])),
        pi_head=Linear(weight=jnp.ones((1, 1)), bias=jnp.zeros(1)),
        y_head=Linear(weight=jnp.zeros((1, 3)), bias=jnp.log(jnp.array([0.2, 0.3, 0.5]))),
        prediction_size=3,
    )


def two_steps(is_terminal: bool) -> RuleInputs:
    """Two steps, the second of which ends the episode: by termination or by a time limit."""

    def log(*rows):
        return jnp.log(jnp.array(rows))[:, None]

    return RuleInputs(
        trajectory=trajectory(reward=[0.5, 0.25], action=[0, 1], terminated=[0, is_terminal], is_last=[0, 1]),
        output=AgentOutput(
            logits=log([0.25, 0.75], [0.25, 0.75]),
            prediction=log([0.5, 0.25, 0.25], [0.25, 0.5, 0.25]),
        ),
        next_prediction=log([0.25, 0.5, 0.25], [0.25, 0.25, 0.5]),
    )


# γ = .9. φ(y) = y_0 + 2 y_1 + 4 y_2: (½, ¼, ¼) ↦ ½ + ½ + 1 = 2, (¼, ½, ¼) ↦ ¼ + 1 + 1 = 2.25, (¼, ¼, ½) ↦ 2.75.
# At the terminal second step d and φ(y(s′)) are zero; at a time limit they are 1 and 2.75.
FEATURES = {
    "reward": ([0.5, 0.25], [0.5, 0.25]),
    "continues": ([1, 0], [1, 1]),
    "discount": ([0.9, 0.9], [0.9, 0.9]),
    "probability of the action": ([0.25, 0.75], [0.25, 0.75]),
    "prediction": ([2, 2.25], [2, 2.25]),
    "next prediction": ([2.25, 0], [2.25, 2.75]),
}


@pytest.mark.parametrize("feature, name", list(enumerate(FEATURES)))
def test_the_six_inputs_are_in_the_order_of_the_paper(feature, name):
    for expected, is_terminal in zip(FEATURES[name], (True, False), strict=True):
        found = targets_of(reader(feature), two_steps(is_terminal), hyperparameters(gamma=0.9)).pi_hat[:, 0]
        np.testing.assert_allclose(found, np.tanh(np.tanh(expected)), rtol=1e-5, atol=1e-7)


def test_a_relu_is_between_the_lstm_and_the_heads():
    found = targets_of(reader(0, sign=-1.0), two_steps(True), hyperparameters()).pi_hat
    np.testing.assert_array_equal(found, 0)


def test_y_hat_is_the_softmax_of_its_head():
    # The head's weights are zero and its bias is ln(.2, .3, .5).
    found = targets_of(reader(0), two_steps(True), hyperparameters()).y_hat
    np.testing.assert_allclose(found, np.broadcast_to([0.2, 0.3, 0.5], (2, 1, 3)), rtol=1e-5)


@pytest.fixture
def rule(key):
    return init_lpg(key, lstm_size=4, prediction_size=3, embedding_size=5)


def random_inputs(key, is_last) -> RuleInputs:
    """Six steps of two environments, all terminations."""
    key_output, key_next, key_reward, key_action = jax.random.split(key, 4)
    is_last = jnp.tile(jnp.array(is_last, bool)[:, None], (1, 2))
    seen = Trajectory(
        observation=jnp.zeros((6, 2), int),
        next_observation=jnp.zeros((6, 2), int),
        action=jax.random.randint(key_action, (6, 2), 0, 3),
        reward=jax.random.normal(key_reward, (6, 2)),
        terminated=is_last,
        is_last=is_last,
    )
    next_prediction = random_output(key_next, (6, 2)).prediction
    return RuleInputs(trajectory=seen, output=random_output(key_output, (6, 2)), next_prediction=next_prediction)


def splice(before: RuleInputs, after: RuleInputs, step: int) -> RuleInputs:
    """The first `step` rows of one and the rest of the other."""
    return jax.tree.map(lambda x, y: jnp.concatenate([x[:step], y[step:]]), before, after)


def test_steps_after_the_end_of_an_episode_do_not_influence_steps_before_it(rule):
    for ends, is_influenced in (([0, 0, 1, 0, 0, 0], False), ([0, 0, 0, 0, 0, 0], True)):
        one, other = (random_inputs(jax.random.key(seed), ends) for seed in (1, 2))
        found = targets_of(rule, one, hyperparameters())
        changed = targets_of(rule, splice(one, other, 3), hyperparameters())
        for a, b in ((found.pi_hat, changed.pi_hat), (found.y_hat, changed.y_hat)):
            assert np.all(a[:3] != b[:3]) if is_influenced else np.all(a[:3] == b[:3])


def test_the_rule_does_not_depend_on_action_numbers_or_observations(rule):
    inputs = random_inputs(jax.random.key(1), [0, 0, 1, 0, 0, 0])
    order = jnp.array([2, 0, 1])  # new action i is old action order[i]
    renamed = eqx.tree_at(
        lambda i: (i.trajectory.action, i.output.logits, i.trajectory.observation),
        inputs,
        (jnp.argsort(order)[inputs.trajectory.action], inputs.output.logits[..., order], jnp.full((6, 2), 7)),
    )
    found, same = (targets_of(rule, i, hyperparameters()) for i in (inputs, renamed))
    np.testing.assert_allclose(found.pi_hat, same.pi_hat, rtol=1e-5)
    np.testing.assert_allclose(found.y_hat, same.y_hat, rtol=1e-5)
    # The twin: renaming the logits but not the action taken is another policy.
    other = eqx.tree_at(lambda i: i.output.logits, inputs, inputs.output.logits[..., order])
    assert np.abs(targets_of(rule, other, hyperparameters()).pi_hat - found.pi_hat).max() > 1e-5


def test_loss_on_one_step_worked_by_hand(rule):
    # Uniform over two actions and two predictions: every log-probability is −0.693147.
    #   policy      −0.4 · −0.693147             = 0.277259
    #   prediction   0.5 · KL((½, ½) ‖ (¾, ¼))   = 0.5 · 0.143841 = 0.071921
    inputs = jax.tree.map(lambda x: x[:1], two_steps(True))
    output = AgentOutput(logits=jnp.zeros((1, 1, 2)), prediction=jnp.zeros((1, 1, 2)))
    targets = Targets(pi_hat=jnp.array([[0.4]]), y_hat=jnp.array([[[0.75, 0.25]]]))
    loss = rule.loss(output, inputs, targets, hyperparameters(y_weight=0.5))
    np.testing.assert_allclose(loss, 0.277259 + 0.071921, rtol=1e-5)


def ablated(part) -> LPG:
    return init_lpg(jax.random.key(0), lstm_size=4, prediction_size=3, embedding_size=5, without=part)


def influenced(rule, change) -> tuple[np.ndarray, np.ndarray]:
    """Steps [6] at which a change of the inputs changes π̂ and ŷ."""
    inputs = random_inputs(jax.random.key(1), [0, 0, 0, 0, 0, 0])
    found, moved = (targets_of(rule, i, hyperparameters()) for i in (inputs, change(inputs)))
    return np.any(found.pi_hat != moved.pi_hat, axis=1), np.any(found.y_hat != moved.y_hat, axis=(1, 2))


def test_without_bootstrap_the_next_prediction_has_no_influence():
    def scaled(inputs):
        return eqx.tree_at(lambda i: i.next_prediction, inputs, 3 * inputs.next_prediction)

    assert not np.any(influenced(ablated("bootstrap"), scaled))
    assert np.all(influenced(ablated("nothing"), scaled))  # the twin


def test_without_recurrence_a_reward_only_influences_its_own_step():
    def rewarded(inputs):
        return eqx.tree_at(lambda i: i.trajectory.reward, inputs, inputs.trajectory.reward.at[3].add(1.0))

    np.testing.assert_array_equal(influenced(ablated("recurrence"), rewarded), [[0, 0, 0, 1, 0, 0]] * 2)
    np.testing.assert_array_equal(influenced(ablated("nothing"), rewarded), [[1, 1, 1, 1, 0, 0]] * 2)  # the twin


def test_without_softmax_predictions_are_real_numbers_with_a_squared_loss():
    rule = ablated("softmax")
    inputs = random_inputs(jax.random.key(1), [0, 0, 0, 0, 0, 0])
    sums = jnp.sum(targets_of(rule, inputs, hyperparameters()).y_hat, axis=-1)
    assert np.abs(sums - 1).max() > 1e-3
    whole = jnp.sum(targets_of(ablated("nothing"), inputs, hyperparameters()).y_hat, axis=-1)
    np.testing.assert_allclose(whole, 1, rtol=1e-5)  # the twin
    # A constant added to a prediction changes the targets; under a softmax it does not.
    shifted = eqx.tree_at(lambda i: i.output.prediction, inputs, inputs.output.prediction + 1)
    assert np.any(
        targets_of(rule, shifted, hyperparameters()).pi_hat != targets_of(rule, inputs, hyperparameters()).pi_hat
    )
    # −.4 · ln ½ = 0.277259;  .5 · ((1 − 2)² + (0 − 3)²) = .5 · 10 = 5
    one = jax.tree.map(lambda x: x[:1], two_steps(True))
    output = AgentOutput(logits=jnp.zeros((1, 1, 2)), prediction=jnp.array([[[1.0, 0.0]]]))
    targets = Targets(pi_hat=jnp.array([[0.4]]), y_hat=jnp.array([[[2.0, 3.0]]]))
    np.testing.assert_allclose(rule.loss(output, one, targets, hyperparameters(y_weight=0.5)), 5.277259, rtol=1e-5)


@pytest.mark.parametrize("prediction_size", [8, 30])
def test_the_prediction_layers_of_a_fresh_rule_have_a_large_scale(key, prediction_size):
    key_rule, key_output = jax.random.split(key)
    rule = init_lpg(key_rule, lstm_size=32, prediction_size=prediction_size)
    output = random_output(key_output, (20, 64), prediction_size=prediction_size)

    def inputs(output):
        return RuleInputs(
            trajectory=jax.tree.map(lambda x: jnp.broadcast_to(x, (20, 64)), trajectory(reward=[0.0] * 20)),
            output=output,
            next_prediction=output.prediction,
        )

    # The twin: the same layers with the usual scale.
    usual_phi = eqx.tree_at(lambda r: r.hidden.weight, rule, rule.hidden.weight / (prediction_size * 16 / 30))
    assert np.std(rule.embed(output.prediction)) > 0.1 > 0.05 > np.std(usual_phi.embed(output.prediction))
    usual_head = eqx.tree_at(lambda r: r.y_head.weight, rule, rule.y_head.weight / 8)
    large, small = (targets_of(r, inputs(output), hyperparameters()).y_hat for r in (rule, usual_head))
    assert np.abs(np.log(large * prediction_size)).mean() > 0.25 > 0.1 > np.abs(np.log(small * prediction_size)).mean()


def test_the_papers_sizes_give_the_papers_number_of_parameters(key):
    # LSTM 4 · 256 · (6 + 256 + 1) = 269,312; π̂ 257; ŷ 257 · 30 = 7,710; φ 31 · 16 + 17 = 513.
    rule = jax.eval_shape(init_lpg, key)
    assert sum(leaf.size for leaf in jax.tree.leaves(rule)) == 269_312 + 257 + 7_710 + 513


def test_a_linear_layer_maps_the_last_axis():
    # (1, 2) · [[1, 0, 2], [0, 1, 3]] + (0, 10, 0) = (1, 2 + 10, 2 + 6)
    layer = Linear(weight=jnp.array([[1.0, 0.0, 2.0], [0.0, 1.0, 3.0]]), bias=jnp.array([0.0, 10.0, 0.0]))
    np.testing.assert_array_equal(layer(jnp.array([[1.0, 2.0]])), [[1, 12, 8]])
