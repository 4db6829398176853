"""How good a rule is while it is being discovered: fresh agents on validation instances, one number."""

import numpy as np

from lpg.agents.defaults import default_agent
from lpg.agents.registry import TABULAR
from lpg.environments.registry import env_spec, suite
from lpg.evaluation.evaluate import score_rule
from lpg.evaluation.train_config import TrainConfig
from lpg.meta_training.config import MetaConfig
from lpg.update_rules.base import Rule


class Validator:
    """Scores η on the suite that it is trained on, on instances of the validation environment; compiles once.

    The validation instances do not depend on the meta-training's seed, so that runs can be compared.
    """

    def __init__(self, config: MetaConfig) -> None:
        """Suite and the agents' configurations are those of the meta-training."""
        self.config = config

    def __call__(self, rule: Rule) -> float:
        """Normalised area under the learning curve, with each environment's best learning rate.

        Returns:
            The mean over the environments that can be normalised; 0 is the random policy, 1 the optimum from the first
            update on. Where none can be: the mean final return.
        """
        config = self.config
        tried = {name: self.configs(name) for name in suite(config.suite)}
        areas: dict[str, list[float]] = {}
        returns: dict[str, list[float]] = {}
        for trial in range(max(map(len, tried.values()))):
            configs = {name: each[trial] for name, each in tried.items() if trial < len(each)}
            _, scored = score_rule(
                rule,
                config.rule,
                tuple(configs),
                config.validation_seeds,
                config.validation_updates,
                "validation",
                configs,
            )
            for name, value in (scored.area.per_environment if scored.area else {}).items():
                areas.setdefault(name, []).append(value)
            for name, value in scored.raw_end.items():
                returns.setdefault(name, []).append(value)
        return float(np.mean([max(values) for values in (areas or returns).values()]))

    def configs(self, name: str) -> list[TrainConfig]:
        """What is tried in an environment; networks do not live on a table's rates."""
        config, agent = self.config, default_agent(name, env_spec(name).distribution.env)
        if agent.agent == TABULAR:
            rates, weights = config.validation_learning_rates, config.y_weights
        else:
            rates = config.network_learning_rates or agent.learning_rates
            weights = config.network_y_weights or config.y_weights
        return [
            TrainConfig(
                learning_rate=rate,
                y_weight=float(np.median(weights)),
                num_envs=config.num_envs,
                num_steps=config.num_steps,
                table_step=config.table_step,
                normalise_observations=config.normalise_observations and agent.agent != TABULAR,
                normalise_rewards=config.normalise_rewards,
                time_limit_is_termination=config.time_limit_is_termination,
            )
            for rate in rates
        ]
