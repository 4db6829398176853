"""The list of names, and the contract that everything on it keeps."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments import registry
from lpg.environments.base import Environment, ExactEnvironment, IndexEnvironment, UniformEnv
from lpg.environments.stepping import auto_step, draw_steps

THIRD_PARTY = tuple(name for suite in ("classic", "minatar", "bsuite") for name in registry.suite(suite))
TABULATED = registry.suite("toy_text")
OURS = tuple(name for name in registry.ENVIRONMENTS if name not in THIRD_PARTY + TABULATED)
QUICK = ("classic/CartPole-v1", "minatar/breakout", "bsuite/deep_sea")
"""The others of other libraries take long to compile."""
NAMES = [
    pytest.param(name, marks=[pytest.mark.slow] if name in THIRD_PARTY and name not in QUICK else [])
    for name in registry.ENVIRONMENTS
]
EXACT = registry.suite("tables,procedural")
CONTROL = registry.suite("control")
PICTURES = tuple(name for name in OURS if name not in EXACT + CONTROL)
NUM_STEPS, NUM_ENVS = 60, 32


@functools.partial(jax.jit, static_argnums=0)
def rollout(env, env_params, key):
    """Uniformly random valid actions in one environment with resets; observations before and after every step."""
    key_reset, key_action, key_steps = jax.random.split(key, 3)
    num_valid = jnp.sum(env.action_mask(env_params))
    actions = jax.random.randint(key_action, (NUM_STEPS,), 0, num_valid)
    draws = draw_steps(key_steps, env, (NUM_STEPS,))

    def step(state, inputs):
        draws, action = inputs
        following, result, observation = auto_step(draws, state, action, env, env_params)
        return following, (state, result, observation, env.observe(state, env_params))

    return jax.lax.scan(step, env.reset(key_reset, env_params), (draws, actions))[1], actions, draws


@functools.cache
def batch(name):
    """Instances of an environment and one rollout in each, mapped."""
    entry = registry.env_spec(name)
    env = entry.distribution.env
    env_params_batch = jax.jit(jax.vmap(entry.distribution.sample))(jax.random.split(jax.random.key(7), NUM_ENVS))
    keys = jax.random.split(jax.random.key(8), NUM_ENVS)
    return env, env_params_batch, keys, mapped(env, env_params_batch, keys)


@functools.partial(jax.jit, static_argnums=0)
def mapped(env, env_params_batch, keys):
    return jax.vmap(rollout, in_axes=(None, 0, 0))(env, env_params_batch, keys)


def one(tree, index=0):
    return jax.tree.map(lambda x: x[index], tree)


def assert_equal(left, right, atol=0.0):
    def numbers(x):
        return jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x

    jax.tree.map(lambda x, y: np.testing.assert_allclose(numbers(x), numbers(y), rtol=1e-6, atol=atol), left, right)


def test_nothing_on_the_list_is_missing_here():
    assert set(OURS) | set(THIRD_PARTY) | set(TABULATED) == set(registry.ENVIRONMENTS)
    assert len(THIRD_PARTY) == 3 + 5 + 5 and len(TABULATED) == 3
    assert all(registry.env_spec(name).distribution.library in ("gymnax", "pgx") for name in THIRD_PARTY)


@pytest.mark.parametrize("name", registry.ENVIRONMENTS)
def test_environments_say_how_they_can_be_observed_and_solved(name):
    env = registry.env_spec(name).distribution.env
    assert isinstance(env, Environment)
    assert isinstance(env, UniformEnv) is (name not in THIRD_PARTY)
    assert isinstance(env, ExactEnvironment) is (name in EXACT)
    assert isinstance(env, IndexEnvironment) is (env.observation_shape == ()) is (name in EXACT + TABULATED)


@pytest.mark.parametrize("name", EXACT + TABULATED)
def test_observations_are_integers_in_range(name):
    env, _, _, ((_, _, after, before), _, _) = batch(name)
    for seen in (after, before):
        assert jnp.issubdtype(seen.dtype, jnp.integer)
        assert seen.min() >= 0 and seen.max() < env.num_states


@pytest.mark.thorough
@pytest.mark.parametrize("name", PICTURES)
def test_other_observations_are_zeros_and_ones_of_the_shape_said(name):
    env, _, _, ((_, _, after, before), _, _) = batch(name)
    for seen in (after, before):
        assert seen.shape == (NUM_ENVS, NUM_STEPS, *env.observation_shape)
        assert seen.dtype == jnp.zeros(()).dtype
        assert set(np.unique(seen)) == {0.0, 1.0}


@pytest.mark.thorough
@pytest.mark.parametrize("name", [name for name in NAMES if name.values[0] in THIRD_PARTY + CONTROL])
def test_third_party_observations_and_positions_are_numbers_of_the_shape_said(name):
    env, _, _, ((_, result, after, before), _, _) = batch(name)
    for seen in (after, before):
        assert seen.shape == (NUM_ENVS, NUM_STEPS, *env.observation_shape)
        assert seen.dtype == jnp.zeros(()).dtype and np.isfinite(seen).all()
        assert len(env.observation_shape) in (1, 3)
        if len(env.observation_shape) == 3:
            # Planes come first: rows and columns are many, 5 of them in the narrowest game.
            assert set(np.unique(seen)) == {0.0, 1.0} and min(env.observation_shape[1:]) >= 5
    assert np.isfinite(result.reward).all()


@pytest.mark.parametrize("name", [name for name in NAMES if name.values[0] not in EXACT])
def test_what_is_seen_of_a_state_is_the_same_every_time(name):
    # Between two steps without a reset, the observation after the one is that before the other.
    _, _, _, ((_, result, after, before), _, _) = batch(name)
    continues = ~np.asarray(result.terminated | result.truncated)[:, :-1]
    assert continues.any()
    np.testing.assert_array_equal(np.asarray(after)[:, :-1][continues], np.asarray(before)[:, 1:][continues])


@pytest.mark.thorough
@pytest.mark.parametrize("name", NAMES)
def test_vmap_is_a_loop(name):
    env, env_params_batch, keys, everything = batch(name)
    atol = 1e-4 if name.startswith("classic/") else 1e-6  # motion magnifies round-off, that of two joints most
    for index in (0, NUM_ENVS - 1):
        assert_equal(rollout(env, one(env_params_batch, index), keys[index]), one(everything, index), atol)
    # Twin: another environment is another story.
    with pytest.raises(AssertionError):
        assert_equal(rollout(env, one(env_params_batch, 0), keys[1]), one(everything, 0), atol)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["tabular/dense", "tabular/longer_horizon", "chain/short_noisy",
                                  "random/small", "chain/distractor"])  # fmt: skip
def test_jit_changes_nothing(name):
    env, env_params_batch, _, ((states, result, after, _), actions, draws) = batch(name)
    env_params = one(env_params_batch)
    for time in (0, 1, 2):
        state = one(one(states), time)
        with jax.disable_jit():
            _, plain, seen = auto_step(one(one(draws), time), state, actions[0, time], env, env_params)
        assert_equal((plain, seen), (one(one(result), time), after[0, time]))


@pytest.mark.parametrize("name", NAMES)
def test_an_episode_ends_one_way_and_no_later_than_its_time_limit(name):
    _, env_params_batch, _, ((_, result, _, _), _, _) = batch(name)
    assert not (result.terminated & result.truncated).any()
    last = np.asarray(result.terminated | result.truncated)
    limit = np.asarray(env_params_batch.length if name.startswith("chain/") else env_params_batch.max_steps)
    for index in range(NUM_ENVS):
        assert np.diff(starts_of_episodes(last[index])).max(initial=0) <= limit[index]


@pytest.mark.parametrize("name", EXACT)
def test_every_episode_starts_in_a_state_that_the_initial_distribution_allows(name):
    env, env_params_batch, _, ((_, result, _, before), _, _) = batch(name)
    last = np.asarray(result.terminated | result.truncated)
    first = np.asarray(jax.vmap(env.initial_states)(env_params_batch))
    for index in range(NUM_ENVS):
        starts = starts_of_episodes(last[index])
        assert (first[index, before[index][starts[starts < NUM_STEPS]]] > 0).all()


def starts_of_episodes(last):
    return np.concatenate([[0], np.flatnonzero(last) + 1])


@pytest.mark.parametrize("name", EXACT)
def test_resets_follow_the_initial_distribution(name):
    env, env_params_batch, _, _ = batch(name)
    env_params = one(env_params_batch)
    uniforms = (jnp.arange(2000) + 0.5)[:, None] / 2000
    states = jax.vmap(lambda number: env.observe(env.reset_from(number, env_params), env_params))(uniforms)
    found = np.bincount(states, minlength=env.num_states) / 2000
    # Evenly spread uniform numbers: every frequency is right to one part in 2,000, and so is their sum.
    np.testing.assert_allclose(found, env.initial_states(env_params), atol=1 / 2000 + 1e-6)
    np.testing.assert_allclose(env.initial_states(env_params).sum(), 1.0, rtol=1e-5)


@pytest.mark.parametrize("name", registry.ENVIRONMENTS)
def test_masks_name_the_actions_of_the_set_asked_for(name):
    family = registry.env_spec(name).distribution
    env = family.env
    for number in numbers_of_actions(name, env):
        mask = env.action_mask(family.sample(jax.random.key(0), number))
        assert mask.shape == (env.num_actions,)
        # Valid actions come first: callers draw from [0, how many).
        assert mask.tolist() == [action < number for action in range(env.num_actions)]


def numbers_of_actions(name, env):
    if name in THIRD_PARTY + TABULATED:
        return (env.num_actions,)
    return {"chain": (2,), "control": (2, 3)}.get(name.split("/")[0], (9, 18))


def test_parameters_of_one_environment_have_equal_array_shapes():
    by_env = {}
    for name in OURS:
        family = registry.env_spec(name).distribution
        arrays = jax.eval_shape(family.sample, jax.random.key(0))
        described = str(jax.tree.map(lambda x: (x.shape, str(x.dtype)), arrays))
        assert by_env.setdefault(family.env, described) == described, name
        hash(family.env)
    # Grids: 2; chains: 1; random grids: 3; the distractor chain; control.
    assert len(by_env) == 8


def test_an_unknown_name_is_refused_and_the_nearest_one_offered():
    with pytest.raises(ValueError, match="unknown environment 'tabular/dens'; did you mean 'tabular/dense'"):
        registry.env_spec("tabular/dens")
    for name in ("MyEnv-v0", "my_module:MyEnv-v0"):
        with pytest.raises(ValueError, match=f"unknown environment '{name}'; did you mean 'gymnasium/{name}'"):
            registry.env_spec(name)
    with pytest.raises(ValueError, match="unknown suite or environment 'chian'; did you mean 'chain'"):
        registry.suite("chian")


def test_a_suite_is_named_or_listed_with_commas():
    assert all(len(registry.suite(name)) == 5 for name in ("tabular", "random", "chain"))
    assert registry.suite("chain/long, tabular/dense") == ("chain/long", "tabular/dense")
    assert registry.suite("paper") == registry.suite("tabular,random,chain")
    assert set(registry.suite("tabular,chain,procedural")) - set(registry.suite("tables")) == {
        "chain/distractor", "procedural/rewards", "procedural/survival",
    }  # fmt: skip
    assert len(registry.suite("paper")) == len(set(registry.suite("paper"))) == 15
    procedural = ("procedural/grid", "procedural/rewards", "procedural/survival")
    assert registry.suite("procedural,chain/short") == (*procedural, "chain/short")
    assert [len(registry.suite(name)) for name in ("classic", "minatar", "bsuite")] == [3, 5, 5]


def test_lifetimes_are_those_of_the_papers_table():
    steps = {"tabular": 3_000_000, "random": 30_000_000, "chain": 1_000_000}
    for family, expected in steps.items():
        members = set(registry.suite(family)) - {"chain/distractor"}
        assert all(registry.env_spec(name).lifetime_steps == expected for name in members)
    assert registry.env_spec("chain/distractor").lifetime_steps == 2_000_000


def test_an_environment_of_ones_own_is_module_and_factory():
    entry = registry.env_spec("lpg.environments.grid_families:ProceduralGrid")
    assert entry.distribution.env == registry.env_spec("procedural/grid").distribution.env


@pytest.mark.parametrize(
    ("name", "message"),
    [("no_such_module:thing", "must name something importable"), ("math:thing", "importable"), ("math:pi", "callable")],
)
def test_a_factory_that_cannot_be_called_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        registry.env_spec(name)


class Halves:
    """Only part of what is asked for."""

    env = object()


class Whole(Halves):
    def sample(self, key, num_actions=None):
        return None


@pytest.mark.parametrize(
    ("factory", "message"),
    [("Halves", "it lacks sample, which .*Distribution asks for"),
     ("Whole", "its env lacks action_mask, num_actions, .*step, which .*base.Environment asks for")],
)  # fmt: skip
def test_a_factory_that_makes_no_environment_is_told_what_is_missing(factory, message):
    with pytest.raises(ValueError, match=message):
        registry.env_spec(f"tests.environments.registry_test:{factory}")
