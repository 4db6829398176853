"""[T, B] trajectories from a Gymnasium vector environment, with same-step or next-step autoreset.

Same-step autoreset: the step that ends an episode returns the next one's first observation, and puts the final one into
`info["final_obs"]`, from where s_{t+1} is taken. Every row is a step.

Next-step autoreset: the step that ends an episode returns the final observation, and the next step ignores its action
and returns the next episode's first one. That row is not a step (`is_real` is False there, see
`lpg.update_rules.real_steps`). It is written as a termination in the final state with reward 0: a caller who ignores
`is_real` learns from it only that the final state has value 0.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Shaped

from lpg.learner.action_masks import read_masks
from lpg.learner.failures import checked_rewards, environment_failures, observed_in
from lpg.learner.spaces import spaces_of
from lpg.packages import import_optional
from lpg.types import Trajectory

Act = Callable[[Shaped[Any, " B *obs"], int], Any]
"""(Observations, number of the step in this trajectory) → an action for each environment, counted from 0."""


@dataclasses.dataclass(frozen=True)
class Collected:
    """T steps of every environment."""

    trajectory: Trajectory
    is_real: Bool[np.ndarray, " T B"] | None
    """False in rows that were no step; none where that cannot happen."""
    returns: np.ndarray
    """[E] undiscounted, unclipped returns of the episodes that ended, in their order."""
    num_steps: int
    """Steps of the environment, all environments together, resets not counted."""


class Collector:
    """A vector environment and the current state of its copies."""

    def __init__(
        self,
        environments: Any,
        *,
        name: str = "the environment",
        seed: int | None = None,
        time_limit_is_termination: bool = False,
        largest_reward: float | None = None,
        use_action_masks: bool = True,
    ) -> None:
        """Resets the environments.

        Args:
            environments: a `gymnasium.vector.VectorEnv`, or what behaves like one.
            name: for errors.
            seed: of the environments' random numbers; none: random.
            time_limit_is_termination: show an episode that was cut by a time limit as terminated.
            largest_reward: rewards are clipped to ± this in trajectories; returns are not clipped.
            use_action_masks: read `info["action_mask"]`, where the environment gives one; `act` must then draw actions
                by `action_mask`.

        Raises:
            ValueError: the spaces are not supported, or the environment's metadata name no autoreset mode that is.
        """
        self._modes = import_optional("gymnasium.vector", name).AutoresetMode
        self.spaces = spaces_of(environments.single_observation_space, environments.single_action_space, name)
        mode = (getattr(environments, "metadata", None) or {}).get("autoreset_mode")
        if mode not in (self._modes.SAME_STEP, self._modes.NEXT_STEP):
            raise ValueError(
                f"{name} has autoreset mode {mode}; {self._modes.SAME_STEP} or {self._modes.NEXT_STEP} is needed in "
                "its metadata, so that finished episodes are reset"
            )
        self._is_next_step = mode == self._modes.NEXT_STEP
        self._environments, self._all_ends_terminate = environments, time_limit_is_termination
        self._largest_reward = largest_reward
        self.num_envs = int(environments.num_envs)
        self._name, self._num_steps = name, 0
        with environment_failures(name, "reset"):
            observation, info = environments.reset(seed=seed)
        self._observation = self.spaces.observations.read(observation)
        self._return = np.zeros(self.num_envs)
        self._must_reset = np.zeros(self.num_envs, bool)
        self._use_masks = use_action_masks
        self.action_mask = read_masks(info, self.spaces.actions, self._must_reset, name) if use_action_masks else None
        """[B, A] which actions the current states allow; none where the environment does not say."""

    def collect(self, act: Act, num_steps: int) -> Collected:
        """T steps of every environment; episodes continue in the next trajectory.

        Returns:
            The trajectory in fresh arrays. Where all ends are shown as terminations, `next_observation` has the last
            row alone.
        """
        shape = (num_steps, self.num_envs)
        # Fresh arrays each time: on CPUs JAX may use them without copying, while the next ones are being filled.
        observation = np.empty((*shape, *self._observation.shape[1:]), self._observation.dtype)
        next_observations = np.empty_like(observation[:0] if self._all_ends_terminate else observation)
        action, reward = np.empty(shape, np.int32), np.empty(shape, np.float32)
        terminated, is_last, is_real = np.empty(shape, bool), np.empty(shape, bool), np.empty(shape, bool)
        masks = None if self.action_mask is None else np.empty((*shape, self.spaces.num_actions), bool)
        returns: list[np.ndarray] = []
        for t in range(num_steps):
            observation[t] = self._observation
            action[t] = act(observation[t], t)
            is_real[t] = ~self._must_reset
            if masks is not None:
                masks[t] = self.action_mask
            next_observation, unclipped, reward[t], terminated[t], is_last[t] = self._step(action[t])
            if not self._all_ends_terminate:
                next_observations[t] = next_observation
            self._return = np.where(self._must_reset, 0.0, self._return + unclipped)
            ended = is_last[t] & is_real[t]
            returns.append(self._return[ended])
            self._return[ended] = 0.0
            self._must_reset = ended if self._is_next_step else self._must_reset
            if self._use_masks:
                self.action_mask = self._read_masks(self._info)
        trajectory = Trajectory(
            observation=jnp.asarray(observation),
            next_observation=jnp.asarray(
                self._observation[None].copy() if self._all_ends_terminate else next_observations
            ),
            action=jnp.asarray(action),
            reward=jnp.asarray(reward),
            terminated=jnp.asarray(is_last if self._all_ends_terminate else terminated),
            is_last=jnp.asarray(is_last),
            action_mask=None if masks is None else jnp.asarray(masks),
        )
        return Collected(
            trajectory=trajectory,
            is_real=is_real if self._is_next_step else None,
            returns=np.concatenate(returns),
            num_steps=int(is_real.sum()),
        )

    def _step(self, action: np.ndarray) -> tuple[np.ndarray, ...]:
        """One step of all environments: s_{t+1} before any reset, reward, clipped reward, terminated, is_last."""
        before = self._observation
        read = self.spaces.observations.read
        taken, self._num_steps = self.spaces.actions.to_env(action), self._num_steps + 1
        with environment_failures(self._name, f"step {self._num_steps}"):
            observation, reward, terminated, truncated, info = self._environments.step(taken)
        with observed_in(self._num_steps):
            self._observation, self._info = read(observation), info
        terminated, truncated = np.asarray(terminated, bool), np.asarray(truncated, bool)
        reward = checked_rewards(np.asarray(reward, np.float64), self._name, self._num_steps)
        is_last = terminated | truncated
        next_observation = self._observation
        if self._is_next_step:
            if self._must_reset.any():
                next_observation = self._observation.copy()
                next_observation[self._must_reset] = before[self._must_reset]
                reward = np.where(self._must_reset, 0.0, reward)
                terminated, is_last = terminated | self._must_reset, is_last | self._must_reset
        elif is_last.any():
            next_observation = self._observation.copy()
            with observed_in(self._num_steps):
                next_observation[is_last] = [read(info["final_obs"][index]) for index in np.flatnonzero(is_last)]
        largest = np.inf if self._largest_reward is None else self._largest_reward
        clipped = np.clip(reward, -largest, largest)
        return next_observation, reward, clipped, terminated, is_last

    def _read_masks(self, info: Mapping[str, Any]) -> Bool[np.ndarray, " B A"] | None:
        """Of the current states. A copy that says nothing allows everything.

        Raises:
            ValueError: there is one now and there was none after the reset.
        """
        found = read_masks(info, self.spaces.actions, self._must_reset, self._name)
        if self.action_mask is not None and found is None:
            return np.ones((self.num_envs, self.spaces.num_actions), bool)
        if self.action_mask is None and found is not None:
            raise ValueError(
                f'{self._name} gave an info["action_mask"] after a step and none after a reset; it is needed after both'
            )
        return found
