"""`lpg train` on environments of the host: `gymnasium/*` and `atari/*`."""

import shlex
import sys
from pathlib import Path

from lpg.cli.progress import StepProgress
from lpg.cli.report import make_room
from lpg.cli.rules import contestants
from lpg.cli.train import Arguments, Options, finish
from lpg.evaluation import results
from lpg.evaluation.hosted_plan import HostedOptions, HostedTask, make_learner, plan
from lpg.evaluation.hosted_training import train_hosted
from lpg.evaluation.settings import Setting, tuned_beside
from lpg.evaluation.train_agents import TrainingSizes
from lpg.learner.saving import read_card


def run_hosted(arguments: Arguments, options: Options, argv: list[str]) -> int:
    """Trains one seed after the other, prints how it went, and writes what was asked for.

    Args:
        argv: what was given on the command line, to say how to go on after a signal.

    Raises:
        ValueError: something does not fit, or the folder holds another training.
    """
    if options.num_actions is not None:
        raise ValueError(f"--set num_actions given; {arguments.env} has its own actions, only grids come in two")
    if arguments.resume and arguments.out is None:
        raise ValueError("--resume given without --out; the folder of the training that goes on is needed")
    (one,) = contestants([arguments.rule])
    task = plan(
        one.named,
        arguments.env,
        label=one.label,
        num_steps=arguments.steps,
        agent=arguments.agent,
        setting_changes=options.changes(Setting),
        size_changes=options.changes(TrainingSizes),
        options=HostedOptions(**options.changes(HostedOptions)),  # type: ignore[arg-type]
        tables=() if one.named.path is None else (tuned_beside(one.named.path),),
    )
    checkpoints = _checkpoints(arguments)
    table = None if arguments.out is None else arguments.out / "results.csv"
    make_room(table, arguments.json, checkpoints[0])
    if table is not None:
        results.check_free(table, [(task.label, task.environment, seed) for seed in range(arguments.seeds)])
    done = _done_before(task, checkpoints)
    rows, learner = [], make_learner(task)
    total = (task.num_updates * arguments.seeds - done) * task.sizes.steps_per_update
    try:
        with StepProgress(f"{task.label} on {task.environment}", total) as progress:
            for seed, checkpoint in enumerate(checkpoints):
                curve, _ = train_hosted(
                    task, seed, learner=learner, progress=progress.advance, checkpoint=checkpoint,
                    resume=arguments.resume,
                )  # fmt: skip
                rows += curve
    except (KeyboardInterrupt, SystemExit):
        if arguments.out is not None:
            again = f"lpg train {shlex.join(argv)}" + ("" if arguments.resume else " --resume")
            print(f"stopped; go on with: {again}", file=sys.stderr)
        raise
    finish(arguments, task.label, task.chosen, rows, progress)
    return 0


def _checkpoints(arguments: Arguments) -> list[Path | None]:
    """A file for each seed; none without --out.

    Raises:
        ValueError: there is one already, and nobody said that it should go on.
    """
    if arguments.out is None:
        return [None] * arguments.seeds
    paths = [arguments.out / "checkpoints" / f"seed-{seed}.safetensors" for seed in range(arguments.seeds)]
    for path in paths:
        if path.exists() and not arguments.resume:
            raise ValueError(
                f"{path} exists; go on with that training by --resume, give another folder with --out, or remove it"
            )
    return list(paths)


def _done_before(task: HostedTask, checkpoints: list[Path | None]) -> int:
    """Agent updates that are in the checkpoints already, all seeds together; says where each one goes on."""
    total = 0
    for path in checkpoints:
        if path is not None and path.exists():
            done = int(read_card(path).get("done", 0))
            print(f"{path.stem}: goes on at update {done} of {task.num_updates}", file=sys.stderr)
            total += done
    return total
