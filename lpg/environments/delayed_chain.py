"""Delayed chains: the first action decides a reward that is paid many steps later.

In every episode a fair coin decides which of two actions is right; the first state shows it. A state's index gives the
branch (right action and first action) and the position on the chain.

Reference: Oh et al. (2020), training environments, delayed chain MDPs (inspired by bsuite's umbrella chain).
"""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import jax.random
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, ScalarLike

from lpg.environments.base import StepResult, UniformEnv

NUM_BRANCHES = 4
"""Two right actions × two first actions."""


class ChainParams(eqx.Module):
    """What may vary between two lifetimes."""

    length: Int[Array, ""]
    """Steps per episode, at least 2."""
    is_noisy: Bool[Array, ""]
    """Whether the steps between the first and the last pay ±1 at random."""


class ChainState(eqx.Module):
    """State of one episode."""

    position: Int[Array, ""]
    """Steps taken so far."""
    branch: Int[Array, ""]
    """Before the first action: the right action. After it: 2 · (right action) + (1 if it was chosen, else 0)."""


class ChainModel(eqx.Module):
    """Expectations for `backup`; see `ChainEnv.model`."""

    reward: Float[Array, " S A"]
    """Expected reward; the random rewards in the middle have mean 0."""
    continues: Float[Array, " S A"]
    """Probability that the episode does not end."""
    following: Int[Array, " S A"]
    """Index of the next state."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DelayedChain:
    """A distribution of chains: the length is uniform in [min_length, max_length] and stays for a lifetime."""

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
    def env(self) -> "ChainEnv":
        """The environment; all chains of the paper share one, and so one compiled program."""
        return ChainEnv(max_length=max(self.max_length, ChainEnv.max_length))

    def sample(self, key: PRNGKeyArray, num_actions: int | None = None) -> ChainParams:
        """Draws a chain. `num_actions` is None or 2; it belongs to the interface of distributions."""
        if num_actions not in (None, 2):
            raise ValueError(f"{num_actions} actions given; a delayed chain has 2")
        length = jax.random.randint(key, (), self.min_length, self.max_length + 1)
        return ChainParams(length=length, is_noisy=jnp.asarray(self.is_noisy))


@dataclasses.dataclass(frozen=True)
class ChainEnv(UniformEnv):
    """Delayed chains of up to `max_length` steps, which fixes array shapes (static)."""

    max_length: int = 50

    num_actions = 2
    num_uniforms = 1
    num_reset_uniforms = 1
    observation_shape = ()

    @property
    def num_states(self) -> int:
        """Two first states, then four branches of length − 1."""
        return 2 + NUM_BRANCHES * (self.max_length - 1)

    def action_mask(self, env_params: ChainParams) -> Bool[Array, " A"]:
        """Both actions exist in every chain."""
        return jnp.ones((self.num_actions,), bool)

    def reset_from(self, uniforms: Float[Array, " U"], env_params: ChainParams) -> ChainState:
        """A fair coin decides which action is right."""
        return ChainState(position=jnp.zeros((), int), branch=(uniforms[0] >= 0.5).astype(int))

    def step_from(
        self, uniforms: Float[Array, " U"], state: ChainState, action: Int[Array, ""], env_params: ChainParams
    ) -> tuple[ChainState, StepResult]:
        """Only the first action matters; its ±1 is paid on the last step."""
        is_first = state.position == 0
        first_branch = 2 * state.branch + (action == state.branch)
        branch = jnp.where(is_first, first_branch, state.branch)
        is_end = state.position + 1 >= env_params.length
        coin = jnp.where(uniforms[0] < 0.5, -1.0, 1.0)
        middle = jnp.where(env_params.is_noisy & ~is_first, coin, 0.0)
        result = StepResult(
            reward=jnp.where(is_end, jnp.where(branch % 2 == 1, 1.0, -1.0), middle),
            terminated=is_end,
            truncated=jnp.zeros((), bool),
        )
        return ChainState(position=state.position + 1, branch=branch), result

    def observe(self, state: ChainState, env_params: ChainParams) -> Int[Array, ""]:
        """State index; the terminal state of the longest chain shares that of the state before it."""
        position = jnp.minimum(state.position, self.max_length - 1)
        return jnp.where(position == 0, state.branch, 2 + NUM_BRANCHES * (position - 1) + state.branch)

    def initial_states(self, env_params: ChainParams) -> Float[Array, " S"]:
        """Probability of each state index at the start of an episode."""
        return jnp.where(jnp.arange(self.num_states) < 2, 0.5, 0.0)

    def time_limit(self, env_params: ChainParams) -> Int[Array, ""]:
        """No episode is longer than the chain."""
        return env_params.length

    def model(self, env_params: ChainParams) -> ChainModel:
        """Everything in `backup` that does not depend on the value."""
        index, action = jnp.arange(self.num_states)[:, None], jnp.arange(self.num_actions)
        is_first = index < 2
        position = jnp.where(is_first, 0, (index - 2) // NUM_BRANCHES + 1)
        branch = jnp.where(is_first, index, (index - 2) % NUM_BRANCHES)
        next_branch = jnp.where(is_first, 2 * branch + (action == branch), branch)
        is_end = position + 1 >= env_params.length
        is_state = position < env_params.length
        return ChainModel(
            reward=jnp.where(is_state & is_end, jnp.where(next_branch % 2 == 1, 1.0, -1.0), 0.0),
            continues=jnp.where(is_end, 0.0, jnp.ones(next_branch.shape)),
            following=jnp.where(is_end, 0, 2 + NUM_BRANCHES * position + next_branch),
        )

    def backup(self, model: ChainModel, value: Float[Array, " S"], gamma: ScalarLike) -> Float[Array, " S A"]:
        """Exact one-step expectation E[r + γ V(s′)] for every state and action; indices past the chain's end give 0.

        Args:
            model: result of `model`.
            value: V of every state index.
            gamma: discount per step.
        """
        return model.reward + gamma * model.continues * value[model.following]
