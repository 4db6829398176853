"""Agent hyper-parameters: the documented defaults, and the recorded tuning tables that go before them."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lpg.agents.defaults import default_agent
from lpg.agents.registry import TABULAR
from lpg.environments import registry
from lpg.types import Hyperparameters

TABLE_FORMAT = 1
TUNED_FOLDER = Path(__file__).parent / "tuned"
NUMBERS = tuple(field.name for field in dataclasses.fields(Hyperparameters))
"""The hyper-parameters that may vary without compiling anew."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """The agent's hyper-parameters as plain numbers; see `lpg.types.Hyperparameters`."""

    learning_rate: float = 40.0
    y_weight: float = 0.5
    """Weight of the prediction's loss: α_y, or the weight of the value loss."""
    gamma: float = 0.995
    policy_entropy_weight: float = 0.0
    """Entropy bonus of hand-written rules; learned ones do not use it."""
    lambda_: float = 0.95
    """λ of rules with a value function; others do not use it."""
    baseline: bool = False
    """Subtract a learned baseline from π̂ (equation 7 of the paper), see `lpg.learner.baseline`."""

    def __post_init__(self) -> None:
        if not isinstance(self.baseline, bool):
            raise ValueError(f"baseline is {self.baseline!r}; true or false is needed")
        for name, value in dataclasses.asdict(self).items():
            if not np.isfinite(value):
                raise ValueError(f"{name} is {value}; a finite number is needed")
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be positive")
        for name in ("y_weight", "policy_entropy_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must not be negative")
        for name in ("gamma", "lambda_"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must lie in [0, 1]")

    def hyperparameters(self) -> Hyperparameters:
        """The same as arrays, as far as they are numbers."""
        return Hyperparameters(**{name: jnp.asarray(float(getattr(self, name))) for name in NUMBERS})

    @staticmethod
    def table(settings: list["Setting"]) -> Hyperparameters:
        """Several settings as arrays [R]."""
        one = settings[0].hyperparameters()
        columns = [[getattr(setting, name) for setting in settings] for name in NUMBERS]
        return jax.tree.unflatten(jax.tree.structure(one), [jnp.asarray(np.array(column, float)) for column in columns])


DEFAULTS = {
    True: Setting(),
    False: Setting(learning_rate=160.0, y_weight=0.125),
}
"""For learned rules the middle of the published grids. A2C wants larger steps (in a sweep on dense and long_horizon 160
and 320 beat 80 and less) with a small value weight: a table moves a value by learning rate × weight × the share of the
batch that lies in its state, and from 2 on it overshoots; with a weight of 0.5 agents learn and then collapse."""


NETWORK_DEFAULT = Setting(learning_rate=0.001)
"""For agents that are networks under Adam: the middle of Table 3's rates."""


@dataclasses.dataclass(frozen=True)
class Chosen:
    """A setting and where it is from."""

    setting: Setting
    source: str


def chosen(
    rule: str,
    environment: str,
    num_updates: int,
    *,
    is_learned: bool = True,
    agent: str | None = None,
    tables: tuple[Path, ...] = (),
) -> Chosen:
    """The setting for a rule on an environment: of the tuning tables the entry made for the nearest number of updates.

    An entry counts only if it was made with the agent that is going to learn. Without any: `fallback`.

    Args:
        rule: name of the rule; its table is `tuned/<rule>.json` in the package.
        is_learned: which defaults apply where nothing was tuned.
        agent: which agent learns; none: the environment's own.
        tables: further tables that go before the package's, the first one first.
    """
    own = default_agent(environment, registry.env_spec(environment).distribution.env).agent
    agent = agent or own
    found = recorded(rule, environment, num_updates, agent, own=own, tables=tables)
    return found or fallback(rule, is_table=agent == TABULAR, is_learned=is_learned, tables=tables)


def recorded(
    rule: str, environment: str, num_updates: int, agent: str, *, own: str, tables: tuple[Path, ...] = ()
) -> Chosen | None:
    """Of the first tuning table that knows the environment the entry for the nearest number of updates; or none.

    Args:
        own: the agent of entries that name none.
    """
    for path in _files(rule, tables):
        entries = read_table(path)["environments"].get(environment, [])
        entries = [entry for entry in entries if entry.get("agent", own) == agent]
        if entries:
            # Twice as many is as far away as half as many.
            nearest = min(entries, key=lambda e: abs(np.log(e["updates"] / num_updates)))
            return Chosen(Setting(**nearest["setting"]), f"tuned at {nearest['updates']} updates ({path.name})")
    return None


def fallback(rule: str, *, is_table: bool, is_learned: bool, tables: tuple[Path, ...] = ()) -> Chosen:
    """What a rule's tuning table advises where it has not been tuned, for tables or for networks; else the defaults."""
    for path in _files(rule, tables):
        advice = read_table(path).get("elsewhere", {}).get("table" if is_table else "network")
        if advice:
            return Chosen(Setting(**advice), f"not tuned here; what served elsewhere ({path.name})")
    return Chosen(DEFAULTS[is_learned] if is_table else NETWORK_DEFAULT, "default")


def _files(rule: str, tables: tuple[Path, ...]) -> list[Path]:
    return [path for path in (*tables, TUNED_FOLDER / f"{rule}.json") if path.is_file()]


def tuned_beside(path: Path) -> Path:
    """The tuning table that belongs to a rule file: `rule.tuned.json` beside `rule.safetensors`."""
    return path.with_suffix(".tuned.json")


def read_table(path: Path) -> dict[str, Any]:
    """Reads a tuning table.

    Raises:
        ValueError: it is not one.
    """
    try:
        table = json.loads(path.read_text())
        if table["format_version"] != TABLE_FORMAT:
            raise ValueError(f"format version {table['format_version']}; {TABLE_FORMAT} is needed")
        for entries in table["environments"].values():
            for entry in entries:
                Setting(**entry["setting"])
                if not entry["updates"] > 0:
                    raise ValueError(f"updates is {entry['updates']}")
        for advice in table.get("elsewhere", {}).values():
            Setting(**advice)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not a tuning table ({type(error).__name__}: {error})") from error
    return table
