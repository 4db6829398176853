"""How good a rule is while it is being discovered: fresh agents on validation instances, one number."""

import numpy as np

from lpg.environments.registry import suite
from lpg.evaluation.evaluate import score_rule
from lpg.evaluation.settings import Setting
from lpg.evaluation.train_agents import TrainingSizes
from lpg.meta_training.config import MetaConfig
from lpg.update_rules.base import Rule


class Validator:
    """Scores η on the suite that it is trained on, on instances of the validation stream; compiles once.

    The validation instances do not depend on the meta-training's seed, so that runs can be compared.
    """

    def __init__(self, config: MetaConfig) -> None:
        """Sizes, suite and the agents' hyper-parameters are the configuration's."""
        self.config = config
        self.sizes = TrainingSizes(
            num_streams=config.num_streams,
            num_steps=config.num_steps,
            time_limit_is_termination=config.time_limit_is_termination,
        )

    def __call__(self, rule: Rule) -> float:
        """Normalised area under the learning curve, with each environment's best learning rate.

        Returns:
            The mean over environments; 0 is the random policy, 1 the optimum from the first update on. Where no
            environment can be solved exactly there is nothing to normalise with: then the mean final return.
        """
        config = self.config
        areas = []
        for learning_rate in config.validation_learning_rates:
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
            areas.append(list(found.area.per_environment.values() if found.area else found.raw_end.values()))
        return float(np.mean(np.max(areas, axis=0)))
