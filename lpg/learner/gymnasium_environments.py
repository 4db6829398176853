"""Gymnasium environments and Atari games by name: `gymnasium/ANY-ID` and `atari/GAME`."""

import contextlib
import copy
import difflib
import importlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lpg.environments.names import is_kept, kept, split_kwargs
from lpg.packages import import_optional
from lpg.places import described

GYMNASIUM, ATARI = "gymnasium/", "atari/"
FAMILIES = {
    GYMNASIUM: ("ANY-ID", "any environment of Gymnasium with discrete actions; module:Maze makes one, too"),
    ATARI: ("GAME", "any of ale-py's games by its name, atari/breakout say"),
}
"""Descriptions of names that cannot all be listed."""
SUITES = {
    "atari": ("atari/breakout", "atari/boxing", "atari/pong", "atari/freeway"),
}
"""Names that stand for several environments."""


def is_gymnasium(name: str) -> bool:
    """Whether an environment's name is one of these."""
    return name.startswith((GYMNASIUM, ATARI))


def make_environments(name: str, num_envs: int, *, sticky_actions: float = 0.0) -> Any:
    """A `gymnasium.vector.VectorEnv` by name, with same-step autoreset, so that every row is a step.

    Args:
        name: `gymnasium/` and any id that Gymnasium knows (`module:Id-v0` imports the module first), or a function or
            class of a module that makes one (`module:Maze`), with `?size=5` for keyword arguments; or `atari/` and a
            game.
        sticky_actions: probability that a game repeats the last action instead; only for `atari/`.

    Raises:
        ValueError: there is no such environment, or something that it needs is not installed.
    """
    if name.startswith(ATARI):
        return make_atari(name.removeprefix(ATARI), num_envs, sticky_actions=sticky_actions)
    if sticky_actions:
        raise ValueError(f"sticky_actions is {sticky_actions}, and {name} is no Atari game; it is for atari/* only")
    return make_gymnasium(name, num_envs)


def make_gymnasium(name: str, num_envs: int) -> Any:
    """Copies of an environment of Gymnasium, one after the other in this process."""
    gymnasium = import_optional("gymnasium", name)
    same_step = {"autoreset_mode": gymnasium.vector.AutoresetMode.SAME_STEP}
    identity, kwargs = split_kwargs(name.removeprefix(GYMNASIUM))
    with one_line(name):
        if (factory := _factory(name, identity)) is not None:
            copies = [lambda: _copying(factory(**kwargs))] * num_envs
            return gymnasium.vector.SyncVectorEnv(copies, **same_step)
        return gymnasium.make_vec(
            identity, num_envs, vectorization_mode="sync", vector_kwargs=same_step, wrappers=[_copying], **kwargs
        )  # fmt: skip


def _copying(env: Any) -> Any:
    """Copies observations: an environment that writes all of them into one array would overwrite the final one when it
    is reset, before anybody has seen it."""
    wrappers = import_optional("gymnasium", "gymnasium").wrappers
    return wrappers.TransformObservation(env, copy.deepcopy, env.observation_space)


def make_one(name: str, **more: Any) -> Any:
    """One copy, without autoreset.

    Args:
        name: as in `make_environments`, but no Atari game.
        more: keyword arguments for `gymnasium.make`; what a function makes does not get them.

    Raises:
        ValueError: as in `make_environments`.
    """
    identity, kwargs = split_kwargs(name.removeprefix(GYMNASIUM))
    with one_line(name):
        if (factory := _factory(name, identity)) is not None:
            return factory(**kwargs)
        return import_optional("gymnasium", name).make(identity, **kwargs, **more)


def _factory(name: str, identity: str) -> Callable[..., Any] | None:
    """What makes a copy, where that is no id of Gymnasium's: a function or class given in Python, or a module's."""
    gymnasium = import_optional("gymnasium", name)
    if is_kept(name):
        found = kept(name)
    else:
        module, _, member = identity.partition(":")
        if not member.isidentifier():
            return None
        found = getattr(importlib.import_module(module), member, None)
        if member in gymnasium.registry or not callable(found):
            return None

    def make(**kwargs: Any) -> Any:
        made = found(**kwargs)
        if not isinstance(made, gymnasium.Env):
            raise ValueError(f"{name} made a {type(made).__name__}; a gymnasium.Env is needed")
        return made

    return make


@contextlib.contextmanager
def one_line(name: str) -> Iterator[None]:
    """Turns whatever goes wrong while an environment is made into one line, with the place in the user's file."""
    try:
        yield
    except Exception as error:
        raise ValueError(f"{name}: {_why(name, error)}") from error


def _why(name: str, error: Exception) -> str:
    errors = import_optional("gymnasium", name).error
    identity = split_kwargs(name.removeprefix(GYMNASIUM))[0]
    message = " ".join(str(error).split())
    if isinstance(error, errors.NamespaceNotFound) and identity.startswith("ALE/"):
        game = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", identity.removeprefix("ALE/").partition("-")[0]).lower()
        return f"{message} Atari games have names of their own here: {ATARI}{game}"
    if isinstance(error, errors.UnregisteredEnv) and ":" not in identity:
        return f"{message} If a module registers it, name the module, too: {GYMNASIUM}my_module:{identity}"
    if isinstance(error, errors.Error | ValueError):
        return message
    return described(error)


def make_atari(
    game: str, num_envs: int, *, sticky_actions: float = 0.0, num_threads: int = 0, max_frames: int = 108_000
) -> Any:
    """Copies of an Atari game in threads of their own: 84 × 84 × 4 grey pixels, 4 frames a step, no-op starts.

    Rewards are the game's score, unclipped. An episode is a whole game.

    Differs from the paper: it does not say how games are preprocessed; these are the settings of Mnih et al. (2015),
    without sticky actions unless asked for.

    Args:
        game: `breakout`, `space_invaders`, …
        sticky_actions: probability that a frame repeats the last action; Machado et al. (2018) advise 0.25.
        num_threads: of the emulators; 0: as many as there are cores.
        max_frames: a game is cut after so many frames, by default half an hour of play.

    Raises:
        ValueError: there is no such game, ale-py is missing, or the probability is not in [0, 1).
    """
    if not 0 <= sticky_actions < 1:
        raise ValueError(f"sticky_actions is {sticky_actions}; a probability in [0, 1) is needed")
    vector_env = import_optional("ale_py.vector_env", f"{ATARI}{game}")
    known = sorted(path.stem for path in Path(str(import_optional("ale_py.roms", game).__file__)).parent.glob("*.bin"))
    if game not in known:
        # Gymnasium's names are "SpaceInvaders" and "Breakout-v5".
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", game.partition("-")[0]).lower()
        nearest = difflib.get_close_matches(snake, known, n=1, cutoff=0.0)[0]
        raise ValueError(f"unknown game {ATARI}{game}; did you mean {ATARI}{nearest}?")
    return vector_env.AtariVectorEnv(
        game,
        num_envs,
        num_threads=num_threads,
        max_num_frames_per_episode=max_frames,
        repeat_action_probability=sticky_actions,
        autoreset_mode="SameStep",
        noop_max=30,
        reward_clipping=False,
        use_fire_reset=True,
    )
