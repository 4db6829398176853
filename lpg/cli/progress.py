"""Progress of long work: a bar on a terminal, plain lines elsewhere; on standard error, where results never are."""

import sys
import time
from types import TracebackType
from typing import Any

SECONDS_BETWEEN_LINES = 10.0


def say(text: str) -> None:
    """One line about something that went wrong without ending the run."""
    # In one write: where nothing is buffered, JAX's threads write between a text and its end of line.
    print(f"lpg: {text}\n", end="", file=sys.stderr, flush=True)


class StepProgress:
    """Counts environment steps towards a total; a context manager."""

    def __init__(self, what: str, total: int) -> None:
        """Nothing is shown before the context is entered."""
        self.what, self.total, self.done = what, total, 0
        self.began = self._said = time.monotonic()
        self._first: tuple[float, int] | None = None
        self._bar: Any = None
        self._task: Any = None

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.began

    def __enter__(self) -> "StepProgress":
        self.began = self._said = time.monotonic()
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %  {task.fields[rate]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True, markup=False, emoji=False),  # names are shown as they are
            )
            self._bar.start()
            self._task = self._bar.add_task(self.what, total=self.total, rate="compiling")
        return self

    def advance(self, steps: int) -> None:
        """So many more steps are done."""
        self.done += steps
        known, now = self._first, self.seconds
        # The first report comes after compiling; the time left is estimated from the pace after it.
        self._first = known or (now, self.done)
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, rate=self._rate())
        elif time.monotonic() - self._said > SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            line = f"{self.what}: {self.done / max(self.total, 1):.0%}, {self._rate()}"
            if known is None:
                line += " so far, compilation included"
            if known is not None and self.done > known[1]:
                left = (now - known[0]) * (self.total - self.done) / (self.done - known[1])
                line += f", {left:.0f} s left"
            print(line, file=sys.stderr, flush=True)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _rate(self) -> str:
        rate = self.done / max(self.seconds, 1e-9)
        return f"{rate / 1e6:.2f} M steps/s" if rate >= 1e5 else f"{rate:,.0f} steps/s"
