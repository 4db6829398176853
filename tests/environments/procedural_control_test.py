"""Dynamics, ends of episodes, and that most balancing and swing-up tasks can be solved."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.environments.procedural_control import ControlParams, ControlState, ProceduralControl

FAMILY = ProceduralControl()
ENV = FAMILY.env
LEFT, RIGHT, REST = 0, 1, 2
NOTHING = jnp.zeros(0)


def env_params(**changes):
    numbers = dict(
        stiffness=jnp.array([0.25, -0.5]), push=jnp.array([0.125, 0.0625]), damping=jnp.asarray(0.5),
        start=jnp.array([0.2, 0.4, 0.01, 0.02]), scale=jnp.array([1.0, 2.0, 4.0, 8.0]), step_reward=jnp.asarray(0.3),
        max_steps=jnp.asarray(3), can_rest=jnp.asarray(True),
    )  # fmt: skip
    return ControlParams(**{**numbers, **changes})


def state(position, velocity=(0.0, 0.0), time=0):
    return ControlState(position=jnp.array(position), velocity=jnp.array(velocity), time=jnp.asarray(time))


@pytest.mark.parametrize(
    ("action", "position", "velocity"),
    # Accelerations without a push: .25 · .5 = .125 and −.5 · .25 = −.125; then half of the velocity is lost.
    [(REST, (0.5625, 0.3125), (0.0625, 0.0625)), (RIGHT, (0.625, 0.34375), (0.125, 0.09375)),
     (LEFT, (0.5, 0.28125), (0.0, 0.03125))],
)  # fmt: skip
def test_a_step_worked_by_hand(action, position, velocity):
    after, result = ENV.step_from(NOTHING, state((0.5, 0.25), (0.0, 0.25)), jnp.asarray(action), env_params())
    np.testing.assert_allclose(after.position, position)
    np.testing.assert_allclose(after.velocity, velocity)
    assert float(result.reward) == pytest.approx(0.3) and not result.terminated and not result.truncated
    np.testing.assert_allclose(
        ENV.observe(after, env_params()), [position[0], 2 * position[1], 4 * velocity[0], 8 * velocity[1]]
    )


@pytest.mark.parametrize(("position", "has_left"), [((0.99, 0.0), True), ((0.0, -1.6), True), ((0.5, 0.5), False)])
@pytest.mark.parametrize(("time", "is_late"), [(0, False), (2, True)])
def test_leaving_by_either_position_ends_the_episode_and_is_no_time_limit(position, has_left, time, is_late):
    _, result = ENV.step_from(NOTHING, state(position, (0.1, -0.1), time), jnp.asarray(RIGHT), env_params())
    assert bool(result.terminated) is has_left
    assert bool(result.truncated) is (is_late and not has_left)


def test_episodes_begin_uniformly_within_their_bounds():
    lowest = ENV.reset_from(jnp.zeros(4), env_params())
    np.testing.assert_allclose(lowest.position, [-0.2, -0.4])
    np.testing.assert_allclose(lowest.velocity, [-0.01, -0.02])
    middle = ENV.reset_from(jnp.full(4, 0.5), env_params())
    np.testing.assert_allclose(np.concatenate([middle.position, middle.velocity]), 0.0)


def test_a_swing_without_damping_keeps_its_energy():
    # One turn of a swing of angular speed .1 takes 2π / .1 = 63 steps, and brings it back.
    swing = env_params(stiffness=jnp.array([-0.01, -0.01]), damping=jnp.asarray(0.0))
    place, seen = state((0.5, 0.5)), []
    step = jax.jit(ENV.step_from)
    for _ in range(63):
        place, _ = step(NOTHING, place, jnp.asarray(REST), swing)
        seen.append(float(place.position[0]))
    assert min(seen) == pytest.approx(-0.5, abs=0.01) and seen[-1] == pytest.approx(0.5, abs=0.01)


def random_action(uniform, state, env_params):
    return jnp.floor(uniform * (2 + env_params.can_rest)).astype(int)


def feedback(uniform, state, env_params):
    """Against the fall where it pays to stay, with the swing where it pays to leave."""
    rate = jnp.sqrt(jnp.abs(env_params.stiffness[0]))
    falls_right = state.position[0] + state.velocity[0] / rate > 0
    return jnp.where(
        env_params.step_reward > 0, jnp.where(falls_right, LEFT, RIGHT), jnp.where(state.velocity[0] > 0, RIGHT, LEFT)
    )


@pytest.mark.parametrize(
    ("policy", "balanced", "swung"), [(random_action, (0.0, 0.05), (0.03, 0.25)), (feedback, (0.7, 0.95), (0.9, 1.0))]
)
def test_a_simple_controller_solves_most_tasks_and_the_random_policy_few(policy, balanced, swung):
    def episode(key):
        key_params, key_reset, key_steps = jax.random.split(key, 3)
        drawn = FAMILY.sample(key_params)

        def step(carry):
            place, _, _ = carry
            uniform = jax.random.uniform(jax.random.fold_in(key_steps, place.time))
            place, result = ENV.step_from(NOTHING, place, policy(uniform, place, drawn), drawn)
            return place, result.terminated, result.truncated

        start = (ENV.reset(key_reset, drawn), jnp.asarray(False), jnp.asarray(False))
        _, has_left, _ = jax.lax.while_loop(lambda carry: ~(carry[1] | carry[2]), step, start)
        return has_left, drawn

    has_left, drawn = jax.jit(jax.vmap(episode))(jax.random.split(jax.random.key(0), 2000))
    pays = np.asarray(drawn.step_reward > 0)
    assert 0.45 < pays.mean() < 0.55
    assert balanced[0] <= 1 - np.asarray(has_left)[pays].mean() <= balanced[1]
    assert swung[0] <= np.asarray(has_left)[~pays].mean() <= swung[1]


def test_parameters_are_in_the_ranges_that_are_documented():
    drawn = jax.vmap(FAMILY.sample)(jax.random.split(jax.random.key(1), 4000))
    pays = np.asarray(drawn.step_reward > 0)
    rate = np.sqrt(np.abs(drawn.stiffness[:, 0]))
    ratio = np.asarray(drawn.push[:, 0]) / rate**2
    for found, low, high in (
        (1 / rate[pays], 1 / 0.12, 1 / 0.03), (2 * np.pi / rate[~pays], 2 * np.pi / 0.2, 2 * np.pi / 0.05),
        (ratio[pays], 1, 5), (ratio[~pays], 0.15, 0.8), (np.abs(drawn.step_reward), 0.1, 2),
        (np.asarray(drawn.max_steps, float), 100, 500),
    ):  # fmt: skip
        # Log-uniform: the median is the geometric mean of the ends.
        assert low * 0.999 <= found.min() and found.max() <= high * 1.001
        assert np.median(found) == pytest.approx(np.sqrt(low * high), rel=0.1)
    assert (np.asarray(drawn.stiffness[:, 0] > 0) == pays).all() and (np.asarray(drawn.push[~pays, 1]) == 0).all()
    assert 0.45 < np.asarray(drawn.can_rest).mean() < 0.55


def test_other_numbers_of_actions_are_refused():
    with pytest.raises(ValueError, match="4 actions given; there are 2"):
        FAMILY.sample(jax.random.key(0), 4)
