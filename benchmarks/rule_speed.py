"""How fast agents learn under each rule at its general setting, in environment steps a second.

    python -m benchmarks.rule_speed    # a few minutes on an idle machine; then benchmarks.comparison_page

Each rule trains the same number of agents for the same number of environment steps, after a first training that
compiles. Rules take turns, and the median over the rounds counts, because a neighbour on a shared machine slows one
round, not one rule.
"""

import argparse
import csv
import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.markdown import NAMES, table
from benchmarks.measured import MEASURED
from lpg.cli.machine import set_up_jax
from lpg.evaluation.evaluate import Trial, run_trials
from lpg.evaluation.training_plan import make_plan
from lpg.update_rules.registry import NamedRule, find_rule

FILE = MEASURED / "speed" / "speed.csv"
RULES = ("a2c", "ppo", "dpo", "lpg", "lpg-v", "lpg-kick-start", "lpg-optimistic", "lpg-networks")
STEPS = {"tabular/dense": 200_000, "classic/CartPole-v1": 50_000, "minatar/breakout": 10_000}
"""Environment steps of one agent."""
NUM_AGENTS, ROUNDS = 8, 3


@dataclasses.dataclass(frozen=True)
class Point:
    """What was measured."""

    environment: str
    rule: str
    steps_per_update: int
    num_epochs: int
    steps_per_second: float
    """Of all agents together, median over the rounds."""


def main() -> None:
    """Measures all points and writes them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FILE, help="none: docs/measured/speed/speed.csv")
    file = parser.parse_args().out
    set_up_jax()
    points = []
    for environment, num_steps in STEPS.items():
        points += measure([find_rule(name) for name in RULES], environment, num_steps)
        write(file, points)


def measure(
    rules: Sequence[NamedRule],
    environment: str,
    num_steps: int,
    *,
    num_agents: int = NUM_AGENTS,
    rounds: int = ROUNDS,
    clock: Callable[[], float] = time.monotonic,
) -> list[Point]:
    """One point for each rule; each trains once more than there are rounds, because the first training compiles.

    Args:
        num_steps: environment steps of one agent.
        clock: in seconds.
    """
    plans = [make_plan(rule, environment, num_steps=num_steps, settings="general") for rule in rules]
    seconds: dict[int, list[float]] = {index: [] for index in range(len(rules))}
    for number in range(rounds + 1):
        for index, plan in enumerate(plans):
            trials = [Trial(environment, seed, plan.config, plan.num_updates, plan.agent) for seed in range(num_agents)]
            began = clock()
            run_trials(plan.rule.rule, trials, "tuning")
            ended = clock()
            if number:
                seconds[index].append(ended - began)
    return [
        Point(
            environment,
            plan.rule.label,
            plan.config.steps_per_update,
            plan.config.num_epochs,
            num_agents * plan.num_updates * plan.config.steps_per_update / statistics.median(seconds[index]),
        )
        for index, plan in enumerate(plans)
    ]


def write(file: Path, points: Sequence[Point]) -> None:
    """As CSV."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as opened:
        rows = csv.writer(opened, lineterminator="\n")
        rows.writerow([field.name for field in dataclasses.fields(Point)])
        rows.writerows([*dataclasses.astuple(point)[:-1], round(point.steps_per_second)] for point in points)


def read(file: Path = FILE) -> list[Point]:
    """What `write` wrote."""
    with file.open(newline="") as opened:
        return [
            Point(
                row["environment"],
                row["rule"],
                int(row["steps_per_update"]),
                int(row["num_epochs"]),
                float(row["steps_per_second"]),
            )
            for row in csv.DictReader(opened)
        ]


def in_markdown(points: Sequence[Point]) -> str:
    """A row for each rule, a column for each environment: thousands of steps a second, and updates."""
    environments = list(dict.fromkeys(point.environment for point in points))
    found = {(point.rule, point.environment): point for point in points}
    lines = [
        [f"**{NAMES.get(rule, f'`{rule}`')}**", *(_cell(found.get((rule, name))) for name in environments)]
        for rule in dict.fromkeys(point.rule for point in points)
    ]
    return table(["rule", *environments], lines)


def _cell(point: Point | None) -> str:
    if point is None:
        return "–"
    again = f", {point.num_epochs} times" if point.num_epochs > 1 else ""
    return f"{point.steps_per_second / 1000:,.0f}<br>{point.steps_per_update} steps an update{again}"


if __name__ == "__main__":
    main()
