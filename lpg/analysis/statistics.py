"""Statistics of the analyses: explained variance, correlations and slopes."""

import numpy as np
from jaxtyping import Float


def r_squared(
    target: Float[np.ndarray, " n"],
    features: Float[np.ndarray, " n f"],
    weight: Float[np.ndarray, " n"] | None = None,
) -> float:
    """Share of a quantity's weighted variance that the best linear function of some features explains.

    Args:
        features: one column each; a constant is added.
        weight: how much each row counts; none: all the same.

    Returns:
        A number in [0, 1]; 0 for a quantity that does not vary, of which there is nothing to explain.
    """
    target = np.asarray(target, float)
    weight = np.full(len(target), 1 / len(target)) if weight is None else np.asarray(weight, float) / np.sum(weight)
    centred = target - weight @ target
    variance = weight @ centred**2
    if variance <= 1e-12 * max(weight @ target**2, 1e-300):
        return 0.0
    columns = np.asarray(features, float) - weight @ np.asarray(features, float)
    root = np.sqrt(weight)[:, None]
    solution = np.linalg.lstsq(root * columns, root[:, 0] * centred, rcond=1e-9)[0]
    return float(np.clip(1 - weight @ (centred - columns @ solution) ** 2 / variance, 0.0, 1.0))


def line(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Slope of the least-squares line y ≈ a x + b, and Pearson's correlation; NaN where either does not vary."""
    x, y = np.asarray(x, float) - np.mean(x), np.asarray(y, float) - np.mean(y)
    xx, yy = x @ x, y @ y
    if xx <= 1e-24 * len(x) or yy <= 1e-24 * len(y):
        return float("nan"), float("nan")
    return float(x @ y / xx), float(x @ y / np.sqrt(xx * yy))


def correlation(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], weight: Float[np.ndarray, " n"] | None = None
) -> float:
    """Pearson's correlation of weighted rows; 0 where either does not vary."""
    weight = np.ones(len(x)) if weight is None else np.asarray(weight, float)
    covariance = weight @ ((x - np.average(x, weights=weight)) * y)
    return float(np.sign(covariance) * np.sqrt(r_squared(y, np.asarray(x)[:, None], weight)))
