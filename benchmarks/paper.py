"""The paper's fifteen environments on this machine: start, speed of each group beside its floor, memory at full size.

    python -m benchmarks.paper [--lifetimes 2] [--lstm 256] [--chunk 4] [--out build/paper.json]

The start is timed twice in fresh processes: with an empty compilation cache, and with the one that the first left. The
floor is what the machine could do if it did nothing but the multiplications of rule and agents at the rate of a 1024³
product; recomputation and the zeros of a banded convolution are not credited.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.meta_training import flops_per_step as rule_flops
from benchmarks.meta_training import matrix_rate

FULL_SIZE = 64
"""Lifetimes of each environment in the paper."""
NUM_TIMED = 3


def main() -> None:
    """Prints tables and writes them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lifetimes", type=int, default=2, help="of each environment")
    parser.add_argument("--lstm", type=int, default=256)
    parser.add_argument("--chunk", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("build/paper.json"))
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measure(arguments.lifetimes, arguments.lstm, arguments.chunk)))
        return
    gflops = matrix_rate()
    with tempfile.TemporaryDirectory() as cache:
        cold, warm = child(cache), child(cache)
    print(
        f"floor: {gflops:.0f} GFLOP/s; start to the end of the first meta-update: cold {cold['first']:.0f} s, ", end=""
    )
    print(f"warm {warm['first']:.0f} s; {len(cold['groups'])} groups; peak memory {cold['peak_mb']:.0f} MB")
    print(
        f"{'agent':<20} {'environments':>12} {'steps/s':>9} {'of floor':>8} {'forward steps/s':>16} {'of floor':>8} ",
        end="",
    )
    print(f"{'MB/lifetime':>12} {'MB at work':>10}")
    for row in (best(*pair) for pair in zip(cold["groups"], warm["groups"], strict=True)):
        share = row["rate"] * row["flops"] / gflops / 1e9
        forward = row["forward_rate"] * row["forward_flops"] / gflops / 1e9
        print(
            f"{row['agent']:<20} {row['environments']:>12} {row['rate']:>9,.0f} {share:>8.0%} "
            f"{row['forward_rate']:>16,.0f} {forward:>8.0%} {row['state_mb']:>12.2f} {row['work_mb']:>10.0f}"
        )
    held = sum(FULL_SIZE * row["environments"] * row["state_mb"] for row in cold["groups"])
    work = max(row["work_mb"] for row in cold["groups"])
    print(f"at {FULL_SIZE} lifetimes of each: {held:,.0f} MB of lifetimes, {work:,.0f} MB for the largest group's work")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"gflops": gflops, "cold": cold, "warm": warm}, indent=2))


def best(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Of two measurements of a group the faster one: a neighbour on a shared machine can only slow it down."""
    return {**one, **{key: max(one[key], other[key]) for key in ("rate", "forward_rate")}}


def child(cache: str) -> dict[str, Any]:
    """Measures in a fresh process."""
    environment = {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": cache,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.3",
        "BENCH_BEGAN": repr(time.time()),
    }
    command = [sys.executable, "-m", "benchmarks.paper", "--child", *sys.argv[1:]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the measurement failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(lifetimes: int, lstm: int, chunk: int) -> dict[str, Any]:
    """Seconds to the end of the first meta-update, then median rates group by group."""
    import jax

    from lpg.cli.machine import set_up_jax

    set_up_jax()
    from benchmarks.meta_training import peak_mb
    from lpg.meta_training.config import MetaConfig
    from lpg.meta_training.trainer import Trainer

    config = MetaConfig(lifetimes_per_environment=lifetimes, lstm_size=lstm, chunk=chunk)
    trainer = Trainer(config, seed=0)
    state = trainer.init()
    trainer.meta_update(state)
    first = time.time() - float(os.environ["BENCH_BEGAN"])
    rows = []
    for index, group in enumerate(trainer.groups):
        size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state.lifetimes[index]))
        work = trainer.programs.window[index].memory_analysis().temp_size_in_bytes
        steps = len(group.env_index) * config.num_updates * config.steps_per_update
        agent = jax.tree.map(lambda x: x[0], state.lifetimes[index].agent)
        seconds = statistics.median(window_seconds(trainer, state, index) for _ in range(NUM_TIMED))
        forward = forward_seconds(agent, group, config)
        flops = agent_flops(group)
        rows.append(
            {
                "agent": group.agent,
                "environments": len(group.names),
                "rate": steps / seconds,
                "flops": rule_flops(lstm) + 7 * flops[0] + 13 * flops[1],
                "forward_rate": config.steps_per_update / forward,
                "forward_flops": sum(flops),
                "state_mb": size / len(group.env_index) / 1e6,
                "work_mb": work / 1e6,
            }
        )
    return {"first": first, "groups": rows, "peak_mb": peak_mb()}


def window_seconds(trainer: Any, state: Any, index: int) -> float:
    """One window of one group, lifetimes carried on."""
    import jax

    state.counters.meta_update += 1
    arguments = trainer.window_arguments(state, index)
    at = time.perf_counter()
    _, state.lifetimes[index], info = trainer.programs.window[index](state.rule, state.lifetimes[index], *arguments)
    jax.block_until_ready(info)
    return time.perf_counter() - at


def forward_seconds(agent: Any, group: Any, config: Any) -> float:
    """The agent's outputs on one rollout's observations, on one device."""
    import jax
    import jax.numpy as jnp

    from lpg.agents.outputs import outputs
    from lpg.environments.base import IndexEnvironment

    shape = (config.num_steps, config.num_envs, *group.env.observation_shape)
    is_index = isinstance(group.env, IndexEnvironment)
    observation = jnp.zeros(shape, int) if is_index else jnp.ones(shape)
    mask = jnp.ones(group.env.num_actions, bool)
    program = jax.jit(lambda agent, observation: outputs(agent, observation, mask))
    agent, observation = jax.device_put((agent, observation), jax.devices()[0])
    times = []
    for _ in range(5):
        at = time.perf_counter()
        jax.block_until_ready(program(agent, observation))
        times.append(time.perf_counter() - at)
    return statistics.median(times)


def agent_flops(group: Any) -> tuple[float, float]:
    """Multiplications and additions of an agent's first layer and of all others, forward, for one observation.

    In a window an observation passes forward in the rollout, in the update and in the critic; the inner gradients of
    agent and critic and the meta-gradient add derivatives in weights and, behind the first layer, in inputs: 7 products
    of the first layer's size and 13 of any other's.
    """
    from lpg.agents.registry import TABULAR, read_networks

    if group.agent == TABULAR:
        return 0.0, 0.0
    (architecture,) = read_networks(group.agent)
    shape, layers = group.env.observation_shape, []
    size = shape[0] if architecture.channels else math.prod(shape)
    for width in architecture.channels:
        layers.append(2.0 * math.prod(shape[1:]) * 9 * size * width)
        size = width
    if architecture.channels:
        size *= math.prod(shape[1:])
    for width in (*architecture.units, group.env.num_actions + 30):
        layers.append(2.0 * size * width)
        size = width
    return layers[0], sum(layers[1:])


if __name__ == "__main__":
    main()
