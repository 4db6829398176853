import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lpg.agents.optimizers import gradient_descent, safe_adam, visit_mean

THETA = {"weight": jnp.ones((3, 2)), "bias": jnp.ones(2)}


def gradients(key, num_steps: int):
    """Random gradients of very different sizes; the first weight's is always exactly zero."""
    for key_n in jax.random.split(key, num_steps):
        key_weight, key_bias, key_size = jax.random.split(key_n, 3)
        size = 10 ** jax.random.uniform(key_size, (), minval=-4, maxval=2)
        weight = size * jax.random.normal(key_weight, (3, 2)).at[0, 0].set(0)
        yield {"weight": weight, "bias": size * jax.random.normal(key_bias, (2,))}


def test_descent_walks_against_the_gradient():
    optimizer = gradient_descent()
    step, _ = optimizer.update(jnp.array([3.0, -0.5]), optimizer.init(jnp.zeros(2)))
    np.testing.assert_array_equal(step, [-3, 0.5])


# Two steps of three environments: state 0 three times, state 2 twice, state 3 once, state 1 never.
VISITS = jnp.array([[0, 0, 2], [0, 2, 3]])


def row_gradients(per_step, visits):
    """Gradient of a mean over steps in a table of four rows with two numbers each, from each step's own gradient."""
    return jnp.zeros((4, 2)).at[visits].add(per_step / visits.size)


def step_of(per_step, visits, **extra):
    optimizer, table = visit_mean(), jnp.zeros((4, 2))
    return optimizer.update(row_gradients(per_step, visits), optimizer.init(table), observation=visits, **extra)[0]


def test_a_row_moves_by_the_mean_over_its_visits_worked_by_hand():
    per_step = jnp.array([[1.0, 2.0, 4.0], [6.0, 8.0, 5.0]])[..., None] * jnp.array([1.0, -1.0])
    # State 0: (1 + 2 + 6)/3 = 3; state 2: (4 + 8)/2 = 6; state 3: 5. Against the gradient; state 1 stays.
    np.testing.assert_allclose(step_of(per_step, VISITS)[:, 0], [-3, 0, -6, -5], rtol=1e-6)
    np.testing.assert_allclose(step_of(per_step, VISITS)[:, 1], [3, 0, 6, 5], rtol=1e-6)
    # The twin: plain descent moves by the share of the six steps.
    descent = gradient_descent()
    plain, _ = descent.update(row_gradients(per_step, VISITS), descent.init(jnp.zeros((4, 2))))
    np.testing.assert_allclose(plain[:, 0], [-9 / 6, 0, -12 / 6, -5 / 6], rtol=1e-6)


def test_a_rows_step_does_not_depend_on_where_the_other_steps_went(key):
    per_step = jax.random.normal(key, (2, 3, 2))
    elsewhere = VISITS.at[1, 1:].set(1)  # state 0 is visited as before, the others are not
    there, here = step_of(per_step, elsewhere), step_of(per_step, VISITS)
    np.testing.assert_allclose(there[0], here[0], rtol=1e-5)
    # Twice the trajectory, the same step.
    twice = step_of(jnp.concatenate([per_step] * 2), jnp.concatenate([VISITS] * 2))
    np.testing.assert_allclose(twice, here, rtol=1e-5)
    assert np.abs(there[2] - here[2]).max() > 1e-3


def test_steps_that_are_none_do_not_count(key):
    per_step = jax.random.normal(key, (2, 3, 2))
    is_real = jnp.array([[True, False, True], [True, True, True]])
    # A mean over the five real steps, as `lpg.update_rules.real_steps` makes it; the sixth has no gradient.
    gradient = jnp.zeros((4, 2)).at[VISITS].add(per_step * is_real[..., None] / 5)
    optimizer = visit_mean()
    step, _ = optimizer.update(gradient, optax.EmptyState(), observation=VISITS, is_real=is_real)
    np.testing.assert_allclose(step[0], -(per_step[0, 0] + per_step[1, 0]) / 2, rtol=1e-5)
    wrong, _ = optimizer.update(gradient, optax.EmptyState(), observation=VISITS)
    assert np.abs(wrong[0] - step[0]).max() > 1e-3


def test_adams_first_two_steps_worked_by_hand():
    # Step 1, g = 2: m̂ = 2 and v̂ = 4, so the step is −2 / 2 = −1 whatever the size of g.
    # Step 2, g = −1: m = .9 · .2 + .1 · −1 = .08, m̂ = .08 / .19 = .421053;
    #                 v = .999 · .004 + .001 · 1 = .004996, v̂ = .004996 / .001999 = 2.499250; −.421053 / 1.580902.
    adam = safe_adam()
    state = adam.init(jnp.zeros(()))
    first, state = adam.update(jnp.array(2.0), state)
    second, _ = adam.update(jnp.array(-1.0), state)
    np.testing.assert_allclose(first, -1, rtol=1e-5)
    np.testing.assert_allclose(second, -0.266337, rtol=1e-4)


def test_step_by_step_it_is_optax_adam_of_rate_one(key):
    safe, plain = safe_adam(), optax.adam(1.0)
    safe_state, plain_state = safe.init(THETA), plain.init(THETA)
    update = jax.jit(safe.update)
    for gradient in gradients(key, 20):
        step, safe_state = update(gradient, safe_state)
        expected, plain_state = plain.update(gradient, plain_state)
        for name in THETA:
            np.testing.assert_allclose(step[name], expected[name], rtol=1e-5)
            np.testing.assert_allclose(safe_state.mu[name], plain_state[0].mu[name], rtol=1e-6)
            np.testing.assert_allclose(safe_state.nu[name], plain_state[0].nu[name], rtol=1e-6)
        assert safe_state.count == plain_state[0].count
        assert step["weight"][0, 0] == 0


def test_its_numbers_are_the_ones_asked_for(key):
    safe, plain = safe_adam(b1=0.5, b2=0.8, eps=0.1), optax.adam(1.0, b1=0.5, b2=0.8, eps=0.1)
    safe_state, plain_state = safe.init(THETA), plain.init(THETA)
    for gradient in gradients(key, 3):
        step, safe_state = safe.update(gradient, safe_state)
        expected, plain_state = plain.update(gradient, plain_state)
    np.testing.assert_allclose(step["weight"], expected["weight"], rtol=1e-5)
    other, _ = safe_adam().update(gradient, safe_adam().init(THETA))
    assert not np.allclose(step["weight"], other["weight"], rtol=0.1)  # the twin


def slope_through(optimizer: optax.GradientTransformation, gradients: jax.Array) -> jax.Array:
    """Derivative of the last step's sum in all gradients [steps, weights]."""

    def total(gradients):
        state = optimizer.init(jnp.zeros_like(gradients[0]))
        for gradient in gradients:
            step, state = optimizer.update(gradient, state)
        return jnp.sum(step)

    return jax.jit(jax.grad(total))(gradients)


def test_the_derivative_is_finite_where_a_weight_never_had_a_gradient():
    # The second of three weights has gradients of exactly zero: v = 0, and the slope of √v there is infinite.
    seen = jnp.array([[1.0, 0, -2], [3, 0, 0.5]])
    assert np.all(np.isfinite(slope_through(safe_adam(), seen)))
    plain = slope_through(optax.scale_by_adam(), seen)
    np.testing.assert_array_equal(np.isnan(plain), [[False, True, False]] * 2)  # the twin


@pytest.mark.thorough
def test_the_derivative_goes_through_the_first_moment_only():
    # After two steps  u = −m̂ / (√v̂ + ε),  m̂ = ((1 − β₁) g₂ + β₁ (1 − β₁) g₁) / (1 − β₁²),  and v̂ counts as constant:
    #   ∂u/∂g₂ = −.1 / .19 / (√v̂ + ε)      ∂u/∂g₁ = −.09 / .19 / (√v̂ + ε)
    # with v̂ = (.001 g₂² + .000999 g₁²) / .001999.
    with jax.enable_x64(True):
        seen = jnp.array([[2.0, -3.0], [-1.0, 0.25]])
        root = np.sqrt((0.001 * np.square(seen[1]) + 0.000999 * np.square(seen[0])) / 0.001999) + 1e-8
        found = slope_through(safe_adam(), seen)
        np.testing.assert_allclose(found[1], -0.1 / 0.19 / root, rtol=1e-10)
        np.testing.assert_allclose(found[0], -0.09 / 0.19 / root, rtol=1e-10)
        # The twin: the whole derivative is another one; that of a single step is almost 0, as the step is sign(g).
        assert not np.allclose(found, -slope_through(optax.scale_by_adam(), seen), rtol=0.01)


def test_nothing_flows_back_through_the_second_moment_that_it_carries():
    adam = safe_adam()
    _, state = adam.update(jnp.array([2.0, 1.0]), adam.init(jnp.zeros(2)))
    slope = jax.grad(lambda nu: jnp.sum(adam.update(jnp.ones(2), state._replace(nu=nu))[0]))(state.nu)
    np.testing.assert_array_equal(slope, 0)
    slope = jax.grad(lambda mu: jnp.sum(adam.update(jnp.ones(2), state._replace(mu=mu))[0]))(state.mu)
    assert np.all(slope != 0)  # the twin
