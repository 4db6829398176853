"""Controls of the analyses of predictions: rules that discovered nothing, measured beside the rule in question.

A recurrent network propagates rewards to the states before them whatever its weights, and visit counts alone tell
something of values. What untrained rules and a constant ŷ reach as well is no evidence of a discovery.
"""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from lpg.analysis.policy_evaluation import is_categorical
from lpg.types import Hyperparameters, Targets
from lpg.update_rules.base import Rule, RuleInputs, RuleWrapper
from lpg.update_rules.registry import named_rule
from lpg.update_rules.rule_file import describe, initialiser

NUM_UNTRAINED = 3
UNTRAINED, CONSTANT = "untrained", "constant"
NUM_CONTROLS = NUM_UNTRAINED + 1


class ConstantTarget(RuleWrapper):
    """Another rule whose ŷ is replaced by a constant; agents have the same outputs and the same loss."""

    y_hat: Float[Array, " P"]

    @property
    def without(self) -> str:
        """As the other rule."""
        return getattr(self.rule, "without", "nothing")

    def targets(self, inputs: RuleInputs, hyper: Hyperparameters) -> Targets:
        """π̂ is 0 and ŷ the same in every state."""
        reward = inputs.trajectory.reward
        return Targets(
            pi_hat=jnp.zeros_like(reward), y_hat=jnp.broadcast_to(self.y_hat, (*reward.shape, self.prediction_size))
        )


def controls(key: PRNGKeyArray, rule: Rule) -> dict[str, Rule]:
    """Controls by name: `untrained 1` … of the same kind and sizes, if the rule has weights; and `constant`."""
    found: dict[str, Rule] = {}
    if jax.tree.leaves(rule):
        kind, sizes = describe(rule, named_rule(rule).card)
        for number in range(1, NUM_UNTRAINED + 1):
            found[f"{UNTRAINED} {number}"] = initialiser(kind)(jax.random.fold_in(key, number), **sizes)
    y_hat = jax.random.normal(key, (rule.prediction_size,))
    return {**found, CONSTANT: ConstantTarget(rule, jax.nn.softmax(y_hat) if is_categorical(rule) else y_hat)}


def control_names(methods: Iterable[str]) -> list[str]:
    """The controls among the methods of a table."""
    return [name for name in dict.fromkeys(methods) if name == CONSTANT or name.startswith(UNTRAINED)]


def has_untrained(methods: Iterable[str]) -> bool:
    """Whether an untrained rule is among the methods of a table; without one no claim about y is reproduced."""
    return any(name.startswith(UNTRAINED) for name in methods)
