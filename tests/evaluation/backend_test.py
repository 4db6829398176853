"""Plans: what a checkpoint must have in common with the training that goes on from it."""

import dataclasses
import json

import pytest

from lpg.evaluation.backend import Batch, GymnasiumOptions
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_plan import backend_of, make_plan
from lpg.update_rules.registry import find_rule
from tests.learner.mirror import NAME

PLAN = make_plan(find_rule("a2c"), "chain/short", num_steps=12_800)


def batch(*seeds, num_rows=1):
    return Batch(seeds, num_rows, *[lambda *_: None] * 3)


def test_a_plan_knows_its_steps():
    assert (PLAN.config.steps_per_update, PLAN.num_updates, PLAN.steps_per_agent) == (160, 80, 12_800)


def test_the_identity_of_a_training_is_json_and_knows_seeds_and_rows():
    identity = PLAN.identity(batch(1))
    assert json.loads(json.dumps(identity)) == identity == PLAN.identity(batch(1))
    assert identity != PLAN.identity(batch(0)) and identity != PLAN.identity(batch(1, num_rows=2))


@pytest.mark.parametrize(
    "changes",
    [
        {"agent": "D(4)"},
        {"chosen": dataclasses.replace(PLAN.chosen, config=TrainConfig(gamma=0.5))},
        {"backend": backend_of("chain/short", 9)},
        {"backend": backend_of("atari/pong", options=GymnasiumOptions(sticky_actions=0.25))},
        {"environment": NAME},
        {"rule": find_rule("lpg")},
    ],
    ids=lambda changes: "{} {}".format(*next(iter(changes.items())))[:40],
)
def test_whatever_changes_a_training_changes_its_identity(changes):
    assert dataclasses.replace(PLAN, **changes).identity(batch(0)) != PLAN.identity(batch(0))
