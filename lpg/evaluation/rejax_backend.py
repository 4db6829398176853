"""PPO of the library rejax on the environments in JAX, compared with the rules.

rejax (github.com/keraJLi/rejax) trains a policy network and a value network by Schulman et al. (2017). Environments,
their parameters, seeds and learning curves are those of all other agents, so that the numbers can be compared. The
library shuffles single steps into minibatches, always standardises advantages, and sees a time limit as a termination.
"""

import functools
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray, Shaped

from lpg.agents.network import parse_architecture
from lpg.agents.outputs import MASKED_LOGIT, Agent
from lpg.arrays import vmap_unless_single
from lpg.environments.base import Environment, EnvParams
from lpg.environments.masks import has_state_masks
from lpg.evaluation.backend import Batch, BatchState, TrainingPlan
from lpg.evaluation.curves import Totals
from lpg.evaluation.gymnax_adapter import GymnaxAdapter
from lpg.evaluation.jax_backend import JaxBackend
from lpg.evaluation.tasks import run_keys, sample_env_params
from lpg.evaluation.train_agents import row_of
from lpg.evaluation.train_config import TrainConfig
from lpg.packages import import_optional
from lpg.types import AgentOutput
from lpg.update_rules.base import Rule

AGENT = "D(64-64)"
"""Policy and value function are two networks with these hidden layers."""
FIELDS = {
    "learning_rate": "learning_rate", "y_weight": "vf_coef", "gamma": "gamma", "policy_entropy_weight": "ent_coef",
    "lambda_": "gae_lambda", "num_envs": "num_envs", "num_steps": "num_steps", "num_epochs": "num_epochs",
    "num_minibatches": "num_minibatches", "normalise_observations": "normalize_observations",
    "normalise_rewards": "normalize_rewards", "clip": "clip_eps",
}  # fmt: skip
"""Field of `TrainConfig` → its name in rejax."""
FIXED = {
    "normalise_advantages": True, "time_limit_is_termination": True, "clip_policy": False, "baseline": False,
    "max_gradient_norm": None, "final_learning_rate": 1.0, "initial_value": 0.0,
}  # fmt: skip
"""Fields of `TrainConfig` that the library has no choice of, and what it does."""
BATCH_NUMBERS = 2**28
"""Numbers in the observations of one update, all agents that train together; 1 GiB."""


class RejaxAgent(eqx.Module):
    """A policy network that rejax trained, as an agent; it predicts nothing."""

    params: Any
    """Of the policy network."""
    mean: Float[Array, " *obs"]
    variance: Float[Array, " *obs"]
    """Of the observations so far; 0 and 1 where they are not normalised."""
    actor: Any = eqx.field(static=True)
    """The policy network, a module of Flax."""
    adapter: GymnaxAdapter = eqx.field(static=True)

    def __call__(self, observation: Shaped[Array, " *env_obs"]) -> AgentOutput:
        """The outputs for one observation of the environment; actions that do not exist have `MASKED_LOGIT`."""
        x = (self.adapter.as_vector(observation) - self.mean) / jnp.sqrt(self.variance + 1e-8)
        (logits,) = self.actor.apply(self.params, x[None], method=lambda net, x: net.action_logits(net.features(x)))
        missing = self.adapter.env.num_actions - len(logits)
        return AgentOutput(jnp.pad(logits, (0, missing), constant_values=MASKED_LOGIT), jnp.zeros((0,)))


class RejaxBackend(JaxBackend):
    """An environment of the registry, or `module:factory`, on which rejax trains; see `lpg.evaluation.backend`.

    Agents are not saved.
    """

    @property
    def default_agent(self) -> str:
        """The same two networks everywhere."""
        return AGENT

    def check(self, agent: str, rule: Rule, config: TrainConfig) -> None:
        """Whether rejax can be run so.

        Raises:
            ValueError: it is not installed, the agent is not a dense network, the configuration has something that the
                library has not, or the actions that exist here are not the first ones.
        """
        import_optional("rejax", "rejax/ppo")
        if parse_architecture(agent).channels:
            raise ValueError(f"agent {agent!r} given; rejax/ppo needs a dense network, {AGENT} say")
        for name, value in FIXED.items():
            if getattr(config, name) != value:
                raise ValueError(f"{name} is {getattr(config, name)}; rejax/ppo has {value} and no other")
        self._count_actions(sample_env_params(self.environment, [0], "report", self.num_actions))

    def batches(self, plan: TrainingPlan, seeds: Sequence[int], ends: np.ndarray) -> Iterator[Batch]:
        """As many seeds together as memory holds."""
        env_params = sample_env_params(self.environment, seeds, "report", self.num_actions)
        adapter = _adapter(self.env, self._count_actions(env_params))
        numbers = plan.config.steps_per_update * math.prod(adapter.observation_shape)
        size = max(1, BATCH_NUMBERS // numbers)
        keys = run_keys(self.environment, seeds, "report")[1]
        for start in range(0, len(seeds), size):
            rows = slice(start, start + size)
            members = jax.tree.map(lambda x, rows=rows: x[rows], env_params)
            yield self._ppo_batch(plan, seeds[rows], keys[rows], members, adapter, ends)

    def _ppo_batch(
        self,
        plan: TrainingPlan,
        seeds: Sequence[int],
        keys: Key[Array, " R"],
        env_params: EnvParams,
        adapter: GymnaxAdapter,
        ends: np.ndarray,
    ) -> Batch:
        init, advance, actor = _programs(adapter, plan.config, parse_architecture(plan.agent).units)

        def states(state: BatchState) -> Generator[BatchState, None, None]:
            while state.num_updates < ends[-1]:
                end = int(ends[len(state.totals)])
                tree, totals = advance(state.tree, env_params, end - state.num_updates)
                state = BatchState(tree, end, [*state.totals, totals])
                jax.block_until_ready(tree)
                yield state

        def agents(tree: Any) -> list[Agent]:
            seen = tree.obs_rms_state
            stacked = RejaxAgent(tree.actor_ts.params, seen.mean, seen.var, actor, adapter)
            return [row_of(stacked, row) for row in range(len(seeds))]

        return Batch(
            seeds=seeds,
            num_rows=len(seeds),
            init=lambda: BatchState(init(keys, env_params), 0, []),
            advance=states,
            agents=agents,
        )

    def _count_actions(self, env_params: EnvParams) -> int:
        """How many actions exist: rejax has no masks, so that they must be the first ones, and as many everywhere.

        Args:
            env_params: with a leading axis.

        Raises:
            ValueError: they are not.
        """
        if has_state_masks(self.env):
            raise ValueError(
                f"rejax/ppo on {self.environment} given; it has no action masks, and there states allow different "
                "actions: another rule is needed"
            )
        mask = np.asarray(jax.vmap(self.env.action_mask)(env_params))
        count = int(mask[0].sum())
        if (mask != (np.arange(mask.shape[1]) < count)).any():
            raise ValueError(
                f"rejax/ppo given; it has no action masks, and the actions that exist in {self.environment} are not "
                "the first ones of all; another rule is needed, or another number of actions"
            )
        return count


@functools.lru_cache(maxsize=64)
def _adapter(env: Environment, num_actions: int) -> GymnaxAdapter:
    """One object for equal environments, so that programs are compiled once."""
    return GymnaxAdapter(env, num_actions)


@functools.lru_cache(maxsize=64)
def _programs(
    adapter: GymnaxAdapter, config: TrainConfig, units: tuple[int, ...]
) -> tuple[Callable[[PRNGKeyArray, EnvParams], Any], Callable[[Any, EnvParams, int], tuple[Any, Totals]], Any]:
    """Compiled programs for R agents: fresh training states; some updates, with totals of the episodes that end.

    Returns:
        The two programs and the policy network.
    """
    fields = {theirs: getattr(config, ours) for ours, theirs in FIELDS.items()}
    ppo = import_optional("rejax", "rejax/ppo").PPO.create(
        env=adapter, env_params=None, reward_normalization_discount=config.gamma,
        agent_kwargs={"hidden_layer_sizes": units}, **fields,
    )  # fmt: skip

    def init(key: PRNGKeyArray, env_params: EnvParams) -> Any:
        algorithm = ppo.replace(env_params=env_params)
        state = algorithm.init_state(key)
        # Some numbers begin as Python's; a loop needs arrays of the same types in every iteration.
        types = jax.eval_shape(algorithm.train_iteration, state)
        return jax.tree.map(lambda x, like: jnp.asarray(x, like.dtype), state, types)

    def advance(state: Any, env_params: EnvParams, num_updates: Int[Array, ""]) -> tuple[Any, Totals]:
        algorithm = ppo.replace(env_params=env_params)
        state = jax.lax.fori_loop(0, num_updates, lambda _, s: algorithm.train_iteration(s), state)
        totals = state.env_state.totals
        cleared = eqx.tree_at(lambda s: s.totals, state.env_state, jax.tree.map(jnp.zeros_like, totals))
        return state.replace(env_state=cleared), jax.tree.map(lambda x: jnp.sum(x, axis=0), totals)

    def advance_all(state: Any, env_params: EnvParams, num_updates: Int[Array, ""]) -> tuple[Any, Totals]:
        return vmap_unless_single(lambda s, p: advance(s, p, num_updates))(state, env_params)

    return jax.jit(vmap_unless_single(init)), jax.jit(advance_all), ppo.actor
