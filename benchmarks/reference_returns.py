"""Measures the returns that scores are normalised by where no exact solution is at hand; half an hour on one core.

    python -m benchmarks.reference_returns [--env random/small ...] [--out FILE]

Writes lpg/evaluation/reference_returns.json unless told otherwise; what other environments have there stays.
"""

import argparse
import dataclasses
import json
from pathlib import Path

import jax

from lpg.evaluation.reference_returns import FILE, FILE_FORMAT, Reference, measurable, measure, read_file, versions
from lpg.files import write_atomic

NUM_RANDOM, NUM_BEST = 20_000, 4_000
"""Episodes. The scripted policy's returns differ by a few units around a mean of twenty and more."""


def main() -> None:
    """Measures one environment after the other, and writes after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", nargs="+", default=list(measurable()), choices=measurable())
    parser.add_argument("--out", type=Path, default=FILE)
    arguments = parser.parse_args()
    known = dict(read_file(arguments.out)) if arguments.out.is_file() else {}
    for name in arguments.env:
        known[name] = {}
        for num_actions in versions(name):
            keys = jax.random.split(jax.random.fold_in(jax.random.key(20200717), num_actions))
            found = measure(name, num_actions, keys[0], keys[1], NUM_RANDOM, NUM_BEST)
            known[name][str(num_actions)] = rounded(found)
            print(f"{name} {num_actions}: random {found.random:.4f} ± {found.random_stderr:.4f}, "
                  f"best {found.best:.4f} ± {found.best_stderr:.4f}", flush=True)  # fmt: skip
        content = {"format_version": FILE_FORMAT, "environments": {key: known[key] for key in sorted(known)}}
        write_atomic(arguments.out, (json.dumps(content, indent=1) + "\n").encode())


def rounded(found: Reference) -> dict[str, float | bool | str]:
    """With as many digits as mean something."""
    return {key: round(v, 5) if isinstance(v, float) else v for key, v in dataclasses.asdict(found).items()}


if __name__ == "__main__":
    main()
