"""DiscoRL's rule on the environments in JAX, compared with the other rules.

Environments, their parameters, seeds and learning curves are those of all other agents, so that the numbers can be
compared. Agents and updates are the rule's own, see `lpg.update_rules.disco`.
"""

import functools
from collections.abc import Callable, Generator, Iterator, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from lpg.agents.disco import PREFIX
from lpg.agents.registry import init_agent
from lpg.agents.rollout import RolloutInfo
from lpg.environments.base import Environment, EnvParams
from lpg.environments.masks import has_state_masks
from lpg.evaluation.backend import Batch, BatchState, TrainingPlan
from lpg.evaluation.curves import Totals
from lpg.evaluation.jax_backend import JaxBackend
from lpg.evaluation.tasks import run_keys, sample_env_params
from lpg.evaluation.train_agents import row_of
from lpg.evaluation.train_config import TrainConfig
from lpg.types import Hyperparameters
from lpg.update_rules.base import Rule
from lpg.update_rules.disco.network import DiscoNetwork
from lpg.update_rules.disco.replay import Replay, add, draw, init_replay
from lpg.update_rules.disco.rollout import DiscoRolloutState, disco_rollout, init_disco_rollout
from lpg.update_rules.disco.rule import Disco
from lpg.update_rules.disco.update import DiscoState, DiscoTrajectory, disco_update, init_state
from lpg.update_rules.disco.weights import PREDICTION_SIZE

AGENT = f"{PREFIX}D(512-512)"
"""The published agent for small observations."""
FIXED = {
    "y_weight": 1.0, "policy_entropy_weight": 0.0, "initial_value": 0.0, "baseline": False, "max_gradient_norm": None,
    "final_learning_rate": 1.0, "num_minibatches": 1, "normalise_observations": False, "normalise_rewards": False,
    "normalise_advantages": False, "time_limit_is_termination": True, "clip_policy": False,
}  # fmt: skip
"""Fields of `TrainConfig` that the rule has no choice of, and what it does."""


class DiscoRun(eqx.Module):
    """Where one agent's training stands."""

    learner: DiscoState
    rollout: DiscoRolloutState
    replay: Replay | None
    """None where every rollout is used once."""


class DiscoBackend(JaxBackend):
    """An environment of the registry, or `module:factory`, on which agents learn by DiscoRL's rule.

    `num_epochs` of the configuration is the number of updates on each rollout. With more than one they learn from
    replay: each draws as many trajectories as a rollout has from the latest ones, see `lpg.update_rules.disco.replay`.
    """

    @property
    def default_agent(self) -> str:
        """The published one; with the environment's own torso where that has convolutions."""
        own = super().default_agent
        return PREFIX + own if "C(" in own else AGENT

    def check(self, agent: str, rule: Rule, config: TrainConfig) -> None:
        """Whether the rule can be used so.

        Raises:
            ValueError: the agent lacks the rule's predictions, the configuration has something that the rule has not,
                or some actions do not exist.
        """
        if not agent.startswith(PREFIX):
            raise ValueError(f"agent {agent!r} given; DiscoRL's rule needs one with its predictions, {AGENT!r} say")
        for name, value in FIXED.items():
            if getattr(config, name) != value:
                raise ValueError(f"{name} is {getattr(config, name)}; DiscoRL's rule has {value} and no other")
        if has_state_masks(self.env):
            raise ValueError(
                f"DiscoRL's rule on {self.environment} given; it has no action masks, and there states allow different "
                "actions: another rule is needed"
            )
        mask = jax.vmap(self.env.action_mask)(sample_env_params(self.environment, [0], "report", self.num_actions))
        if not np.all(mask):
            raise ValueError(
                f"DiscoRL's rule on {self.environment} given; it has no action masks, and only {int(np.sum(mask))} of "
                f"{mask.shape[1]} actions exist there: another rule is needed, or another number of actions"
            )
        jax.eval_shape(lambda: self.template(agent, rule.prediction_size, normalise_observations=False))

    def batches(self, plan: TrainingPlan, seeds: Sequence[int], ends: np.ndarray) -> Iterator[Batch]:
        """One seed after the other: an agent's layers are so wide that one alone keeps all cores busy."""
        env_params = sample_env_params(self.environment, seeds, "report", self.num_actions)
        keys = run_keys(self.environment, seeds, "report")[1]
        for row, seed in enumerate(seeds):
            yield self._one_agent(plan, seed, keys[row], row_of(env_params, row), ends)

    def _one_agent(
        self, plan: TrainingPlan, seed: int, key: PRNGKeyArray, env_params: EnvParams, ends: np.ndarray
    ) -> Batch:
        assert isinstance(plan.rule.rule, Disco)
        network, hyper = plan.rule.rule.network, plan.config.hyperparameters()
        init, advance = _programs(self.env, plan.config.static, plan.agent)  # type: ignore[arg-type]

        def states(state: BatchState) -> Generator[BatchState, None, None]:
            while state.num_updates < ends[-1]:
                end = int(ends[len(state.totals)])
                tree, totals = advance(network, state.tree, key, env_params, hyper, state.num_updates, end)
                state = BatchState(tree, end, [*state.totals, jax.device_get(totals)])
                yield state

        return Batch(
            seeds=[seed],
            num_rows=1,
            init=lambda: BatchState(init(key, env_params), 0, []),
            advance=states,
            agents=lambda tree: [tree.learner.agent],
        )


@functools.lru_cache(maxsize=64)
def _programs(
    env: Environment, config: TrainConfig, agent: str
) -> tuple[Callable[[PRNGKeyArray, EnvParams], DiscoRun], Callable[..., tuple[DiscoRun, Totals]]]:
    """Compiled programs for one agent: a fresh training; updates number `first` to `last` − 1, and their episodes."""

    def collect(
        key: PRNGKeyArray, run: DiscoRun, env_params: EnvParams
    ) -> tuple[DiscoRolloutState, DiscoTrajectory, RolloutInfo]:
        return disco_rollout(key, run.rollout, run.learner.agent, env, env_params, config.num_steps)

    def init(key: PRNGKeyArray, env_params: EnvParams) -> DiscoRun:
        key_agent, key_reset = jax.random.split(jax.random.fold_in(key, 0))
        learner = init_state(init_agent(key_agent, agent, env, prediction_size=PREDICTION_SIZE))  # type: ignore[arg-type]
        run = DiscoRun(learner, init_disco_rollout(key_reset, env, env_params, config.num_envs), None)
        if config.num_epochs == 1:
            return run
        like = jax.eval_shape(lambda: collect(key, run, env_params)[1])
        return DiscoRun(learner, run.rollout, init_replay(like))

    def advance(
        network: DiscoNetwork,
        run: DiscoRun,
        key: PRNGKeyArray,
        env_params: EnvParams,
        hyper: Hyperparameters,
        first: Int[Array, ""],
        last: Int[Array, ""],
    ) -> tuple[DiscoRun, Totals]:
        def learn(learner: DiscoState, trajectory: DiscoTrajectory) -> DiscoState:
            return disco_update(
                network, learner, trajectory,
                learning_rate=hyper.learning_rate, gamma=hyper.gamma, lambda_=hyper.lambda_,
            )  # fmt: skip

        def update(number: Int[Array, ""], carry: tuple[DiscoRun, RolloutInfo]) -> tuple[DiscoRun, RolloutInfo]:
            run, before = carry
            key_rollout, key_draws = jax.random.split(jax.random.fold_in(key, 1 + number))
            rollout, trajectory, info = collect(key_rollout, run, env_params)
            if run.replay is None:
                replay, learner = None, learn(run.learner, trajectory)
            else:
                replay = add(run.replay, trajectory)
                learner, _ = jax.lax.scan(
                    lambda state, key: (learn(state, draw(replay, key, config.num_envs)), None),
                    run.learner,
                    jax.random.split(key_draws, config.num_epochs),
                )
            return DiscoRun(learner, rollout, replay), jax.tree.map(jnp.add, before, info)

        zero = RolloutInfo(jnp.zeros(()), jnp.zeros(()), jnp.zeros((), int))
        run, info = jax.lax.fori_loop(first, last, update, (run, zero))
        return run, (info.return_sum[None], info.return_square_sum[None], info.num_episodes[None])

    return jax.jit(init), jax.jit(advance)
