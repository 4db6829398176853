"""A discovered rule in NumPy alone: reads the rule file, says what to do with a trajectory. Needs no JAX.

The file may be copied: it imports nothing but the standard library and NumPy. It is also the shortest complete
description of what rules of the kinds `lpg` and `lpg-v` compute; a test holds it to those in JAX. `lpg.torch` computes
targets by the same lines: `rule_targets` and `value_rule_targets` use only functions that NumPy and PyTorch have under
one name.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

_TYPES = {"F16": np.float16, "F32": np.float32, "F64": np.float64}
_VALUED = ("lstm.weight", "lstm.bias", "pi_head.weight", "pi_head.bias")
_ARRAYS = {
    "lpg": (*_VALUED, "hidden.weight", "hidden.bias", "scalar.weight", "scalar.bias", "y_head.weight", "y_head.bias"),
    "lpg-v": _VALUED,
}
"""Names of the arrays of each kind."""


class NumpyRule:
    """The Learned Policy Gradient, or LPG-V, with the weights of a rule file."""

    def __init__(self, path: str | Path) -> None:
        """Reads a rule file.

        Raises:
            ValueError: it is no whole rule file, or of another kind than `lpg` and `lpg-v`.
        """
        card, self.arrays = read_arrays(path)
        self.kind: str = card.get("kind", "")
        if card.get("format_version") not in (1, 2) or self.kind not in _ARRAYS:
            raise ValueError(
                f"{path}: a rule of kind {card.get('kind')!r}, format version {card.get('format_version')!r}; kind "
                f"{' or '.join(map(repr, _ARRAYS))} and version 1 or 2 are needed (other kinds are for JAX alone: "
                "lpg.load_rule, lpg.Learner)"
            )
        if missing := [name for name in _ARRAYS[self.kind] if name not in self.arrays]:
            raise ValueError(f"{path}: array {missing[0]!r} is missing")
        self.prediction_size = self.arrays["hidden.weight"].shape[0] if self.kind == "lpg" else 1
        """m, how many numbers an agent must predict; of `lpg-v` 1, the value."""

    def targets(
        self,
        reward: np.ndarray,
        terminated: np.ndarray,
        is_last: np.ndarray,
        pi_a: np.ndarray,
        y_logits: np.ndarray,
        next_y_logits: np.ndarray,
        gamma: float,
        lambda_: float = 0.95,
    ) -> tuple[np.ndarray, np.ndarray]:
        """π̂ and ŷ for every step of a trajectory.

            x_t = [r_t, d_t, γ, π(a_t|s_t), φ(y(s_t)), d_t φ(y(s_{t+1}))],  h_t from h_{t+1} by an LSTM, backwards

        For `lpg-v` the prediction is a value: v(s) takes the place of φ(y(s)), and ŷ is the λ-return.

        Args:
            reward: [T, B].
            terminated: [T, B], the episode ended here for good; d_t = 1 − terminated.
            is_last: [T, B], the episode ended here, or was cut; the LSTM begins anew.
            pi_a: [T, B] probability of the action taken.
            y_logits: [T, B, m] the agent's prediction in s_t, before the softmax.
            next_y_logits: [T, B, m] the same in s_{t+1}, of the final state at an end.
            gamma: discount per step, in [0, 1].
            lambda_: λ in [0, 1]; not read for `lpg`.

        Returns:
            π̂ [T, B], how strongly to reinforce; ŷ [T, B, m], where the prediction should move, rows sum to 1.

        Reference: Oh et al. (2020), section 3.1.
        """
        given = [np.asarray(x, float) for x in (reward, terminated, is_last, pi_a, y_logits, next_y_logits)]
        if self.kind == "lpg-v":
            return value_rule_targets(np, self.arrays, *given, gamma=gamma, lambda_=lambda_)
        return rule_targets(np, self.arrays, *given, gamma=gamma)


def rule_targets(
    xp: ModuleType, a: Mapping[str, Any], reward: Any, terminated: Any, is_last: Any, pi_a: Any, y_logits: Any,
    next_y_logits: Any, *, gamma: float,
) -> tuple[Any, Any]:  # fmt: skip
    """`NumpyRule.targets` of kind `lpg` with the functions of an array library.

    Args:
        xp: NumPy, or PyTorch.
        a: the rule's weights by name.
        reward: this and what follows as there, all of one floating-point type.
    """

    def embed(y_logits: Any) -> Any:
        hidden = xp.clip(_softmax(xp, y_logits) @ a["hidden.weight"] + a["hidden.bias"], 0.0, None)
        return (hidden @ a["scalar.weight"] + a["scalar.bias"])[..., 0]

    continues = 1.0 - terminated
    discount = xp.full_like(reward, gamma)
    features = [reward, continues, discount, pi_a, embed(y_logits), continues * embed(next_y_logits)]
    seen = _backward_lstm(xp, a, features, is_last)
    pi_hat = (seen @ a["pi_head.weight"] + a["pi_head.bias"])[..., 0]
    return pi_hat, _softmax(xp, seen @ a["y_head.weight"] + a["y_head.bias"])


def value_rule_targets(
    xp: ModuleType, a: Mapping[str, Any], reward: Any, terminated: Any, is_last: Any, pi_a: Any, value: Any,
    next_value: Any, *, gamma: float, lambda_: float,
) -> tuple[Any, Any]:  # fmt: skip
    """`NumpyRule.targets` of kind `lpg-v`, likewise: π̂ [T, B] of the rule, and λ-returns [T, B, 1].

    Args:
        xp: as in `rule_targets`.
        a: see there, and so are the next four.
        reward: see there.
        terminated: see there.
        is_last: see there.
        pi_a: see there.
        value: [T, B, 1] the agent's prediction in s_t.
        next_value: [T, B, 1] the same in s_{t+1}.
        gamma: discount per step, in [0, 1].
        lambda_: λ in [0, 1].
    """
    continues, value, following = 1.0 - terminated, value[..., 0], next_value[..., 0]
    features = [reward, continues, xp.full_like(reward, gamma), pi_a, value, continues * following]
    seen = _backward_lstm(xp, a, features, is_last)
    error = reward + gamma * continues * following - value
    advantage, advantages = xp.zeros_like(error[0]), []
    for t in reversed(range(len(reward))):
        advantage = error[t] + gamma * lambda_ * (1.0 - is_last[t]) * advantage
        advantages.append(advantage)
    returns = value + xp.stack(advantages[::-1])
    return (seen @ a["pi_head.weight"] + a["pi_head.bias"])[..., 0], returns[..., None]


def _backward_lstm(xp: ModuleType, a: Mapping[str, Any], features: list[Any], is_last: Any) -> Any:
    """Outputs [T, B, H] of the rule's LSTM, cut at 0, from its inputs [T, B]."""
    x, weight, keep = xp.stack(features, axis=-1), a["lstm.weight"], 1.0 - is_last[..., None]
    (num_steps, num_envs), size = is_last.shape, weight.shape[1] // 4
    h = c = xp.zeros((num_envs, size), dtype=x.dtype, device=x.device)
    hidden = []
    for t in reversed(range(num_steps)):
        gates = xp.concatenate([x[t], h * keep[t]], axis=-1) @ weight + a["lstm.bias"]
        i, f, g, o = (gates[:, part * size : (part + 1) * size] for part in range(4))
        c = _sigmoid(xp, f) * (c * keep[t]) + _sigmoid(xp, i) * xp.tanh(g)
        h = _sigmoid(xp, o) * xp.tanh(c)
        hidden.append(xp.clip(h, 0.0, None))
    return xp.stack(hidden[::-1])


def ascent(
    logits: np.ndarray, y_logits: np.ndarray, action: np.ndarray, pi_hat: np.ndarray, y_hat: np.ndarray, y_weight: float
) -> tuple[np.ndarray, np.ndarray]:
    """In which direction to move a policy's and a prediction's preferences by a rule of kind `lpg`, per step.

        π̂ ∇ log π(a|s)  and  −α_y ∇ KL(y(s) ‖ ŷ)

    The agent update is their mean over all steps, carried back to the agent's parameters, times the learning rate.

    Args:
        logits: [T, B, A].
        y_logits: [T, B, m].
        action: [T, B].
        pi_hat: [T, B], as `targets` gives it.
        y_hat: [T, B, m].
        y_weight: α_y ≥ 0.

    Returns:
        Directions for `logits` and for `y_logits`, of their shapes.
    """
    chosen = np.arange(logits.shape[-1]) == action[..., None]
    policy = pi_hat[..., None] * (chosen - softmax(logits))
    y = softmax(y_logits)
    ratio = np.log(np.maximum(y, 1e-38)) - np.log(np.maximum(y_hat, 1e-8))
    return policy, -y_weight * y * (ratio - np.sum(y * ratio, axis=-1, keepdims=True))


def read_arrays(path: str | Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Card and arrays of a rule file: eight bytes with the length of a header in JSON, the header, raw numbers.

    Raises:
        ValueError: it is not such a file.
    """
    try:
        content = Path(path).read_bytes()
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        card, body, arrays = json.loads(header.pop("__metadata__")["card"]), content[8 + length :], {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            numbers = np.frombuffer(body[begin:end], _TYPES[entry["dtype"]])
            arrays[name] = numbers.reshape(entry["shape"]).astype(float)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not a rule file ({type(error).__name__}: {error})") from error
    return card, arrays


def softmax(x: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    return _softmax(np, x)


def _softmax(xp: ModuleType, x: Any) -> Any:
    e = xp.exp(x - xp.amax(x, axis=-1, keepdims=True))
    return e / xp.sum(e, axis=-1, keepdims=True)


def _sigmoid(xp: ModuleType, x: Any) -> Any:
    return 0.5 * (1.0 + xp.tanh(0.5 * x))
