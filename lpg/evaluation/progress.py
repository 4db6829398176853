"""Who is told of the progress of long work: a bar of the command line, or nobody."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Bar(Protocol):
    """A context manager that is told of progress."""

    def __enter__(self) -> "Bar":
        """Begins."""
        ...

    def __exit__(self, *error: Any) -> None:
        """Ends."""
        ...

    def advance(self, steps: int) -> None:
        """So many more environment steps are done."""
        ...


Bars = Callable[[str, int], Bar]
"""(What is done, environment steps in all) → what is told of it."""


class Silent:
    """A bar that shows nothing."""

    def __init__(self, what: str, total: int) -> None:
        """Nothing is kept."""

    def __enter__(self) -> "Silent":
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def advance(self, steps: int) -> None:
        """Nothing."""
