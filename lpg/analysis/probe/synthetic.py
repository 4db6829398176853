"""What a rule answers to trajectories made up for the purpose: one thing is changed at a time, and π̂ is compared.

The trajectory that everything is held against has 20 steps that pay nothing and do not end; the policy takes every
action with probability 0.2, and the prediction is the same everywhere: uniform, or zero where it is a number. What is
read is π̂ of the first step, which looks ahead over all the others.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lpg.analysis.policy_evaluation import hyperparameters
from lpg.analysis.table import Table, make_table
from lpg.types import AgentOutput, Targets, Trajectory
from lpg.update_rules.base import Rule, RuleInputs

PI = 0.2
SHARPNESS = 4.0
"""Logit of the one category that a sharp prediction names; the others have 0."""
PROBABILITIES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.99)


def answer(
    rule: Rule,
    gamma: float,
    reward: np.ndarray,
    *,
    pi_a: np.ndarray | float = PI,
    prediction: np.ndarray | None = None,
    next_prediction: np.ndarray | None = None,
    terminated: np.ndarray | None = None,
    is_last: np.ndarray | None = None,
) -> Targets:
    """The rule's targets for B trajectories [T, B]; what is left out is as in the one described above.

    Args:
        pi_a: π(a|s) of the actions taken; the agent has two, and takes the first.
        prediction: [T, B, P] in s_0 … s_{T−1}.
        next_prediction: [T, B, P] in s_1 … s_T.
    """
    shape = reward.shape
    flat = np.zeros((*shape, rule.prediction_size), np.float32)
    pi = np.broadcast_to(np.asarray(pi_a, np.float32), shape)
    terminated = np.zeros(shape, bool) if terminated is None else terminated
    inputs = RuleInputs(
        trajectory=Trajectory(
            observation=jnp.zeros(shape, int),
            next_observation=jnp.zeros(shape, int),
            action=jnp.zeros(shape, int),
            reward=jnp.asarray(reward, jnp.float32),
            terminated=jnp.asarray(terminated),
            is_last=jnp.asarray(terminated if is_last is None else is_last),
        ),
        output=AgentOutput(
            logits=jnp.log(jnp.asarray(np.stack([pi, 1 - pi], axis=-1))),
            prediction=jnp.asarray(flat if prediction is None else prediction, jnp.float32),
        ),
        next_prediction=jnp.asarray(flat if next_prediction is None else next_prediction, jnp.float32),
    )
    return _targets()(rule, inputs, hyperparameters(1.0, gamma))


def rewards(rule: Rule, gamma: float, num_steps: int) -> Table:
    """Change of π̂_0 when ±1 is paid at one step, by delay; and when the episode ends there.

    Returns:
        Columns `delay`, `plus`, `minus`, `terminated`, `truncated`, and `zero`: π̂_0 when nothing happens at all.
    """
    none = np.zeros((num_steps, 1))
    zero = float(answer(rule, gamma, none).pi_hat[0, 0])
    each = np.eye(num_steps)
    is_end = each.astype(bool)
    still = np.zeros_like(each)
    found = {
        "plus": answer(rule, gamma, each),
        "minus": answer(rule, gamma, -each),
        "terminated": answer(rule, gamma, still, terminated=is_end),
        "truncated": answer(rule, gamma, still, is_last=is_end),
    }
    changes = {name: np.asarray(targets.pi_hat[0], float) - zero for name, targets in found.items()}
    return {"delay": np.arange(num_steps), **changes, "zero": np.full(num_steps, zero)}


def probabilities(rule: Rule, gamma: float, num_steps: int) -> Table:
    """π̂_0 for actions that were likely or not, when the first step pays +1, −1 or nothing."""
    pi = np.full((num_steps, len(PROBABILITIES)), PI)
    pi[0] = PROBABILITIES
    rows = []
    for name, paid in (("plus", 1.0), ("minus", -1.0), ("nothing", 0.0)):
        reward = np.zeros(pi.shape)
        reward[0] = paid
        pi_hat = np.asarray(answer(rule, gamma, reward, pi_a=pi).pi_hat[0], float)
        rows += [{"reward": name, "pi": p, "pi_hat": x} for p, x in zip(PROBABILITIES, pi_hat.tolist(), strict=True)]
    return make_table(rows)


def predictions(rule: Rule, gamma: float, num_steps: int) -> Table:
    """Change of π̂_0 when the prediction is sharp in one place: in s_0, in s_1, or in the last state seen.

    A sharp prediction names one category; where predictions are one number, it is +1 or −1.

    Returns:
        Columns `name` (`y[i]`, or `+1` and `−1`), `here` (s_0), `next` (s_1), `far` (s_T).
    """
    candidates = sharp(rule.prediction_size)
    number = len(candidates)
    flat = np.zeros((num_steps, number, rule.prediction_size))
    still = np.zeros((num_steps, number))
    zero = float(answer(rule, gamma, still[:, :1]).pi_hat[0, 0])
    here, following, last = flat.copy(), flat.copy(), flat.copy()
    here[0] = candidates
    # s_1 is seen twice: as what the first step led to, and as where the second began.
    following[0], second = candidates, flat.copy()
    second[1] = candidates
    last[-1] = candidates
    found = {
        "here": answer(rule, gamma, still, prediction=here),
        "next": answer(rule, gamma, still, prediction=second, next_prediction=following),
        "far": answer(rule, gamma, still, next_prediction=last),
    }
    names = ["+1", "−1"] if rule.prediction_size == 1 else [f"y[{i}]" for i in range(number)]
    return {
        "name": np.array(names),
        **{place: np.asarray(targets.pi_hat[0], float) - zero for place, targets in found.items()},
    }


def sharp(prediction_size: int) -> Float[np.ndarray, " c P"]:
    """One prediction per category, or +1 and −1."""
    return np.array([[1.0], [-1.0]]) if prediction_size == 1 else SHARPNESS * np.eye(prediction_size)


def discount(delay: Sequence[float] | np.ndarray, response: np.ndarray) -> tuple[float, float]:
    """The discount that an answer to delayed rewards implies, and its horizon.

    Args:
        delay: steps between action and reward, from 0 on.
        response: change of π̂_0 per reward.

    Returns:
        d of the geometric series c d^delay that fits best in logarithms, as far as the answer keeps its first sign and
        5 % of its first size; and Σ response / response_0, in steps (1 / (1 − d) of an endless geometric series). NaN
        where there is no answer to fit.
    """
    delay, response = np.asarray(delay, float), np.asarray(response, float)
    if response[0] == 0:
        return float("nan"), float("nan")
    relative = response / response[0]
    is_kept = np.cumprod(relative > 0.05).astype(bool)
    horizon = float(relative.sum())
    if is_kept.sum() < 2:
        return 0.0, horizon
    slope = np.polyfit(delay[is_kept], np.log(relative[is_kept]), 1)[0]
    return float(np.exp(slope)), horizon


@functools.cache
def _targets():  # noqa: ANN202
    return jax.jit(_targets_of)


def _targets_of(rule: Rule, inputs: RuleInputs, hyper) -> Targets:  # noqa: ANN001
    return rule.targets(inputs, hyper)


def spread(x: Float[Array, " n"] | Float[np.ndarray, " n"]) -> float:
    """Largest minus smallest."""
    return float(np.max(x) - np.min(x))
