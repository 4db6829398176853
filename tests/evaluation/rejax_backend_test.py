"""rejax's PPO on our environments: what is refused, tiny trainings, and the agents that come out."""

import copy
import dataclasses
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.agents.outputs import MASKED_LOGIT
from lpg.evaluation.greedy import greedy_returns
from lpg.evaluation.gymnax_adapter import GymnaxAdapter
from lpg.evaluation.rejax_backend import FIELDS, FIXED, _adapter
from lpg.evaluation.results import curves, end_row
from lpg.evaluation.tasks import sample_env_params
from lpg.evaluation.trainer import train_plan
from lpg.evaluation.training_plan import make_plan
from lpg.update_rules.registry import find_algorithm
from tests.helpers import CHAIN, chain

pytest.importorskip("rejax")
# Of tensorflow-probability, which rejax imports.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PPO = find_algorithm("rejax/ppo")
TINY = {"num_envs": 4, "num_steps": 8, "num_minibatches": 2, "num_epochs": 1}


@dataclasses.dataclass(frozen=True)
class MaskedChain(type(CHAIN)):
    mask: tuple[bool, bool] = (True, False)

    def action_mask(self, env_params):
        return jnp.array(self.mask)


class FirstAction:
    """A distribution of chains of which only the first action exists."""

    env = MaskedChain(max_length=5)

    def sample(self, key, num_actions=None):
        return chain(5)


class SecondAction(FirstAction):
    env = MaskedChain(max_length=5, mask=(False, True))


def tiny_plan(environment="chain/short", num_updates=6, **changes):
    return make_plan(PPO, environment, num_steps=32 * num_updates, changes={**TINY, **changes})


def test_a_copy_is_the_adapter_itself_and_equal_environments_share_one():
    adapter = _adapter(CHAIN, 2)
    assert copy.deepcopy({"env": adapter})["env"] is adapter
    assert _adapter(type(CHAIN)(max_length=5), 2) is adapter and _adapter(CHAIN, 1) is not adapter


@pytest.mark.parametrize("num_actions", [9, 18])
def test_only_actions_that_exist_are_shown(num_actions):
    backend = make_plan(PPO, "tabular/dense", num_steps=1, num_actions=num_actions).backend
    env_params = sample_env_params("tabular/dense", [0], "report", num_actions)
    assert GymnaxAdapter(backend.env, backend._count_actions(env_params)).action_space().n == num_actions


@pytest.mark.parametrize(
    ("environment", "options", "words"),
    [
        (f"{__name__}:SecondAction", {}, "no action masks"),
        ("chain/short", {"agent": "C(16)-D(32)"}, "needs a dense network"),
        ("chain/short", {"agent": "tabular"}, "agent 'tabular' given"),
        ("chain/short", {"changes": {"baseline": True}}, "baseline and normalise_advantages given; only one"),
        ("chain/short", {"changes": {"final_learning_rate": 0.5}}, "final_learning_rate is 0.5; rejax/ppo has 1.0"),
        ("chain/short", {"changes": {"max_gradient_norm": 0.5}}, "max_gradient_norm is 0.5"),
        ("gymnasium/CartPole-v1", {}, "environments in JAX only"),
    ],
)
def test_what_the_library_cannot_do_is_refused_in_one_line(environment, options, words):
    with pytest.raises(ValueError, match=words) as caught:
        make_plan(PPO, environment, num_steps=1, **options)
    assert "\n" not in str(caught.value)


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rejax", None)
    with pytest.raises(ValueError, match=r"pip install 'lpg\[rejax\]'"):
        tiny_plan()


def test_every_field_of_the_configuration_is_the_librarys_or_fixed():
    config = tiny_plan().config
    unused = {"table_step", "drift_scale"}
    assert {*FIELDS, *FIXED, *unused} == set(vars(config))
    assert {name: getattr(config, name) for name in FIXED} == FIXED


@pytest.mark.thorough
def test_a_training_gives_the_points_of_a_curve_and_goes_on_from_any_of_them():
    plan, ends = tiny_plan(normalise_observations=True, normalise_rewards=True), np.array([2, 4, 6])
    (batch,) = plan.backend.batches(plan, [3, 4], ends)
    *_, straight = batch.advance(batch.init())
    first = next(batch.advance(batch.init()))
    assert (first.num_updates, len(first.totals)) == (2, 1)
    *_, again = batch.advance(first)
    np.testing.assert_array_equal(np.array(again.totals), np.array(straight.totals))
    assert list(batch.advance(again)) == []
    # Both agents differ, and all points together hold about as many episodes as there were steps.
    total, _, count = np.array(straight.totals).sum(axis=0)
    assert total[0] != total[1] and (count * 5 <= 6 * 32).all() and (count > 0).all()


@pytest.mark.thorough
def test_one_agent_or_several_learn_alike_and_play_and_are_not_saved(tmp_path):
    plan = tiny_plan("classic/CartPole-v1")
    both, agents = train_plan(plan, [0, 1])
    alone, _ = train_plan(plan, [1])
    assert [row.steps for row in alone] == [32 * n for n in range(1, 7)]
    beside = [row for row in both if row.seed == 1]
    for one, other in list(zip(alone, beside, strict=True))[:3]:
        assert one.return_mean == pytest.approx(other.return_mean, nan_ok=True)
    assert greedy_returns(plan.backend, plan.agent, agents, [0, 1], 3).shape == (2, 3)
    with pytest.raises(ValueError, match="agents of rejax/ppo are not saved"):
        train_plan(plan, [0], out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def trained_agent(environment):
    plan = tiny_plan(environment, num_updates=2, normalise_observations=True)
    (batch,) = plan.backend.batches(plan, [0], np.array([2]))
    (state,) = batch.advance(batch.init())
    (agent,) = batch.agents(state.tree)
    return agent, jax.tree.map(lambda x: x[0], state.tree.obs_rms_state)


@pytest.mark.thorough
def test_an_agent_has_the_policy_that_rejax_trained():
    agent, seen = trained_agent("chain/short")
    x = (jax.nn.one_hot(3, seen.mean.size) - seen.mean) / jnp.sqrt(seen.var + 1e-8)
    log_prob, _ = agent.actor.apply(agent.params, jnp.stack([x, x]), jnp.arange(2), method="log_prob_entropy")
    np.testing.assert_allclose(jax.nn.log_softmax(agent(jnp.asarray(3)).logits), log_prob, rtol=1e-5)
    assert log_prob[0] != log_prob[1]


@pytest.mark.thorough
def test_an_agent_never_takes_actions_that_do_not_exist():
    output = trained_agent(f"{__name__}:FirstAction")[0](jnp.asarray(3))
    assert output.logits.shape == (2,) and output.logits[1] == MASKED_LOGIT and output.prediction.shape == (0,)


@pytest.mark.slow
def test_ppo_learns_to_balance_a_pole():
    plan = make_plan(PPO, "classic/CartPole-v1", num_steps=100_000)
    rows, _ = train_plan(plan, [0, 1])
    for curve in curves(rows)["rejax/ppo"]["classic/CartPole-v1"].values():
        # A random policy balances it for 22 steps.
        assert curve[0].return_mean < 50 and end_row(curve).return_mean > 200
