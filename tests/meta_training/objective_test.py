import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.meta_training.objective import ObjectiveTerms, meta_loss, policy_gradient_loss, terms
from lpg.types import AgentOutput, Targets
from lpg.update_rules.losses import log_prob


def two_steps() -> AgentOutput:
    """π = (¼, ¾) and then (½, ½); y = (½, ½) and then (1, 0), all but."""
    return AgentOutput(
        logits=jnp.log(jnp.array([[[0.25, 0.75]], [[0.5, 0.5]]])),
        prediction=jnp.array([[[0.0, 0.0]], [[50.0, -50.0]]]),
    )


ACTION = jnp.array([[0], [1]])
ADVANTAGE = jnp.array([[2.0], [-1.0]])
TARGETS = Targets(pi_hat=jnp.array([[1.0], [3.0]]), y_hat=jnp.array([[[0.5, 0.5]], [[1.0, 0.0]]]))


def test_the_policy_gradient_multiplies_log_probabilities_and_advantages_step_by_step():
    # −(ln ¼ · 2 + ln ½ · −1) / 2 = −(−2.772589 + 0.693147) / 2 = 1.039721
    loss = policy_gradient_loss(two_steps(), ACTION, ADVANTAGE)
    np.testing.assert_allclose(loss, 1.039721, rtol=1e-5)
    # The twin: (T) against (T, 1) would broadcast to T × T, which is mean · mean:
    #   −(ln ¼ + ln ½) / 2 · (2 − 1) / 2 = 1.039721 / 2 = 0.519860
    log_pi = log_prob(two_steps().logits, ACTION)[:, 0]
    broadcast = -jnp.mean(log_pi * ADVANTAGE)
    np.testing.assert_allclose(broadcast, 0.519860, rtol=1e-5)


def test_advantages_of_another_shape_are_refused():
    with pytest.raises(Exception, match="advantage"):
        policy_gradient_loss(two_steps(), ACTION, ADVANTAGE[:, 0])
    with pytest.raises(Exception, match="advantage"):
        policy_gradient_loss(two_steps(), ACTION, ADVANTAGE[..., None])


def test_gradient_descent_makes_actions_with_positive_advantage_more_likely():
    gradient = jax.grad(
        lambda z: policy_gradient_loss(AgentOutput(logits=z, prediction=two_steps().prediction), ACTION, ADVANTAGE)
    )(two_steps().logits)
    # −A (indicator − π) / 2: −2 · (1 − ¼, −¾) / 2 = (−.75, .75);  +1 · (−½, ½) / 2 = (−.25, .25)
    np.testing.assert_allclose(gradient[:, 0], [[-0.75, 0.75], [-0.25, 0.25]], rtol=1e-5)


def test_every_term_worked_by_hand():
    found = terms(two_steps(), ACTION, ADVANTAGE, TARGETS, True)
    np.testing.assert_allclose(found.policy_gradient, 1.039721, rtol=1e-5)
    # H(¼, ¾) = 0.562335, H(½, ½) = 0.693147, mean 0.627741; H(½, ½) = 0.693147, H(1, 0) = 0, mean 0.346574.
    np.testing.assert_allclose(found.policy_entropy, 0.627741, rtol=1e-5)
    np.testing.assert_allclose(found.prediction_entropy, 0.346574, rtol=1e-5)
    # (1 + 9) / 2 = 5;  (¼ + ¼ + 1 + 0) / 2 = 0.75
    np.testing.assert_allclose(found.pi_hat_square, 5, rtol=1e-6)
    np.testing.assert_allclose(found.y_hat_square, 0.75, rtol=1e-6)


def test_a_value_function_is_not_regularised():
    output = AgentOutput(logits=two_steps().logits, prediction=jnp.array([[[3.0]], [[4.0]]]))
    found = terms(output, ACTION, ADVANTAGE, Targets(pi_hat=TARGETS.pi_hat, y_hat=jnp.full((2, 1, 1), 5.0)), False)
    assert found.prediction_entropy == 0
    assert found.y_hat_square == 0
    np.testing.assert_allclose(found.pi_hat_square, 5, rtol=1e-6)  # the twin


def per_update(**changes) -> ObjectiveTerms:
    """Terms of two updates, zero unless given."""
    names = ObjectiveTerms.__dataclass_fields__
    return jax.vmap(lambda row: ObjectiveTerms(**dict(zip(names, row, strict=True))))(
        jnp.stack([jnp.array(changes.get(name, (0.0, 0.0))) for name in names], axis=1)
    )


LAST, EVERY = jnp.array([0.0, 1.0]), jnp.array([0.5, 0.5])


def test_the_meta_loss_worked_by_hand():
    # β = (.1, .01, .2, .3). Last update only: 4 − .1 · 6 − .01 · 8 = 3.32; every: ½ (3 − .1 · 5 − .01 · 7 + 3.32) =
    # ½ (2.43 + 3.32) = 2.875. The sizes of targets count in every update: .2 · (1 + 2) / 2 + .3 · (3 + 5) / 2 = 1.5.
    updates = per_update(
        policy_gradient=(3.0, 4.0), policy_entropy=(5.0, 6.0), prediction_entropy=(7.0, 8.0),
        pi_hat_square=(1.0, 2.0), y_hat_square=(3.0, 5.0),
    )  # fmt: skip
    beta = (jnp.array(0.1), 0.01, 0.2, 0.3)
    np.testing.assert_allclose(meta_loss(updates, LAST, *beta), 3.32 + 1.5, rtol=1e-6)
    np.testing.assert_allclose(meta_loss(updates, EVERY, *beta), 2.875 + 1.5, rtol=1e-6)


def test_entropies_lower_the_loss_and_squared_targets_raise_it():
    # One term at a time is raised by 1 in both updates; weights are (.1, .01, .2, .3).
    beta = (jnp.array(0.1), 0.01, 0.2, 0.3)
    expected = {"policy_entropy": -0.1, "prediction_entropy": -0.01, "pi_hat_square": 0.2, "y_hat_square": 0.3}
    for name, change in expected.items():
        np.testing.assert_allclose(meta_loss(per_update(**{name: (1.0, 1.0)}), LAST, *beta), change, rtol=1e-6)
