"""A listener of a meta-training that hands every row of metrics.csv to sinks, too."""

import math
from collections.abc import Mapping
from typing import Any

from lpg.meta_training.run_folder import Listener
from lpg.meta_training.state import MetaState
from lpg.sinks import Sinks


class LoggingListener:
    """Another listener, and sinks beside it."""

    def __init__(self, listener: Listener, sinks: Sinks, config: Mapping[str, Any]) -> None:
        """Nothing is called before the first meta-update, so that a run that is refused leaves no trace.

        Args:
            config: what the sinks are told is run.
        """
        self._listener, self._sinks, self._config = listener, sinks, config
        self._is_started = False

    def note(self, text: str) -> None:
        """Forwarded."""
        self._listener.note(text)

    def step(self, state: MetaState, values: dict[str, Any], flags: list[str]) -> None:
        """Forwarded; the sinks get the row, with meta-updates as steps."""
        self._listener.step(state, values, flags)
        if not self._is_started:
            self._is_started = True
            self._sinks.start(self._config)
        known = {name: float(value) for name, value in values.items() if name != "meta_update" and value != ""}
        known = {name: value for name, value in known.items() if name != "validation" or not math.isnan(value)}
        self._sinks.row(int(values["meta_update"]), {**known, "audit_flags": len(flags)})
