"""`lpg show`: what a run, a rule or a training is, how it was made, how it did."""

import dataclasses
import textwrap
from pathlib import Path

import tyro

from lpg.cli.main import DONE
from lpg.cli.parsing import parse


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Describes a run folder (and redraws its figures), a rule or an environment; plays an episode of a training."""

    what: tyro.conf.Positional[str]
    """A folder of `lpg meta-train` or `lpg train`, a rule (name or file), or an environment."""
    out: Path | None = None
    """For an environment: also draw an instance into this file. For a training: the episode's GIF; none: in its
    figures/."""
    seed: int = 0
    """For an environment: which instance. For a training: which agent."""


def run(argv: list[str]) -> int:
    """Runs the command."""
    arguments = parse(Arguments, argv, "lpg show")
    from lpg.environments.registry import ENVIRONMENTS
    from lpg.update_rules.registry import HAND_WRITTEN
    from lpg.update_rules.rule_paths import rule_in, shipped

    folder = Path(arguments.what)
    if arguments.what in ENVIRONMENTS:
        _show_environment(arguments)
    elif arguments.what in {*HAND_WRITTEN, *shipped()}:  # a folder of the same name, `lpg` say, is not meant
        _show_rule(arguments.what)
    elif (folder / "config.json").is_file():
        _show_run(folder)
    elif folder.is_dir() and rule_in(folder) is None:
        from lpg.cli.show_training import show_training

        show_training(folder, seed=arguments.seed, out=arguments.out)
    else:
        _show_rule(arguments.what)
    return DONE


def _show_run(folder: Path) -> None:
    from lpg.analysis.meta_run import describe, save_figure
    from lpg.meta_training.metrics import read_metrics

    print(describe(folder))
    if read_metrics(folder / "metrics.csv"):
        print(f"figure: {save_figure(folder)}")


def _show_rule(name: str) -> None:
    import jax

    from lpg.update_rules.registry import find_rule

    found = find_rule(name)
    count = sum(leaf.size for leaf in jax.tree.leaves(found.rule))
    print(f"{found.name}: {type(found.rule).__name__}, {count:,} parameters")
    for key, value in found.card.items():
        if key == "config":
            value = ", ".join(f"{k} {v}" for k, v in value.items())
        print(textwrap.fill(f"{key}: {value}", 100, initial_indent="  ", subsequent_indent="    "))


def _show_environment(arguments: Arguments) -> None:
    import jax

    from lpg.environments import render
    from lpg.environments.registry import env_spec

    entry = env_spec(arguments.what)
    env = entry.distribution.env
    env_params = entry.distribution.sample(jax.random.key(arguments.seed))
    print(f"{arguments.what}: {entry.about}")
    print(render.text(env, env_params))
    if arguments.out is not None:
        render.image(env, env_params).savefig(arguments.out, dpi=150)
        print(f"drawn into {arguments.out}")
