"""Agents from Gymnasium's spaces."""

import dataclasses
from typing import Any

import jax
from jaxtyping import PRNGKeyArray

from lpg.agents.atari import LEAST_SIDE
from lpg.agents.custom import AgentSizes
from lpg.agents.defaults import SEPARATE
from lpg.agents.images import image_sizes
from lpg.agents.initial_value import with_initial_value
from lpg.agents.network import ATARI
from lpg.agents.outputs import Agent
from lpg.agents.registry import TABULAR, build_agent
from lpg.learner.actions import Actions, actions_of
from lpg.learner.agent import AgentFns
from lpg.learner.observations import Observations, observations_of
from lpg.update_rules.base import Rule
from lpg.update_rules.own_rule import check_rule


@dataclasses.dataclass(frozen=True)
class Spaces:
    """What an agent needs of an environment's spaces."""

    observations: Observations
    actions: Actions

    @property
    def num_actions(self) -> int:
        """A."""
        return self.actions.count

    @property
    def default_agent(self) -> str:
        """The agent to try first: a table, or a network that fits the size of the observations."""
        seen = self.observations
        if seen.num_states is not None:
            return TABULAR
        if len(seen.shape) not in (2, 3):
            return SEPARATE
        _, *sides = image_sizes(seen.shape, seen.channels_last)
        return ATARI if min(sides) >= LEAST_SIDE else "C(16)-D(32)"


def spaces_of(observation_space: Any, action_space: Any, name: str) -> Spaces:
    """What an agent needs, from the spaces of a single environment.

    Args:
        name: of the environment, for the error.

    Raises:
        ValueError: actions are not discrete, or observations are not made of numbers.
    """
    return Spaces(observations_of(observation_space, name), actions_of(action_space, name))


def make_agent(
    agent: str, rule: Rule, spaces: Spaces, *, baseline: bool = False, initial_value: float = 0.0
) -> AgentFns:
    """An agent by name, see `lpg.agents.registry.build_agent`.

    Args:
        rule: it says how many numbers the agent predicts.
        baseline: predict one number more, see `lpg.learner.baseline`.
        initial_value: v₀, see `lpg.agents.initial_value`.

    Raises:
        ValueError: there is no such agent, it cannot read these observations, or it does not fit the rule; or a
            rule of the user's own fails.
    """
    seen = spaces.observations
    sizes = AgentSizes(
        observation_shape=seen.shape,
        num_states=seen.num_states,
        num_actions=spaces.num_actions,
        prediction_size=1,
        is_bytes=seen.is_bytes,
        channels_last=seen.channels_last,
    )
    check_rule(rule, sizes)
    sizes = dataclasses.replace(sizes, prediction_size=rule.prediction_size + baseline)

    def init(key: PRNGKeyArray) -> Agent:
        made = build_agent(key, agent, sizes)
        return made if initial_value == 0 else with_initial_value(made, initial_value, rule.prediction_size)

    jax.eval_shape(init, jax.random.key(0))  # reports now what does not fit
    return AgentFns(init, lambda params, observation: params(observation))
