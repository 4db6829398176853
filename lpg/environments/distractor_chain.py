"""The delayed chain observed as bits: two that matter and twenty distractors.

Dynamics are those of `delayed_chain`. Bit 0 is 1 if action 0 is the right one, bit 1 if the right action has been
chosen; the others are independent fair coins in every state. The position on the chain is not observed.

Reference: Oh et al. (2020), training environments, delayed chain MDPs, distractor.
"""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from lpg.environments.base import StepResult, UniformEnv
from lpg.environments.delayed_chain import ChainEnv, ChainParams, ChainState, DelayedChain


class DistractorState(eqx.Module):
    """State of the chain, and the distractors that are observed in it."""

    chain: ChainState
    distractor: Bool[Array, " D"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistractorChain:
    """A distribution of delayed chains with `num_distractors` random bits in every observation."""

    chain: DelayedChain
    num_distractors: int = 20

    @property
    def env(self) -> "DistractorChainEnv":
        """The environment; it depends on the number of bits, not on the length of the chain."""
        return DistractorChainEnv(num_distractors=self.num_distractors)

    def sample(self, key: PRNGKeyArray, num_actions: int | None = None) -> ChainParams:
        """Draws a chain; arguments as in `DelayedChain.sample`."""
        return self.chain.sample(key, num_actions)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistractorChainEnv(UniformEnv):
    """Delayed chains observed as bits; `num_distractors` fixes array shapes (static)."""

    num_distractors: int

    chain = ChainEnv()
    """The dynamics; its largest length has no effect here, because no state is numbered."""
    num_actions = ChainEnv.num_actions

    @property
    def num_uniforms(self) -> int:
        """Those of the chain, then one per distractor."""
        return self.chain.num_uniforms + self.num_distractors

    @property
    def num_reset_uniforms(self) -> int:
        """Those of the chain, then one per distractor."""
        return self.chain.num_reset_uniforms + self.num_distractors

    @property
    def observation_shape(self) -> tuple[int, ...]:
        """The two bits that matter, then the distractors."""
        return (2 + self.num_distractors,)

    def action_mask(self, env_params: ChainParams) -> Bool[Array, " A"]:
        """Both actions exist in every chain."""
        return self.chain.action_mask(env_params)

    def reset_from(self, uniforms: Float[Array, " U"], env_params: ChainParams) -> DistractorState:
        """A first state of the chain, and distractors."""
        split = self.chain.num_reset_uniforms
        return DistractorState(
            chain=self.chain.reset_from(uniforms[:split], env_params), distractor=uniforms[split:] >= 0.5
        )

    def step_from(
        self, uniforms: Float[Array, " U"], state: DistractorState, action: Int[Array, ""], env_params: ChainParams
    ) -> tuple[DistractorState, StepResult]:
        """A step of the chain, and new distractors."""
        split = self.chain.num_uniforms
        chain, result = self.chain.step_from(uniforms[:split], state.chain, action, env_params)
        return DistractorState(chain=chain, distractor=uniforms[split:] >= 0.5), result

    def observe(self, state: DistractorState, env_params: ChainParams) -> Float[Array, " bits"]:
        """[action 0 is right, the right action has been chosen, distractors …] as zeros and ones."""
        position, branch = state.chain.position, state.chain.branch
        is_first = position == 0
        right = jnp.where(is_first, branch, branch // 2)
        was_chosen = ~is_first & (branch % 2 == 1)
        return jnp.concatenate([jnp.stack([right == 0, was_chosen]), state.distractor]).astype(float)
