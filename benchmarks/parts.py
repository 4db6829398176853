"""Where the time of a meta-update goes, by the named scopes of the source (rollout, rule, lstm, table, loss, …).

    python -m benchmarks.parts [--config laptop] [--lstm 32]

A profile of JAX names every kernel, and the compiled program says which scope a kernel comes from. Kernels of several
scopes count for one of them; "other" is what belongs to none, mostly arrays that are kept for the backward pass.
A kernel's time is the median of its runs, so that a neighbour on a shared machine hardly matters.
"""

import argparse
import collections
import gzip
import json
import re
import statistics
import tempfile
from pathlib import Path

import jax

from lpg.meta_training.config_file import load_config
from lpg.meta_training.state import MetaState
from lpg.meta_training.trainer import Trainer

SCOPES = ("rollout", "rule", "lstm", "table", "loss", "critic", "terms")
CONTAINERS = ("while", "call", "conditional")
"""Instructions that contain the kernels that are counted."""


def main() -> None:
    """Prints the share of every scope for each group of lifetimes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="laptop")
    parser.add_argument("--lstm", type=int, default=32)
    arguments = parser.parse_args()
    trainer = Trainer(load_config(arguments.config, {"lstm_size": arguments.lstm}), seed=0)
    state = trainer.init()
    for index, group in enumerate(trainer.groups):
        seconds = profile(trainer, state, index)
        whole = sum(seconds.values())
        shares = ", ".join(f"{scope} {time / whole:.0%}" for scope, time in seconds.most_common())
        print(f"{group.num_real} lifetimes, {whole:.2f} s of kernels: {shares}  ({', '.join(group.names)})", flush=True)


def profile(trainer: Trainer, state: MetaState, index: int) -> collections.Counter[str]:
    """Seconds of kernels of one group's window, by scope."""
    window = trainer.programs.window[index]

    def run() -> None:
        arguments = trainer.window_arguments(state, index)
        _, state.lifetimes[index], _ = window(state.rule, state.lifetimes[index], *arguments)
        jax.block_until_ready(state.lifetimes[index])

    run()
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, create_perfetto_trace=True):
            run()
        (trace,) = Path(folder).rglob("perfetto_trace.json.gz")
        events = json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"]
    times: dict[str, list[float]] = collections.defaultdict(list)
    for event in events:
        if event.get("ph") == "X" and "hlo_op" in (event.get("args") or {}):
            times[event["args"]["hlo_op"]].append(event["dur"] / 1e6)
    scopes = scope_of_kernels(window.as_text())
    seconds: collections.Counter[str] = collections.Counter()
    for kernel, runs in times.items():
        if kernel in scopes:
            seconds[scopes[kernel]] += statistics.median(runs) * len(runs)
    return seconds


def scope_of_kernels(program: str) -> dict[str, str]:
    """The innermost scope of every instruction of a compiled program that is no container."""
    found = {}
    for line in program.splitlines():
        match = re.match(r"\s*(?:ROOT )?%?([\w.\-]+) = (?:\(.*?\)|\S+) ([a-z][\w\-]*)\(", line)
        if match and match[2] not in CONTAINERS:
            name = re.search(r'op_name="([^"]*)"', line)
            scopes = [part for part in re.split(r"[/()]", name[1]) if part in SCOPES] if name else []
            found[match[1]] = scopes[-1] if scopes else "other"
    return found


if __name__ == "__main__":
    main()
