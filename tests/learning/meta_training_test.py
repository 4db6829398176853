"""Slow: `lpg.meta_training.run`, with all its parts, discovers a rule that trains new agents."""

import dataclasses

import pytest

from lpg.evaluation.evaluate import score_rule
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.validation import Validator
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.run import run
from lpg.update_rules.rule_file import read_rule
from tests.helpers import Silent

CONFIG = MetaConfig(
    suite="chain/short", lstm_size=8, prediction_size=6, num_lifetimes=32, num_envs=16, num_steps=8,
    num_updates=5, lifetime_updates=40, chunk=16, remat=False, objective="every", scale_advantages=True,
    time_limit_is_termination=False, learning_rates=(20.0, 40.0), y_weights=(0.5,), normalise_bandit=True,
    share_bandit=True, policy_entropy_weights=(0.01,), meta_updates=600, meta_learning_rate=3e-3,
    max_gradient_norm=1.0, validation_every=200, validation_updates=60, validation_learning_rates=(20.0, 40.0),
    validation_seeds=8, checkpoint_every=1000,
)  # fmt: skip
"""32 lifetimes · 5 updates · 128 steps · 600 = 12 M steps, about a minute on one core."""


def reported(rule) -> float:
    """Normalised return of fresh agents in the last tenth of 60 updates, on report environments."""
    config = TrainConfig(learning_rate=40.0, y_weight=0.5, num_envs=16, num_steps=8, table_step="samples")
    return score_rule(rule, "lpg", ("chain/short",), 16, 60, "report", config)[1].end.iqm


@pytest.mark.slow
def test_a_run_discovers_a_rule_that_trains_agents_on_unseen_chains(tmp_path):
    result = run(
        CONFIG, tmp_path / "run", seed=0, resume=False, minutes=None, validate=Validator(CONFIG), listener=Silent()
    )
    untrained, _ = read_rule(tmp_path / "run" / "checkpoints" / "rule-000000.safetensors")
    discovered, card = read_rule(tmp_path / "run" / "rule.safetensors")
    before, after = reported(untrained), reported(discovered)
    print(f"validation {result.state.counters.best_score:.3f}; at the end before {before:.3f}, after {after:.3f}")
    assert card["meta_updates"] > 0
    assert after > 0.6
    assert before < 0.3  # the twin: 0 is chance, and it is what a rule gives that was not meta-trained


@pytest.mark.slow
def test_without_a_meta_gradient_nothing_is_discovered(tmp_path):
    # The twin: the same run with a meta learning rate at which η hardly changes.
    still = dataclasses.replace(CONFIG, meta_learning_rate=1e-9, meta_updates=50, validation_every=50)
    run(still, tmp_path / "run", seed=0, resume=False, minutes=None, validate=Validator(still), listener=Silent())
    assert reported(read_rule(tmp_path / "run" / "rule.safetensors")[0]) < 0.3
