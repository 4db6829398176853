"""How much agents learn without each input or part of the rule: two claims and a figure."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpg.analysis.ablated_inputs.measure import FROZEN, FULL, INPUT_ABLATIONS, UNIFORM_POLICY
from lpg.analysis.study import Claim, Tables, judge
from lpg.analysis.style import INK, colours, save
from lpg.analysis.table import Table, select

if TYPE_CHECKING:
    from matplotlib.figure import Figure


STATEMENT = "The discovered predictions matter: agents learn less where they stay uniform."
CRITERION = (
    "The normalised area under the learning curve, mean over environments, falls by at least 0.1 when α_y is 0; by at "
    "least 0.03 is partly."
)
POLICY_STATEMENT = "The rule uses π(a|s), beyond the policy gradient: agents learn less where it sees a uniform policy."
POLICY_CRITERION = "The mean area falls by at least 0.1; by at least 0.03 is partly."
ASKED = ((STATEMENT, CRITERION), (POLICY_STATEMENT, POLICY_CRITERION))


def means(areas: Table) -> dict[str, dict[str, float]]:
    """Area by ablation and environment, mean over seeds."""
    environments = list(dict.fromkeys(areas["environment"].tolist()))
    return {
        ablation: {
            name: float(np.mean(select(areas, ablation=ablation, environment=name)["area"])) for name in environments
        }
        for ablation in INPUT_ABLATIONS
    }


def score(tables: Tables) -> list[Claim]:
    """Two claims of ours."""
    found = means(tables["areas"])
    return [_loss(found, ablation, *asked) for ablation, asked in zip((FROZEN, UNIFORM_POLICY), ASKED, strict=True)]


def _loss(found: dict[str, dict[str, float]], ablation: str, statement: str, criterion: str) -> Claim:
    full, left = (float(np.mean(list(found[name].values()))) for name in (FULL, ablation))
    each = ", ".join(f"{name} {found[FULL][name]:.2f} → {value:.2f}" for name, value in found[ablation].items())
    return Claim(
        figure="ours",
        statement=statement,
        criterion=criterion,
        found=f"from {full:.2f} to {left:.2f} ({each})",
        verdict=judge(full - left, reproduced=0.1, partly=0.03),
    )


def plot(tables: Tables, folder: Path) -> list[Path]:
    """Draws `ablated inputs.png`."""
    return [save(lambda: draw(tables), folder / "ablated_inputs.png")]


def draw(tables: Tables) -> "Figure":
    """Bars are means over seeds, dots single agents; 0 is the random policy, 1 the optimum."""
    from matplotlib.figure import Figure

    areas, found = tables["areas"], means(tables["areas"])
    environments = list(next(iter(found.values())))
    palette = colours(list(INPUT_ABLATIONS))
    figure = Figure(figsize=(2.2 + 1.5 * len(environments), 3.4), layout="constrained")
    ax = figure.subplots()
    width = 0.8 / len(INPUT_ABLATIONS)
    for at, ablation in enumerate(INPUT_ABLATIONS):
        x = np.arange(len(environments)) + (at - (len(INPUT_ABLATIONS) - 1) / 2) * width
        ax.bar(x, list(found[ablation].values()), width=0.9 * width, color=palette[ablation], label=ablation, zorder=2)
        for place, name in zip(x, environments, strict=True):
            dots = select(areas, ablation=ablation, environment=name)["area"]
            ax.plot([place] * len(dots), dots, "o", markersize=1.8, color=INK, alpha=0.5, zorder=3)
    ax.set_xticks(range(len(environments)), environments)
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.set_ylabel("area under the learning curve")
    figure.legend(loc="outside upper center", ncols=3)
    return figure
