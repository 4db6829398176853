"""Sweeps that fill the tuning tables of the package, on seeds that are never reported; hours on one core.

    python -m benchmarks.tuning --rule a2c --suite tables --steps-scale 0.1707 --general --trials 64 --seeds 4
    python -m benchmarks.tuning --rule a2c --suite classic --trials 40
    python -m benchmarks.tuning --rule a2c --suite classic --confirm 8 --seeds 8

With `--general` one setting is searched for each kind of agent, else one for each environment. With `--confirm` the
best settings of the table's newest sweep are tried again, with other numbers of agents or steps. The study is a file:
the same command goes on where it was stopped, and several processes may run it at once.
"""

import argparse
from pathlib import Path
from typing import Any

from lpg.cli.machine import set_up_jax
from lpg.cli.progress import StepProgress
from lpg.environments.registry import env_spec, suite
from lpg.evaluation.sweeps import Sweep, general_sweeps, sweeps_of
from lpg.evaluation.tuning import confirm, tune
from lpg.evaluation.tuning_table import TUNED_FOLDER, read_table, save_general, save_table, tuned_beside
from lpg.update_rules.registry import NamedRule, find_rule


def main() -> None:
    """One study after the other; tables are written at the end of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", required=True)
    parser.add_argument("--rule", default="a2c")
    parser.add_argument("--agent", help="none: each environment's own")
    parser.add_argument("--general", action="store_true")
    parser.add_argument("--steps", type=float, help="of each environment; none: its own budget times --steps-scale")
    parser.add_argument("--steps-scale", type=float, default=1.0)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--confirm", type=int, help="try so many settings of an earlier sweep instead")
    parser.add_argument("--table", type=Path, help="none: the package's own, or the one beside the rule's file")
    arguments = parser.parse_args()
    set_up_jax()
    named, names = find_rule(arguments.rule), suite(arguments.suite)
    num_steps = {name: arguments.steps or env_spec(name).lifetime_steps * arguments.steps_scale for name in names}
    own = TUNED_FOLDER / f"{named.name}.json" if named.path is None else tuned_beside(named.path)
    table = arguments.table or own
    sweeps = general_sweeps(names, num_steps) if arguments.general else sweeps_of(names, num_steps, arguments.agent)
    for sweep in sweeps:
        if arguments.confirm:
            found = {sweep.name: confirmed(named, sweep, table, arguments)}
            save(table, named.name, sweep, found, general=arguments.general)
            continue
        total = sum(num_steps[name] for name in sweep.environments) * arguments.trials * arguments.seeds
        with StepProgress(f"{named.name} on {sweep.name}", round(total)) as progress:
            found = tune(
                named.rule, [sweep], is_learned=named.is_learned, num_trials=arguments.trials,
                num_seeds=arguments.seeds, card=named.card, storage=Path("build/tuning") / f"{named.name}.log",
                label=f"{named.name} for {round(num_steps[sweep.environments[0]])} steps", progress=progress.advance,
            )  # fmt: skip
        save(table, named.name, sweep, found, general=arguments.general)


def confirmed(named: NamedRule, sweep: Sweep, table: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """An entry from the best settings of an earlier one."""
    recorded = read_table(table)
    if arguments.general:
        entry = recorded["general"][sweep.name]
    else:
        entry = [e for e in recorded["environments"][sweep.name] if e.get("agent") == arguments.agent][-1]
    return confirm(named.rule, sweep, entry, num_best=arguments.confirm, num_seeds=arguments.seeds)


def save(table: Path, rule: str, sweep: Sweep, found: dict[str, dict[str, Any]], *, general: bool) -> None:
    """Writes an entry into the table and prints it."""
    if general:
        save_general(table, rule, sweep.name, found[sweep.name])
    else:
        save_table(table, rule, found)
    print(f"{sweep.name}: {found[sweep.name]['score']} with {found[sweep.name]['setting']}", flush=True)


if __name__ == "__main__":
    main()
