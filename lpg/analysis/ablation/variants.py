"""The variants of figure 7, and two of ours, as changes of a configuration.

Reference: Oh et al. (2020), section 4.5 and figure 7.
"""

import dataclasses

import numpy as np

from lpg.analysis.meta_runs import Variant
from lpg.meta_training.config import MetaConfig

SQUARED_WEIGHT = 1 / 200
"""α_y of predictions that move by their squared error, values and y ∈ ℝ^m, over that of the LPG.

Differs from the paper, which gives one list of α_y: a table that moves by α_lr α_y times its error is stable only below
about 1, with α_lr of a thousand and more; a distribution's logits move by at most α_lr α_y.
"""


def variants(config: MetaConfig) -> list[Variant]:
    """The whole LPG first.

    Args:
        config: of the whole LPG; the fixed hyper-parameters are the middle ones of its bandit's arms.
    """
    networks = config.network_learning_rates
    fixed = {
        "learning_rates": [_middle(config.learning_rates)],
        "y_weights": [_middle(config.y_weights)],
        "network_y_weights": None if config.network_y_weights is None else [_middle(config.network_y_weights)],
        "network_learning_rates": None if networks is None else [_middle(networks)],
    }
    squared = {
        "y_weights": [weight * SQUARED_WEIGHT for weight in config.y_weights],
        "network_y_weights": config.network_y_weights or config.y_weights,
    }
    no_softmax = {"rule": "lpg-no-softmax", "prediction_entropy_weight": 0.0, **squared}
    return [
        Variant("lpg", "the whole LPG", {"rule": "lpg"}),
        Variant("lpg-v", "is given a value function, discovers π̂ alone", {"rule": "lpg-v", **squared}),
        Variant("no-softmax", "y ∈ ℝ^m and ‖y − ŷ‖²", no_softmax),
        Variant("no-entropy", "predictions without entropy regularisation, β1 = 0", {"prediction_entropy_weight": 0.0}),
        Variant(
            "no-l2", "targets without size regularisation, β2 = β3 = 0", {"pi_hat_weight": 0.0, "y_hat_weight": 0.0}
        ),
        Variant("fixed-hyper", "one arm instead of the bandit", fixed),
        Variant("no-bootstrap", "ours: the rule does not see y(s′)", {"rule": "lpg-no-bootstrap"}),
        Variant("no-recurrence", "ours: the rule sees one step at a time", {"rule": "lpg-no-recurrence"}),
    ]


def validated_with(config: MetaConfig, variant: MetaConfig) -> MetaConfig:
    """What a variant is validated with: what the whole LPG is, so that curves can be compared, but with its own α_y."""
    return dataclasses.replace(
        config,
        rule=variant.rule,
        y_weights=variant.y_weights,
        network_y_weights=variant.network_y_weights,
        prediction_entropy_weight=0.0,
    )


def _middle(values: tuple[float, ...]) -> float:
    return float(np.sort(values)[len(values) // 2])
