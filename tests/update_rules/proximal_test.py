"""PPO and DPO: worked by hand, against a transcription in NumPy, and trained on several updates of one rollout."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lpg.agents.outputs import outputs
from lpg.agents.tabular import init_table
from lpg.types import AgentOutput, Targets
from lpg.update_rules.a2c import A2C
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.learning import LearnOptions, init_agent_state, learn
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.proximal import DPO, PPO, step_limit_of
from lpg.update_rules.registry import find_rule
from lpg.update_rules.update import agent_update
from tests.helpers import hyperparameters, random_output, trajectory

RULES = {"ppo": PPO(), "dpo": DPO()}
RATIOS = [0.3, 0.7, 0.9, 1.0, 1.1, 1.4, 3.0]


def drift(rule, ratio, advantage, **changes):
    return rule.drift(jnp.log(jnp.asarray(ratio)), jnp.asarray(advantage), hyperparameters(**changes))


def test_ppo_worked_by_hand():
    # ε = .2. r = 1.5, A = 2: gains nothing beyond 1.2, so D = .3 · 2. r = .5, A = −1: nothing below .8, so D = .3.
    # The other two are pulled back: r = .5 with A = 2 and r = 1.5 with A = −1 cost in full.
    found = drift(PPO(), [1.5, 0.5, 0.5, 1.5, 1.1], [2.0, -1.0, 2.0, -1.0, 2.0])
    np.testing.assert_allclose(found, [0.6, 0.3, 0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(drift(PPO(), 1.5, 2.0, clip=0.4), 0.2, rtol=1e-5)


def test_dpo_worked_by_hand():
    # A = 4, r = 1.5: x = 2, 2 − 2 tanh(1) = .476812.  A = −1, r = 1/e: x = 1, 1 − .6 tanh(1 / .6) = .441334.
    # On the other side x is negative, and x − α tanh(x / α) too: no drift.
    found = drift(DPO(), [1.5, np.exp(-1), 0.5, np.exp(1)], [4.0, -1.0, 4.0, -1.0])
    np.testing.assert_allclose(found, [0.476812, 0.441334, 0, 0], atol=1e-5)
    # Twice the constants: 2 − 4 tanh(1 / 2) = .151531.
    np.testing.assert_allclose(drift(DPO(), 1.5, 4.0, drift_scale=2.0), 0.151531, atol=1e-5)


def transcribed(name, new, old, action, advantage, clip=0.2, alpha=2.0, beta=0.6):
    """The policy's objective of both articles, step by step, which is maximised."""
    total = 0.0
    for t in range(len(action)):
        p_new = np.exp(new[t, action[t]]) / np.exp(new[t]).sum()
        p_old = np.exp(old[t, action[t]]) / np.exp(old[t]).sum()
        ratio, a = p_new / p_old, advantage[t]
        if name == "ppo":
            total += min(ratio * a, min(max(ratio, 1 - clip), 1 + clip) * a)
        elif a >= 0:
            total += ratio * a - max(0.0, (ratio - 1) * a - alpha * np.tanh((ratio - 1) * a / alpha))
        else:
            total += ratio * a - max(0.0, np.log(ratio) * a - beta * np.tanh(np.log(ratio) * a / beta))
    return total / len(action)


@pytest.mark.parametrize("name", RULES)
def test_the_loss_is_that_of_the_articles(name, key):
    keys = jax.random.split(key, 4)
    new, old = random_output(keys[0], (40, 1), 3, 1), random_output(keys[1], (40, 1), 3, 1)
    action = jax.random.randint(keys[2], (40,), 0, 3)
    seen = trajectory(reward=[0.0] * 40, action=action)
    targets = Targets(pi_hat=3 * jax.random.normal(keys[3], (40, 1)), y_hat=new.prediction)
    inputs = RuleInputs(trajectory=seen, output=old, next_prediction=old.prediction)
    found = RULES[name].loss(new, inputs, targets, hyperparameters())
    rows = [np.asarray(x, float)[:, 0] for x in (new.logits, old.logits, targets.pi_hat)]
    wanted = {rule: transcribed(rule, *rows[:2], np.asarray(action), rows[2]) for rule in RULES}
    np.testing.assert_allclose(found, -wanted[name], rtol=1e-4)
    # The twin: the other rule's objective is another one.
    assert abs(wanted["ppo"] - wanted["dpo"]) > 1e-2


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("advantage", [-2.0, -0.3, 0.0, 0.3, 2.0])
def test_the_drift_is_never_negative_and_flat_where_the_policy_is_the_old_one(name, advantage):
    def at(log_ratio):
        return RULES[name].drift(log_ratio, jnp.asarray(advantage), hyperparameters())

    assert at(jnp.zeros(())) == 0 and jax.grad(at)(jnp.zeros(())) == 0
    assert all(at(jnp.log(ratio)) >= 0 for ratio in RATIOS)
    if advantage:
        # The twin: further along the advantage it grows.
        far = jnp.asarray(1.5 * np.sign(advantage))
        assert at(far) > 0 and jax.grad(at)(far) * advantage > 0


def output_of(logits, value=0.0):
    return AgentOutput(logits=jnp.asarray(logits)[:, None], prediction=jnp.full((len(logits), 1, 1), value))


@pytest.mark.parametrize("name", RULES)
def test_the_first_step_on_a_rollout_is_that_of_a2c(name):
    output = output_of([[0.2, -0.1], [0.5, 1.0]], 0.3)
    seen = trajectory(reward=[1.0, -2.0], action=[0, 1])
    inputs = RuleInputs(trajectory=seen, output=output, next_prediction=output.prediction)
    hyper = hyperparameters(policy_entropy_weight=0.1)

    def gradient(rule, given):
        return jax.grad(rule.loss)(output, given, rule.targets(given, hyper), hyper)

    found, wanted = gradient(RULES[name], inputs), gradient(A2C(), inputs)
    np.testing.assert_allclose(found.logits, wanted.logits, rtol=1e-5)
    np.testing.assert_allclose(found.prediction, wanted.prediction, rtol=1e-5)
    # The twin: with another old policy it is another step.
    later = gradient(RULES[name], dataclasses.replace(inputs, old_log_prob=jnp.full((2, 1), -3.0)))
    assert np.abs(later.logits - wanted.logits).max() > 0.1


def many_updates(rule, num_epochs, learning_rate):
    """Probability of action 0 after some updates on one rollout, in which it is the better one; ½ before."""
    agent = init_table(num_states=1, num_actions=2, prediction_size=1)
    reward = jnp.array([[1.0, -1.0]])
    seen = dataclasses.replace(
        trajectory(reward=[0.0]), reward=reward, action=jnp.array([[0, 1]]), observation=jnp.zeros((1, 2), int),
        next_observation=jnp.zeros((1, 2), int), terminated=jnp.ones((1, 2), bool), is_last=jnp.ones((1, 2), bool),
    )  # fmt: skip
    options, optimizer = LearnOptions(num_epochs=num_epochs), optax.sgd(1.0)
    state = init_agent_state(agent, optimizer, options, num_envs=2, observation_shape=())
    hyper = hyperparameters(learning_rate=learning_rate, y_weight=0.0)
    mask = jnp.ones(2, bool)
    state, _ = learn(rule, state, seen, mask, hyper, optimizer, options=options, key=jax.random.key(0))
    return float(jax.nn.softmax(state.agent(jnp.zeros((), int)).logits)[0])


@pytest.mark.thorough
def test_many_epochs_stop_near_the_policy_that_acted_unlike_those_of_a2c():
    # Clipped from a ratio of 1.2 on, p stops at the first value above .6; a step is about .025. DPO's drift pulls back
    # an action with A < 0 that became rare; at p = .79 both actions' gradients in the logit cancel:
    #   (1 − p) r_0 sech²((r_0 − 1) / 2) = .21 · 1.58 · .92 = .305
    #   p (tanh²(ln r_1 / .6) − r_1) = .79 · (.80 − .42) = .30
    assert 0.6 <= many_updates(PPO(), 60, 0.1) == many_updates(PPO(), 200, 0.1) < 0.63
    assert 0.75 < many_updates(DPO(), 60, 0.1) < many_updates(DPO(), 200, 0.1) < 0.8
    assert many_updates(A2C(), 60, 0.1) > 0.99
    # In one epoch all do the same.
    assert many_updates(PPO(), 1, 0.1) == many_updates(A2C(), 1, 0.1) == many_updates(DPO(), 1, 0.1)


@pytest.mark.thorough
def test_every_epoch_and_minibatch_has_the_old_policys_probabilities(key):
    keys = jax.random.split(key, 3)
    agent = dataclasses.replace(
        init_table(num_states=4, num_actions=2, prediction_size=1), rows=jax.random.normal(keys[0], (4, 3))
    )
    states = jax.random.randint(keys[1], (4, 4), 0, 4)
    seen = dataclasses.replace(
        trajectory(reward=[0.0]), observation=states[:3], next_observation=states[1:],
        action=jax.random.randint(keys[2], (3, 4), 0, 2), reward=jnp.arange(12.0).reshape(3, 4) / 6 - 1,
        terminated=jnp.zeros((3, 4), bool), is_last=jnp.zeros((3, 4), bool),
    )  # fmt: skip
    options, optimizer, mask = LearnOptions(num_epochs=2, num_minibatches=2), optax.sgd(1.0), jnp.ones(2, bool)
    hyper = hyperparameters(learning_rate=0.7)
    state = init_agent_state(agent, optimizer, options, num_envs=4, observation_shape=())
    found, _ = learn(PPO(), state, seen, mask, hyper, optimizer, options=options, key=jax.random.key(5))
    old = jax.nn.log_softmax(outputs(agent, seen.observation, mask).logits)
    old = jnp.take_along_axis(old, seen.action[..., None], -1)[..., 0]
    orders = [jax.random.permutation(k, 4) for k in jax.random.split(jax.random.key(5), 2)]

    def by_hand(old_of):
        moved = agent
        for members in jnp.concatenate(orders).reshape(4, 2):
            part = jax.tree.map(lambda x, m=members: x[:, m], seen)
            moved, _, _ = agent_update(
                PPO(), moved, optimizer, optimizer.init(moved), part, mask, hyper, old_log_prob=old_of(members)
            )
        return moved.rows

    np.testing.assert_allclose(found.agent.rows, by_hand(lambda members: old[:, members]), rtol=1e-4, atol=1e-6)
    # The twin: without them every step is a first one.
    assert np.abs(found.agent.rows - by_hand(lambda members: None)).max() > 1e-2


def test_which_rules_limit_a_step(key):
    assert [step_limit_of(rule) for rule in (PPO(), DPO(), A2C())] == ["clip", "drift_scale", None]
    assert step_limit_of(init_lpg(key, lstm_size=2, prediction_size=2)) is None


def test_learn_without_several_updates_gives_no_old_probabilities(key):
    """So that programs of one update per rollout are as they were."""
    seen = []

    class Spy(A2C):
        def targets(self, inputs, hyper):
            seen.append(inputs.old_log_prob)
            return super().targets(inputs, hyper)

    for epochs in (1, 2):
        many_updates(Spy(), epochs, 0.1)
    assert seen[0] is None and seen[1].shape == (1, 2)


def test_lpo_is_refused_with_what_there_is_in_its_place():
    with pytest.raises(ValueError, match="lpo given; .* weights do not come with lpg; dpo"):
        find_rule("lpo")
