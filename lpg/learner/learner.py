"""`lpg.Learner`: any agent learns by a rule, from trajectories of any source."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree, Shaped

from lpg.agents.normalisation import RunningStatistics, init_reward_statistics, init_statistics
from lpg.agents.outputs import Agent, outputs
from lpg.agents.rollout import sample_action
from lpg.checks import Count, Positive, Share, Weight, checked_fields
from lpg.learner.agent import BoundAgent, as_agent, checked
from lpg.learner.baseline import WithBaseline, check_baseline
from lpg.learner.saving import read_card, read_tree, write_tree
from lpg.learner.state import LearnerState, with_shapes
from lpg.learner.trajectory import as_arrays
from lpg.types import Hyperparameters, Targets, Trajectory
from lpg.update_rules.base import Rule
from lpg.update_rules.learning import AgentState, LearnOptions, learn
from lpg.update_rules.losses import entropy
from lpg.update_rules.proximal import CLIP, check_step_limits
from lpg.update_rules.registry import check_entropy_weight, load_rule, named_rule
from lpg.update_rules.ta_lpg import TALPG


class LearnerInfo(eqx.Module):
    """Diagnostics of an update; with minibatches those of the first one."""

    policy_entropy: Float[Array, ""]
    """H(π_θ), mean over all rows, before the update; nats."""
    targets: Targets
    """π̂ [T, B] and ŷ [T, B, P] of the rule, before the update."""


class Learner:
    """An agent, a rule and an optimiser; stateless: states go in and come out.

    ```python
    learner = lpg.Learner(agent, rule, optimizer=optax.adam(5e-4), y_weight=0.5, gamma=0.99)
    state = learner.init(key)
    action = learner.act(state, observation, key)
    state, info = learner.update(state, trajectory)
    ```
    """

    def __init__(
        self,
        agent: Any,
        rule: Rule | str | Path,
        *,
        optimizer: optax.GradientTransformation,
        y_weight: Weight = 0.5,
        gamma: Share = 0.99,
        lambda_: Share = 0.95,
        policy_entropy_weight: Weight = 0.0,
        clip: Positive | None = None,
        drift_scale: Positive | None = None,
        baseline: bool = False,
        num_epochs: Count = 1,
        num_minibatches: Count = 1,
        normalise_observations: bool = False,
        normalise_rewards: bool = False,
        normalise_advantages: bool = False,
        clip_policy: bool = False,
        num_updates: Count | None = None,
    ) -> None:
        """Nothing is computed yet.

        Args:
            agent: a pair (init, apply) or a factory of Equinox modules, see `lpg.learner.agent.as_agent`. It gives the
                logits of a discrete policy and as many predictions as the rule needs (`rule.prediction_size`), which
                should be zero at initialisation, see `lpg.agents.tabular.init_table`.
            rule: a rule, or anything that `lpg.load_rule` takes.
            optimizer: any of optax, with its learning rate, schedule and gradient clipping. It counts optimiser steps:
                num_epochs × num_minibatches for each update.
            y_weight: α_y ≥ 0, weight of the prediction's loss.
            gamma: discount γ per step, in [0, 1].
            lambda_: λ in [0, 1]; only rules with a value function use it.
            policy_entropy_weight: entropy bonus ≥ 0 of hand-written rules, refused for discovered ones.
            clip: ε of `ppo`, and of other rules with `clip_policy`, else refused; none: 0.2.
            drift_scale: factor of the constants of the drift of `dpo`, refused for other rules; none: 1.
            baseline: subtract a learned f_θ(s) from π̂ (equation 7 of the paper). The agent's prediction is then one
                number longer, and its last number is f.
            num_epochs: passes over each trajectory; the rule computes new targets at every optimiser step.
            num_minibatches: number of parts into which a pass splits the parallel environments, with one optimiser step
                for each.
            normalise_observations: show the agent observations with mean 0 and standard deviation 1, by running
                statistics. They are part of the state; `act`, `choose` and `agent` use them.
            normalise_rewards: divide rewards by the running standard deviation of the discounted return. Consecutive
                trajectories must then continue the same environments.
            normalise_advantages: centre and scale π̂ over each batch.
            clip_policy: hold the policy near the one that acted by PPO's clipped objective, with π̂ as the advantage;
                for several epochs under any rule without a step limit of its own.
            num_updates: N, trajectories of the whole training, for rules that read it (`ta-lpg`); `update` then has to
                be given `progress`.

        Raises:
            ValueError: an argument has a wrong type, is out of range, or is one that the rule does not use.
        """
        rule = load_rule(rule) if isinstance(rule, str | Path) else rule
        if not isinstance(rule, Rule):
            raise ValueError(f"a rule of type {type(rule).__name__} given; a rule, or what load_rule takes, is needed")
        if not isinstance(optimizer, optax.GradientTransformation):
            raise ValueError(f"an optimizer of type {type(optimizer).__name__} given; one of optax's is needed, "
                             "optax.adam(5e-4) say")  # fmt: skip
        given = {
            "y_weight": y_weight, "gamma": gamma, "lambda_": lambda_, "policy_entropy_weight": policy_entropy_weight,
            "clip": clip, "drift_scale": drift_scale, "num_updates": num_updates,
        }  # fmt: skip
        self.hyper = _hyperparameters(rule, given, clip_policy=clip_policy)
        self.options = LearnOptions(
            num_epochs=num_epochs,
            num_minibatches=num_minibatches,
            normalise_observations=normalise_observations,
            normalise_rewards=normalise_rewards,
            normalise_advantages=normalise_advantages,
            clip_policy=clip_policy,
        )
        check_baseline(baseline=baseline, normalise_advantages=normalise_advantages, clip_policy=clip_policy)
        self.rule: Rule = WithBaseline(rule) if baseline else rule
        self.num_updates = num_updates
        self._agent = as_agent(agent)
        self._optimizer = optimizer
        self._num_actions: int | None = None
        self._compiled_choose = jax.jit(self._choose)
        self._compiled_update = jax.jit(self._update)

    def init(self, key: PRNGKeyArray, *, observation_shape: tuple[int, ...] = (), num_envs: int = 0) -> LearnerState:
        """A fresh agent with empty statistics.

        Args:
            observation_shape: of one observation, for the statistics. (): that of the first observations.
            num_envs: number of parallel environments, for the statistics. 0: that of the first trajectory.

        Raises:
            ValueError: its init cannot be called with a key, or makes parameters that cannot be learned.
        """
        try:
            params = self._agent.init(key)
        except TypeError as error:
            message = " ".join(str(error).split())
            raise ValueError(f"the agent's init failed when called with one key ({message})") from error
        params = checked(params)
        return LearnerState(
            params=params,
            optimizer_state=self._optimizer.init(params),
            observations=init_statistics(observation_shape) if self.options.normalise_observations else None,
            rewards=init_reward_statistics(num_envs) if self.options.normalise_rewards else None,
        )

    def agent(self, state: LearnerState) -> Agent:
        """The agent as a function of one observation, which is not normalised."""
        return self._agent_state(state).acting

    def act(
        self,
        state: LearnerState,
        observation: Shaped[Any, " B *obs"],
        key: PRNGKeyArray | None = None,
        *,
        greedy: bool = False,
        action_mask: Bool[Any, " B A"] | None = None,
    ) -> Int[Array, " B"]:
        """An action for each observation of a batch, drawn from the policy.

        Args:
            observation: with a leading batch axis, of NumPy or JAX; not normalised.
            key: of the draw; not needed if greedy.
            greedy: take the most probable action instead.
            action_mask: which actions each state allows; none: all. Give the same masks with the trajectory.

        Raises:
            ValueError: the agent does not fit the rule or the observations, or there is no key.
        """
        if greedy:
            return self._call_choose(state, observation, None, action_mask)
        if key is None:
            raise ValueError("no key given; act needs one to draw actions, unless greedy is true")
        return self.choose(state, observation, jax.random.uniform(key, np.shape(observation)[:1]), action_mask)

    def choose(
        self,
        state: LearnerState,
        observation: Shaped[Any, " B *obs"],
        uniform: Float[Any, " B"],
        action_mask: Bool[Any, " B A"] | None = None,
    ) -> Int[Array, " B"]:
        """Like `act`, with given uniform numbers in [0, 1); those of a whole trajectory can be drawn at once."""
        return self._call_choose(state, observation, uniform, action_mask)

    def update(
        self,
        state: LearnerState,
        trajectory: Trajectory,
        is_real: Bool[Any, " T B"] | None = None,
        *,
        key: PRNGKeyArray | None = None,
        progress: Share | None = None,
    ) -> tuple[LearnerState, LearnerInfo]:
        """Moves θ down the rule's loss: one optimiser step, or `num_epochs` × `num_minibatches` of them.

        Compiled at the first call for each shape; later calls return before the device is done.

        Args:
            trajectory: [T, B] arrays of NumPy or JAX, not normalised. `next_observation` is the observation after a
                step and before any reset; a time limit sets `is_last` and not `terminated`. (For a rule that was
                discovered with time limits shown as terminations, see its card, set both.)
            is_real: False in rows that are not steps, as after an episode's end under next-step autoreset; nothing is
                learned from those. None: all are steps.
            key: of the shuffling of environments; needed if there are several minibatches.
            progress: n/N, share of the trajectories that were learned from, 0 at the first and 1 at the last; needed,
                and used, only with `num_updates`.

        Raises:
            ValueError: the arrays' shapes or types do not fit each other, the agent or the state's statistics, actions
                are not discrete or not the agent's, the environments cannot be split into minibatches, or a key is
                missing.
        """
        given = trajectory.action
        trajectory, is_real = as_arrays(trajectory, is_real)
        # Numbers in JAX arrays are not looked at, because that would wait for the device.
        largest = int(given.max()) if isinstance(given, np.ndarray) else None
        if key is None and self.options.num_minibatches > 1:
            raise ValueError(
                f"num_minibatches is {self.options.num_minibatches} and update got no key; it needs one to shuffle the "
                "environments"
            )
        state = with_shapes(state, trajectory.observation.shape[2:], trajectory.reward.shape[1])
        if largest is not None and largest >= (count := self._count_actions(state, trajectory.observation)):
            raise ValueError(f"action {largest} given; the agent has {count} actions, numbered from 0")
        key = jax.random.key(0) if key is None else key
        hyper = self.hyper
        if progress is not None or self.num_updates is not None:
            if progress is None or self.num_updates is None or not 0 <= progress <= 1:
                raise ValueError(
                    f"progress is {progress} and the learner's num_updates {self.num_updates}; either a share in "
                    "[0, 1] and a number are needed, or neither, because a rule that reads the time needs n/N and N"
                )
            hyper = dataclasses.replace(hyper, progress=jnp.asarray(progress, float))
        return self._compiled_update(self.rule, hyper, state, trajectory, is_real, key)

    def progress(self, number: int) -> float | None:
        """What to give `update` as `progress` at its call number `number`, from 0; None without `num_updates`."""
        return None if self.num_updates is None else min(number / max(self.num_updates - 1, 1), 1.0)

    def save(self, path: str | Path, state: LearnerState) -> None:
        """Writes the whole state (parameters, optimiser, statistics) into a safetensors file.

        Raises:
            OSError: nothing could be written; an older file is kept.
        """
        card = {"observation_shape": list(state.observation_shape), "num_envs": state.num_envs}
        write_tree(Path(path), state, card)

    def load(self, path: str | Path) -> LearnerState:
        """Reads what `save` wrote, bit for bit.

        Raises:
            ValueError: there is no such file, or it is of another agent, optimiser or choice of statistics.
        """
        card = read_card(Path(path))
        shapes = {"observation_shape": tuple(card.get("observation_shape", ())), "num_envs": card.get("num_envs", 0)}
        template = jax.eval_shape(functools.partial(self.init, **shapes), jax.random.key(0))
        return read_tree(Path(path), template)[0]

    def _count_actions(self, state: LearnerState, observation: Array) -> int:
        """A, found out once."""
        if self._num_actions is None:
            self._num_actions = jax.eval_shape(self.agent(state), observation[0, 0]).logits.shape[-1]
        return self._num_actions

    def _agent_state(self, state: LearnerState) -> AgentState:
        agent = BoundAgent(state.params, self._agent.apply, self.rule.prediction_size)
        return AgentState(agent, state.optimizer_state, state.observations, state.rewards)

    def _call_choose(self, state: LearnerState, observation: Any, uniform: Any, mask: Any) -> Array:
        state = with_shapes(state, np.shape(observation)[1:])
        # Only what acting needs, in a plain tuple: this runs at every step of the environments.
        return self._compiled_choose((state.params, state.observations), observation, uniform, mask)

    def _choose(
        self,
        theta: tuple[PyTree, RunningStatistics | None],
        observation: Array,
        uniform: Array | None,
        mask: Array | None,
    ) -> Array:
        params, statistics = theta
        agent = self.agent(LearnerState(params, (), statistics))
        logits = outputs(agent, observation, mask, batch_ndim=1).logits
        return jnp.argmax(logits, axis=-1) if uniform is None else sample_action(logits, uniform)

    def _update(
        self,
        rule: Rule,
        hyper: Hyperparameters,
        state: LearnerState,
        trajectory: Trajectory,
        is_real: Array | None,
        key: PRNGKeyArray,
    ) -> tuple[LearnerState, LearnerInfo]:
        before = self._agent_state(state)
        output = jax.eval_shape(before.acting, trajectory.observation[0, 0])
        after, info = learn(
            rule,
            before,
            trajectory,
            jnp.ones(output.logits.shape, bool),
            hyper,
            _of_params(self._optimizer, before.agent),  # type: ignore[arg-type]
            options=self.options,
            key=key,
            is_real=is_real,
        )
        params = after.agent.params  # type: ignore[attr-defined]
        moved = LearnerState(params, after.optimizer_state, after.observations, after.rewards)
        return moved, LearnerInfo(policy_entropy=jnp.mean(entropy(info.output.logits)), targets=info.targets)


def _hyperparameters(rule: Rule, given: Mapping[str, Any], *, clip_policy: bool) -> Hyperparameters:
    """What a `Learner` was given, as scalar arrays; names without a value have their defaults.

    Raises:
        ValueError: a number is out of range or has no effect under this rule, or one is missing that it reads.
    """
    label, given = named_rule(rule).label, {name: value for name, value in given.items() if value is not None}
    check_step_limits(given, rule, label, clip_policy=clip_policy)
    numbers = checked_fields(Learner.__init__, {"clip": CLIP, "drift_scale": 1.0, **given})
    check_entropy_weight(given["policy_entropy_weight"], rule, label)
    if "num_updates" not in given and isinstance(rule, TALPG):
        raise ValueError(f"num_updates is None; {label} needs it, because it reads how long the training is")
    return Hyperparameters(
        learning_rate=jnp.asarray(1.0, float),  # the optimiser has its own
        **{name: jnp.asarray(value, float) for name, value in numbers.items()},
    )


def _of_params(optimizer: optax.GradientTransformation, agent: BoundAgent) -> optax.GradientTransformation:
    """The optimiser for θ; it sees the bare parameters, so that masks and labels by name fit."""
    inner = optax.with_extra_args_support(optimizer)

    def update(
        gradient: BoundAgent, state: optax.OptState, current: BoundAgent, **extra: Any
    ) -> tuple[BoundAgent, optax.OptState]:
        direction, state = inner.update(gradient.params, state, current.params, **extra)
        return BoundAgent(direction, agent.apply, agent.prediction_size), state

    return optax.GradientTransformationExtraArgs(lambda given: inner.init(given.params), update)  # type: ignore[arg-type]
