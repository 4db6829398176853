"""A discovered rule in PyTorch: targets for tensors, and a loss to call `.backward()` on. Needs no JAX.

```python
from lpg.torch import Rule, Trajectory

rule = Rule("lpg-kick-start")                 # a shipped name, a rule file or a run folder
loss = rule.loss(logits, prediction, Trajectory(action, reward, terminated, is_last), next_prediction, gamma=0.99)
loss.backward()
```

`examples/torch_cartpole.py` is a whole training.
"""

from pathlib import Path
from typing import NamedTuple

try:
    import torch
    from torch import Tensor
except ImportError as error:
    raise ImportError("lpg.torch needs PyTorch; install it with: pip install 'lpg[torch]'") from error

from lpg.learner.numpy_rule import NumpyRule, rule_targets, value_rule_targets
from lpg.update_rules.rule_paths import find_file, shipped

SMALLEST_TARGET = 1e-8
"""Smaller probabilities of ŷ count as this one, as in JAX: the KL divergence stays finite."""


class Trajectory(NamedTuple):
    """T steps of one agent in B parallel environments; tensors [T, B]."""

    action: Tensor
    """Indices of the actions taken."""
    reward: Tensor
    terminated: Tensor
    """The episode ended here for good: nothing bootstraps from the next state."""
    is_last: Tensor
    """The episode ended here, by termination or by a time limit."""


class Targets(NamedTuple):
    """What the rule says about a trajectory."""

    pi_hat: Tensor
    """π̂ [T, B]: how strongly to reinforce the action; any sign."""
    y_hat: Tensor
    """ŷ [T, B, m]: where the prediction should move; rows sum to 1. Of `lpg-v`: λ-returns [T, B, 1]."""


class Rule:
    """The Learned Policy Gradient, or LPG-V, with the weights of a rule file."""

    def __init__(
        self, rule: str | Path, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        """Reads a rule file.

        Args:
            rule: the name of a shipped rule, a rule file or a run folder.
            device: where the weights lie and targets are computed.
            dtype: of the weights and targets.

        Raises:
            ValueError: there is no such rule, or it is of another kind than `lpg` and `lpg-v`.
        """
        found = find_file(rule)
        if found is None:
            raise ValueError(f"unknown rule {str(rule)!r}; shipped rules are {', '.join(shipped())}; a rule file or a "
                             "run folder may be given, too")  # fmt: skip
        read = NumpyRule(found[0])
        self.kind = read.kind
        """`lpg`, or `lpg-v`, whose prediction is a value function."""
        self.prediction_size = read.prediction_size
        """m: how many numbers the agent must predict for each observation; of `lpg-v` 1, the value. They should be zero
        at initialisation."""
        self._arrays = {name: torch.as_tensor(array, dtype=dtype, device=device) for name, array in read.arrays.items()}

    @torch.no_grad()
    def targets(
        self, logits: Tensor, prediction: Tensor, trajectory: Trajectory, next_prediction: Tensor, *, gamma: float,
        lambda_: float | None = None,
    ) -> Targets:  # fmt: skip
        """π̂ and ŷ for every step, without gradients.

        Args:
            logits: [T, B, A] of the policy in s_0 … s_{T−1}; unavailable actions have a large negative logit.
            prediction: [T, B, m] logits of the agent's prediction in the same states; of `lpg-v` values.
            trajectory: what happened.
            next_prediction: [T, B, m] the prediction in s_1 … s_T, where the steps led to *before* any reset: at the
                end of an episode in its final state. Or [1, B, m], in s_T alone, if no time limit ends episodes:
                nothing bootstraps from a terminal state.
            gamma: discount γ per step, in [0, 1].
            lambda_: λ of the λ-returns of `lpg-v`, in [0, 1]; none: 0.95.

        Raises:
            ValueError: a shape does not fit, or a λ is given for `lpg`, which has none.
        """
        self._check(logits, prediction, trajectory, next_prediction)
        following = torch.cat([prediction[len(next_prediction) :], next_prediction])
        pi_a = torch.exp(_log_prob(logits, trajectory.action))
        like = self._arrays["lstm.bias"]
        given = (trajectory.reward, trajectory.terminated, trajectory.is_last, pi_a, prediction, following)
        given = tuple(x.to(like) for x in given)
        if self.kind == "lpg-v":
            lambda_ = 0.95 if lambda_ is None else lambda_
            return Targets(*value_rule_targets(torch, self._arrays, *given, gamma=gamma, lambda_=lambda_))
        if lambda_ is not None:
            raise ValueError(f"lambda_ is {lambda_}; this rule does not use it, only one of kind lpg-v does")
        return Targets(*rule_targets(torch, self._arrays, *given, gamma=gamma))

    def loss(
        self, logits: Tensor, prediction: Tensor, trajectory: Trajectory, next_prediction: Tensor, *,
        gamma: float = 0.99, y_weight: float = 0.5, normalise_advantages: bool = False, lambda_: float | None = None,
        old_log_prob: Tensor | None = None, clip: float = 0.2,
    ) -> Tensor:  # fmt: skip
        """The agent's loss, a scalar; gradients flow to `logits` and `prediction` alone.

            L(θ) = mean_t [ −π̂_t log π_θ(a_t|s_t) + α_y KL(y_θ(s_t) ‖ ŷ_t) ]

        For `lpg-v` ½ (v_θ(s_t) − ŷ_t)² is in the place of the divergence. With `old_log_prob` PPO's clipped objective
        is in the place of −π̂ log π_θ, so that a trajectory can be used for many optimiser steps.

        The targets are computed from the same logits and predictions, so call the agent anew for every optimiser step.

        Args:
            logits: this and the next three as in `targets`.
            prediction: see there.
            trajectory: see there.
            next_prediction: see there.
            gamma: discount γ per step, in [0, 1].
            y_weight: α_y ≥ 0.
            normalise_advantages: centre π̂ and divide it by its standard deviation over the T × B steps.
            lambda_: as in `targets`.
            old_log_prob: [T, B] log π(a|s) of the policy that acted, without gradient; the ratio to it is clipped.
            clip: ε > 0: the ratio gains nothing beyond 1 ± ε.

        Raises:
            ValueError: as in `targets`.

        Reference: Oh et al. (2020), equation 2; Schulman et al. (2017), equation 7.
        """
        pi_hat, y_hat = self.targets(logits, prediction, trajectory, next_prediction, gamma=gamma, lambda_=lambda_)
        if normalise_advantages:
            pi_hat = (pi_hat - pi_hat.mean()) / (pi_hat.std(correction=0) + 1e-8)
        if self.kind == "lpg-v":
            error = 0.5 * (prediction - y_hat).square().sum(dim=-1)
        else:
            log_y = torch.log_softmax(prediction, dim=-1)
            error = (log_y.exp() * (log_y - y_hat.clamp(min=SMALLEST_TARGET).log())).sum(dim=-1)
        log_prob = _log_prob(logits, trajectory.action)
        if old_log_prob is None:
            return (y_weight * error - pi_hat * log_prob).mean()
        if old_log_prob.shape != trajectory.reward.shape:
            raise ValueError(f"old_log_prob has shape {list(old_log_prob.shape)}; that of reward, "
                             f"{list(trajectory.reward.shape)}, is needed")  # fmt: skip
        ratio = (log_prob - old_log_prob).exp()
        clipped = torch.minimum(ratio * pi_hat, ratio.clamp(1 - clip, 1 + clip) * pi_hat)
        return (y_weight * error - clipped).mean()

    def _check(self, logits: Tensor, prediction: Tensor, trajectory: Trajectory, next_prediction: Tensor) -> None:
        """Whether all shapes fit; broadcasting would hide that they do not.

        Raises:
            ValueError: one does not.
        """
        steps = tuple(trajectory.reward.shape)
        if len(steps) != 2:
            raise ValueError(f"reward has shape {list(steps)}; [T, B] is needed: steps, parallel environments")
        shape, m = (lambda x: list(x.shape)), self.prediction_size
        for name in ("action", "terminated", "is_last"):
            if shape(getattr(trajectory, name)) != list(steps):
                raise ValueError(f"{name} has shape {shape(getattr(trajectory, name))}; that of reward, {list(steps)}, "
                                 "is needed")  # fmt: skip
        if shape(logits)[:-1] != list(steps):
            raise ValueError(f"logits have shape {shape(logits)}; {[*steps, 'A']} is needed")
        if shape(prediction) != [*steps, m]:
            raise ValueError(f"prediction has shape {shape(prediction)}; {[*steps, m]} is needed, because this rule "
                             f"has {m} predictions")  # fmt: skip
        if shape(next_prediction) not in ([*steps, m], [1, steps[1], m]):
            raise ValueError(f"next_prediction has shape {shape(next_prediction)}; {[*steps, m]} is needed, or "
                             f"{[1, steps[1], m]}, the last row alone")  # fmt: skip


def _log_prob(logits: Tensor, action: Tensor) -> Tensor:
    """log π(a|s) [T, B]."""
    return torch.log_softmax(logits, dim=-1).gather(-1, action.long()[..., None])[..., 0]
