"""What is drawn: character by character as text, mark by mark as a figure."""

import io
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Circle

from lpg.environments import registry, render
from lpg.environments.board import PENALTIES, REWARDS
from lpg.environments.delayed_chain import ChainParams, ChainState
from lpg.environments.distractor_chain import DistractorChainEnv, DistractorState
from lpg.environments.grid_families import ObjectType, TabularGrid
from lpg.environments.grid_world import GridState
from lpg.environments.procedural_control import ControlState
from lpg.environments.random_grid import RandomGridState
from lpg.environments.random_grid_families import RandomGrid

FAMILY = TabularGrid(
    rows=("..#.", "...."),
    objects=(
        ObjectType(count=2, reward=1.0, p_term=0.0, p_respawn=0.05),
        ObjectType(count=1, reward=-1.0, p_term=0.5, p_respawn=1.0),
        ObjectType(count=1, reward=-0.25, p_term=1.0, p_respawn=0.0),
    ),
    max_steps=50,
)
ENV = FAMILY.env


@pytest.fixture(scope="module")
def env_params():
    # Cells: 0 1 # 2
    #        3 4 5 6
    drawn = FAMILY.sample(jax.random.key(0), 9)
    return eqx.tree_at(lambda grid: grid.object_cell, drawn, jnp.array([0, 5, 2, 3]))


def state(cell, present):
    return GridState(cell=jnp.asarray(cell), is_present=jnp.array(present), time=jnp.asarray(0))


RANDOM = RandomGrid(rows=FAMILY.rows, objects=FAMILY.objects, max_steps=50)
"""Cells: 0 1 # 3
          4 5 6 7"""
ELSEWHERE = RandomGridState(cell=jnp.asarray(5), object_cell=jnp.array([0, 8, 3, 4]), time=jnp.asarray(0))


def discs(figure):
    return [patch for patch in figure.axes[0].patches if isinstance(patch, Circle)]


def test_text_of_a_grid_is_its_map_and_a_legend(env_params):
    assert render.text(ENV, env_params).splitlines() == [
        "######",
        "#+.#-#",
        "#a.+.#",
        "######",
        "+  2 × +1, never ends the episode, returns with 5 % per step",
        "-  1 × −1, ends the episode with 50 %, returns at once",
        "a  1 × −0.25, ends the episode, never returns",
        "2 × 4, 9 actions, 50 steps per episode",
    ]


def test_text_of_a_state_shows_the_agent_and_what_is_gone(env_params):
    drawn = render.text(ENV, env_params, state(4, (False, True, True, True))).splitlines()
    assert drawn[1:3] == ["#,.#-#", "#a@+.#"]


def test_a_random_grid_shows_its_objects_in_a_state_only():
    env_params = RANDOM.sample(jax.random.key(0), 9)
    legend = [
        "+  2 × +1, never ends the episode, returns with 5 % per step",
        "-  1 × −1, ends the episode with 50 %, returns at once",
        "a  1 × −0.25, ends the episode, never returns",
        "2 × 4, 9 actions, 50 steps per episode",
    ]
    lines = render.text(RANDOM.env, env_params).splitlines()
    assert lines == ["######", "#..#.#", "#....#", "######", *legend]
    # Object 1 is nowhere.
    lines = render.text(RANDOM.env, env_params, ELSEWHERE).splitlines()
    assert lines == ["######", "#+.#-#", "#a@..#", "######", *legend]
    drawn = discs(render.image(RANDOM.env, env_params, ELSEWHERE))
    assert [disc.center for disc in drawn] == [(0, 0), (3, 0), (0, 1), (1, 1)]
    colours = [to_hex(disc.get_facecolor()) for disc in drawn[:3]]
    assert colours == [REWARDS[0], PENALTIES[0], PENALTIES[1]]
    assert discs(render.image(RANDOM.env, env_params)) == []


def test_a_distractor_chain_is_drawn_as_the_chain_inside_and_its_bits():
    env = DistractorChainEnv(num_distractors=3)
    one = ChainParams(length=jnp.asarray(4), is_noisy=jnp.asarray(False))
    where = ChainState(position=jnp.asarray(2), branch=jnp.asarray(1))
    lines = render.text(env, one, DistractorState(chain=where, distractor=jnp.array([True, False, True]))).splitlines()
    assert [line.split()[-1] for line in lines[:4]] == ["o.@.+", "o...-", "o...-", "o...+"]
    # Branch 1: coin 0, right action chosen.
    assert lines[4] == "seen: 11 101"
    assert lines[5].endswith("seen as 2 bits and 3 random ones") and len(lines) == 6
    # Twin: without a state nothing is seen.
    assert len(render.text(env, one).splitlines()) == 5


def test_values_need_state_indices():
    with pytest.raises(ValueError, match="values or a policy given for a RandomGridEnv"):
        render.image(RANDOM.env, RANDOM.sample(jax.random.key(0)), values=jnp.zeros(8))


@pytest.mark.parametrize(
    ("is_noisy", "position", "branch", "expected"),
    [
        (False, 0, 1, ["o...+", "o...-", "@...-", "@...+"]),
        (True, 2, 1, ["o~@~+", "o~~~-", "o~~~-", "o~~~+"]),
        (False, 4, 2, ["o...+", "o...-", "o...@", "o...+"]),
    ],
)
def test_text_of_a_chain_shows_both_coins_and_both_branches(is_noisy, position, branch, expected):
    # Branch 1: coin 0, right action chosen; branch 2: coin 1, wrong action. At position 0 the branch is the coin.
    one = ChainParams(length=jnp.asarray(4), is_noisy=jnp.asarray(is_noisy))
    where = ChainState(position=jnp.asarray(position), branch=jnp.asarray(branch))
    lines = render.text(registry.env_spec("chain/long").distribution.env, one, where).splitlines()
    assert [line.split()[-1] for line in lines[:4]] == expected
    assert lines[0].startswith("coin 0  action 0") and lines[3].startswith("        action 1")
    assert lines[4].startswith("4 steps") and lines[4].endswith("±1 at random" if is_noisy else "nothing")


def test_an_image_has_a_disc_for_every_object_in_the_colour_of_its_type(env_params):
    colours = [to_hex(disc.get_facecolor()) for disc in discs(render.image(ENV, env_params))]
    assert colours == [REWARDS[0], REWARDS[0], PENALTIES[0], PENALTIES[1]]
    # Area says how much: −0.25 is smaller than −1.
    radii = [disc.radius for disc in discs(render.image(ENV, env_params))]
    assert radii[0] == radii[1] == radii[2] > radii[3]


def test_an_image_of_a_state_adds_the_agent_and_leaves_absent_objects_hollow(env_params):
    drawn = discs(render.image(ENV, env_params, state(4, (False, True, True, True))))
    # Last drawn is the agent: cell 4 is row 1, column 1.
    assert len(drawn) == 5 and drawn[-1].center == (1, 1)
    assert [disc.get_facecolor()[3] == 0 for disc in drawn[:4]] == [True, False, False, False]


def test_values_are_those_of_the_objects_present_or_their_mean(env_params):
    # Cell 3's value is 1 if all 2^4 sets' last one (all present, number 15) is asked for, else 0.
    values = jnp.zeros(ENV.num_states).at[3 + 7 * 15].set(1.6)

    def range_of(figure):
        return figure.axes[1].get_ylim()

    assert range_of(render.image(ENV, env_params, values=values)) == pytest.approx((0.0, 1.6))
    assert range_of(render.image(ENV, env_params, values=values, average=True)) == pytest.approx((0.0, 0.1))
    gone = state(4, (False, True, True, True))
    assert range_of(render.image(ENV, env_params, gone, values=values)) == pytest.approx((0.0, 0.0), abs=1e-5)


def test_drawing_leaves_no_global_state_behind(env_params):
    before = set(sys.modules)
    render.image(ENV, env_params, title="a map").savefig(io.BytesIO(), format="png")
    assert "matplotlib.pyplot" not in set(sys.modules) - before


THIRD_PARTY = tuple(name for suite in ("classic", "minatar", "bsuite", "toy_text") for name in registry.suite(suite))


@pytest.mark.thorough
@pytest.mark.parametrize("name", [name for name in registry.ENVIRONMENTS if name not in THIRD_PARTY])
def test_every_environment_of_ours_can_be_drawn_with_state_and_if_it_has_them_values_and_policy(name):
    family = registry.env_spec(name).distribution
    env, one = family.env, family.sample(jax.random.key(2))
    start = env.reset_from(jnp.full(env.num_reset_uniforms, 0.7), one)
    tables = {}
    if env.observation_shape == ():
        tables["values"] = jnp.linspace(-1.0, 2.0, env.num_states)
        tables["policy"] = jnp.full((env.num_states, env.num_actions), 1 / env.num_actions)
    assert len(render.text(env, one, start).splitlines()) >= 3
    figure = render.image(env, one, start, **tables, title=name)
    figure.savefig(file := io.BytesIO(), format="rgba", dpi=60)
    pixels = np.frombuffer(file.getvalue(), np.uint8).reshape(-1, 4)
    assert len(np.unique(pixels, axis=0)) > 50
    assert figure.texts[-1].get_text() == name


def test_of_third_party_environments_only_the_sizes_are_said():
    family = registry.env_spec("classic/CartPole-v1").distribution
    env, one = family.env, family.sample(jax.random.key(2))
    said = render.text(env, one)
    assert said == "CartPole-v1 of gymnax: 4 numbers are seen, 2 actions, 500 steps per episode at most"
    with pytest.raises(ValueError, match="CartPole-v1 cannot be drawn here; gymnax, whose environment it is, can"):
        render.image(env, one)
    assert not render.can_draw(one) and render.can_draw(FAMILY.sample(jax.random.key(0)))


def test_of_published_transitions_too():
    for name, limit in (("Taxi-v4", "200 steps per episode at most"), ("CliffWalking-v1", "no time limit")):
        family = registry.env_spec(f"toy_text/{name}").distribution
        env, one = family.env, family.sample(jax.random.key(2))
        said = f"{env.num_states} states, {env.num_actions} actions, {limit}"
        assert render.text(env, one) == f"transitions published by Gymnasium: {said}"
        with pytest.raises(ValueError, match="it cannot be drawn here; Gymnasium, whose environment it is, can"):
            render.image(env, one)
        assert not render.can_draw(one)


def test_what_is_controlled_is_two_tracks_between_edges_that_say_what_they_are():
    family = registry.env_spec("control/procedural").distribution
    drawn = eqx.tree_at(
        lambda one: (one.step_reward, one.max_steps, one.can_rest),
        family.sample(jax.random.key(0)),
        (jnp.asarray(-0.5), jnp.asarray(200), jnp.asarray(False)),
    )
    where = ControlState(position=jnp.array([-1.0, 0.5]), velocity=jnp.array([0.0, 0.1]), time=jnp.asarray(3))
    assert render.text(family.env, drawn, where).splitlines() == [
        "+@...................|....................+",
        "+....................|.........@..........+",
        "get out: every step costs 0.5; 2 actions, 200 steps at most",
    ]
    paid = eqx.tree_at(lambda one: one.step_reward, drawn, jnp.asarray(2.0))
    assert render.text(family.env, paid).splitlines() == [
        *["-....................@....................-"] * 2,
        "stay inside: every step pays 2; 2 actions, 200 steps at most",
    ]
    edges = {
        is_paid: {to_hex(line.get_color()) for line in render.image(family.env, one, where).axes[0].lines}
        for is_paid, one in ((True, paid), (False, drawn))
    }
    assert PENALTIES[0] in edges[True] - edges[False] and REWARDS[0] in edges[False] - edges[True]
