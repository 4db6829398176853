"""Standard error of one of several processes, with one line in place of JAX's last words when another one has gone.

JAX ends a process at once when process 0 is gone, or when nobody has heard of one for long: thirty lines with a stack
trace, and no exception that could be caught. So they are read by a process that lives on, which imports nothing of
`lpg` to start quickly.
"""

import functools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

FATAL = re.compile(rb"^F\d{4} .*(distributed service|coordination service)")
NOISE = re.compile(rb"^[IWE]\d{4} .*coordination_service|^\[Gloo\]")

SECONDS = 5.0
"""To wait for the reader."""


@contextmanager
def in_one_line(instead: str) -> Iterator[None]:
    """Has what this process writes to standard error pass through a filter, until it ends.

    Args:
        instead: the line.
    """
    command = [sys.executable, "-S", "-E", __file__, f"lpg: {instead}"]
    reader = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert reader.stdin is not None
    sys.stderr.flush()
    before = os.dup(2)
    os.dup2(reader.stdin.fileno(), 2)
    reader.stdin.close()
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)
        with suppress(subprocess.TimeoutExpired):  # a child of this process may still write
            reader.wait(SECONDS)


def pass_on(lines: Iterator[bytes], write: Callable[[bytes], object], instead: bytes) -> None:
    """Copies lines up to JAX's last words, for which the given line is written unless it was there before."""
    has_said = False
    for line in lines:
        if FATAL.match(line):
            if not has_said:
                write(instead + b"\n")
            break
        has_said = has_said or line.strip() == instead
        if not NOISE.match(line):
            write(line)
    for _ in lines:  # whoever writes must not wait for a reader
        pass


if __name__ == "__main__":
    # Signals are for the process that writes; this one ends when nobody writes any more.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    pass_on(iter(sys.stdin.buffer), functools.partial(os.write, 2), os.fsencode(sys.argv[1]))
