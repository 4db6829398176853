"""How fast meta-training with the configuration `laptop` is: steps per second, compile time, memory, and the floor.

    python -m benchmarks.meta_training [--sizes 256 64 32] [--out build/bench.json]

Each size runs twice in fresh processes: with an empty compilation cache, and with the one that the first run left. The
floor is what the machine could do if it did nothing but the rule's matrix products at the rate of a 1024³ product;
recomputation is not credited.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PREDICTION_SIZE, EMBEDDING_SIZE, NUM_INPUTS = 30, 16, 6
NUM_LIFETIMES = 32
NUM_TIMED = 10


def main() -> None:
    """Runs all sizes, prints a table and writes it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 64, 32])
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measure(arguments.child)))
        return
    gflops = matrix_rate()
    print(f"floor: {gflops:.0f} GFLOP/s (float32 1024³ matrix product, all cores, median of ten)")
    print(f"{'LSTM':>5} {'steps/s':>10} {'of floor':>9} {'cold s':>7} {'warm s':>7} {'MB/lifetime':>12}")
    rows = []
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as cache:
            cold, warm = child(size, cache), child(size, cache)
        rate = max(cold["steps_per_second"], warm["steps_per_second"])
        row = {
            "lstm": size,
            "steps_per_second": rate,
            "share_of_floor": rate * flops_per_step(size) / (gflops * 1e9),
            "cold_seconds": cold["first_step"],
            "warm_seconds": warm["first_step"],
            "mb_per_lifetime": cold["peak_mb"] / NUM_LIFETIMES,
        }
        rows.append(row)
        print(
            f"{size:>5} {rate:>10,.0f} {row['share_of_floor']:>9.0%} {row['cold_seconds']:>7.1f} "
            f"{row['warm_seconds']:>7.1f} {row['mb_per_lifetime']:>12.1f}",
            flush=True,
        )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"gflops": gflops, "rows": rows}, indent=2))


def flops_per_step(lstm: int) -> float:
    """Useful floating-point operations of the rule per environment step: forward once, backward twice as much."""
    gates = 4 * lstm * (NUM_INPUTS + lstm)
    heads = lstm * (1 + PREDICTION_SIZE)
    embedding = 2 * EMBEDDING_SIZE * (PREDICTION_SIZE + 1)
    return 3 * 2.0 * (gates + heads + embedding)


def child(lstm: int, cache: str) -> dict[str, float]:
    """Measures one size in a fresh process."""
    environment = {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": cache,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.3",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "BENCH_BEGAN": repr(time.time()),
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.meta_training", "--child", str(lstm)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"the measurement of LSTM {lstm} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(lstm: int) -> dict[str, float]:
    """Seconds from process start to the end of the first meta-update, median steps per second after it, peak memory.

    The rates of the two processes of one size are both medians; the table shows the better one, because a neighbour
    on a shared machine can only slow a run down.
    """
    began = float(os.environ["BENCH_BEGAN"])
    import jax

    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)
    from lpg.meta_training.config_file import load_config
    from lpg.meta_training.trainer import Trainer

    after_imports = peak_mb()
    config = load_config("laptop", {"lstm_size": lstm, "num_lifetimes": NUM_LIFETIMES})
    trainer = Trainer(config, seed=0)
    state = trainer.init()
    trainer.meta_update(state)
    first_step = time.time() - began
    rates = []
    for _ in range(NUM_TIMED):
        before, at = state.counters.environment_steps, time.perf_counter()
        trainer.meta_update(state)
        rates.append((state.counters.environment_steps - before) / (time.perf_counter() - at))
    return {
        "first_step": first_step,
        "steps_per_second": statistics.median(rates),
        "peak_mb": peak_mb() - after_imports,
    }


def matrix_rate() -> float:
    """GFLOP/s of a float32 1024³ matrix product on all cores, median of ten."""
    import jax
    import jax.numpy as jnp

    product = jax.jit(lambda a, b: a @ b)
    a = jax.random.normal(jax.random.key(0), (1024, 1024), jnp.float32)
    product(a, a).block_until_ready()
    times = []
    for _ in range(10):
        at = time.perf_counter()
        product(a, a).block_until_ready()
        times.append(time.perf_counter() - at)
    return 2 * 1024**3 / statistics.median(times) / 1e9


def peak_mb() -> float:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
