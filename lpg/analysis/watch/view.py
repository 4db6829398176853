"""The view of a run folder, whatever kind of run it holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lpg.analysis.watch.meta_training import MetaTrainingView
from lpg.analysis.watch.status import Status
from lpg.analysis.watch.training import TrainingView

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@runtime_checkable
class View(Protocol):
    """A run folder, read anew at each call."""

    def version(self) -> str:
        """Another one whenever the folder has something new to show."""
        ...

    def status(self) -> Status:
        """The run at this moment."""
        ...

    def has_figure(self) -> bool:
        """Whether there is something to draw."""
        ...

    def figure(self) -> "Figure":
        """Its curves up to now.

        Raises:
            ValueError: there is nothing to draw yet.
        """
        ...


def view_of(folder: Path) -> View:
    """The view that fits what a folder holds.

    Raises:
        ValueError: it holds no run.
    """
    for kind in (MetaTrainingView, TrainingView):
        if any((folder / name).is_file() for name in kind.files):
            return kind(folder)
    what = "is no folder" if not folder.is_dir() else "holds no run"
    names = ", ".join((*MetaTrainingView.files, *TrainingView.files))
    raise ValueError(
        f"{folder} {what}: one of {names} is needed; lpg meta-train writes the "
        "first, lpg train and lpg evaluate with --out the others"
    )
