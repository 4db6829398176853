import dataclasses

import jax
import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError

from lpg.types import AgentOutput, Targets, Trajectory, after_updates, at_update
from tests.helpers import hyperparameters

T, B = 4, 2
FIELDS = {
    "observation": jnp.zeros((T, B), int),
    "next_observation": jnp.zeros((T, B), int),
    "action": jnp.zeros((T, B), int),
    "reward": jnp.zeros((T, B)),
    "terminated": jnp.zeros((T, B), bool),
    "is_last": jnp.zeros((T, B), bool),
    "action_mask": jnp.ones((T, B, 3), bool),
}


def test_a_trajectory_accepts_rows_of_one_length():
    assert [field.name for field in dataclasses.fields(Trajectory(**FIELDS))] == list(FIELDS)


@pytest.mark.parametrize("name", [name for name in FIELDS if name != "next_observation"])
def test_a_trajectory_refuses_one_row_too_many_in_any_field(name):
    with pytest.raises(TypeCheckError):
        Trajectory(**FIELDS | {name: jnp.concatenate([FIELDS[name], FIELDS[name][:1]])})


def test_next_observation_has_a_row_for_every_step_or_for_the_last_alone():
    assert Trajectory(**FIELDS | {"next_observation": jnp.zeros((1, B), int)}).next_observation.shape == (1, B)
    for rows in (0, 2, T - 1, T + 1):
        with pytest.raises(ValueError, match=f"next_observation has {rows} rows; 4 are needed"):
            Trajectory(**FIELDS | {"next_observation": jnp.zeros((rows, B), int)})


def test_a_trajectory_refuses_axes_in_the_wrong_order():
    with pytest.raises(TypeCheckError):
        Trajectory(**FIELDS | {"reward": FIELDS["reward"].T})


def test_outputs_and_targets_refuse_batches_that_differ():
    with pytest.raises(TypeCheckError):
        AgentOutput(logits=jnp.zeros((T, B, 3)), prediction=jnp.zeros((T, B + 1, 3)))
    with pytest.raises(TypeCheckError):
        Targets(pi_hat=jnp.zeros((T, B)), y_hat=jnp.zeros((T + 1, B, 3)))


def test_containers_survive_a_leading_axis_of_lifetimes():
    many = jax.vmap(lambda scale: jax.tree.map(lambda x: (x + scale).astype(x.dtype), Trajectory(**FIELDS)))(
        jnp.arange(3)
    )
    assert many.reward.shape == (3, T, B)


def test_the_time_of_an_update_worked_by_hand():
    # N = 9: the first update is at 0, the last, number 8, at 1; two after number 3 is number 5, at 5/8.
    begun = hyperparameters()
    assert begun.progress is None and after_updates(begun, jnp.asarray(2)) is begun
    third = at_update(begun, 3, 9)
    assert (float(third.progress), float(third.num_updates)) == (0.375, 9.0)
    assert float(after_updates(third, jnp.asarray(2)).progress) == 0.625
    assert [float(at_update(begun, number, 9).progress) for number in (0, 8)] == [0.0, 1.0]
    # A training of one update is at its beginning.
    assert float(at_update(begun, 0, 1).progress) == 0.0
