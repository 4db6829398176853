"""The backend of environments in JAX: batches of seeds, and states that go on bit for bit."""

import jax
import numpy as np

from lpg.evaluation.chosen_config import ChosenConfig
from lpg.evaluation.jax_backend import JaxBackend
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_plan import make_plan
from lpg.update_rules.registry import find_rule

CONFIG = TrainConfig(learning_rate=5.0, num_envs=4, num_steps=5)
PLAN = make_plan(find_rule("a2c"), "chain/short", num_steps=6 * 20, chosen=ChosenConfig(CONFIG, "given"))
ENDS = np.array([2, 4, 6])


def test_the_defaults_are_the_registrys():
    assert JaxBackend("chain/distractor").default_agent == "D(16)"
    assert JaxBackend("tabular/dense").default_steps == 3_000_000


def test_every_seed_is_in_one_batch_and_rows_fill_the_devices():
    batches = list(PLAN.backend.batches(PLAN, range(3, 12), ENDS))
    assert [seed for batch in batches for seed in batch.seeds] == list(range(3, 12))
    assert {batch.num_rows % jax.device_count() for batch in batches} == {0}
    assert all(batch.num_rows >= len(batch.seeds) for batch in batches)


def test_a_state_goes_on_as_if_nothing_had_been():
    (batch,) = PLAN.backend.batches(PLAN, [0, 1], ENDS)
    *_, straight = batch.advance(batch.init())
    first = next(batch.advance(batch.init()))
    assert (first.num_updates, len(first.totals)) == (2, 1)
    *_, again = batch.advance(first)
    assert again.num_updates == straight.num_updates == 6
    for ours, theirs in zip(batch.agents(again.tree), batch.agents(straight.tree), strict=True):
        np.testing.assert_array_equal(ours.rows, theirs.rows)
    np.testing.assert_array_equal(np.array(again.totals), np.array(straight.totals))
    # A training that is done yields nothing.
    assert list(batch.advance(again)) == []


def test_a_template_has_the_shapes_of_a_trained_agent():
    (batch,) = PLAN.backend.batches(PLAN, [0], ENDS)
    (agent,) = batch.agents(batch.init().tree)
    assert jax.tree.map(np.shape, PLAN.backend.template("tabular", 1, normalise_observations=False)) == jax.tree.map(
        np.shape, agent
    )
