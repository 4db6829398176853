"""What a training leaves: agents that act as they did, and refusals in one line."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lpg
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_folder import AgentCard, check_free, check_same, checkpoint_path, read_agent, trained_seeds
from lpg.learner.saving import write_tree
from lpg.update_rules.lpg import init_lpg
from tests.learner.mirror import NAME

CONFIG = TrainConfig(num_envs=4, num_steps=5)


@pytest.mark.parametrize(
    ("environment", "agent", "changes", "observation"),
    [
        ("chain/short", None, {"baseline": True}, jnp.asarray(3)),
        ("chain/distractor", "D(4)/D(4)", {}, jnp.ones(22)),
        ("chain/distractor", "D(4)", {"normalise_observations": True}, jnp.ones(22)),
        ("chain/distractor", "tests.agents.custom_test:linear", {}, jnp.ones(22)),
        (NAME, None, {}, jnp.asarray(1)),
        ("gymnasium/CartPole-v1", "D(4)", {"normalise_observations": True, "baseline": True}, jnp.ones(4)),
        (NAME, "tests.agents.custom_test:table", {}, jnp.asarray(1)),
        (NAME, None, {"baseline": True}, jnp.asarray(1)),
    ],
)
def test_a_trained_agent_comes_back_as_it_was(environment, agent, changes, observation, tmp_path):
    rule = init_lpg(jax.random.key(0), lstm_size=2, prediction_size=3)
    config = dataclasses.replace(CONFIG, **changes)
    trained = lpg.train(rule, environment, 40, seed=7, config=config, agent=agent, out=str(tmp_path)).agent
    theta, card = read_agent(tmp_path, 7)
    assert trained_seeds(tmp_path) == [7]
    np.testing.assert_array_equal(lpg.load_agent(str(tmp_path), 7)(observation).logits, theta(observation).logits)
    np.testing.assert_array_equal(theta(observation).logits, trained(observation).logits)
    np.testing.assert_array_equal(theta(observation).prediction, trained(observation).prediction)
    assert (card.environment, card.seed, card.rule, card.steps) == (environment, 7, "lpg", 40)
    assert card.prediction_size == 3 + config.baseline


def test_a_folder_with_a_training_is_not_used_for_another_unless_it_goes_on(tmp_path):
    check_free(tmp_path, resume=False)
    path = checkpoint_path(tmp_path, 0)
    path.parent.mkdir()
    path.touch()
    with pytest.raises(ValueError, match=r"seed-0.safetensors exists; go on with that training by --resume"):
        check_free(tmp_path, resume=False)
    check_free(tmp_path, resume=True)


def card(**changes):
    values = {"environment": "chain/short", "agent": "tabular", "rule": "a2c", "seed": 0, "prediction_size": 1}
    return AgentCard(**{**values, **changes}).__dict__


BAD = {
    "of other shapes": ({"rows": jnp.zeros((2, 2))}, card(), "not a state of this agent"),
    "a checkpoint": ({"rows": jnp.zeros((2, 2))}, {"done": 3}, "not a trained agent, its card does not fit"),
    "an environment that is there no more": (
        {"rows": jnp.zeros(1)},
        card(environment="chain/shrot"),
        "did you mean 'chain/short'",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_is_no_agent_is_refused_in_one_line(case, tmp_path):
    tree, bad_card, words = BAD[case]
    write_tree(tmp_path / "agents" / "seed-0.safetensors", tree, bad_card)
    with pytest.raises(ValueError, match=words) as caught:
        read_agent(tmp_path, 0)
    assert "\n" not in str(caught.value)


def test_a_seed_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    write_tree(tmp_path / "agents" / "seed-4.safetensors", {"x": jnp.zeros(1)}, card())
    with pytest.raises(ValueError, match="no trained agent of seed 0 in it; seeds that are there: 4"):
        read_agent(tmp_path, 0)


def test_a_checkpoint_of_an_older_version_goes_on_unless_a_setting_differs(tmp_path):
    path, config = tmp_path / "seed-0.safetensors", dataclasses.asdict(TrainConfig())
    older = {name: value for name, value in config.items() if name != "clip_policy"}
    check_same(path, {"config": older, "seeds": [0]}, {"config": config, "seeds": [0]})
    with pytest.raises(
        ValueError, match=r"its config differs: \{'clip_policy': False\} then, \{'clip_policy': True\} now"
    ):
        check_same(path, {"config": older}, {"config": config | {"clip_policy": True}})
    with pytest.raises(ValueError, match=r"seeds differs: \[0\] then, \[0, 1\] now"):
        check_same(path, {"seeds": [0]}, {"seeds": [0, 1]})
