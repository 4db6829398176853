"""Whether predictions, and the policy as a memory, are needed by the rule that was discovered."""

import numpy as np

from lpg.analysis.ablated_inputs.ablated import BLIND, FROZEN, INPUT_ABLATIONS, WHOLE
from lpg.analysis.claims import Claim, judge
from lpg.analysis.study import Tables
from lpg.analysis.table import Table, select

SAYS = "The discovered predictions matter: agents learn less where they stay uniform."
CRITERION = (
    "The normalised area under the learning curve, mean over environments, falls by at least 0.1 when α_y is 0; by at "
    "least 0.03 is partly."
)
POLICY_SAYS = "The rule uses π(a|s), beyond the policy gradient: agents learn less where it sees a uniform policy."
POLICY_CRITERION = "The mean area falls by at least 0.1; by at least 0.03 is partly."
ASKED = ((SAYS, CRITERION), (POLICY_SAYS, POLICY_CRITERION))


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
    return [_loss(found, ablation, *asked) for ablation, asked in zip((FROZEN, BLIND), ASKED, strict=True)]


def _loss(found: dict[str, dict[str, float]], ablation: str, says: str, criterion: str) -> Claim:
    whole, left = (float(np.mean(list(found[name].values()))) for name in (WHOLE, ablation))
    each = ", ".join(f"{name} {found[WHOLE][name]:.2f} → {value:.2f}" for name, value in found[ablation].items())
    return Claim(
        figure="ours",
        says=says,
        criterion=criterion,
        found=f"from {whole:.2f} to {left:.2f} ({each})",
        verdict=judge(whole - left, reproduced=0.1, partly=0.03),
    )
