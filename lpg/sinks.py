"""Where the numbers of a run go besides its files: one small interface, and the sinks of a run behind one door.

A sink that fails is reported once and left out from then on; the run goes on.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Sink(Protocol):
    """Takes what a run reports while it goes on. Derive from `BaseSink` to write only some of the methods."""

    def start(self, config: Mapping[str, Any]) -> None:
        """Called once, before the first row, with what is run: nested values as JSON has them."""
        ...

    def row(self, step: int, values: Mapping[str, float], run: str) -> None:
        """Called with numbers by name.

        Args:
            step: environment steps of a training, all environments together; meta-updates of a meta-training.
            values: what `results.csv`, `final.csv` or `metrics.csv` hold at this step, without empty cells.
            run: which of several trainings: "a2c/chain/short/seed-0"; empty where there is one.
        """
        ...

    def figure(self, path: Path) -> None:
        """Called with each figure (PNG) that the run has drawn at its end."""
        ...

    def close(self) -> None:
        """Called last, after an interrupted run, too."""
        ...


class BaseSink:
    """A sink that drops everything."""

    def start(self, config: Mapping[str, Any]) -> None:
        """See `Sink`."""

    def row(self, step: int, values: Mapping[str, float], run: str) -> None:
        """See `Sink`."""

    def figure(self, path: Path) -> None:
        """See `Sink`."""

    def close(self) -> None:
        """See `Sink`."""


Callback = Sink | Callable[[int, Mapping[str, float]], object]
"""What Python users give: a sink, or a function of (step, values)."""


class Sinks:
    """Several sinks as one, none of which can fail; a context manager that closes them."""

    def __init__(self, sinks: Sequence[Sink], warn: Callable[[str], None]) -> None:
        """Nothing is called yet.

        Args:
            warn: called with one line for each sink that fails.
        """
        self._sinks, self._warn = list(sinks), warn

    def __enter__(self) -> "Sinks":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def is_empty(self) -> bool:
        """Whether nobody listens (any more)."""
        return not self._sinks

    def start(self, config: Mapping[str, Any]) -> None:
        """See `Sink`."""
        self._call("start", config)

    def row(self, step: int, values: Mapping[str, float], run: str = "") -> None:
        """See `Sink`."""
        self._call("row", step, values, run)

    def figure(self, path: Path) -> None:
        """See `Sink`."""
        self._call("figure", path)

    def close(self) -> None:
        """See `Sink`."""
        self._call("close")
        self._sinks = []

    def _call(self, method: str, *arguments: Any) -> None:
        for sink in list(self._sinks):
            try:
                getattr(sink, method)(*arguments)
            except Exception as error:
                self._sinks.remove(sink)
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                self._warn(f"{type(sink).__name__} failed and is left out from here on; the run goes on ({reason})")


def as_sink(callback: object) -> Sink:
    """A sink of what a Python user gives, which should be a `Callback`.

    Raises:
        ValueError: it is neither a sink nor a function.
    """
    # A class has a sink's methods, and can be called, too; an object of it is needed.
    if not isinstance(callback, type):
        if isinstance(callback, Sink):
            return callback
        if callable(callback):
            return _Function(callback)
    raise ValueError(
        f"callback is {callback!r}; a function of (step, values) is needed, or an object with the methods of "
        "lpg.sinks.Sink"
    )


class _Function(BaseSink):
    """A function of (step, values) as a sink."""

    def __init__(self, function: Callable[[int, Mapping[str, float]], object]) -> None:
        self._function = function

    def row(self, step: int, values: Mapping[str, float], run: str) -> None:
        """Calls it."""
        self._function(step, values)
