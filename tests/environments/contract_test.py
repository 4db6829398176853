"""What users' environments get wrong is said in one line before anything is compiled."""

import dataclasses

import jax.numpy as jnp
import pytest

from lpg.environments.base import StepResult
from lpg.environments.contract import check_contract
from lpg.environments.registry import env_spec


@dataclasses.dataclass(frozen=True)
class Walk:
    """One step to the right."""

    num_states = 4
    num_actions = 2
    observation_shape = ()

    def reset(self, key, env_params):
        return jnp.asarray(0)

    def step(self, key, state, action, env_params):
        return state + 1, StepResult(reward=jnp.asarray(1.0), terminated=state == 3, truncated=jnp.asarray(False))

    def observe(self, state, env_params):
        return state

    def action_mask(self, env_params):
        return jnp.ones(2, bool)


class Family:
    def __init__(self, env):
        self.env = env

    def sample(self, key, num_actions=None):
        return jnp.asarray(0.0)


def broken(**methods):
    return Family(type("Broken", (Walk,), methods)())


@pytest.mark.parametrize("family", [Family(Walk()), env_spec("chain/short").distribution])
def test_what_keeps_the_contract_passes(family):
    check_contract(family, "x")


def fails(self, state, env_params):
    raise KeyError("door")


@pytest.mark.parametrize(
    ("methods", "words"),
    [
        ({"observe": fails}, r"x failed in observe: KeyError: 'door' \(.*contract_test.py, line \d+\)"),
        ({"observe": lambda self, state, env_params: state[None]}, r"an observation has shape \[1\]; \[\] is needed"),
        ({"action_mask": lambda self, env_params: jnp.ones(3, bool)}, r"action_mask has shape \[3\]; \[2\] is needed"),
        (
            {"step": lambda self, key, state, action, env_params: (state, 1.0)},
            r"failed in step: ValueError: it returned \(.*, float\)",
        ),
        (
            {"step": lambda self, key, state, action, env_params: (state + 0.5, Walk.step(self, 0, state, 0, 0)[1])},
            r"it is int32\[\] after a reset and float32\[\] after a step",
        ),
    ],
)
def test_what_does_not_is_named(methods, words):
    with pytest.raises(ValueError, match=words) as caught:
        check_contract(broken(**methods), "x")
    assert "\n" not in str(caught.value)
