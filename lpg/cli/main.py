"""The command `lpg`: finds the subcommand, prepares the machine, and turns failures into one line and a status."""

import importlib
import importlib.util
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

COMMANDS = {
    "meta-train": ("lpg.cli.meta_train", "discover a rule on a suite of environments"),
    "train": ("lpg.cli.train", "train agents on one environment with a rule"),
    "evaluate": ("lpg.cli.evaluate", "compare rules on a suite of environments"),
    "analyse": ("lpg.cli.analyse", "ask a question about a rule"),
    "reproduce": ("lpg.cli.reproduce", "redraw a figure of the paper"),
    "show": ("lpg.cli.show", "what a run or a rule is and how it did"),
    "watch": ("lpg.cli.watch", "a local page that follows a run while it is written"),
    "export": ("lpg.cli.export", "write a rule as the folder that model hubs expect"),
    "list": ("lpg.cli.list", "what there is: environments, suites, agents, rules, configs"),
}

DONE, FAILED, BAD_INPUT, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143


def main(argv: list[str] | None = None) -> int:
    """Runs a command.

    Returns:
        Exit status: 0 done, 1 something failed on the way, 2 bad input, 130 and 143 stopped by a signal.
    """
    argv = sys.argv[1:] if argv is None else argv
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal without ±, – and the like gets ? for them; no result is lost because it cannot be printed.
        sys.stdout.reconfigure(errors="replace")
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage())
        return DONE if argv else BAD_INPUT
    if argv[0] == "--version":
        from lpg import __version__

        print(f"lpg {__version__}")
        return DONE
    try:
        with _terminable():
            return _run(argv[0], argv[1:])
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read the output has gone (`lpg list | head`); nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except ValueError as error:
        return _fail(str(error), BAD_INPUT)
    except (OSError, RuntimeError, MemoryError, AssertionError) as error:
        from lpg.cli.machine import platform_problem

        if problem := platform_problem():
            return _fail(problem, BAD_INPUT)
        if isinstance(error, AssertionError):
            raise
        return _fail(str(error) or type(error).__name__, FAILED)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else DONE if stop.code is None else FAILED


def usage() -> str:
    """The commands, one a line."""
    width = max(map(len, COMMANDS))
    lines = [f"  lpg {name:<{width}}  {about}" for name, (_, about) in COMMANDS.items()]
    return "\n".join(["usage: lpg COMMAND ...", "", *lines, "", "lpg COMMAND --help says more; so does README.md."])


def _run(command: str, argv: list[str]) -> int:
    if command not in COMMANDS:
        from difflib import get_close_matches

        nearest = get_close_matches(command, COMMANDS, n=1, cutoff=0.0)[0]
        raise ValueError(f"unknown command {command!r}; did you mean {nearest!r}?")
    module = COMMANDS[command][0]
    if importlib.util.find_spec(module) is None:
        raise ValueError(f"`lpg {command}` is not part of this version")
    # Where `module:factory` is looked for, as Python itself would; last, so that nobody's file hides a package.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    if command not in ("list", "watch") and not {"-h", "--help"} & set(argv):
        from lpg.cli.machine import set_up_jax

        set_up_jax()
    return importlib.import_module(module).run(argv)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the process like an exception, so that files are closed and cleaned up."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not in the main thread: no business of ours
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _fail(message: str, status: int) -> int:
    print(f"lpg: {' '.join(message.split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
