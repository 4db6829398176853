"""`lpg.Learner`: any agent learns by a rule, from trajectories of any source."""

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree, Shaped

from lpg.agents.rollout import sample_action
from lpg.learner.agent import BoundAgent, as_agent, checked
from lpg.learner.baseline import WithBaseline
from lpg.learner.real_steps import OnRealSteps
from lpg.learner.saving import read_tree, write_tree
from lpg.learner.trajectory import as_arrays
from lpg.types import Hyperparameters, Targets, Trajectory
from lpg.update_rules.base import Rule
from lpg.update_rules.losses import entropy
from lpg.update_rules.registry import load_rule
from lpg.update_rules.update import agent_update


class LearnerState(eqx.Module):
    """What the next update needs."""

    params: PyTree
    """θ, as the agent's init made it."""
    optimizer_state: optax.OptState


class LearnerInfo(eqx.Module):
    """Diagnostics of an update."""

    policy_entropy: Float[Array, ""]
    """H(π_θ), mean over all rows, before the update; nats."""
    targets: Targets
    """π̂ [T, B] and ŷ [T, B, P], what the rule asked for."""


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
        y_weight: float = 0.5,
        gamma: float = 0.99,
        lambda_: float = 0.95,
        policy_entropy_weight: float = 0.0,
        baseline: bool = False,
    ) -> None:
        """Nothing is computed yet.

        Args:
            agent: a pair (init, apply) or a factory of Equinox modules, see `lpg.learner.agent.as_agent`. It gives the
                preferences of a discrete policy and as many predictions as the rule asks for (`rule.prediction_size`),
                which should begin at zero, see `lpg.agents.tabular.init_table`.
            rule: a rule, or anything that `lpg.load_rule` takes.
            optimizer: any of optax; the learning rate is its own.
            y_weight: α_y ≥ 0, weight of the prediction's loss.
            gamma: discount γ per step, in [0, 1].
            lambda_: λ in [0, 1]; only rules with a value function use it.
            policy_entropy_weight: entropy bonus ≥ 0; only hand-written rules use it.
            baseline: subtract a learned f_θ(s) from π̂ (equation 7 of the paper). The agent's prediction is then one
                number longer, and its last number is f.

        Raises:
            ValueError: an argument has a wrong type or is out of range.
        """
        rule = load_rule(rule) if isinstance(rule, str | Path) else rule
        if not isinstance(rule, Rule):
            raise ValueError(f"a rule of type {type(rule).__name__} given; a rule, or what load_rule takes, is needed")
        if not isinstance(optimizer, optax.GradientTransformation):
            raise ValueError(f"an optimizer of type {type(optimizer).__name__} given; one of optax's is needed, "
                             "optax.adam(5e-4) say")  # fmt: skip
        for name, value in (("gamma", gamma), ("lambda_", lambda_)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}; it must lie in [0, 1]")
        for name, value in (("y_weight", y_weight), ("policy_entropy_weight", policy_entropy_weight)):
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} is {value}; it must be a number and not negative")
        self.rule: Rule = WithBaseline(rule) if baseline else rule
        self.hyper = Hyperparameters(
            learning_rate=jnp.asarray(1.0, float),  # the optimiser has its own
            y_weight=jnp.asarray(y_weight, float),
            gamma=jnp.asarray(gamma, float),
            policy_entropy_weight=jnp.asarray(policy_entropy_weight, float),
            lambda_=jnp.asarray(lambda_, float),
        )
        self._agent = as_agent(agent)
        self._optimizer = optimizer
        self._compiled_choose = jax.jit(self._choose)
        self._compiled_update = jax.jit(self._update)

    def init(self, key: PRNGKeyArray) -> LearnerState:
        """A fresh agent.

        Raises:
            ValueError: its init cannot be called with a key, or makes parameters that cannot be learned.
        """
        try:
            params = self._agent.init(key)
        except TypeError as error:
            message = " ".join(str(error).split())
            raise ValueError(f"the agent's init failed when called with one key ({message})") from error
        params = checked(params)
        return LearnerState(params=params, optimizer_state=self._optimizer.init(params))

    def agent(self, state: LearnerState) -> BoundAgent:
        """The agent itself: a function of one observation."""
        return BoundAgent(state.params, self._agent.apply, self.rule.prediction_size)

    def act(self, state: LearnerState, observation: Shaped[Any, " B *obs"], key: PRNGKeyArray) -> Int[Array, " B"]:
        """Draws an action for each observation of a batch.

        Args:
            observation: with a leading batch axis, of NumPy or JAX.

        Raises:
            ValueError: the agent does not fit the rule or the observations.
        """
        return self.choose(state, observation, jax.random.uniform(key, np.shape(observation)[:1]))

    def choose(
        self, state: LearnerState, observation: Shaped[Any, " B *obs"], uniform: Float[Any, " B"]
    ) -> Int[Array, " B"]:
        """Like `act`, with given uniform numbers in [0, 1); those of a whole trajectory can be drawn at once."""
        return self._compiled_choose(state.params, observation, uniform)

    def update(
        self, state: LearnerState, trajectory: Trajectory, is_real: Bool[Any, " T B"] | None = None
    ) -> tuple[LearnerState, LearnerInfo]:
        """Moves θ by one step of the optimiser down the rule's loss.

        Compiled at the first call for each shape; later calls return at once and let the device work.

        Args:
            trajectory: [T, B] arrays of NumPy or JAX. `next_observation` is what a step led to before any reset; a time
                limit sets `is_last` and not `terminated`. (A rule that was discovered with time limits shown as
                terminations, see its card, should be shown them so: set both.)
            is_real: False in rows that are not steps, as after an episode's end under next-step autoreset; nothing is
                learned from those. None: all are steps.

        Raises:
            ValueError: the arrays' shapes or types do not fit each other or the agent, or actions are not discrete.
        """
        trajectory, is_real = as_arrays(trajectory, is_real)
        return self._compiled_update(self.rule, self.hyper, state, trajectory, is_real)

    def save(self, path: str | Path, state: LearnerState) -> None:
        """Writes the whole state, parameters and optimiser, into a safetensors file.

        Raises:
            OSError: nothing could be written; an older file is kept.
        """
        write_tree(Path(path), state, {})

    def load(self, path: str | Path) -> LearnerState:
        """Reads what `save` wrote, bit for bit.

        Raises:
            ValueError: there is no such file, or it is of another agent or optimiser.
        """
        return read_tree(Path(path), jax.eval_shape(self.init, jax.random.key(0)))[0]

    def _choose(self, params: PyTree, observation: Array, uniform: Array) -> Array:
        agent = BoundAgent(params, self._agent.apply, self.rule.prediction_size)
        return sample_action(jax.vmap(agent)(observation).logits, uniform)

    def _update(
        self, rule: Rule, hyper: Hyperparameters, state: LearnerState, trajectory: Trajectory, is_real: Array | None
    ) -> tuple[LearnerState, LearnerInfo]:
        agent = BoundAgent(state.params, self._agent.apply, self.rule.prediction_size)
        output = jax.eval_shape(agent, jax.tree.map(lambda x: x[0, 0], trajectory.observation))
        mask = jnp.ones(output.logits.shape, bool)
        inside = rule if is_real is None else OnRealSteps(rule, is_real)
        moved, optimizer_state, info = agent_update(
            inside, agent, _of_params(self._optimizer, agent), state.optimizer_state, trajectory, mask, hyper, is_real
        )
        after = LearnerState(params=moved.params, optimizer_state=optimizer_state)  # type: ignore[attr-defined]
        return after, LearnerInfo(policy_entropy=jnp.mean(entropy(info.output.logits)), targets=info.targets)


def _of_params(optimizer: optax.GradientTransformation, agent: BoundAgent) -> optax.GradientTransformation:
    """The optimiser for θ; it sees the bare parameters, so that masks and labels by name fit."""

    inner = optax.with_extra_args_support(optimizer)

    def update(
        gradient: BoundAgent, state: optax.OptState, current: BoundAgent, **extra: Any
    ) -> tuple[BoundAgent, optax.OptState]:
        direction, state = inner.update(gradient.params, state, current.params, **extra)
        return BoundAgent(direction, agent.apply, agent.prediction_size), state

    return optax.GradientTransformationExtraArgs(lambda given: inner.init(given.params), update)  # type: ignore[arg-type]
