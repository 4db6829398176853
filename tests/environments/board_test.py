"""What of a grid is drawn: places, types and their symbols, numbers as text."""

import jax
import jax.numpy as jnp
import pytest

from lpg.environments.board import PENALTIES, REWARDS, board, kinds, signed, size
from lpg.environments.grid_families import DENSE
from tests.environments.random_grid_test import ENV, GOOD, NOWHERE, STONE, TRAP, grid, state


def test_types_are_objects_with_equal_numbers_and_have_symbols_by_the_sign_of_their_reward():
    found = kinds(grid(GOOD, TRAP, STONE))
    assert [kind.symbol for kind in found] == ["+", "-", "a"]
    assert [kind.colour for kind in found] == [REWARDS[0], PENALTIES[0], PENALTIES[1]]
    assert found[1].about == "1 × −1, ends the episode with 50 %, returns with 60 % per step"
    # Twin: equal objects are one type.
    (both,) = kinds(grid(GOOD, GOOD))
    assert both.members == (0, 1) and both.about.startswith("2 × +1")


def test_a_random_grid_has_its_objects_in_a_state_only():
    without = board(ENV, grid(GOOD, TRAP))
    assert without.objects == {} and without.present == frozenset() and without.agent is None
    # Cells 0 … 11 of three rows and four columns; walls in 5 and 10.
    assert len(without.free) == 10 and (1, 1) not in without.free and (2, 2) not in without.free
    drawn = board(ENV, grid(GOOD, TRAP), state(6, 3, NOWHERE))
    assert drawn.objects == {0: (0, 3)} and drawn.present == {0} and drawn.agent == (1, 2)


def test_a_tabular_grid_has_places_before_any_state_and_absent_objects_keep_theirs():
    env_params = DENSE.sample(jax.random.key(0), 9)
    drawn = board(DENSE.env, env_params)
    assert size(DENSE.env, env_params) == (drawn.rows, drawn.columns) == (11, 11)
    assert len(drawn.objects) == len(drawn.present) == 4 and drawn.agent is None
    absent = DENSE.env.reset_from(jnp.array([0.0]), env_params)
    absent = type(absent)(cell=absent.cell, is_present=jnp.zeros(4, bool), time=absent.time)
    later = board(DENSE.env, env_params, absent)
    assert later.objects == drawn.objects and later.present == frozenset() and later.agent == (0, 0)


@pytest.mark.parametrize(("number", "digits", "text"), [(-0.25, 3, "−0.25"), (1.0, 1, "+1"), (-1.0, 2, "−1")])
def test_numbers_have_a_sign(number, digits, text):
    assert signed(number, digits) == text
