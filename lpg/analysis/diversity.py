"""Do more kinds of training environments make a rule that generalises better? (Figure 9)

Rules are meta-trained on growing sets of environments at equal budgets and compared on environments that are in none
of the sets.

Reference: Oh et al. (2020), section 4.6 and figure 9.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lpg.analysis.meta_runs import Variant
from lpg.analysis.paper_numbers import FIGURE_9
from lpg.analysis.study import Claim, Tables, judge, missing, worst
from lpg.analysis.style import INK, RULE_COLOURS, save
from lpg.analysis.table import Table, make_table, select
from lpg.environments.registry import suite
from lpg.evaluation.evaluate import Progress, evaluate_rule, reference_rows
from lpg.evaluation.results import Row
from lpg.evaluation.scores import scores
from lpg.evaluation.train_config import TrainConfig
from lpg.keys import Purpose
from lpg.meta_training.config import MetaConfig
from lpg.update_rules.base import Rule

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SETS = {
    "tabular": ("five tabular grids", "tabular"),
    "tabular-random": ("and random grids", "tabular,random"),
    "tabular-random-chain": ("and five chains", "tabular,random,chain"),
}


def variants(config: MetaConfig, random_grids: str = "random") -> list[Variant]:
    """One per training set; a budget is lifetimes × meta-updates, divided over the environments.

    Args:
        config: its lifetimes are those of the smallest set; every set has at least one lifetime per environment.
        random_grids: which of the five stand for them. Three have agents with convolutions, which cost a hundred times
            what tables cost.

    Raises:
        ValueError: there are fewer lifetimes than environments, or what stands for random grids is something else.
    """
    others = [name for name in suite(random_grids) if name not in suite("random")]
    if others:
        raise ValueError(f"{others[0]} given among the random grids; some of {', '.join(suite('random'))} are needed")
    sets = {name: (about, names.replace("random", random_grids)) for name, (about, names) in SETS.items()}
    smallest = min(len(suite(names)) for _, names in sets.values())
    lifetimes = config.num_lifetimes or config.lifetimes_per_environment * smallest
    largest = max(len(suite(names)) for _, names in sets.values())
    if lifetimes < largest:
        raise ValueError(
            f"{lifetimes} lifetimes given; at least {largest} are needed, one for each environment of the largest set"
        )
    return [Variant(name, about, {"suite": names, "num_lifetimes": lifetimes}) for name, (about, names) in sets.items()]


def check_unseen(test_suite: str) -> tuple[str, ...]:
    """The environments of a test suite, none of which is in any training set.

    Raises:
        ValueError: one is.
    """
    names = suite(test_suite)
    trained = {name for _, names in SETS.values() for name in suite(names)}
    seen = [name for name in names if name in trained]
    if seen:
        raise ValueError(f"{seen[0]} is trained on; --suite needs environments that none of the rules has seen")
    return names


def measure(
    rules: Mapping[tuple[str, int], tuple[Rule, TrainConfig]],
    environments: Sequence[str],
    seeds: int,
    updates: Mapping[str, int],
    learning_rates: Mapping[str, Sequence[float]],
    progress: Progress | None = None,
    evaluate: Callable[..., list[Row]] = evaluate_rule,
) -> Table:
    """Fresh agents under each rule.

    The learning rate of each rule and environment is the best on the seeds for tuning; scores are those of other seeds.

    Args:
        rules: by training set and meta-seed, with the configuration of its agents.
        updates: agent updates by environment.
        learning_rates: by environment, the same for every rule.

    Returns:
        Columns `variant`, `meta_seed`, `environment`, `score`, `learning_rate`, `tuning_score` (the best on the seeds
        for tuning). A score is the normalised area under the learning curve, mean over seeds; the raw final return
        where nothing can be normalised.
    """
    rows: list[dict[str, Any]] = []
    references: dict[Purpose, list[Row]] = {
        "tuning": reference_rows(environments, seeds, "tuning"),
        "report": reference_rows(environments, seeds, "report"),
    }

    def areas(rule: Rule, train_config: TrainConfig, rates: Mapping[str, float], purpose: Purpose) -> dict[str, float]:
        configs = {name: dataclasses.replace(train_config, learning_rate=rate) for name, rate in rates.items()}
        found = evaluate(rule, "rule", tuple(rates), seeds, updates, purpose, configs, progress=progress)
        one = scores([*found, *references[purpose]])["rule"]
        normalised = one.area.per_environment if one.area else {}
        each = {name: float(normalised.get(name, one.raw_end.get(name, np.nan))) for name in rates}
        return {name: area for name, area in each.items() if np.isfinite(area)}

    for (variant, meta_seed), (rule, train_config) in rules.items():
        best: dict[str, tuple[float, float]] = {}
        for trial in range(max(map(len, learning_rates.values()))):
            rates = {name: learning_rates[name][trial] for name in environments if trial < len(learning_rates[name])}
            for name, area in areas(rule, train_config, rates, "tuning").items():
                if name not in best or area > best[name][0]:
                    best[name] = (area, rates[name])
        chosen = {name: rate for name, (_, rate) in best.items()}
        rows += [
            {"variant": variant, "meta_seed": meta_seed, "environment": name, "score": area,
             "learning_rate": chosen[name], "tuning_score": best[name][0]}
            for name, area in (areas(rule, train_config, chosen, "report") if chosen else {}).items()
        ]  # fmt: skip
    return make_table(rows)


STATEMENT = "The more kinds of environments a rule is meta-trained on, the better it is where it was not."
CRITERION = (
    "Mean over the unseen environments of the normalised area under the learning curve (of the raw final return, where "
    "nothing can be normalised), with learning rates chosen on other seeds: it rises at both steps, tabular to + "
    "random to + chain, is reproduced; only from first to last is partly, and so is any rise with rates chosen on the "
    "seeds that are reported."
)


def means(scores: Table) -> dict[str, float]:
    """Mean over environments and seeds by training set, in the order of the sets."""
    found = {}
    for name in SETS:
        if name in scores["variant"]:
            found[name] = float(select(scores, variant=name)["score"].mean())
    return found


def score(tables: Tables) -> list[Claim]:
    """The claim of figure 9."""
    found = means(tables["scores"])
    absent = [name for name in SETS if name not in found or math.isnan(found[name])]
    if absent:
        return [missing("Figure 9", STATEMENT, CRITERION, f"no results yet for {', '.join(absent)}")]
    first, second, third = found.values()
    rises = 2 if first < second < third else 1 if first < third else 0
    words = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
    where = ", ".join(dict.fromkeys(tables["scores"]["environment"].tolist()))
    # Tables of earlier versions have no such column: their rates were chosen on the seeds that they report.
    is_held_out = "tuning_score" in tables["scores"]
    rates = "" if is_held_out else "; learning rates were chosen on the same seeds"
    return [
        Claim(
            figure="Figure 9",
            statement=STATEMENT,
            criterion=CRITERION,
            found=f"{words} on {where} (paper, Atari games above human: 5, 7, 14){rates}",
            verdict=worst(judge(rises, reproduced=2, partly=1), "reproduced" if is_held_out else "partly"),
        )
    ]


LABELS = {"tabular": "tabular", "tabular-random": "+ random", "tabular-random-chain": "+ chain"}


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `diversity.png`."""
    return [save(lambda: draw(tables), folder / "diversity.png")]


def draw(tables: Tables) -> "Figure":
    """Left ours: bars are means, dots environments. Right the paper's."""
    from matplotlib.figure import Figure

    scores, found = tables["scores"], means(tables["scores"])
    figure = Figure(figsize=(7.6, 3.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    x = range(len(found))
    left.bar(x, list(found.values()), color=RULE_COLOURS[0], width=0.6, zorder=2)
    for at, name in enumerate(found):
        values = select(scores, variant=name)["score"]
        left.plot([at] * len(values), values, "o", markersize=3.5, color=INK, alpha=0.6, zorder=3)
    left.set_xticks(list(x), [LABELS.get(name, name) for name in found])
    left.axhline(0, color=INK, linewidth=0.8)
    left.set(title="ours", xlabel="meta-trained on", ylabel="score on unseen environments")
    paper = {name.replace(",", "-"): counts["lpg"] for name, counts in FIGURE_9.items() if name != "none"}
    right.bar(range(len(paper)), list(paper.values()), color=RULE_COLOURS[1], width=0.6, zorder=2)
    right.set_xticks(range(len(paper)), [LABELS[name] for name in paper])
    right.set(title="paper (figure 9)", xlabel="meta-trained on", ylabel="Atari games above human")
    return figure
