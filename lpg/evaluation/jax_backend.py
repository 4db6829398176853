"""Training on environments written in JAX: batches of seeds in one compiled program, resumed bit for bit."""

from collections.abc import Generator, Iterator, Sequence

import jax
import numpy as np

from lpg.agents.defaults import default_agent
from lpg.agents.normalisation import NormalisedAgent, init_statistics
from lpg.agents.outputs import Agent
from lpg.agents.registry import env_sizes, init_agent
from lpg.environments.contract import check_contract
from lpg.environments.registry import env_spec, is_open
from lpg.evaluation.backend import Batch, BatchState, GymnasiumOptions, Interface, TrainingPlan
from lpg.evaluation.evaluate import Trial, runs_of
from lpg.evaluation.jax_episode import JaxEpisode
from lpg.evaluation.tasks import sample_env_params
from lpg.evaluation.train_agents import Run, advance_batch, batch_rows, init_batch, row_of
from lpg.evaluation.train_config import TrainConfig
from lpg.update_rules.base import Rule
from lpg.update_rules.own_rule import check_rule


class JaxBackend:
    """An environment of the registry, or `module:factory`; see `lpg.evaluation.backend.Backend`."""

    def __init__(self, environment: str, num_actions: int | None = None) -> None:
        """Looks the environment up.

        Raises:
            ValueError: there is no such environment.
        """
        self.environment, self._spec = environment, env_spec(environment)
        self.env = self._spec.distribution.env
        if is_open(environment):
            check_contract(self._spec.distribution, environment)
        self.num_actions, self.options = num_actions, GymnasiumOptions()

    @property
    def default_agent(self) -> str:
        """The environment's own."""
        return default_agent(self.environment, self.env).agent

    @property
    def default_steps(self) -> int:
        """The budget of Table 3 of the paper, or the registry's."""
        return self._spec.lifetime_steps

    def check(self, agent: str, rule: Rule, config: TrainConfig) -> None:
        """Whether it can read the observations and fits the rule.

        Raises:
            ValueError: it does not.
        """
        check_rule(rule, env_sizes(self.env, 1))
        size = rule.prediction_size + config.baseline
        jax.eval_shape(lambda: self.template(agent, size, normalise_observations=config.normalise_observations))

    def batches(self, plan: TrainingPlan, seeds: Sequence[int], ends: np.ndarray) -> Iterator[Batch]:
        """As many seeds together as the devices work on fastest; padding repeats the last seed."""
        trials = [Trial(plan.environment, seed, plan.config, plan.num_updates) for seed in seeds]
        runs = runs_of(trials, "report", self.num_actions)
        for rows, num_real in batch_rows(len(seeds), plan.agent):
            members = jax.tree.map(lambda x, rows=rows: x[rows], runs)
            yield self._batch(plan, [seeds[row] for row in rows[:num_real]], members, ends)

    def _batch(self, plan: TrainingPlan, seeds: Sequence[int], runs: Run, ends: np.ndarray) -> Batch:
        rule, env, config = plan.rule.rule, self.env, plan.config

        def init() -> BatchState:
            return BatchState(init_batch(rule, env, runs, config, plan.agent), 0, [])

        def advance(state: BatchState) -> Generator[BatchState, None, None]:
            states = advance_batch(
                rule, env, runs, config, plan.agent, ends, state=state.tree, totals=state.totals
            )  # fmt: skip
            for tree, totals in states:
                yield BatchState(tree, int(ends[len(totals) - 1]), totals)

        return Batch(
            seeds=seeds,
            num_rows=len(runs.key),
            init=init,
            advance=advance,
            agents=lambda tree: [row_of(tree.learner.acting, row) for row in range(len(seeds))],
        )

    def template(self, agent: str, prediction_size: int, *, normalise_observations: bool) -> Agent:
        """A fresh agent."""
        made = init_agent(jax.random.key(0), agent, self.env, prediction_size=prediction_size)
        if not normalise_observations:
            return made
        return NormalisedAgent(made, init_statistics(self.env.observation_shape))

    def interface(self, seed: int) -> Interface:
        """Observations are read as they are."""
        one = jax.tree.map(lambda x: x[0], sample_env_params(self.environment, [seed], "report", self.num_actions))
        mask = np.asarray(self.env.action_mask(one))
        return Interface(np.asarray, self.env.observation_shape, np.asarray, mask, lambda own: np.asarray(own, bool))

    def episode(self, seed: int) -> JaxEpisode:
        """Of the environment parameters that the agent of this seed was trained with."""
        return JaxEpisode(self.environment, self.env, seed, self.num_actions)
