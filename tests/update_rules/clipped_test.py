"""The clipped objective around any rule: worked by hand, equal to PPO around A2C, and the rule itself at first."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lpg
from lpg.agents.outputs import outputs
from lpg.agents.tabular import init_table
from lpg.learner.learner import Learner
from lpg.types import AgentOutput, Targets, Trajectory
from lpg.update_rules.a2c import A2C
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.clipped import Clipped
from lpg.update_rules.learning import LearnOptions, init_agent_state, learn
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.proximal import PPO
from tests.helpers import hyperparameters, random_output

RULES = {"lpg": init_lpg(jax.random.key(5), lstm_size=4, prediction_size=3), "a2c": A2C()}


def trajectory_of(key, num_actions: int) -> Trajectory:
    """Five steps of four environments with three states."""
    keys = jax.random.split(key, 4)
    seen = jax.random.randint(keys[0], (6, 4), 0, 3)
    is_last = jax.random.bernoulli(keys[3], 0.2, (5, 4))
    return Trajectory(
        observation=seen[:-1],
        next_observation=seen[1:],
        action=jax.random.randint(keys[1], (5, 4), 0, num_actions),
        reward=10 * jax.random.normal(keys[2], (5, 4)),
        terminated=is_last,
        is_last=is_last,
    )


def inputs_of(key, size, old=None) -> tuple[AgentOutput, RuleInputs]:
    key_data, key_output = jax.random.split(key)
    output = random_output(key_output, (5, 4), prediction_size=size)
    return output, RuleInputs(
        trajectory=trajectory_of(key_data, 3),
        output=output,
        next_prediction=jnp.zeros((5, 4, size)),
        old_log_prob=old,
    )


def test_a_policy_far_from_the_one_that_acted_is_not_pushed_further(key):
    # π_old(a|s) = 1/3 everywhere. Where the action's probability is above .4 = 1.2/3 and π̂ = 1, and where it is below
    # .8/3 and π̂ = −1, the ratio is beyond the clip: no gradient. Elsewhere it is −r π̂ (∂ log π), here by hand.
    output, inputs = inputs_of(key, 3, old=jnp.full((5, 4), jnp.log(1 / 3)))
    action = np.asarray(inputs.trajectory.action)
    probabilities = np.asarray(jax.nn.softmax(output.logits))
    ratio = 3 * np.take_along_axis(probabilities, action[..., None], axis=-1)[..., 0]
    pi_hat = np.where(np.arange(20).reshape(5, 4) % 2, 1.0, -1.0)
    targets = Targets(pi_hat=jnp.asarray(pi_hat), y_hat=jnp.full((5, 4, 3), 1 / 3))
    found = jax.grad(lambda o: Clipped(RULES["lpg"]).loss(o, inputs, targets, hyperparameters()))(output)
    beyond = np.where(pi_hat > 0, ratio > 1.2, ratio < 0.8)
    assert 0 < beyond.sum() < 20
    wanted = -(np.eye(3)[action] - probabilities) * np.where(beyond, 0.0, ratio * pi_hat)[..., None] / 20
    np.testing.assert_allclose(found.logits, wanted, atol=1e-6)
    # The prediction's gradient is that of the rule.
    plain = jax.grad(lambda o: RULES["lpg"].loss(o, inputs, targets, hyperparameters()))(output)
    np.testing.assert_allclose(found.prediction, plain.prediction, atol=1e-7)
    assert np.abs(found.logits - plain.logits).max() > 1e-3


@pytest.mark.parametrize("name", RULES)
def test_at_the_policy_that_acted_the_gradient_is_that_of_the_rule(name, key):
    rule = RULES[name]
    output, inputs = inputs_of(key, rule.prediction_size)
    targets = rule.targets(inputs, hyperparameters())
    found, wanted = (
        jax.grad(lambda o, r=r: r.loss(o, inputs, targets, hyperparameters()))(output) for r in (Clipped(rule), rule)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), found, wanted)


def after(key, rule, **options):
    """The agent after one rollout."""
    table = init_table(num_states=3, num_actions=2, prediction_size=rule.prediction_size)
    table = jax.tree.map(lambda x: x + 0.1 * jax.random.normal(key, x.shape), table)
    optimizer, chosen = optax.sgd(1.0), LearnOptions(**options)
    state = init_agent_state(table, optimizer, chosen, num_envs=4, observation_shape=())
    hyper = hyperparameters(learning_rate=2.0, clip=0.1)
    state, _ = learn(rule, state, trajectory_of(key, 2), jnp.ones(2, bool), hyper, optimizer, options=chosen, key=key)
    return outputs(state.agent, jnp.arange(3), None, batch_ndim=1)


def test_a2c_with_a_clipped_policy_is_ppo(key):
    several = {"num_epochs": 3, "num_minibatches": 2}
    found = after(key, A2C(), clip_policy=True, **several)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), found, after(key, PPO(), **several))
    assert np.abs(found.logits - after(key, A2C(), **several).logits).max() > 0.05


def test_it_changes_nothing_with_one_update_on_a_rollout_and_something_with_more(key):
    rule = RULES["lpg"]
    np.testing.assert_allclose(after(key, rule, clip_policy=True).logits, after(key, rule).logits, atol=1e-6)
    found = after(key, rule, clip_policy=True, num_epochs=30).logits
    assert np.abs(found - after(key, rule, num_epochs=30).logits).max() > 1e-3


def test_what_has_no_effect_or_two_is_refused():
    for name in ("ppo", "dpo"):
        with pytest.raises(ValueError, match=f"clip_policy is True; it is for rules without a step limit, and {name}"):
            Learner(
                lambda key: init_table(num_states=3, num_actions=2, prediction_size=1),
                name,
                optimizer=optax.sgd(1.0),
                clip_policy=True,
            )
    with pytest.raises(ValueError, match="clip is 0.1; a2c does not use it, only ppo and rules with clip_policy do"):
        lpg.train("a2c", "chain/short", changes={"clip": 0.1}, num_steps=1280)
