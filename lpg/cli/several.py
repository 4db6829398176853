"""A command in one of several processes: joining the others, and one line if one of them has gone."""

import os
import sys
import traceback
from collections.abc import Callable

from lpg.cli.last_words import in_one_line
from lpg.cli.main import BAD_INPUT, FAILED
from lpg.cli.progress import say


def in_processes(
    coordinator: str | None, num_processes: int | None, process_id: int | None, command: Callable[[], int]
) -> int:
    """Runs a command when all processes have come; alone where there is only one.

    Args:
        coordinator: see `lpg.processes.joined`; so are the next two.
        num_processes: see there.
        process_id: see there.
        command: returns its exit status.

    Returns:
        Exit status of the command. After an error in one of several processes this function does not return.
    """
    from lpg.processes import LOST, is_one_of_several, joined

    others = (coordinator, num_processes, process_id)
    if not is_one_of_several(*others):
        return command()
    with in_one_line(LOST):
        try:
            with joined(*others):
                return command()
        except (Exception, KeyboardInterrupt, SystemExit) as error:
            if not isinstance(error, (ValueError, OSError, RuntimeError, KeyboardInterrupt, SystemExit)):
                traceback.print_exc()
            say(" ".join(str(error).split()) or type(error).__name__)
            sys.stdout.flush()
            # At once: while Python tidies up, JAX would wait for the others, which wait for this one.
            os._exit(BAD_INPUT if isinstance(error, ValueError) else FAILED)
