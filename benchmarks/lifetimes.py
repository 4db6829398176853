"""How well rules train agents that have little or much time: area over the number of agent updates.

    python -m benchmarks.lifetimes --rule lpg --rule runs/ta-lpg [--seeds 8] [--out build/lifetimes]
    python -m benchmarks.lifetimes --redraw docs/measured/lifetimes --out docs/images --page docs/recipe.md

Agents are tables on the ten environments of `tables` and on two procedural families, with one setting for all lengths
and all learned rules, that of the first rule. Two contestants stand beside the rules for what needs no rule: the first
rule with a learning rate that decays linearly to zero, and the first rule at the best of three learning rates for each
length, chosen on the same agents (no setting can be chosen so; it says what the right step size would be worth).
Written are areas.csv, a row for each agent, and lifetimes.svg.
"""

import argparse
import csv
import dataclasses
from pathlib import Path

import numpy as np

from benchmarks.markdown import interval, number, table, with_parts
from lpg.agents.registry import TABULAR
from lpg.cli.machine import set_up_jax
from lpg.environments.registry import suite
from lpg.evaluation.aggregates import Estimate, bootstrap_interval
from lpg.evaluation.chosen_config import choose_config
from lpg.evaluation.evaluate import Trial, run_trials
from lpg.evaluation.tasks import references
from lpg.evaluation.train_config import TrainConfig
from lpg.keys import Purpose
from lpg.update_rules.registry import NamedRule, find_rule

UPDATES = (25, 80, 250, 800, 2500)
SUITE = "tables,procedural/rewards,procedural/survival"
FACTORS = (0.5, 1.0, 2.0)
DECAYING, BEST = "{}, rate decays to 0", "{}, best of three rates"
SMALLEST = -1.0
"""Areas below count as this: a survivor that dies at once is far below the random policy."""

LAST = 0.2
"""Share of the curve that counts as its end."""

Found = dict[str, dict[int, np.ndarray]]
"""By contestant and number of updates, [2, environments, seeds]: normalised return, over the curve and at its end."""
MEASURES = ("area", "end")


def main() -> None:
    """Measures, writes, prints and draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rule", action="append", help="name, file or run folder; several, compared with the first")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("build/lifetimes"))
    parser.add_argument("--purpose", choices=("report", "validation"), default="report", help="which instances")
    parser.add_argument("--redraw", type=Path, help="a folder with areas.csv: draws and prints it, measures nothing")
    parser.add_argument("--page", type=Path, help="its part `measured: lifetimes` is made anew")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.redraw is None:
        set_up_jax()
        found = measure([find_rule(rule) for rule in arguments.rule], arguments.seeds, arguments.purpose)
        write(arguments.out / "areas.csv", found)
    found = read((arguments.redraw or arguments.out) / "areas.csv")
    print(tables(found))
    draw(arguments.out / "lifetimes.svg", found)
    if arguments.page is not None:
        arguments.page.write_text(with_parts(arguments.page.read_text(), lambda _: tables(found)))


def measure(rules: list[NamedRule], seeds: int, purpose: Purpose) -> Found:
    """Areas of all contestants, with the general setting of the first rule."""
    first, names = rules[0], suite(SUITE)
    config = choose_config(first, names[0], 1e6, TABULAR, own=TABULAR, settings="general").config.for_rule(first.card)
    changed = [dataclasses.replace(config, learning_rate=factor * config.learning_rate) for factor in FACTORS]
    decaying = dataclasses.replace(config, final_learning_rate=0.0)
    extra = DECAYING.format(first.label), BEST.format(first.label)
    found: Found = {label: {} for label in (*[rule.label for rule in rules], *extra)}
    for updates in UPDATES:
        for rule in rules[1:]:
            found[rule.label][updates] = normalised(rule, config, updates, seeds, purpose)
        found[extra[0]][updates] = normalised(first, decaying, updates, seeds, purpose)
        rates = [normalised(first, one, updates, seeds, purpose) for one in changed]
        found[first.label][updates] = rates[FACTORS.index(1.0)]
        found[extra[1]][updates] = max(rates, key=lambda one: one[0].mean())
        print(
            f"{updates} updates:", *(f"{label} {by[updates][0].mean():.3f}" for label, by in found.items()), flush=True
        )
    return found


def normalised(rule: NamedRule, config: TrainConfig, updates: int, seeds: int, purpose: Purpose) -> np.ndarray:
    """See `Found`; before an agent's first episode has ended, it counts as the random policy."""
    names = suite(SUITE)
    trials = [Trial(name, seed, config, updates) for name in names for seed in range(seeds)]
    pairs = [references(name, range(seeds), purpose, None) for name in names]
    values = []
    for (_, returns, *_), random, best in zip(
        run_trials(rule.rule, trials, purpose), *np.concatenate(pairs, axis=1), strict=True
    ):
        curve = np.maximum(np.nan_to_num((np.asarray(returns) - random) / (best - random)), SMALLEST)
        values.append((curve.mean(), curve[-max(round(LAST * len(curve)), 1) :].mean()))
    return np.array(values).T.reshape(2, len(names), seeds)


def write(path: Path, found: Found) -> None:
    """A row for each agent."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("rule", "updates", "environment", "seed", *MEASURES))
        for label, by_updates in found.items():
            for updates, values in by_updates.items():
                for row, name in enumerate(suite(SUITE)):
                    for seed, both in enumerate(values[:, row].T):
                        writer.writerow((label, updates, name, seed, *(f"{value:.5f}" for value in both)))


def read(path: Path) -> Found:
    """What `write` wrote."""
    rows: dict[str, dict[int, list[tuple[float, float]]]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            one = rows.setdefault(row["rule"], {}).setdefault(int(row["updates"]), [])
            one.append((float(row["area"]), float(row["end"])))
    size = len(suite(SUITE))
    return {
        label: {updates: np.array(values).T.reshape(2, size, -1) for updates, values in by.items()}
        for label, by in rows.items()
    }


def difference(values: np.ndarray, base: np.ndarray) -> Estimate:
    """Mean of values minus base [environments, seeds], paired."""
    apart = values - base
    ends = bootstrap_interval([row[None] for row in apart], lambda x: x[0].mean(-1), np.random.default_rng(0))
    return Estimate(float(apart.mean()), *ends)


def tables(found: Found) -> str:
    """A table in Markdown for each measure: means over all agents, and differences from the first contestant."""
    first = next(iter(found.values()))
    made = []
    for index, measure_name in enumerate(MEASURES):
        rows = []
        for label, by_updates in found.items():
            pairs = [(values[index], first[updates][index]) for updates, values in by_updates.items()]
            # Of all lengths together an agent has its mean.
            pairs.append((np.mean([one for one, _ in pairs], axis=0), np.mean([base for _, base in pairs], axis=0)))
            cells = [number(values.mean(), 3) for values, _ in pairs]
            if by_updates is not first:
                apart = [interval(difference(*pair), signed=True) for pair in pairs]
                cells = [f"{cell}, {text}" for cell, text in zip(cells, apart, strict=True)]
            rows.append([label, *cells])
        made.append(table([measure_name, *(f"{updates:,} updates" for updates in first), "all"], rows))
    return "\n\n".join(made)


def draw(path: Path, found: Found) -> None:
    """Differences from the first contestant over the number of updates, a panel for each measure."""
    import matplotlib.pyplot as plt

    (name, first), *others = found.items()
    figure, axes = plt.subplots(1, len(MEASURES), figsize=(9, 3.8), sharey=True)
    for index, (axis, title) in enumerate(zip(axes, ("whole learning curve", "last fifth of it"), strict=True)):
        axis.axhline(0, color="0.6", linewidth=1)
        for row, (label, by_updates) in enumerate(others):
            color = f"C{row}"
            apart = [difference(values[index], first[updates][index]) for updates, values in by_updates.items()]
            # Points of several contestants stand beside each other.
            x = np.array(list(by_updates)) * 1.09 ** (row - (len(others) - 1) / 2)
            style = "--" if label.startswith(name) else "-"
            axis.plot(x, [one.value for one in apart], style, marker="o", markersize=3, color=color, label=label)
            axis.vlines(x, [one.low for one in apart], [one.high for one in apart], color=color, linewidth=1)
        axis.set(xscale="log", xlabel="agent updates", title=title)
        axis.set_xticks(list(first), [f"{n:,}" for n in first])
        axis.minorticks_off()
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(f"normalised return minus that of\n{name}")
    axes[0].legend(frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


if __name__ == "__main__":
    main()
