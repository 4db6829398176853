"""`lpg train` on environments of the host: `gymnasium/*` and `atari/*`."""

import sys
from typing import Any

from lpg.cli.progress import StepProgress
from lpg.cli.rules import named_rules
from lpg.cli.train import Arguments, finish, prepare, print_resume_hint
from lpg.evaluation.hosted_plan import GymnasiumOptions, HostedTask, plan
from lpg.evaluation.hosted_training import train_seeds
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_folder import checkpoint_path
from lpg.learner.saving import read_card


def run_hosted(arguments: Arguments, options: Any, argv: list[str]) -> int:
    """Trains one seed after the other, prints how it went, and writes what was asked for.

    Args:
        argv: what was given on the command line, to say how to go on after a signal.

    Raises:
        ValueError: something does not fit, or the folder holds another training.
    """
    if options.num_actions is not None:
        raise ValueError(f"--set num_actions given; {arguments.env} has its own actions, only grids come in two")
    (one,) = named_rules([arguments.rule])
    task = plan(
        one,
        arguments.env,
        num_steps=arguments.steps,
        agent=arguments.agent,
        changes=options.changes(TrainConfig),
        options=GymnasiumOptions(**options.changes(GymnasiumOptions)),
    )
    prepare(arguments, task.rule.label)
    done = _done_before(task, arguments)
    total = (task.num_updates * arguments.seeds - done) * task.config.steps_per_update
    what = f"{task.rule.label} on {task.environment}"
    with print_resume_hint(arguments, argv), StepProgress(what, total) as progress:
        rows = train_seeds(
            task, range(arguments.seeds), progress=progress.advance, out=arguments.out, resume=arguments.resume
        )
    finish(arguments, task.rule.label, task.chosen, rows, progress)
    return 0


def _done_before(task: HostedTask, arguments: Arguments) -> int:
    """Agent updates that are in the checkpoints already, all seeds together; says where each one goes on."""
    total = 0
    for seed in range(arguments.seeds if arguments.out is not None else 0):
        path = checkpoint_path(arguments.out, seed)  # type: ignore[arg-type]  # there is a folder
        if path.exists():
            done = int(read_card(path).get("done", 0))
            print(f"{path.stem}: goes on at update {done} of {task.num_updates}", file=sys.stderr)
            total += done
    return total
