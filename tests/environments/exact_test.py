"""The exact solver against plain enumeration, against play, and against what must hold of any optimum."""

import functools
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments import exact, registry
from lpg.environments.grid_families import ObjectType, TabularGrid
from lpg.environments.grid_world import OFFSETS
from lpg.environments.stepping import draw_steps
from tests.helpers import CHAIN, chain

TINY = {
    "one object in a row": TabularGrid(
        rows=("...",), objects=(ObjectType(count=1, reward=1.0, p_term=0.4, p_respawn=0.3),), max_steps=4
    ),
    "two objects and a wall": TabularGrid(
        rows=("..", ".#"),
        objects=(
            ObjectType(count=1, reward=1.0, p_term=0.0, p_respawn=1.0),
            ObjectType(count=1, reward=-0.5, p_term=0.7, p_respawn=0.2),
        ),
        max_steps=3,
    ),
}
GAMMA = 0.9


class Oracle:
    """A grid written out once more: coordinates, sets and dictionaries; nothing shared with the package but the map."""

    def __init__(self, env_params, num_actions):
        place = np.asarray(env_params.place)[: int(env_params.num_cells)].tolist()
        self.cells = [tuple(cell) for cell in place]
        self.objects = {
            j: (self.cells[int(env_params.object_cell[j])], float(env_params.object_reward[j]),
                float(env_params.object_p_term[j]), float(env_params.object_p_respawn[j]))
            for j in np.flatnonzero(env_params.object_exists).tolist()
        }  # fmt: skip
        self.num_actions = num_actions
        self.value = functools.cache(self.value)

    def number(self, state):
        return self.cells.index(state[0]) + len(self.cells) * sum(2**j for j in state[1])

    def states(self):
        names = list(self.objects)
        sets = [frozenset(s) for size in range(len(names) + 1) for s in itertools.combinations(names, size)]
        return [(cell, present) for cell in self.cells for present in sets]

    def outcomes(self, state, action):
        """Every (probability, reward, next state or None)."""
        (row, column), present = state
        down, right = OFFSETS[action % 9].tolist()
        target = (row + down, column + right)
        is_move = action < 9
        cell = target if is_move and target in self.cells else (row, column)
        reached = (cell if is_move else None) if self.num_actions == 9 else (None if is_move else target)
        taken = {j for j in present if self.objects[j][0] == reached}
        reward = sum(self.objects[j][1] for j in taken)
        p_term = max([self.objects[j][2] for j in taken], default=0.0)
        yield p_term, reward, None
        absent = [j for j in self.objects if j not in present]
        for back in itertools.product((False, True), repeat=len(absent)):
            p = 1.0 - p_term
            for j, returns in zip(absent, back, strict=True):
                p *= self.objects[j][3] if returns else 1.0 - self.objects[j][3]
            yield p, reward, (cell, frozenset(present - taken | {j for j, r in zip(absent, back, strict=True) if r}))

    def q(self, state, action, steps, gamma, policy):
        return sum(
            p * (reward + (gamma * self.value(after, steps - 1, gamma, policy) if after else 0.0))
            for p, reward, after in self.outcomes(state, action)
            if p > 0
        )

    def value(self, state, steps, gamma, policy):
        """`policy`: 'best', 'uniform', or 'skewed' (action a has weight a + 1)."""
        if steps == 0:
            return 0.0
        q = [self.q(state, action, steps, gamma, policy) for action in range(self.num_actions)]
        weights = np.ones(len(q)) if policy == "uniform" else np.arange(1, len(q) + 1)
        return max(q) if policy == "best" else float(np.dot(q, weights / weights.sum()))


@functools.partial(jax.jit, static_argnums=0)
def solve(env, env_params, policy, num_steps):
    return (
        exact.policy_values(env, env_params, policy, GAMMA, num_steps),
        exact.optimal_values(env, env_params, GAMMA, num_steps),
        exact.optimal_policy(env, env_params, GAMMA),
        exact.optimal_values(env, env_params, GAMMA),
        exact.policy_values(env, env_params, exact.optimal_policy(env, env_params, GAMMA), GAMMA),
        exact.policy_values(env, env_params, policy, GAMMA),
    )


@functools.partial(jax.jit, static_argnums=0)
def returns(env, env_params):
    random = exact.policy_return(env, env_params, exact.uniform_policy(env, env_params))
    return random, exact.optimal_return(env, env_params)


@functools.cache
def sampled(name, num_actions=None, seed=0):
    family = registry.env_spec(name).distribution
    return family.env, family.sample(jax.random.key(seed), num_actions)


@pytest.mark.parametrize("num_actions", [9, 18])
@pytest.mark.parametrize("name", TINY)
def test_values_equal_the_enumeration_of_every_trajectory(name, num_actions):
    with jax.enable_x64(True):
        env, env_params = TINY[name].env, TINY[name].sample(jax.random.key(0), num_actions)
        oracle = Oracle(env_params, num_actions)
        weights = jnp.where(jnp.arange(18) < num_actions, jnp.arange(1, 19), 0)
        skewed = jnp.broadcast_to(weights / weights.sum(), (env.num_states, 18))
        for num_steps in (1, 2, 4):
            found, best, *_ = solve(env, env_params, skewed, jnp.asarray(num_steps))
            assert best.dtype == jnp.float64
            for state in oracle.states():
                number = oracle.number(state)
                np.testing.assert_allclose(found[number], oracle.value(state, num_steps, GAMMA, "skewed"), rtol=1e-7)
                np.testing.assert_allclose(best[number], oracle.value(state, num_steps, GAMMA, "best"), rtol=1e-7)


@pytest.mark.parametrize("num_actions", [9, 18])
def test_returns_equal_the_enumeration_of_every_trajectory(num_actions):
    family = TINY["two objects and a wall"]
    env, env_params = family.env, family.sample(jax.random.key(1), num_actions)
    oracle = Oracle(env_params, num_actions)
    starts = [(cell, frozenset({0, 1})) for cell in oracle.cells]
    random, best = returns(env, env_params)
    np.testing.assert_allclose(random, np.mean([oracle.value(s, 3, 1.0, "uniform") for s in starts]), rtol=1e-5)
    np.testing.assert_allclose(best, np.mean([oracle.value(s, 3, 1.0, "best") for s in starts]), rtol=1e-5)
    # Twin: two more steps are another object, which is back one step after it was taken.
    longer = eqx.tree_at(lambda grid: grid.max_steps, env_params, jnp.asarray(5))
    assert returns(env, longer)[1] > best + 0.9


@pytest.mark.parametrize("num_actions", [9, 18])
def test_a_backup_with_seven_objects_equals_the_sum_over_all_outcomes(num_actions):
    env, env_params = sampled("tabular/longer_horizon", num_actions)
    oracle = Oracle(env_params, num_actions)
    value = jax.random.normal(jax.random.key(1), (env.num_states,))
    q = np.asarray(jax.jit(lambda: env.backup(env.model(env_params), value, 0.5))())
    rng, values = np.random.default_rng(0), np.asarray(value)
    near = [int(np.argwhere([cell == kind[0] for cell in oracle.cells])[0, 0]) for kind in oracle.objects.values()]
    num_taken = 0
    for _ in range(150):
        # Every other state stands on or next to an object, where something can be taken.
        cell = int(rng.choice(near)) if rng.random() < 0.5 else int(rng.integers(len(oracle.cells)))
        state = (oracle.cells[cell], frozenset(j for j in range(7) if rng.random() < 0.7))
        action = int(rng.integers(num_actions))
        outcomes = list(oracle.outcomes(state, action))
        expected = sum(p * (r + (0.5 * values[oracle.number(after)] if after else 0.0)) for p, r, after in outcomes)
        np.testing.assert_allclose(q[oracle.number(state), action], expected, atol=2e-6)
        num_taken += outcomes[0][1] != 0
    assert num_taken >= 5


def test_a_backup_marks_missing_actions_and_numbers_that_are_no_state():
    # 121 cells × 2^4 = 1,936 states of 2,704 numbers.
    env, env_params = sampled("tabular/dense", 9)
    q = jax.jit(lambda: env.backup(env.model(env_params), jnp.ones(env.num_states), 0.9))()
    assert jnp.isneginf(q[:1936, 9:]).all() and jnp.isfinite(q[:1936, :9]).all()
    assert (q[1936:] == 0).all()


@functools.partial(jax.jit, static_argnums=(0, 3))
def play(env, env_params, key, num_episodes):
    """Undiscounted returns of whole episodes under the random policy."""

    def episode(key):
        key_reset, key_steps = jax.random.split(key)
        num_valid = jnp.sum(env.action_mask(env_params))

        def step(carry):
            state, total, _, time = carry
            draws = draw_steps(jax.random.fold_in(key_steps, time), env)
            action = jnp.floor(draws.action * num_valid).astype(int)
            state, result = env.step_from(draws.step, state, action, env_params)
            return state, total + result.reward, result.terminated | result.truncated, time + 1

        state = env.reset(key_reset, env_params)
        start = (state, jnp.zeros(()), jnp.asarray(False), jnp.asarray(0))
        return jax.lax.while_loop(lambda carry: ~carry[2], step, start)[1]

    return jax.vmap(episode)(jax.random.split(key, num_episodes))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "name", ["tabular/sparse", "tabular/dense", "procedural/grid", "procedural/rewards", "chain/short_noisy"]
)
@pytest.mark.parametrize("num_actions", [9, 18])
def test_returns_agree_with_episodes_played_at_random(name, num_actions):
    if name.startswith("chain/"):
        num_actions = 2
    # Seed 3: a procedural grid with three objects or more; under procedural/rewards its steps pay 0.037.
    env, env_params = sampled(name, num_actions, seed=3)
    played = np.asarray(play(env, env_params, jax.random.key(2), 4000))
    error = played.std() / np.sqrt(len(played))
    random, best = returns(env, env_params)
    assert abs(played.mean() - random) < 3 * error
    # Twin: the optimum is another number.
    assert abs(played.mean() - best) > 3 * error


@pytest.mark.parametrize("name", ["tabular/dense", "tabular/sparse", "procedural/rewards", "chain/long"])
def test_no_policy_beats_the_optimum_and_the_greedy_one_reaches_it(name):
    env, env_params = sampled(name)
    logits = jax.random.normal(jax.random.key(4), (env.num_states, env.num_actions))
    policy = jax.nn.softmax(jnp.where(env.action_mask(env_params), 3 * logits, -jnp.inf))
    finite, best_finite, _, best, greedy, some = solve(env, env_params, policy, jnp.asarray(20))
    assert (best_finite >= finite - 1e-5).all()
    assert (best >= some - 1e-5).all()
    # Twin: the optimum is not just any policy's value.
    assert (best > some + 0.05).any()
    np.testing.assert_allclose(greedy, best, atol=1e-4)


@pytest.mark.parametrize("name", ["tabular/dense", "tabular/long_horizon"])
def test_a_long_finite_horizon_is_an_infinite_one(name):
    env, env_params = sampled(name, 18)
    uniform = exact.uniform_policy(env, env_params)
    # 0.9^200 = 7e-10.
    finite, best_finite, _, best, _, some = solve(env, env_params, uniform, jnp.asarray(200))
    np.testing.assert_allclose(some, finite, atol=1e-5)
    np.testing.assert_allclose(best, best_finite, atol=1e-5)
    # Twin: 0.9^5 = 0.59.
    assert np.abs(np.asarray(best) - solve(env, env_params, uniform, jnp.asarray(5))[1]).max() > 0.1


def test_a_chain_pays_one_if_the_first_action_is_right():
    env_params = chain(4, is_noisy=True)
    uniform = jnp.full((CHAIN.num_states, 2), 0.5)
    _, _, policy, best, _, some = solve(CHAIN, env_params, uniform, jnp.asarray(4))
    # The reward comes with the fourth step: γ³ = 0.729 from the start; in the branches 0.81, 0.9, 1 or the negative.
    np.testing.assert_allclose(best[:2], 0.729, rtol=1e-5)
    for place, worth in enumerate((0.81, 0.9, 1.0)):
        np.testing.assert_allclose(best[2 + 4 * place : 6 + 4 * place], [-worth, worth, -worth, worth], rtol=1e-5)
    np.testing.assert_allclose(some[:2], 0.0, atol=1e-6)
    assert (best[14:] == 0).all()
    # Coin 0 asks for action 0, coin 1 for action 1; later both are as good, and the lower number is chosen.
    assert policy[:14].argmax(-1).tolist() == [0, 1] + [0] * 12
    random, optimum = returns(CHAIN, env_params)
    np.testing.assert_allclose([random, optimum], [0.0, 1.0], atol=1e-6)


def test_a_policy_for_few_steps_goes_for_what_it_can_reach():
    # A row of three cells, the object in cell 2, the agent in cell 0: index 0 + 3 · (object present) = 3.
    family = TINY["one object in a row"]
    env, env_params = family.env, family.sample(jax.random.key(0), 9)
    env_params = eqx.tree_at(lambda grid: grid.object_cell, env_params, jnp.array([2, 170, 170, 170]))
    first_action = jax.jit(lambda steps: exact.optimal_policy(env, env_params, 1.0, steps)[3].argmax())
    # Two steps to the right reach it; right is action 5.
    assert first_action(2) == 5
    # Twin: with one step to go nothing can be reached, all actions are as good, and the lowest number is chosen.
    assert first_action(1) == 0


@pytest.mark.thorough
def test_values_under_vmap_with_different_time_limits_are_those_of_a_loop():
    family = registry.env_spec("procedural/grid").distribution
    env_params_batch = jax.vmap(family.sample)(jax.random.split(jax.random.key(6), 3))
    env_params_batch = eqx.tree_at(lambda grid: grid.max_steps, env_params_batch, jnp.array([3, 30, 11]))
    random, best = jax.jit(jax.vmap(functools.partial(returns, family.env)))(env_params_batch)
    for index in range(3):
        expected = returns(family.env, jax.tree.map(lambda x, index=index: x[index], env_params_batch))
        np.testing.assert_allclose((random[index], best[index]), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("gamma", [1, 1.0, -0.1])
def test_an_endless_undiscounted_sum_is_refused(gamma):
    env, env_params = sampled("tabular/dense")
    with pytest.raises(ValueError, match="without num_steps"):
        exact.optimal_values(env, env_params, gamma)


def test_no_discount_at_all_is_the_next_reward():
    env, env_params = sampled("tabular/dense", 9)
    values = jax.jit(lambda gamma: exact.optimal_values(env, env_params, gamma))
    one_step = jax.jit(lambda: exact.optimal_values(env, env_params, 1.0, 1))()
    np.testing.assert_array_equal(values(0.0), one_step)
    assert set(np.unique(values(0.0))) == {0.0, 1.0}
