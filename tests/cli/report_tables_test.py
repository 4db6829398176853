"""What is printed at the end."""

import dataclasses
import math

from lpg.cli.report_tables import plan_lines, print_report
from lpg.evaluation.results import Row
from lpg.update_rules.registry import find_rule
from tests.analysis.training_report_test import ALONE, final_of, plan_of, report_of, two_rules


def lines_of(capsys, *arguments, **options):
    """All that is printed, and words by the first word of their line."""
    print_report(report_of(*arguments, **options))
    out = capsys.readouterr().out
    return out, {words[0]: words[1:] for words in map(str.split, reversed(out.splitlines())) if words}


def test_the_table_has_a_line_per_environment_and_the_configuration(capsys):
    out, lines = lines_of(capsys, ALONE)
    assert lines["chain/short"] == ["0.00", "0.50", "(0.50)", "1.00"]
    assert "normalised IQM" in out and "learning_rate 40" in out and "(its source)" in out
    assert "300 steps in 2.0 s: 150 steps/s" in out
    assert "≥" not in out and "Not normalised" not in out and "minus" not in out and "Warning" not in out
    assert "after training" not in out


def test_the_best_known_is_shown_as_a_lower_bound_of_the_optimum(capsys):
    rows = [*ALONE[:2], dataclasses.replace(ALONE[2], rule="best known")]
    out, lines = lines_of(capsys, rows)
    assert lines["chain/short"] == ["0.00", "0.50", "(0.50)", "≥", "1.00"]
    assert "≥: no optimum is known" in out


def test_human_scores_and_environments_without_reference_returns_are_named(capsys):
    other = Row("a2c", "minatar/breakout", 0, 10, 100, 3.0, 0.1, 64)
    rows = [*ALONE[:2], other, dataclasses.replace(ALONE[2], rule="human")]
    out, lines = lines_of(capsys, rows)
    assert lines["chain/short"] == ["0.00", "0.50", "(0.50)", "human", "1.00"]
    assert lines["minatar/breakout"] == ["–", "3.00", "(–)", "–"]
    assert "human: 1 is the score of a human" in out and "to compare with: minatar/breakout." in out


def test_nothing_is_said_of_scores_that_are_not_known(capsys):
    rows = [Row("a2c", "gymnasium/Mine-v0", 0, 10, 100, math.nan, math.nan, 0)]
    finals = [dataclasses.replace(final_of("a2c", 0), environment="gymnasium/Mine-v0")]
    out, _ = lines_of(capsys, rows, finals=finals)
    assert "optimum" not in out and "IQM" not in out and "rackets" not in out and "–: no episode ended" in out
    out, _ = lines_of(capsys, rows, finals=finals, threshold_return=5.0)
    assert "(or the return 5)" in out


def test_differences_have_a_line_for_end_and_two_for_area(capsys):
    plans = {"lpg": [plan_of("lpg", "tuned")], "a2c": [plan_of()]}
    out, _ = lines_of(capsys, two_rules({"lpg": [0.3, 0.9], "a2c": [0.2, 0.8]}), plans)
    for what in ("end IQM", "area IQM", "area mean"):
        line = next(line for line in out.splitlines() if f"{what}, minus a2c" in line)
        assert line.split()[4:] == ["+0.100", "[+0.100,", "+0.100]", "–"]
    assert "its interval is paired" in out
    assert "Warning: hyper-parameters on chain/short: lpg is tuned, a2c is not tuned (its source); --tune" in out


def test_final_scores_are_means_over_seeds_and_medians_of_steps(capsys):
    # Greedy 0.5 and 0.7: mean 0.6, standard error 0.1. Of three seeds two reach the threshold, after 900 and 1,500
    # steps: the median is 1,500. Speed: three times 300 steps in 1, 2 and 3 seconds.
    finals = [
        final_of(
            "a2c", seed, greedy_mean=mean, steps_to_threshold=steps, seconds=seconds, steps_per_second=300 / seconds
        )
        for seed, (mean, steps, seconds) in enumerate([(0.5, 900.0, 1.0), (0.7, 1500.0, 2.0), (0.6, math.nan, 3.0)])
    ]
    out, _ = lines_of(capsys, ALONE, finals=finals, threshold=0.8)
    table = {words[0]: words[1:] for words in map(str.split, out[out.index("after training") :].splitlines()) if words}
    assert table["chain/short"] == ["0.60", "±", "0.06", "[1,500]"] and table["steps/s"][0] == "150"
    assert "mean of 20 episodes" in out and "return reaches 0.8" in out
    # The twin: half of two seeds are not more than half.
    out, _ = lines_of(capsys, ALONE, finals=finals[1:])
    assert "0.65 ± 0.05  [–]" in out


def test_plans_with_one_configuration_share_a_line():
    plans = [plan_of(environment=name) for name in ("chain/short", "chain/long")]
    other = plan_of(environment="chain/short_noisy")
    changed = dataclasses.replace(
        other.config, baseline=True, max_gradient_norm=0.5, final_learning_rate=0.0, num_steps=5
    )
    plans.append(dataclasses.replace(other, chosen=dataclasses.replace(other.chosen, config=changed)))
    first, second = plan_lines(plans)
    assert first == (
        "a2c on chain/short (10 updates), chain/long (10 updates): agent tabular; learning_rate 40 y_weight 0.5 "
        "gamma 0.995 policy_entropy_weight 0 lambda 0.95 (its source); 8 environments × 20 steps per update"
    )
    # A rule's own limit is shown, and no other one's.
    limits = {name: plan_lines([dataclasses.replace(other, rule=find_rule(name))])[0] for name in ("a2c", "ppo", "dpo")}
    assert {name: ("clip 0.2" in line, "drift_scale 1" in line) for name, line in limits.items()} == {
        "a2c": (False, False), "ppo": (True, False), "dpo": (False, True)
    }  # fmt: skip
    # How tables step means nothing to a network.
    samples = dataclasses.replace(changed, table_step="samples")
    table = dataclasses.replace(other, chosen=dataclasses.replace(other.chosen, config=samples))
    network = dataclasses.replace(table, agent="D(32)")
    assert ["table_step samples" in plan_lines([one])[0] for one in (table, network)] == [True, False]
    assert "lambda 0.95 baseline max_gradient_norm 0.5 final_learning_rate 0 (its source); 8 environments × 5" in second
