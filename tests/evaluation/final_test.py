"""final.csv: each agent's greedy score, steps to the threshold, seconds and speed."""

import math

import numpy as np
import pytest

from lpg.evaluation import final
from lpg.evaluation.chosen_config import ChosenConfig
from lpg.evaluation.evaluate import reference_rows
from lpg.evaluation.final import Final, final_scores
from lpg.evaluation.results import Row
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.trainer import Trained, train_plans
from lpg.evaluation.training_plan import make_plan
from lpg.update_rules.registry import find_rule
from tests.learner.mirror import NAME

CONFIG = TrainConfig(learning_rate=20.0, num_envs=4, num_steps=20, table_step="samples")


def plan_of(name, num_updates):
    return make_plan(find_rule("a2c"), name, num_steps=num_updates * 80, chosen=ChosenConfig(CONFIG, "given"))


@pytest.mark.thorough
def test_agents_that_have_learned_play_well_and_their_steps_are_counted():
    names, seeds = ("chain/short", NAME), (0, 1)
    trained = train_plans([plan_of("chain/short", 200), plan_of(NAME, 20)], seeds)
    found = final_scores(trained, reference_rows(("chain/short",), seeds, "report"), num_episodes=3)
    assert [(one.rule, one.environment, one.seed) for one in found] == [
        ("a2c", name, seed) for name in names for seed in seeds
    ]
    assert {one.episodes for one in found} == {3}
    assert [(one.greedy_mean, one.greedy_stderr) for one in found[:2]] == [(1.0, 0.0)] * 2
    assert all(0 < one.steps_to_threshold < 16_000 for one in found[:2])
    # Without reference returns there is nothing to reach, unless a return is given.
    assert all(math.isnan(one.steps_to_threshold) for one in found[2:])
    easy = final_scores(trained[2:], threshold_return=-1.0, num_episodes=0)
    assert all(one.steps_to_threshold == 80 and math.isnan(one.greedy_mean) and one.episodes == 0 for one in easy)


def test_seconds_are_shared_and_speed_is_steps_by_seconds():
    plan = plan_of("chain/short", 2)
    rows = [Row("a2c", "chain/short", 0, at, 80 * at, value, 0.0, 64) for at, value in ((1, 0.5), (2, 0.95))]
    reference = [Row(n, "chain/short", 0, 0, 0, v, math.nan, 0) for n, v in (("random", 0.0), ("optimum", 1.0))]
    agent = plan.backend.template(plan.agent, 1, normalise_observations=False)
    one = Trained(plan, 0, rows, agent, num_steps=160, seconds=2.0)
    (found,) = final_scores([one], reference, num_episodes=0)
    assert (found.seconds, found.steps_per_second, found.steps_to_threshold) == (2.0, 80.0, 160)
    assert final_scores([one], reference, num_episodes=0, threshold=0.5)[0].steps_to_threshold == 80


def test_the_file_has_a_line_for_each_agent_and_may_be_replaced(tmp_path):
    path = tmp_path / "final.csv"
    for seconds in (1.0, 2.0):
        final.write(path, [Final("a2c", "chain/short", 0, 0.5, np.nan, 1, np.nan, seconds, 1234567.8)])
    assert path.read_text().splitlines() == [
        "rule,environment,seed,greedy_mean,greedy_stderr,episodes,steps_to_threshold,seconds,steps_per_second",
        "a2c,chain/short,0,0.5,,1,,2,1.23457e+06",
    ]
    with pytest.raises(OSError):
        final.write(tmp_path, [])
