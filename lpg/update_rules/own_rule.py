"""Rules of a user's own, `module:factory`: made, and checked before anything is compiled."""

import inspect
import sys
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from lpg.agents.custom import AgentSizes, kind_of
from lpg.environments.registry import import_factory
from lpg.places import described
from lpg.types import AgentOutput, Hyperparameters, Trajectory, at_update
from lpg.update_rules.base import Rule, RuleInputs

SIZE_NAMES = ("lstm_size", "prediction_size", "embedding_size")
"""Sizes of a meta-training's configuration; a factory is given those that it has parameters for."""


def is_own(kind: str) -> bool:
    """Whether a kind of rule, or a rule's name, is `module:factory`."""
    return ":" in kind


def size_names(name: str) -> tuple[str, ...]:
    """The sizes that a factory takes.

    Raises:
        ValueError: there is no such factory.
    """
    return tuple(size for size in SIZE_NAMES if size in _parameters(import_factory(name)))


def make_own(name: str, key: PRNGKeyArray, sizes: Mapping[str, int] | None = None) -> Rule:
    """A fresh rule from `module:factory`, which is called with `key` and `sizes`, by keyword, as far as it takes them.

    Raises:
        ValueError: there is no such factory, it fails, or what it makes is not a rule. One line, with the place.
    """
    factory = import_factory(name)
    given = {"key": key, **(sizes or {})}
    try:
        rule = factory(**{key: value for key, value in given.items() if key in _parameters(factory)})
    except Exception as error:
        raise ValueError(
            f"{name!r} failed: {described(error)}; it is called with `key`, {_list(SIZE_NAMES)}, by keyword, as far as "
            "it has parameters of these names"
        ) from error
    if not isinstance(rule, Rule):
        missing = [name for name in dir(Rule) if name[0] != "_" and not hasattr(rule, name)]
        raise ValueError(
            f"{name!r} made a {type(rule).__name__}; it lacks {', '.join(missing)}, which lpg.update_rules.base.Rule "
            "asks for"
        )
    return rule


def init_own(name: str, key: PRNGKeyArray, sizes: Mapping[str, int]) -> Rule:
    """A fresh rule to be meta-trained, see `make_own`.

    Raises:
        ValueError: also if there is nothing in it to learn, or something that cannot be.
    """
    rule = make_own(name, key, sizes)
    if not isinstance(rule, eqx.Module):
        raise ValueError(f"{name!r} made a {type(rule).__name__}; an equinox.Module is needed, whose arrays are η")
    leaves = jax.tree_util.tree_leaves_with_path(rule)
    for path, leaf in leaves:
        if not eqx.is_inexact_array(leaf):
            raise ValueError(
                f"{name!r} made a {type(rule).__name__} whose {jax.tree_util.keystr(path)[1:]} is {kind_of(leaf)}; "
                "floating-point arrays are needed, because all that a rule holds is learned; other fields are declared "
                "with equinox.field(static=True)"
            )
    if not leaves:
        raise ValueError(f"{name!r} made a {type(rule).__name__} without arrays; there is nothing to discover")
    return rule


def check_importable(kind: str) -> None:
    """Whether a rule file may name this factory: not one of Python's own modules, which make no rules.

    Raises:
        ValueError: it may not.
    """
    if kind.partition(":")[0].partition(".")[0] in sys.stdlib_module_names:
        raise ValueError(f"kind {kind!r} is in Python's own library, which makes no rules")


def check_rule(rule: Rule, sizes: AgentSizes) -> None:
    """Traces targets and loss of a rule in an environment; nothing is computed, and rules of this package pass.

    Args:
        sizes: of agents in the environment; how many numbers they predict is the rule's affair.

    Raises:
        ValueError: one of its methods fails, or returns something of another shape; one line with the place.
    """
    kind, size = type(rule), rule.prediction_size
    if kind.__module__.startswith("lpg."):
        return
    name, steps = f"{kind.__module__}:{kind.__qualname__}", (3, 2)
    if type(size) is not int or size < 1:
        raise ValueError(f"{name}: prediction_size is {size!r}; a whole number of at least 1 is needed")

    def traced(what: str, function: Any, *arguments: Any) -> Any:
        try:
            return jax.eval_shape(function, *arguments)
        except Exception as error:
            raise ValueError(f"{name} failed in {what}: {described(error)}") from error

    inputs = jax.eval_shape(lambda: _blank_inputs(steps, size, sizes))
    hyper = jax.eval_shape(lambda: at_update(Hyperparameters(*[jnp.zeros(())] * 5), 0, 1))
    targets = traced("targets", rule.targets, inputs, hyper)
    for field, shape in (("pi_hat", steps), ("y_hat", (*steps, size))):
        found = getattr(targets, field, None)
        if getattr(found, "shape", None) != shape:
            raise ValueError(
                f"{name}: {field} is {kind_of(found)} for T = {steps[0]} steps of B = {steps[1]} environments; an "
                f"array of shape {list(shape)} is needed"
            )
    loss = traced("loss", rule.loss, inputs.output, inputs, targets, hyper)
    if jnp.shape(loss) != ():
        raise ValueError(f"{name}: the loss is {kind_of(loss)}; a number is needed, a mean over all steps")


def _blank_inputs(steps: tuple[int, int], prediction_size: int, sizes: AgentSizes) -> RuleInputs:
    """What a rule is shown, in zeros."""
    seen = jnp.int32 if sizes.num_states is not None else jnp.uint8 if sizes.is_bytes else jnp.float32
    observation, zeros = jnp.zeros((*steps, *sizes.observation_shape), seen), jnp.zeros(steps)
    prediction = jnp.zeros((*steps, prediction_size))
    return RuleInputs(
        trajectory=Trajectory(
            observation=observation, next_observation=observation, action=zeros.astype(int), reward=zeros,
            terminated=zeros.astype(bool), is_last=zeros.astype(bool),
        ),
        output=AgentOutput(logits=jnp.zeros((*steps, sizes.num_actions)), prediction=prediction),
        next_prediction=prediction,
    )  # fmt: skip


def _parameters(factory: Any) -> list[str]:
    """Names of the parameters of a function or a class; none of what does not tell, as parts of Python itself."""
    try:
        return list(inspect.signature(factory).parameters)
    except ValueError:
        return []


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names[:-1]) + f" and `{names[-1]}`"
