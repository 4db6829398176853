"""What trainings hand to sinks."""

import math

import pytest

from lpg.evaluation import final
from lpg.evaluation.final import Final
from lpg.evaluation.log import log_rows, plan_config
from lpg.evaluation.results import Row
from lpg.evaluation.training_plan import make_plan
from lpg.sinks import Sinks
from lpg.update_rules.registry import find_rule
from tests.helpers import Diary

ROWS = [
    Row("a2c", "chain/short", 3, 1, 80, 0.5, math.nan, 1),
    Row("a2c", "chain/short", 3, 2, 160, math.nan, math.nan, 0),
]


def test_rows_and_final_scores_are_numbers_of_their_training_without_empty_cells():
    diary, name = Diary(), "a2c/chain/short/seed-3"
    scores = Final("a2c", "chain/short", 3, 0.75, 0.25, 2, math.nan, 2.0, 80.0)
    with Sinks([diary], pytest.fail) as sinks:
        log_rows(sinks, ROWS)
        final.log(sinks, [scores], ROWS)
    known = {"final/greedy_mean": 0.75, "final/greedy_stderr": 0.25, "final/episodes": 2.0, "final/seconds": 2.0,
             "final/steps_per_second": 80.0}  # fmt: skip
    assert diary.lines[:-1] == [
        ("row", 80, {"agent_updates": 1.0, "return_mean": 0.5, "episodes": 1.0}, name),
        ("row", 160, {"agent_updates": 2.0, "episodes": 0.0}, name),
        ("row", 160, known, name),
    ]


def test_the_configuration_says_what_is_trained():
    config = plan_config(make_plan(find_rule("a2c"), "chain/short", num_steps=800, changes={"num_envs": 4}))
    assert (config["rule"], config["environment"], config["agent"]) == ("a2c", "chain/short", "tabular")
    assert config["num_envs"] == 4 and config["source"].endswith("changed") and config["steps"] == 800
