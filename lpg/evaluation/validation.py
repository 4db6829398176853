"""How good a rule is while it is being discovered: fresh agents on validation instances, one number."""

import numpy as np

from lpg.environments.registry import suite
from lpg.evaluation.evaluate import score_rule
from lpg.evaluation.settings import Setting
from lpg.evaluation.train_agents import TrainingSizes
from lpg.meta_training.config import MetaConfig
from lpg.update_rules.base import Rule


class Validator:
    """Scores η on the suite that it is trained on, on instances of the validation stream; compiles once."""

    def __init__(self, config: MetaConfig, seed: int) -> None:
        """Args:
        config: gives suite, sizes, and the hyper-parameters: the geometric middle of the bandit's arms.
        seed: of the meta-training; the validation instances are the same for every seed of one configuration.
        """
        del seed
        self.config = config
        self.sizes = TrainingSizes(
            num_streams=config.num_streams,
            num_steps=config.num_steps,
            time_limit_is_termination=config.time_limit_is_termination,
        )

    def __call__(self, rule: Rule) -> float:
        """Mean over environments of the normalised area under the learning curve (see `scores`), of the best arm."""
        config = self.config
        totals = []
        for learning_rate in config.learning_rates:
            setting = Setting(learning_rate=learning_rate, y_weight=float(np.median(config.y_weights)))
            _, found = score_rule(
                rule,
                config.rule,
                suite(config.suite),
                config.validation_seeds,
                config.validation_updates,
                "validation",
                setting,
                sizes=self.sizes,
            )
            totals.append(found.area.iqm)
        return float(max(totals))
