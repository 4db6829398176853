"""Delayed chains: the first action decides a reward that is paid many steps later.

At every episode a coin decides which of two actions is right; the first state shows it. Every state is distinct: its
index says which coin fell, which branch was taken and how far along the chain it is.

Reference: Oh et al. (2020), training environments, delayed chain MDPs (inspired by bsuite's umbrella chain).
"""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import jax.random
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from lpg.environments.base import Outcome

NUM_BRANCHES = 4
"""Two coins × two first actions."""


class ChainInstance(eqx.Module):
    """What varies between two chains."""

    length: Int[Array, ""]
    """Steps per episode, at least 2."""
    is_noisy: Bool[Array, ""]
    """Whether the steps between the first and the last pay ±1 at random."""


class ChainState(eqx.Module):
    """Where an episode stands."""

    position: Int[Array, ""]
    """Steps taken so far."""
    branch: Int[Array, ""]
    """Before the first action: the right action. After it: 2·(right action) + (1 if it was chosen)."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DelayedChain:
    """Chains whose length is drawn once per instance from [min_length, max_length]."""

    min_length: int
    max_length: int
    is_noisy: bool

    def __post_init__(self) -> None:
        if not 2 <= self.min_length <= self.max_length:
            raise ValueError(
                f"chain lengths [{self.min_length}, {self.max_length}] given; 2 ≤ min ≤ max is needed, because the "
                "first action and the last reward are two different steps"
            )

    @property
    def shape(self) -> "ChainShape":
        """The static part: chains of one shape run in one compiled program."""
        return ChainShape()

    def sample(self, key: PRNGKeyArray, num_actions: int | None = None) -> ChainInstance:
        """Draws an instance. `num_actions` is there for the common signature: a chain has two."""
        if num_actions not in (None, 2):
            raise ValueError(f"{num_actions} actions asked for; a delayed chain has 2")
        length = jax.random.randint(key, (), self.min_length, self.max_length + 1)
        return ChainInstance(length=length, is_noisy=jnp.asarray(self.is_noisy))


@dataclasses.dataclass(frozen=True)
class ChainShape:
    """Dynamics of every delayed chain of up to `max_length` steps."""

    max_length: int = 50

    num_actions = 2
    num_noise = 1
    num_reset_noise = 1

    @property
    def num_states(self) -> int:
        """Two first states, then four branches of length − 1."""
        return 2 + NUM_BRANCHES * (self.max_length - 1)

    def action_mask(self, instance: ChainInstance) -> Bool[Array, " A"]:
        """Both actions exist in every chain."""
        return jnp.ones((self.num_actions,), bool)

    def reset(self, instance: ChainInstance, noise: Float[Array, " noise"]) -> ChainState:
        """A coin decides which action is right."""
        return ChainState(position=jnp.zeros((), int), branch=(noise[0] >= 0.5).astype(int))

    def step(
        self, instance: ChainInstance, state: ChainState, action: Int[Array, ""], noise: Float[Array, " noise"]
    ) -> tuple[ChainState, Outcome]:
        """Only the first action matters; its ±1 is paid on the last step."""
        is_first = state.position == 0
        chosen = 2 * state.branch + (action == state.branch)
        branch = jnp.where(is_first, chosen, state.branch)
        is_end = state.position + 1 >= instance.length
        coin = jnp.where(noise[0] < 0.5, -1.0, 1.0)
        middle = jnp.where(instance.is_noisy & ~is_first, coin, 0.0)
        outcome = Outcome(
            reward=jnp.where(is_end, jnp.where(branch % 2 == 1, 1.0, -1.0), middle),
            terminated=is_end,
            truncated=jnp.zeros((), bool),
        )
        return ChainState(position=state.position + 1, branch=branch), outcome

    def observe(self, instance: ChainInstance, state: ChainState) -> Int[Array, ""]:
        """Index of the state; the state after the last step is shown as the last one of its branch."""
        place = jnp.minimum(state.position, self.max_length - 1)
        return jnp.where(place == 0, state.branch, 2 + NUM_BRANCHES * (place - 1) + state.branch)

    def backup(self, instance: ChainInstance, value: Float[Array, " S"], gamma: float) -> Float[Array, " S A"]:
        """Exact one-step expectation: E[r + γ V(s′)] for every state and action (0 past the chain's end).

        Args:
            value: V of every state index.
            gamma: discount per step.
        """
        index = jnp.arange(self.num_states)
        is_first = index < 2
        position = jnp.where(is_first, 0, (index - 2) // NUM_BRANCHES + 1)[:, None]
        branch = jnp.where(is_first, index, (index - 2) % NUM_BRANCHES)[:, None]
        action = jnp.arange(self.num_actions)[None, :]
        next_branch = jnp.where(position == 0, 2 * branch + (action == branch), branch)
        is_end = position + 1 >= instance.length
        following = jnp.minimum(2 + NUM_BRANCHES * position + next_branch, self.num_states - 1)
        final = jnp.where(next_branch % 2 == 1, 1.0, -1.0)
        reachable = position < instance.length
        return jnp.where(reachable, jnp.where(is_end, final, gamma * value[following]), 0.0)
