"""Trainings by DiscoRL's rule with random weights: one line, what is refused, what is kept and resumed."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lpg
from lpg.cli.main import main
from lpg.evaluation.disco_backend import FIXED
from lpg.evaluation.results import read
from lpg.evaluation.tasks import sample_env_params
from lpg.evaluation.trainer import train_plan
from lpg.evaluation.training_plan import make_plan
from lpg.update_rules.registry import find_algorithm
from tests.helpers import CHAIN, chain
from tests.update_rules.disco.oracle import random_weights

TINY = {"num_envs": 4, "num_steps": 8}
AGENT = "disco-D(8)"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "disco_103.npz"
    np.savez(path, **random_weights())
    return path


@dataclasses.dataclass(frozen=True)
class MaskedChain(type(CHAIN)):
    def action_mask(self, env_params):
        return jnp.array([True, False])


class OneAction:
    """A distribution of chains of which only the first action exists."""

    env = MaskedChain(max_length=5)

    def sample(self, key, num_actions=None):
        return chain(5)


def tiny_plan(path, environment="chain/short", num_updates=6, agent=AGENT, **changes):
    plan = {"num_steps": 32 * num_updates, "agent": agent, "changes": {**TINY, **changes}}
    return make_plan(find_algorithm(f"disco:{path}"), environment, **plan)


@pytest.mark.thorough
def test_one_line_trains_on_catch_with_the_published_agent(path, tmp_path, capsys):
    few = ["--steps", "64", "--set", "num_envs=2", "--set", "num_steps=8", "--out", str(tmp_path / "out")]
    assert main(["train", "bsuite/catch", "--rule", f"disco:{path}", *few]) == 0
    rows = [row for row in read(tmp_path / "out" / "results.csv") if row.rule == "disco"]
    assert [row.steps for row in rows] == [16, 32, 48, 64]
    err = capsys.readouterr().err
    assert "disco on bsuite/catch (4 updates): agent disco-D(512-512); learning_rate 0.01" in err
    agent = lpg.load_agent(tmp_path / "out")
    assert agent.card.agent == "disco-D(512-512)" and agent.evaluate(episodes=2).shape == (2,)


@pytest.mark.thorough
def test_python_trains_with_it_too(path):
    result = lpg.train(f"disco:{path}", "chain/short", 64, agent=AGENT, changes=TINY)
    assert result.curve[-1].agent_updates == 2 and result.curve[-1].rule == "disco"
    assert result.agent(jnp.asarray(3)).logits.shape == (2,)


@pytest.mark.parametrize(
    ("environment", "options", "words"),
    [
        ("gymnasium/CartPole-v1", {}, "environments in JAX only"),
        ("chain/short", {"agent": "D(8)"}, "needs one with its predictions, 'disco-D"),
        ("chain/short", {"agent": "disco-nonsense"}, "'disco-nonsense' given|is needed"),
        ("chain/short", {"changes": {"policy_entropy_weight": 0.1}}, "policy_entropy_weight is 0.1; DiscoRL's rule"),
        ("chain/short", {"changes": {"y_weight": 0.5}}, "y_weight is 0.5; DiscoRL's rule has 1.0 and no other"),
        ("chain/short", {"changes": {"clip": 0.1}}, "only ppo and rules with clip_policy do"),
        (f"{__name__}:OneAction", {}, "only 1 of 2 actions exist"),
    ],
)
def test_what_the_rule_cannot_do_is_refused_in_one_line(environment, options, words, path):
    with pytest.raises(ValueError, match=words) as caught:
        make_plan(find_algorithm(f"disco:{path}"), environment, num_steps=1, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rule", ["disco:nowhere.npz", "disco:"])
def test_a_wrong_path_ends_the_command_with_one_line_and_status_2(rule, capsys):
    assert main(["train", "bsuite/catch", "--rule", rule, "--steps", "64"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "disco_103.npz" in err


def test_every_field_of_the_configuration_is_used_fixed_or_refused(path):
    config = tiny_plan(path).config
    used = {"learning_rate", "gamma", "lambda_", "num_envs", "num_steps", "num_epochs"}
    refused, of_tables = {"clip", "drift_scale"}, {"table_step"}
    assert used | refused | of_tables | set(FIXED) == set(vars(config))
    assert {name: getattr(config, name) for name in FIXED} == FIXED


def test_images_are_read_by_the_environments_own_torso(path):
    plan = make_plan(find_algorithm(f"disco:{path}"), "random/dense", num_steps=1)
    assert plan.agent == "disco-C(16)-D(32)" and plan.config.learning_rate == 0.0003


@pytest.mark.thorough
@pytest.mark.parametrize("num_epochs", [1, 2])
def test_a_training_goes_on_from_any_point_of_its_curve_bit_for_bit(num_epochs, path):
    plan, ends = tiny_plan(path, num_epochs=num_epochs), np.array([2, 4, 6])
    first, other = plan.backend.batches(plan, [3, 4], ends)
    *_, straight = first.advance(first.init())
    middle = next(first.advance(first.init()))
    assert (middle.num_updates, len(middle.totals), len(other.seeds)) == (2, 1, 1)
    *_, again = first.advance(middle)
    np.testing.assert_array_equal(np.array(again.totals), np.array(straight.totals))
    for one, two in zip(*map(jax.tree.leaves, (straight.tree.learner, again.tree.learner)), strict=True):
        np.testing.assert_array_equal(one, two)
    *_, others = other.advance(other.init())
    assert np.any(others.tree.learner.agent.action != straight.tree.learner.agent.action)
    # A step more than a chain is long leads from one episode to the next.
    length = int(sample_env_params("chain/short", [3], "report").length[0])
    assert int(np.array(straight.totals)[:, 2].sum()) == 4 * ((6 * 8 + 1) // (length + 1))


def test_the_file_of_a_training_is_resumed_with_the_same_weights_alone(path, tmp_path):
    plan = tiny_plan(path, num_updates=4)
    straight, _ = train_plan(plan, [0])
    train_plan(tiny_plan(path, num_updates=2), [0], out=tmp_path)
    longer, _ = train_plan(plan, [0], out=tmp_path, resume=True)
    assert longer[-1].steps == straight[-1].steps == 128
    np.testing.assert_array_equal([r.return_mean for r in longer][-1:], [r.return_mean for r in straight][-1:])
    np.savez(tmp_path / "other.npz", **random_weights(1))
    with pytest.raises(ValueError, match="checkpoint is of another training"):
        train_plan(tiny_plan(tmp_path / "other.npz", num_updates=6), [0], out=tmp_path, resume=True)
