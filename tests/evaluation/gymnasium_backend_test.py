"""Training on Gymnasium environments: the curve, the agent, and what is left after an interruption."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

import lpg
from lpg.evaluation import trainer
from lpg.evaluation.backend import GymnasiumOptions
from lpg.evaluation.chosen_config import ChosenConfig
from lpg.evaluation.gymnasium_backend import _optimizer
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.trainer import train_plan
from lpg.evaluation.training_folder import checkpoint_path
from lpg.evaluation.training_plan import make_plan
from lpg.learner.saving import read_card, read_tree
from lpg.update_rules.registry import find_rule
from tests.learner.mirror import CONTINUOUS, NAME

CONFIG = TrainConfig(num_envs=8, num_steps=8)


def plan(num_updates: int, environment=NAME, **changes):
    config = dataclasses.replace(CONFIG, **changes)
    num_steps = num_updates * config.steps_per_update
    return make_plan(find_rule("a2c"), environment, chosen=ChosenConfig(config, "given"), num_steps=num_steps)


def train(num_updates: int, seed: int = 0, progress=None, out=None, resume=False, **changes):
    rows, (agent,) = train_plan(plan(num_updates, **changes), [seed], progress=progress, out=out, resume=resume)
    return rows, agent


@pytest.mark.thorough
def test_an_agent_learns_to_name_the_state_that_it_sees():
    config = dataclasses.replace(CONFIG, learning_rate=10.0, y_weight=0.2, gamma=0.0, table_step="samples")
    result = lpg.train("a2c", NAME, 64 * 150, config=config)
    assert result.curve[-1].steps == 64 * 150 and len(result.curve) == 100
    # Four steps, one of three states each: by random numbers 4/3, with an eye on the state 4.
    assert abs(result.curve[0].return_mean - 4 / 3) < 0.7 and result.curve[-1].return_mean > 3.6
    assert [int(jnp.argmax(result.agent(jnp.asarray(state)).logits)) for state in range(3)] == [0, 1, 2]


def test_every_episode_is_in_the_curve_once():
    # 8 environments, 8 steps an update, 4 steps an episode: 16 episodes an update, and 3 updates.
    rows, _ = train(3, 0)
    assert [row.episodes for row in rows] == [16, 16, 16] and [row.steps for row in rows] == [64, 128, 192]


def test_the_same_seed_gives_the_same_training_and_another_one_another():
    a, b, other = (train(3, seed)[0] for seed in (0, 0, 1))
    assert a == b
    assert [row.return_mean for row in a] != [row.return_mean for row in other]


def test_the_learner_has_the_step_limit_of_its_rule():
    for name, rule in (("clip", "ppo"), ("drift_scale", "dpo")):
        made = make_plan(find_rule(rule), NAME, changes={name: 0.3}, num_steps=1000)
        assert float(getattr(made.backend.learner(made).hyper, name)) == pytest.approx(0.3)
    assert float(plan(1).backend.learner(plan(1)).hyper.gamma) == pytest.approx(0.995)  # A2C has none


class Stop(KeyboardInterrupt):
    pass


def stop_after(num_updates: int):
    done = 0

    def progress(steps):
        nonlocal done
        done += 1
        if done == num_updates:
            raise Stop

    return progress


def test_an_interrupted_training_goes_on_where_it_was(tmp_path):
    path = checkpoint_path(tmp_path, 0)
    with pytest.raises(Stop):
        train(5, 0, out=tmp_path, progress=stop_after(2))
    assert read_card(path)["done"] == 2
    steps = []
    rows, _ = train(5, 0, out=tmp_path, resume=True, progress=steps.append)
    assert steps == [64, 64, 64] and read_card(path)["done"] == 5
    # What was before the interruption is that of a training without one; new episodes began after it.
    straight, _ = train(5, 0)
    assert rows[:2] == straight[:2] and [row.episodes for row in rows] == [16] * 5
    # A training that is done is not done again.
    again, agent = train(5, 0, out=tmp_path, resume=True, progress=stop_after(1))
    assert again == rows and agent(jnp.asarray(0)).logits.shape == (3,)


ALL = {
    "num_epochs": 2,
    "num_minibatches": 4,
    "normalise_observations": True,
    "normalise_rewards": True,
    "normalise_advantages": True,
}


@pytest.mark.thorough
def test_a_checkpoint_has_the_statistics(tmp_path):
    made = plan(3, "gymnasium/CartPole-v1", **ALL)
    with pytest.raises(Stop):
        train_plan(made, [0], out=tmp_path, progress=stop_after(2))
    (batch,) = made.backend.batches(made, [0], np.array([1, 2, 3]))
    found, _ = read_tree(checkpoint_path(tmp_path, 0), batch.init().tree)
    assert found.observation_shape == (4,) and found.num_envs == 8
    # The signal came in the second update's turn; 8 environments, 8 steps each.
    assert found.observations.count > 60 and np.ptp(found.observations.variance) > 0
    _, (agent,) = train_plan(made, [0], out=tmp_path, resume=True)
    assert agent.statistics.count > found.observations.count
    with pytest.raises(ValueError, match="observations are state indices"):
        train(1, normalise_observations=True)


def test_the_learning_rate_falls_by_update_and_not_by_optimiser_step():
    config = dataclasses.replace(CONFIG, learning_rate=2.0, final_learning_rate=0.5, table_step="samples")
    config = dataclasses.replace(config, num_epochs=2, num_minibatches=2)
    optimizer = _optimizer("tabular", config, num_updates=3)
    state, steps = optimizer.init(jnp.zeros(())), []
    for _ in range(12):
        step, state = optimizer.update(jnp.ones(()), state)
        steps.append(-float(step))
    np.testing.assert_allclose(steps, [2.0] * 4 + [1.5] * 4 + [1.0] * 4)


def test_without_resume_it_begins_anew(tmp_path):
    first, _ = train(2, 0, out=tmp_path)
    steps = []
    assert train(2, 0, out=tmp_path, progress=steps.append)[0] == first and len(steps) == 2


def test_a_checkpoint_is_written_now_and_then(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    path = checkpoint_path(tmp_path, 0)
    seen = []
    train(3, 0, out=tmp_path, progress=lambda _: seen.append(path.exists() and read_card(path)["done"]))
    assert seen == [False, 1, 2] and read_card(path)["done"] == 3


@pytest.mark.parametrize(
    ("changes", "seed", "words"),
    [
        ({"num_updates": 5, "gamma": 0.5}, 0, "config differs"),
        (
            {"num_updates": 5, "baseline": True},
            0,
            "config differs: .*'baseline': False.* then,.*'baseline': True",
        ),
        ({"num_updates": 5}, 1, r"seeds differs: \[0\] then, \[1\] now"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(changes, seed, words, tmp_path):
    with pytest.raises(Stop):
        train(5, 0, out=tmp_path, progress=stop_after(1))
    # Whoever calls one seed's file like another's.
    checkpoint_path(tmp_path, 0).rename(checkpoint_path(tmp_path, seed))
    with pytest.raises(ValueError, match=f"of another training, its {words}"):
        train(**changes, seed=seed, out=tmp_path, resume=True)


@pytest.mark.thorough
def test_a_tiny_atari_training_runs_from_frames_to_scores():
    made = plan(2, "atari/pong", num_envs=2, num_steps=3)
    rows, (agent,) = train_plan(made, [0])
    assert [row.steps for row in rows] == [6, 12] and rows[0].episodes == 0 and np.isnan(rows[0].return_mean)
    assert agent(jnp.zeros((4, 84, 84), jnp.uint8)).logits.shape == (made.backend.spaces.num_actions,)


def test_what_does_not_fit_is_refused_by_the_short_way_too():
    for arguments, words in [
        (("a2c", CONTINUOUS), "has actions Box"),
        (("a2c", NAME, 0), "num_steps is 0"),
    ]:
        with pytest.raises(ValueError, match=words):
            lpg.train(*arguments)
    with pytest.raises(ValueError, match="only grids come in two"):
        lpg.train("a2c", NAME, 64, num_actions=9)
    with pytest.raises(ValueError, match="chain/short is neither"):
        lpg.train("a2c", "chain/short", 400, options=GymnasiumOptions())
