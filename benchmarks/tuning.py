"""Sweeps that fill the tuning tables of the package, on seeds that are never reported; hours on one core.

    python -m benchmarks.tuning --env random/small chain/distractor [--updates 2344] [--trials 40] [--seeds 2]
    python -m benchmarks.tuning --env random/small --confirm 4 --updates 23437

The first searches; the second tries the best four settings of the table's nearest search at another length. Every trial
is kept in build/tuning, by the rule's weights, so that the same command goes on where it was stopped, and the table is
written after every environment.
"""

import argparse
import json
import math
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from lpg.cli.machine import set_up_jax
from lpg.evaluation.evaluate import Trial, run_trials
from lpg.evaluation.train_agents import Curve
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.tuning import confirm, tune
from lpg.evaluation.tuning_table import TUNED_FOLDER, read_table, save_table, tuned_beside
from lpg.update_rules.registry import find_rule


class Memory:
    """Curves of trials by what defines them, in a file with one trial a line."""

    def __init__(self, path: Path) -> None:
        self.path, self.curves = path, {}
        if path.is_file():
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            self.curves = {key: tuple(np.array(column, float) for column in curve) for key, curve in lines}
        path.parent.mkdir(parents=True, exist_ok=True)

    def run(self, rule: Any, trials: Sequence[Trial], purpose: Any, **options: Any) -> list[Curve]:
        """`run_trials` for those that are new."""
        num_actions = options.get("num_actions")
        keys = [json.dumps([_key(trial), purpose, num_actions]) for trial in trials]
        new = [(key, trial) for key, trial in zip(keys, trials, strict=True) if key not in self.curves]
        if new:
            began = time.perf_counter()
            found = run_trials(rule, [trial for _, trial in new], purpose, **options)
            with self.path.open("a") as file:
                for (key, _), curve in zip(new, found, strict=True):
                    self.curves[key] = curve
                    file.write(json.dumps([key, [np.asarray(column).tolist() for column in curve]]) + "\n")
            steps = sum(trial.num_updates * trial.config.steps_per_update for _, trial in new)
            seconds = time.perf_counter() - began
            print(f"{len(new)} agents in {seconds:.0f} s, {steps / seconds:,.0f} steps/s", flush=True)
        return [self.curves[key] for key in keys]


def _key(trial: Trial) -> dict[str, Any]:
    return {
        "environment": trial.environment, "seed": trial.seed, "setting": trial.config.record(),
        "num_updates": trial.num_updates, "agent": trial.agent,
    }  # fmt: skip


def main() -> None:
    """One environment after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", nargs="+", required=True)
    parser.add_argument("--rule", default="a2c")
    parser.add_argument("--agent", help="none: each environment's own")
    parser.add_argument("--updates", type=int, default=2344)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--confirm", type=int, help="try so many settings of an earlier search instead")
    parser.add_argument("--table", type=Path, help="none: the package's own, or the one beside the rule's file")
    arguments = parser.parse_args()
    set_up_jax()
    named = find_rule(arguments.rule)
    own = TUNED_FOLDER / f"{named.name}.json" if named.path is None else tuned_beside(named.path)
    table = arguments.table or own
    weights = zlib.crc32(b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(named.rule)))
    memory = Memory(Path("build/tuning") / f"{named.name}-{weights:08x}.jsonl")
    num_steps = arguments.updates * TrainConfig().steps_per_update
    for name in arguments.env:
        if arguments.confirm:
            entries = [e for e in read_table(table)["environments"][name] if e.get("agent") == arguments.agent]
            searches = [e for e in entries if "confirms" not in e]
            nearest = min(searches, key=lambda e: abs(math.log(e["updates"] / arguments.updates)))
            options = {"num_best": arguments.confirm, "num_seeds": arguments.seeds, "run": memory.run}
            entry = confirm(named.rule, name, nearest, num_steps, **options)
        else:
            entry = tune(
                named.rule, [name], {name: num_steps}, is_learned=named.is_learned, agent=arguments.agent,
                num_trials=arguments.trials, num_seeds=arguments.seeds, run=memory.run,
            )[name]  # fmt: skip
        save_table(table, named.name, {name: entry})
        print(f"{name}: {entry['score']} with {entry['setting']}", flush=True)


if __name__ == "__main__":
    main()
