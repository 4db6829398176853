"""Which form of a 3 × 3 convolution is fast on this machine: alone, its gradient, and the gradient of that.

    python -m benchmarks.convolution [--out build/convolution.json]

Forms are compared inside a compiled loop, as meta-training uses them, for one lifetime's batch of 1,280 maps of
11 × 11. Rates count the multiplications of a plain convolution, whatever a form really does, so that they can be
compared. What looks best alone need not be best: the compiler's own convolution is quick forward, but inside a loop its
gradient in the weights falls back to a form that is a hundred times slower.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp

from benchmarks.meta_training import matrix_rate
from lpg.layers import Linear, convolve, init_linear

NUM_MAPS, SIDE = 1280, 11
LAYERS = ((4, 16), (32, 16))
"""Input and output channels: the first layer of C(16)-D(32), the second of C(32-16-16)-D(256)."""
NUM_TIMED, NUM_INNER = 3, 2


def compilers_own(linear: Linear, x: jax.Array) -> jax.Array:
    """One convolution instruction."""
    kernel = linear.weight.reshape(3, 3, x.shape[-1], -1)
    maps = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return maps + linear.bias


def patches(linear: Linear, x: jax.Array) -> jax.Array:
    """Every cell's neighbourhood is copied out; one product of a tall and a small matrix."""
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return linear(jnp.concatenate(shifted, axis=-1))


def shifts(linear: Linear, x: jax.Array) -> jax.Array:
    """Nine small products, shifted and summed."""
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    kernel = linear.weight.reshape(3, 3, x.shape[-1], -1)
    pairs = [(i, j) for i in range(3) for j in range(3)]
    return sum(padded[:, i : i + height, j : j + width] @ kernel[i, j] for i, j in pairs) + linear.bias


FORMS: dict[str, Callable] = {"banded rows (ours)": convolve, "patches": patches, "shifts": shifts}
SLOW: dict[str, Callable] = {"compiler's own": compilers_own}
"""Timed forward and in the gradient once; the gradient of its gradient would take minutes."""


def main() -> None:
    """Prints a table and writes it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/convolution.json"))
    arguments = parser.parse_args()
    gflops = matrix_rate()
    print(f"{gflops:.0f} GFLOP/s in a large matrix product; {jax.default_backend()}, {jax.device_count()} device(s)")
    print(f"{'layer':>8} {'form':<20} {'forward':>16} {'gradient':>16} {'second gradient':>18}   ms (GFLOP/s)")
    rows = []
    for size, width in LAYERS:
        for name, form in (FORMS | SLOW).items():
            row = {"layer": f"{size}→{width}", "form": name, **measure(form, size, width, name in FORMS)}
            rows.append(row)
            work = 2e-9 * NUM_MAPS * SIDE**2 * 9 * size * width
            cells = [
                f"{row[key]:>8.1f} ({k * work / row[key] * 1e3:>4.0f})" if row[key] is not None else f"{'–':>15}"
                for key, k in (("forward", 1), ("gradient", 2), ("second", 4))
            ]
            print(f"{row['layer']:>8} {name:<20} {cells[0]:>16} {cells[1]:>16} {cells[2]:>18}", flush=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"gflops": gflops, "rows": rows}, indent=2))


def measure(form: Callable, size: int, width: int, has_second: bool) -> dict[str, float | None]:
    """Milliseconds of forward, of forward and gradient in the weights, and of the gradient of a function of that."""
    key_x, key_w, key_g = jax.random.split(jax.random.key(0), 3)
    x = jax.random.bernoulli(key_x, 0.05, (NUM_MAPS, SIDE, SIDE, size)).astype(jnp.float32)
    linear = init_linear(key_w, 9 * size, width)
    weight = jax.random.normal(key_g, (NUM_MAPS, SIDE, SIDE, width))

    def loss(linear: Linear, x: jax.Array) -> jax.Array:
        return jnp.sum(jax.nn.relu(form(linear, x)) ** 2 * weight)

    def total(tree: object) -> jax.Array:
        return sum(jnp.sum(leaf) for leaf in jax.tree.leaves(tree)) * 1e-9

    def of_gradient(linear: Linear) -> jax.Array:
        return total(jax.tree.map(jnp.square, jax.grad(loss)(linear, x)))

    return {
        "forward": timed(lambda linear: total(jax.nn.relu(form(linear, x))), linear),
        "gradient": timed(lambda linear: total(jax.grad(loss)(linear, x)), linear, NUM_TIMED if has_second else 1),
        "second": timed(lambda linear: total(jax.grad(of_gradient)(linear)), linear) if has_second else None,
    }


def timed(function: Callable, linear: Linear, repeats: int = NUM_TIMED) -> float:
    """Median milliseconds of one call inside a compiled loop."""

    def loop(linear: Linear) -> jax.Array:
        body = lambda _, c: function(jax.tree.map(lambda w: w + c, linear))  # noqa: E731
        return jax.lax.fori_loop(0, NUM_INNER, body, jnp.zeros(()))

    program = jax.jit(loop)
    jax.block_until_ready(program(linear))
    times = []
    for _ in range(repeats):
        at = time.perf_counter()
        jax.block_until_ready(program(linear))
        times.append(time.perf_counter() - at)
    return statistics.median(times) / NUM_INNER * 1e3


if __name__ == "__main__":
    main()
