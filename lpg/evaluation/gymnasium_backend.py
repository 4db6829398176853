"""Training on Gymnasium environments and Atari games, which run on the host: one seed after the other.

A training that was interrupted begins new episodes when it is resumed, because emulators cannot be saved; it is not the
one that was not interrupted, bit for bit.
"""

import functools
from collections.abc import Generator, Iterator, Sequence

import jax
import numpy as np
import optax
from jaxtyping import PRNGKeyArray

from lpg.agents.normalisation import NormalisedAgent, init_statistics
from lpg.agents.outputs import Agent
from lpg.agents.registry import TABULAR, agent_optimizer
from lpg.evaluation.backend import Batch, BatchState, GymnasiumOptions, Interface, TrainingPlan
from lpg.evaluation.gymnasium_episode import GymnasiumEpisode
from lpg.evaluation.tasks import run_keys
from lpg.evaluation.train_config import LEARN_OPTIONS, TrainConfig
from lpg.learner import loop
from lpg.learner.agent import BoundAgent
from lpg.learner.collect import Collector
from lpg.learner.gymnasium_environments import ATARI, make_environments
from lpg.learner.learner import Learner
from lpg.learner.spaces import make_agent, spaces_of
from lpg.update_rules.base import Rule
from lpg.update_rules.lpg import init_lpg

GYMNASIUM_STEPS, ATARI_STEPS = 500_000, 50_000_000
"""The second are the paper's 200 M frames."""


class GymnasiumBackend:
    """`gymnasium/ANY-ID` or `atari/GAME`; see `lpg.evaluation.backend.Backend`."""

    num_actions: int | None = None

    def __init__(self, environment: str, options: GymnasiumOptions | None = None) -> None:
        """Makes one copy of the environment, to look at its spaces.

        Raises:
            ValueError: there is no such environment, or its spaces are none that an agent here can have.
        """
        self.environment, self.options = environment, options or GymnasiumOptions()
        one = make_environments(environment, 1, sticky_actions=self.options.sticky_actions)
        try:
            self.spaces = spaces_of(one.single_observation_space, one.single_action_space, environment)
        finally:
            one.close()

    @property
    def default_agent(self) -> str:
        """A table for states, a small network for vectors, convolutions for images."""
        return self.spaces.default_agent

    @property
    def default_steps(self) -> int:
        """500,000; of Atari games the paper's 50 M."""
        return ATARI_STEPS if self.environment.startswith(ATARI) else GYMNASIUM_STEPS

    def check(self, agent: str, rule: Rule, config: TrainConfig) -> None:
        """Whether it can read the observations and fits the rule.

        Raises:
            ValueError: it does not.
        """
        make_agent(agent, rule, self.spaces, baseline=config.baseline, initial_value=config.initial_value)

    def batches(self, plan: TrainingPlan, seeds: Sequence[int], ends: np.ndarray) -> Iterator[Batch]:
        """Each seed alone; they share what is compiled."""
        learner = self.learner(plan)
        for seed in seeds:
            key = run_keys(plan.environment, [seed], "report")[1][0]
            key_init = jax.random.split(key, 3)[0]
            yield Batch(
                seeds=[seed],
                num_rows=1,
                init=functools.partial(self._init, plan, learner, key_init, len(ends)),
                advance=functools.partial(self._advance, plan, learner, seed, ends),
                agents=lambda tree: [learner.agent(tree)],
            )

    def learner(self, plan: TrainingPlan) -> Learner:
        """The agent, rule and optimiser of a plan."""
        config, rule = plan.config, plan.rule.rule
        limit = "clip" if config.clip_policy else plan.rule.step_limit
        return Learner(
            make_agent(plan.agent, rule, self.spaces, baseline=config.baseline, initial_value=config.initial_value),
            rule,
            optimizer=_optimizer(plan.agent, config, plan.num_updates),
            y_weight=config.y_weight,
            gamma=config.gamma,
            lambda_=config.lambda_,
            policy_entropy_weight=config.policy_entropy_weight,
            **({} if limit is None else {limit: getattr(config, limit)}),
            baseline=config.baseline,
            **{name: getattr(config, name) for name in LEARN_OPTIONS},
            num_updates=plan.num_updates,
        )

    def template(self, agent: str, prediction_size: int, *, normalise_observations: bool) -> Agent:
        """A fresh agent."""
        key = jax.random.key(0)
        # Any rule with so many predictions: the shapes of an agent depend on nothing else of a rule.
        rule = init_lpg(key, lstm_size=1, prediction_size=prediction_size)
        made = make_agent(agent, rule, self.spaces)
        bound = BoundAgent(made.init(key), made.apply, prediction_size)
        return (
            NormalisedAgent(bound, init_statistics(self.spaces.observations.shape)) if normalise_observations else bound
        )

    def interface(self, seed: int) -> Interface:
        """Observations and actions are counted from 0."""
        seen, actions = self.spaces.observations, self.spaces.actions
        read_mask = functools.partial(actions.read_mask, name=self.environment)
        return Interface(seen.read, seen.shape, actions.to_env, np.ones(actions.count, bool), read_mask)

    def episode(self, seed: int) -> GymnasiumEpisode:
        """Of a fresh copy of the environment."""
        return GymnasiumEpisode(self.environment, self.spaces, self.options)

    def _init(self, plan: TrainingPlan, learner: Learner, key: PRNGKeyArray, num_points: int) -> BatchState:
        shapes = {"observation_shape": self.spaces.observations.shape, "num_envs": plan.config.num_envs}
        return _batch_state(loop.init(learner, key, num_points, **shapes))  # type: ignore[arg-type]

    def _advance(
        self, plan: TrainingPlan, learner: Learner, seed: int, ends: np.ndarray, state: BatchState
    ) -> Generator[BatchState, None, None]:
        if state.num_updates >= plan.num_updates:
            return
        config = plan.config
        key_environment, key_agent = (keys[0] for keys in run_keys(plan.environment, [seed], "report"))
        _, key_actions, key_again = jax.random.split(key_agent, 3)
        if state.num_updates:
            # Other episodes than those that were played before the interruption.
            key_environment = jax.random.fold_in(key_again, state.num_updates)
        environments = make_environments(
            self.environment, config.num_envs, sticky_actions=self.options.sticky_actions
        )  # fmt: skip
        try:
            collector = Collector(
                environments,
                name=self.environment,
                seed=int(jax.random.randint(key_environment, (), 0, 2**31 - 1)),
                time_limit_is_termination=bool(config.time_limit_is_termination),
                largest_reward=1.0 if self.environment.startswith(ATARI) else None,
                use_action_masks=self.options.action_masks,
            )
            states = loop.run(
                learner, collector, _loop_state(state, len(ends)), key_actions, ends,
                num_steps=config.num_steps, overlap=self.options.overlap,
            )  # fmt: skip
            yield from map(_batch_state, states)
        finally:
            environments.close()


def _batch_state(state: loop.LoopState) -> BatchState:
    return BatchState(state.learner, state.num_updates, [tuple(point[:, None]) for point in state.totals])


def _loop_state(state: BatchState, num_points: int) -> loop.LoopState:
    """With room for the points of a longer training."""
    totals = np.zeros((num_points, 3))
    totals[: len(state.totals)] = [[np.asarray(column)[0] for column in point] for point in state.totals]
    return loop.LoopState(state.tree, state.num_updates, totals)


def _optimizer(agent: str, config: TrainConfig, num_updates: int) -> optax.GradientTransformation:
    """The agent's optimiser with clipping and schedule, as `lpg.update_rules.learning` has them."""
    limit = config.max_gradient_norm
    last = max(num_updates - 1, 1)
    rate = optax.linear_schedule(config.learning_rate, config.learning_rate * config.final_learning_rate, last)
    per_update = config.learn_options.steps_per_update
    step = optax.adam(1.0) if agent != TABULAR else agent_optimizer(agent, config.table_step)
    return optax.chain(
        optax.identity() if limit is None else optax.clip_by_global_norm(limit),
        step,
        optax.scale_by_schedule(lambda count: rate(count // per_update)),
    )
