"""Actions that a state allows: acting, playing and learning keep to them, in trainings and in meta-trainings."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lpg
from lpg.agents.outputs import MASKED_LOGIT, mask_of, outputs
from lpg.agents.rollout import init_rollout, rollout
from lpg.agents.tabular import Table
from lpg.environments.base import StepResult
from lpg.environments.contract import check_contract
from lpg.environments.episodes import episode_returns, random_policy
from lpg.environments.masks import batch_mask, has_state_masks, state_mask
from lpg.environments.registry import env_spec
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.groups import make_groups
from lpg.meta_training.lifetime import LifetimeSpec, init_lifetime
from lpg.meta_training.meta_gradient import run_window
from lpg.update_rules.a2c import A2C
from lpg.update_rules.learning import LearnOptions, init_agent_state, learn
from lpg.update_rules.lpg import init_lpg
from tests.helpers import hyperparameters

ALLOWED = jnp.array([[1, 0, 0], [1, 1, 0], [1, 1, 1]], bool)
ALL = jnp.ones(3, bool)


@dataclasses.dataclass(frozen=True)
class Doors:
    """Three rooms in a row; room i has doors 0 … i. Every step leads on; a door that is not there costs 100."""

    is_told: bool = True
    num_actions = 3
    num_states = 3
    observation_shape = ()

    @property
    def has_state_masks(self):
        return self.is_told

    @property
    def env(self):
        return self

    def sample(self, key, num_actions=None):
        return jnp.zeros(())

    def reset(self, key, env_params):
        return jnp.zeros((), int)

    def step(self, key, state, action, env_params):
        reward = jnp.where(ALLOWED[state, action], 1.0 * action, -100.0)
        return (state + 1) % 3, StepResult(reward, state == 2, jnp.asarray(False))

    def observe(self, state, env_params):
        return state

    def action_mask(self, env_params):
        return ALL

    def state_action_mask(self, state, env_params):
        return ALLOWED[state]


class Nothing(Doors):
    def state_action_mask(self, state, env_params):
        return jnp.zeros((3,), bool)


class Narrow(Doors):
    def state_action_mask(self, state, env_params):
        return jnp.ones((2,), bool)


def twin():
    """The same rooms, without a word about doors."""
    return Doors(is_told=False)


def fresh():
    return Table(rows=jnp.zeros((3, 4)), num_actions=3)


def seen(env, key, num_steps=30):
    state = init_rollout(key, env, jnp.zeros(()), 4)
    return rollout(key, state, fresh(), env, jnp.zeros(()), num_steps=num_steps, time_limit_is_termination=False)


def test_the_mask_of_a_state_is_what_exists_and_is_allowed_there():
    states = jnp.arange(3)
    np.testing.assert_array_equal(batch_mask(Doors(), states, None), ALLOWED)
    assert state_mask(Nothing(), states[0], None).all()  # as games that are over
    assert has_state_masks(Doors()) and not has_state_masks(twin())
    assert not has_state_masks(env_spec("chain/short").distribution.env)
    assert batch_mask(twin(), states, None).shape == (3,)


def test_an_agent_takes_allowed_actions_alone_and_its_trajectory_says_which_they_were(key):
    _, trajectory, info = seen(Doors(), key)
    np.testing.assert_array_equal(trajectory.action_mask, ALLOWED[trajectory.observation])
    taken = jnp.take_along_axis(trajectory.action_mask, trajectory.action[..., None], axis=-1)
    assert taken.all() and float(trajectory.reward.min()) >= 0
    # Uniform over what is allowed: 0 + .5 + 1 an episode.
    assert 1.0 < info.return_sum / info.num_episodes < 2.0
    _, blind, _ = seen(twin(), key)
    assert blind.action_mask is None and float(blind.reward.min()) == -100


@pytest.mark.thorough
def test_what_is_forbidden_learns_nothing_and_the_loss_knows_the_mask(key):
    _, trajectory, _ = seen(Doors(), key)
    options, sgd = LearnOptions(), optax.sgd(1.0)
    state = init_agent_state(fresh(), sgd, options, num_envs=4, observation_shape=())

    def learned(trajectory):
        after, info = learn(A2C(), state, trajectory, ALL, hyperparameters(), sgd, options=options, key=key)
        return np.asarray(after.agent.rows[:, :3] != 0), info

    moved, info = learned(trajectory)
    # In room 0 there is no choice, so that nothing is learned there either.
    np.testing.assert_array_equal(moved, [[False] * 3, [True, True, False], [True] * 3])
    assert float(info.output.logits[~trajectory.action_mask].max()) == np.float32(MASKED_LOGIT)
    # The twin: without the mask in the trajectory every logit of a visited state moves.
    assert learned(dataclasses.replace(trajectory, action_mask=None))[0].all()


@pytest.mark.thorough
def test_random_and_greedy_episodes_keep_to_the_mask(key):
    env = Doors()
    returns = episode_returns(env, lambda params: random_policy(env), key, 50)
    assert returns.min() >= 0 and len(set(returns)) > 1
    result = lpg.train("a2c", f"{__name__}:Doors", num_steps=320, num_envs=4)
    assert result.curve[0].return_mean > 0
    assert (result.agent.evaluate(episodes=3) >= 0).all()
    blind = lpg.train("a2c", f"{__name__}:twin", num_steps=320, num_envs=4)
    assert blind.curve[0].return_mean < 0


@pytest.mark.thorough
def test_a_meta_training_keeps_to_the_mask(key):
    config = MetaConfig(
        suite=f"{__name__}:Doors", num_lifetimes=1, num_envs=4, num_steps=4, num_updates=2, lifetime_updates=4,
        lstm_size=2, prediction_size=2, embedding_size=2,
    )  # fmt: skip
    env, rule = Doors(), init_lpg(key, lstm_size=2, prediction_size=2, embedding_size=2)
    spec = LifetimeSpec(jnp.asarray(0), jnp.asarray(1.0), jnp.asarray(0.5))
    lifetime = init_lifetime(key, spec, config, env, (env.sample,), rule)
    _, (after, info) = run_window(rule, lifetime, key, config, env)
    assert float(after.trajectory.reward.min()) >= 0 and bool(info.is_finite)
    # The entropy in the meta-loss is that over allowed actions: below the mean of log 1, log 2, log 3 over visits.
    mask = mask_of(ALL, after.trajectory)
    highest = np.log(np.asarray(mask.sum(-1))).mean()
    assert 0 < float(info.terms.policy_entropy) < np.log(3) * 0.7
    output = outputs(after.agent, after.trajectory.observation, mask)
    pi = jax.nn.softmax(output.logits)
    np.testing.assert_allclose(pi[after.trajectory.observation == 0][:, 0], 1.0)
    assert float(jnp.mean(-jnp.sum(pi * jnp.log(jnp.maximum(pi, 1e-20)), axis=-1))) <= highest + 1e-5
    with pytest.raises(ValueError, match="objective is imitate and .*Doors in the suite"):
        make_groups(dataclasses.replace(config, objective="imitate", num_updates=1), 1)


def test_a_mask_of_another_shape_is_refused_before_anything_is_compiled():
    check_contract(Doors(), "doors")
    with pytest.raises(ValueError, match=r"state_action_mask has shape \[2\]; \[3\] is needed"):
        check_contract(Narrow(), "doors")


def test_an_algorithm_without_masks_is_refused():
    with pytest.raises(ValueError, match="it has no action masks, and there states allow different actions"):
        lpg.train("rejax/ppo", f"{__name__}:Doors", num_steps=320)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["pgx/2048", "jumanji/Game2048-v1"])
def test_games_say_what_is_allowed(name, key):
    env, params = (d := env_spec(name).distribution).env, d.sample(key)
    states = jax.vmap(lambda key: env.reset(key, params))(jax.random.split(key, 20))
    masks = np.asarray(batch_mask(env, states, params))
    assert has_state_masks(env) and masks.any(-1).all() and not masks.all()
    # What is not allowed leaves the board as it is, or ends the game.
    row = int(np.flatnonzero(~masks.all(-1))[0])
    state = jax.tree.map(lambda x: x[row], states)
    after, result = env.step(key, state, jnp.asarray(np.flatnonzero(~masks[row])[0]), params)
    assert bool(result.terminated) or np.array_equal(env.observe(after, params), env.observe(state, params))
