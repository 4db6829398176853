import dataclasses
import json

import jax
import numpy as np
import pytest

from lpg.meta_training.state import from_arrays, init_bandit, init_slots, to_arrays, with_rows
from tests.tiny_run import TINY, trainer


@pytest.fixture(scope="module")
def lived():
    """A state in which lifetimes have ended and the bandit has records."""
    one = trainer()
    state = one.init()
    for _ in range(7):
        one.meta_update(state)
    assert state.bandit.arm
    return one, state


def arrays_equal(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(
        a[name].dtype == b[name].dtype and np.array_equal(a[name], b[name]) for name in a
    )


def test_a_state_survives_conversion_to_arrays(lived):
    one, state = lived
    arrays, counters = to_arrays(state)
    found = from_arrays(one.template(), arrays, json.loads(json.dumps(counters)))
    again, counters_again = to_arrays(found)
    assert arrays_equal(arrays, again) and counters_again == counters
    assert found.bandit == state.bandit
    assert not arrays_equal(arrays, to_arrays(one.template())[0])  # the twin


def test_a_restored_state_has_the_sharding_of_the_programs(lived):
    one, state = lived
    found = from_arrays(one.template(), *to_arrays(state))
    for x, y in zip(jax.tree.leaves(found.lifetimes), jax.tree.leaves(state.lifetimes), strict=True):
        assert x.sharding == y.sharding
    one.meta_update(found)  # compiled programs refuse another sharding


def test_other_numbers_of_devices_have_other_padding(lived):
    # Six rows on two devices, the last one padding; on one device there are five, on four eight.
    one, state = lived
    arrays, counters = to_arrays(state)
    is_by_lifetime = {name: name.startswith(("lifetimes.", "slots.")) for name in arrays}
    for size in (5, 8):
        other = {name: with_rows(x, size) if is_by_lifetime[name] else x for name, x in arrays.items()}
        found, _ = to_arrays(from_arrays(one.template(), other, counters))
        for name, value in found.items():
            if is_by_lifetime[name]:
                np.testing.assert_array_equal(value[:5], arrays[name][:5], err_msg=name)
                assert len(other[name]) == size and len(value) == 6
            else:
                np.testing.assert_array_equal(value, arrays[name], err_msg=name)
    # What is padding for the first time copies the first lifetime, which is of the same environment as all padding.
    assert with_rows(np.array([3, 4]), 4).tolist() == [3, 4, 3, 3] and with_rows(np.array([3, 4]), 1).tolist() == [3]


def test_two_states_from_the_same_arrays_do_not_share_their_records(lived):
    one, state = lived
    arrays, counters = to_arrays(state)
    first, second = (from_arrays(one.template(), arrays, counters) for _ in range(2))
    first.slots[0].age[:] = -1
    first.bandit.record(0, 0, 1.0)
    assert (second.slots[0].age >= 0).all()
    assert len(second.bandit.arm) == len(state.bandit.arm)


@pytest.mark.parametrize("missing", ["rule.", "optimizer.", "scales.", "lifetimes.0.agent.rows", "slots.0.age"])
def test_a_missing_array_is_named(lived, missing):
    one, state = lived
    arrays, counters = to_arrays(state)
    kept = {name: value for name, value in arrays.items() if not name.startswith(missing)}
    with pytest.raises(ValueError, match=f"array '{missing}.* is missing"):
        from_arrays(one.template(), kept, counters)


def test_a_bandit_has_an_arm_for_every_pair_and_the_configured_constants():
    config = dataclasses.replace(TINY, learning_rates=(1.0, 2.0), y_weights=(0.1, 0.2, 0.3), bandit_history=7)
    constants = init_bandit(config, ("chain/short", "chain/long")).config
    assert (constants.num_arms, constants.history, constants.temperature) == ((6, 6), 7, 0.1)


def test_initial_slots_are_zero():
    slots = vars(init_slots(TINY, trainer().groups[0]))
    assert slots.pop("level") is None
    for values in slots.values():
        np.testing.assert_array_equal(values, np.zeros(6))
    with_levels = init_slots(dataclasses.replace(TINY, level_sampling="regret"), trainer().groups[0])
    np.testing.assert_array_equal(with_levels.level, np.zeros((6, 2)))
