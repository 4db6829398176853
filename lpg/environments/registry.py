"""All registered environments, `family/name` → distribution of `EnvParams`, and suites of them."""

import dataclasses
import functools
import importlib
import re
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from jaxtyping import PRNGKeyArray

from lpg.checks import known
from lpg.environments import grid_families, random_grid_families
from lpg.environments.base import Environment, EnvParams
from lpg.environments.delayed_chain import DelayedChain
from lpg.environments.distractor_chain import DistractorChain
from lpg.environments.games import gymnax_style, is_gymnax_style
from lpg.environments.names import GIVEN, kept, split_kwargs
from lpg.environments.procedural_control import ProceduralControl
from lpg.environments.tabulated import Tabulated
from lpg.environments.third_party import SingleGame, ThirdParty, load
from lpg.packages import check_installed
from lpg.places import described


@runtime_checkable
class EnvDistribution(Protocol):
    """An environment and a distribution of its parameters."""

    @property
    def env(self) -> Environment:
        """The environment; it fixes array shapes (static). Equal environments share compiled programs."""
        ...

    def sample(self, key: PRNGKeyArray, num_actions: int | None = None) -> EnvParams:
        """Draws the parameters of one lifetime.

        Args:
            num_actions: version of the environment, where there are several; None: drawn, too.

        Raises:
            ValueError: there is no version with so many actions.
        """
        ...


@dataclasses.dataclass(frozen=True)
class EnvSpec:
    """A registered environment."""

    distribution: Any
    lifetime_steps: int
    """Environment steps of one lifetime, all environments together (Table 3 of the paper, where it has them)."""
    about: str


_CHAIN_STEPS = 1_000_000
_DISTRACTOR_STEPS = 2_000_000
_GRID_STEPS = 3_000_000
_RANDOM_GRID_STEPS = 30_000_000
_CONTROL_STEPS = 2_000_000
_MINATAR_STEPS = 5_000_000
_BSUITE_STEPS = 100_000
_TOY_STEPS = 500_000

ENVIRONMENTS: dict[str, EnvSpec] = {
    "tabular/dense": EnvSpec(grid_families.DENSE, _GRID_STEPS, "two rewards that return quickly, two penalties"),
    "tabular/sparse": EnvSpec(grid_families.SPARSE, _GRID_STEPS, "one reward, one penalty, both end the episode"),
    "tabular/long_horizon": EnvSpec(grid_families.LONG_HORIZON, _GRID_STEPS, "rewards return after about 100 steps"),
    "tabular/longer_horizon": EnvSpec(grid_families.LONGER_HORIZON, _GRID_STEPS, "two rewards among five traps, walls"),
    "tabular/long_dense": EnvSpec(grid_families.LONG_DENSE, _GRID_STEPS, "four rewards, four rooms, 2,000 steps"),
    "random/dense": EnvSpec(
        random_grid_families.DENSE, _RANDOM_GRID_STEPS, "as tabular/dense, objects return anywhere"
    ),
    "random/long_horizon": EnvSpec(
        random_grid_families.LONG_HORIZON, _RANDOM_GRID_STEPS, "as tabular/long_horizon, objects return anywhere"
    ),
    "random/small": EnvSpec(random_grid_families.SMALL, _RANDOM_GRID_STEPS, "two rewards, two penalties, two walls"),
    "random/small_sparse": EnvSpec(
        random_grid_families.SMALL_SPARSE, _RANDOM_GRID_STEPS, "one reward, two penalties, all end the episode"
    ),
    "random/very_dense": EnvSpec(
        random_grid_families.VERY_DENSE, _RANDOM_GRID_STEPS, "one reward that returns at once, 2,000 steps"
    ),
    "chain/short": EnvSpec(DelayedChain(min_length=5, max_length=30, is_noisy=False), _CHAIN_STEPS, "5 to 30 steps"),
    "chain/short_noisy": EnvSpec(
        DelayedChain(min_length=5, max_length=30, is_noisy=True), _CHAIN_STEPS, "5 to 30 steps, ±1 in between"
    ),
    "chain/long": EnvSpec(DelayedChain(min_length=5, max_length=50, is_noisy=False), _CHAIN_STEPS, "5 to 50 steps"),
    "chain/long_noisy": EnvSpec(
        DelayedChain(min_length=5, max_length=50, is_noisy=True), _CHAIN_STEPS, "5 to 50 steps, ±1 in between"
    ),
    "chain/distractor": EnvSpec(
        DistractorChain(chain=DelayedChain(min_length=5, max_length=30, is_noisy=False)),
        _DISTRACTOR_STEPS,
        "5 to 30 steps, seen as 2 bits among 20 random ones",
    ),
    "procedural/grid": EnvSpec(grid_families.ProceduralGrid(), _GRID_STEPS, "random size, walls, objects, time limit"),
    "procedural/rewards": EnvSpec(
        grid_families.ProceduralGrid(max_step_reward=1.0, reward_scales=(0.1, 2.0)),
        _GRID_STEPS,
        "as procedural/grid, rewards of other sizes and one at every step",
    ),
    "procedural/survival": EnvSpec(
        grid_families.ProceduralGrid(is_survival=True, reward_scales=(0.1, 2.0)),
        _GRID_STEPS,
        "as procedural/grid, every step pays and objects end the episode",
    ),
    "control/procedural": EnvSpec(
        ProceduralControl(), _CONTROL_STEPS, "balancing or swing-up, random dynamics and rewards"
    ),
    "toy_text/Taxi-v4": EnvSpec(Tabulated("Taxi-v4"), _TOY_STEPS, "fetch a passenger, −1 per step, −10 for mistakes"),
    "toy_text/CliffWalking-v1": EnvSpec(
        Tabulated("CliffWalking-v1"), _TOY_STEPS, "along a cliff, −1 per step, −100 over it"
    ),
    "toy_text/FrozenLake8x8-v1": EnvSpec(Tabulated("FrozenLake8x8-v1"), _TOY_STEPS, "over slippery ice between holes"),
    "classic/CartPole-v1": EnvSpec(ThirdParty("gymnax", "CartPole-v1"), 500_000, "balance a pole, up to 500 steps"),
    "classic/Acrobot-v1": EnvSpec(ThirdParty("gymnax", "Acrobot-v1"), 500_000, "swing two joints up, −1 per step"),
    "classic/MountainCar-v0": EnvSpec(
        ThirdParty("gymnax", "MountainCar-v0"), 1_000_000, "rock out of a valley, −1 per step"
    ),
    "minatar/breakout": EnvSpec(ThirdParty("gymnax", "Breakout-MinAtar"), _MINATAR_STEPS, "bat a ball into bricks"),
    "minatar/asterix": EnvSpec(ThirdParty("gymnax", "Asterix-MinAtar"), _MINATAR_STEPS, "collect gold, avoid enemies"),
    "minatar/freeway": EnvSpec(ThirdParty("gymnax", "Freeway-MinAtar"), _MINATAR_STEPS, "cross a road, 2,500 steps"),
    "minatar/space_invaders": EnvSpec(
        ThirdParty("gymnax", "SpaceInvaders-MinAtar"), _MINATAR_STEPS, "shoot what comes down, and dodge"
    ),
    "minatar/seaquest": EnvSpec(
        ThirdParty("pgx", "minatar-seaquest"),
        _MINATAR_STEPS,
        "rescue divers, shoot, breathe; every tenth action sticks",
    ),
    "bsuite/catch": EnvSpec(ThirdParty("gymnax", "Catch-bsuite"), _BSUITE_STEPS, "catch a falling ball, ±1"),
    "bsuite/deep_sea": EnvSpec(
        ThirdParty("gymnax", "DeepSea-bsuite"), _BSUITE_STEPS, "8 right moves in a row pay, each costs"
    ),
    "bsuite/umbrella_chain": EnvSpec(
        ThirdParty("gymnax", "UmbrellaChain-bsuite"), _BSUITE_STEPS, "the first action decides the last of 10 rewards"
    ),
    "bsuite/discounting_chain": EnvSpec(
        ThirdParty("gymnax", "DiscountingChain-bsuite"),
        _BSUITE_STEPS,
        "the first action decides when, in 100 steps, it pays",
    ),
    "bsuite/memory_chain": EnvSpec(
        ThirdParty("gymnax", "MemoryChain-bsuite"), _BSUITE_STEPS, "remember what was seen first; needs a memory"
    ),
}
"""Third-party environments that download data are left out, and bsuite's bandit, whose arms gymnax shuffles in every
episode, so that nothing can be learned. MinAtar is gymnax's except Seaquest, which is six times faster in pgx."""

SUITES: dict[str, tuple[str, ...]] = {
    family: tuple(name for name in ENVIRONMENTS if name.startswith(f"{family}/"))
    for family in dict.fromkeys(name.partition("/")[0] for name in ENVIRONMENTS)
}
SUITES["paper"] = SUITES["tabular"] + SUITES["random"] + SUITES["chain"]
SUITES["tables"] = (
    *SUITES["tabular"],
    *(name for name in SUITES["chain"] if name != "chain/distractor"),
    "procedural/grid",
)
"""Agents that are tables, optima that are exact, rewards of the paper's sizes."""


LIBRARIES = {
    "gymnax/": ("ANY-ID", "any environment of gymnax with discrete actions"),
    "pgx/": ("ANY-ID", "any environment of pgx for one player"),
    "jumanji/": ("ANY-ID", "any environment of Jumanji with one discrete action a step"),
}
"""Descriptions of names that cannot all be listed."""


def is_open(name: str) -> bool:
    """Whether a name is none of a list: of a library, `module:factory`, or that of an object."""
    return name.startswith((*LIBRARIES, GIVEN)) or ":" in name


def env_spec(name: str) -> EnvSpec:
    """Looks up `family/name`, `gymnax/ANY-ID` and the like, or imports `module:factory` (a callable that returns a
    distribution, or an environment with the interface of gymnax).

    Raises:
        ValueError: the name is unknown, the message offers the nearest known one; or the factory does not make a
            distribution, the message names the missing members.
    """
    if name.startswith(GIVEN):
        return EnvSpec(kept(name), _TOY_STEPS, "an object")
    for family, (_, about) in LIBRARIES.items():
        if name.startswith(family):
            return EnvSpec(_of_library(family[:-1], name.removeprefix(family)), _TOY_STEPS, about)
    if re.fullmatch(r"[^/]+-v\d+", name):
        raise ValueError(f"unknown environment {name!r}; did you mean 'gymnasium/{name}'?")
    if ":" in name:
        return EnvSpec(_made_by(name), _GRID_STEPS, f"made by {name}")
    return ENVIRONMENTS[known(name, ENVIRONMENTS, "environment")]


def suite(name: str) -> tuple[str, ...]:
    """Names of a suite's environments; one environment, or several names with commas, is a suite, too.

    Raises:
        ValueError: the name is neither.
    """
    if name in SUITES:
        return SUITES[name]
    parts = tuple(part.strip() for part in name.split(","))
    for part in parts:
        if not is_open(part):
            known(part, {**SUITES, **ENVIRONMENTS}, "suite or environment")
    return tuple(member for part in parts for member in SUITES.get(part, (part,)))


@functools.cache
def _of_library(library: str, name: str) -> SingleGame:
    check_installed(library, f"{library}/{name}")
    return SingleGame(load(library, name), f"{library}/{name}")


@functools.cache
def _made_by(name: str) -> EnvDistribution:
    """What a factory makes."""
    factory, kwargs = split_kwargs(name)
    try:
        made = import_factory(factory)(**kwargs)
    except TypeError as error:
        raise ValueError(f"{name!r}: {factory} failed: {' '.join(str(error).split())}") from error
    return as_distribution(made, name)


def as_distribution(made: Any, name: str, params: Any = None) -> EnvDistribution:
    """A distribution of environments from an object: itself, or one environment with the interface of gymnax.

    Args:
        name: for errors.
        params: of gymnax; none: the environment's own.

    Raises:
        ValueError: it is neither; the message names the missing members.
    """
    if is_gymnax_style(made) and not isinstance(made, EnvDistribution):
        return SingleGame(gymnax_style(made, params, name), name)
    if hasattr(made, "action_space") and hasattr(made, "observation_space"):
        raise ValueError(
            f"{name!r} made a {type(made).__name__}, which has the interface of Gymnasium; its name here is "
            f"gymnasium/{name}"
        )
    for part, kind, what in ((made, EnvDistribution, "it"), (getattr(made, "env", None), Environment, "its env")):
        if not isinstance(part, kind):
            members = [member for member in dir(kind) if member[0] != "_" and not hasattr(part, member)]
            raise ValueError(
                f"{name!r} made a {type(made).__name__}; {what} lacks {', '.join(members)}, which "
                f"{kind.__module__}.{kind.__name__} asks for"
            )
    return made


def import_factory(name: str) -> Callable[..., Any]:
    """The callable behind `module:factory`.

    Raises:
        ValueError: the module or the callable does not exist.
    """
    module, _, factory = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), factory)
    except Exception as error:  # whatever the module does when it is imported
        what = str(error) if isinstance(error, ImportError | AttributeError) else described(error)
        raise ValueError(f"{name!r} given; 'module:factory' must name something importable ({what})") from error
    if not callable(found):
        raise ValueError(f"{name!r} is {type(found).__name__}; a callable is needed")
    return found
