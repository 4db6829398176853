"""Custom agents: they act and learn like any other, or an error says what they lack."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lpg
from lpg.agents.custom import AgentSizes, CustomAgent, init_custom, is_custom
from lpg.cli.main import main
from lpg.types import AgentOutput
from tests.learner.mirror import NAME

HERE = "tests.agents.custom_test"
SIZES = AgentSizes(observation_shape=(4,), num_states=None, num_actions=2, prediction_size=3)


class Linear(eqx.Module):
    """One matrix for both, and a function that is no array."""

    matrix: jax.Array
    num_actions: int = eqx.field(static=True)
    squash: object = jnp.tanh

    def __call__(self, observation):
        x = self.squash(jnp.reshape(observation, -1) @ self.matrix)
        return AgentOutput(logits=x[: self.num_actions], prediction=x[self.num_actions :])


def linear(key, sizes):
    size = sizes.num_actions + sizes.prediction_size
    return Linear(jax.random.normal(key, (sum(sizes.observation_shape), size)), sizes.num_actions)


def table(key, sizes):
    class Rows(eqx.Module):
        rows: jax.Array

        def __call__(self, observation):
            row = self.rows[observation]
            return AgentOutput(logits=row[: sizes.num_actions], prediction=row[sizes.num_actions :])

    return Rows(jnp.zeros((sizes.num_states, sizes.num_actions + sizes.prediction_size)))


def blind(key, sizes):
    """Predicts one number, whatever the rule wants."""
    return linear(key, AgentSizes(**{**sizes.__dict__, "prediction_size": 1}))


def actor(key, sizes):
    return eqx.nn.Linear(4, sizes.num_actions, key=key)


def pair(key, sizes):
    """Returns a pair instead of an `AgentOutput`."""

    class Pair(eqx.Module):
        inner: Linear

        def __call__(self, observation):
            output = self.inner(observation)
            return output.logits, output.prediction

    return Pair(linear(key, sizes))


def narrow(key, sizes):
    return linear(key, AgentSizes(**{**sizes.__dict__, "num_actions": 1}))


def counting(key, sizes):
    return Linear(jnp.zeros((4, 5), int), 2)


def bare(key, sizes):
    return lambda observation: observation


def deaf(key, sizes):
    return linear(key, AgentSizes(**{**sizes.__dict__, "observation_shape": (9,)}))


def test_only_names_with_a_colon_are_custom():
    assert is_custom(f"{HERE}:linear") and not is_custom("C(16)-D(32)")


def test_what_is_no_floating_point_array_does_not_learn(key):
    made = init_custom(key, f"{HERE}:linear", SIZES)
    assert isinstance(made, CustomAgent) and [leaf.shape for leaf in jax.tree.leaves(made)] == [(4, 5)]
    output = made(jnp.ones(4))
    np.testing.assert_allclose(output.logits, jnp.tanh(jax.tree.leaves(made)[0].sum(0))[:2], rtol=1e-6)
    assert output.prediction.shape == (3,)


def test_a_module_may_return_a_pair(key):
    x = jnp.arange(4.0)
    one, other = (init_custom(key, f"{HERE}:{factory}", SIZES)(x) for factory in ("pair", "linear"))
    assert isinstance(one, AgentOutput)
    np.testing.assert_array_equal(one.prediction, other.prediction)


BAD = {
    "blind": r"a prediction of shape \[1\]; \[3\] is needed, the size that the rule",
    "narrow": r"logits of shape \[1\]; \[2\] is needed, one for each action of the environment",
    "actor": r"returned a array float32\[2\]; \(logits, prediction\) or an lpg.types.AgentOutput is needed",
    "counting": "an array of int32; floating-point ones are needed",
    "bare": "made a function; an Equinox module that can be called is needed",
    "deaf": r"cannot read an observation float32\[4\]",
    "absent": "must name something importable",
}


@pytest.mark.parametrize("factory", BAD)
def test_an_agent_that_does_not_fit_is_refused_in_one_line(factory, key):
    with pytest.raises(ValueError, match=BAD[factory]) as caught:
        init_custom(key, f"{HERE}:{factory}", SIZES)
    assert "\n" not in str(caught.value)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("environment", "factory"), [("chain/distractor", "linear"), ("chain/short", "table"), (NAME, "table")]
)
def test_a_custom_agent_learns_in_every_kind_of_environment(environment, factory):
    config = lpg.TrainConfig(num_envs=4, num_steps=5)
    few, more = (
        lpg.train("a2c", environment, steps, config=config, agent=f"{HERE}:{factory}").agent for steps in (20, 400)
    )
    shapes = [leaf.shape for leaf in jax.tree.leaves(more)]
    assert len(shapes) == 1 and any(
        (a != b).any() for a, b in zip(jax.tree.leaves(few), jax.tree.leaves(more), strict=True)
    )


@pytest.mark.parametrize("environment", ["chain/distractor", "gymnasium/CartPole-v1"])
def test_a_rule_that_needs_more_predictions_than_the_agent_has_says_so(environment, tmp_path, capsys):
    from lpg.update_rules.lpg import init_lpg
    from lpg.update_rules.rule_file import save_rule

    save_rule(tmp_path / "r.safetensors", init_lpg(jax.random.key(0), lstm_size=2, prediction_size=7), {})
    argv = ["train", environment, "--rule", str(tmp_path / "r.safetensors"), "--steps", "40"]
    assert main([*argv, "--agent", f"{HERE}:blind"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert "returned a prediction of shape [1]; [7] is needed, the size that the rule" in err
