"""Agents of anybody's making."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.learner.agent import AgentFns, BoundAgent, as_agent, checked
from lpg.types import AgentOutput
from tests.learner.fixtures import table_pair


class Perceptron(eqx.Module):
    """Equinox's own network has functions among its leaves, and here an integer, too."""

    network: eqx.nn.MLP
    num_actions: int

    def __call__(self, observation):
        numbers = self.network(observation)
        return numbers[: self.num_actions], numbers[self.num_actions :]


def perceptron(key):
    return Perceptron(eqx.nn.MLP(2, 5, 8, 1, key=key), num_actions=2)


def test_a_factory_of_equinox_modules_becomes_a_pair_that_computes_the_same(key):
    agent = as_agent(perceptron)
    params = checked(agent.init(key))
    observation = jnp.array([0.5, -1.0])
    output = BoundAgent(params, agent.apply, 3)(observation)
    logits, prediction = perceptron(key)(observation)
    np.testing.assert_array_equal(output.logits, logits)
    np.testing.assert_array_equal(output.prediction, prediction)
    # The twin: another key's parameters are other ones, so the pair did not keep the module it was made from.
    other = BoundAgent(checked(agent.init(jax.random.key(1))), agent.apply, 3)(observation)
    assert not np.array_equal(other.logits, logits)


def test_a_pair_is_left_as_it_is(key):
    init, apply = table_pair()
    assert as_agent((init, apply)) == AgentFns(init, apply)
    assert as_agent(AgentFns(init, apply)) == AgentFns(init, apply)


def test_a_flax_module_learns_as_a_pair(key):
    linen = pytest.importorskip("flax.linen")

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.relu(linen.Dense(4)(x))
            return linen.Dense(2)(x), linen.Dense(3)(x)

    net = Net()
    agent = as_agent((lambda key: net.init(key, jnp.zeros(2)), net.apply))
    output = BoundAgent(checked(agent.init(key)), agent.apply, 3)(jnp.ones(2))
    assert output.logits.shape == (2,) and output.prediction.shape == (3,)
    with pytest.raises(ValueError, match=r"type Net given; .* give \(lambda key: net.init\(key, observation\)"):
        as_agent(net)


@pytest.mark.thorough
def test_a_module_of_nnx_is_told_how_to_be_a_pair(key):
    nnx = pytest.importorskip("flax.nnx")

    class Net(nnx.Module):
        def __init__(self, rngs):
            self.layer = nnx.Linear(4, 5, rngs=rngs)

        def __call__(self, x):
            y = self.layer(x)
            return y[:2], y[2:]

    net = Net(nnx.Rngs(0))
    for given in (Net, net):
        with pytest.raises(ValueError, match="a module of flax.nnx given; .*init = lambda key: nnx.state"):
            as_agent(given)
    # What the message says works.
    pair = (lambda key: nnx.state(Net(nnx.Rngs(params=key))), lambda s, o: nnx.merge(nnx.graphdef(net), s)(o))
    agent = as_agent(pair)
    output = BoundAgent(checked(agent.init(key)), agent.apply, 3)(jnp.ones(4))
    assert output.logits.shape == (2,) and output.prediction.shape == (3,)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (3, "type int given; a pair of functions"),
        ((len, 3), "type tuple given; a pair of functions"),
        (lambda: None, r"factory failed when called with one key \(.*positional argument"),
        (lambda key: {"w": 1}, "factory made a dict; an Equinox module"),
    ],
)
def test_what_is_no_agent_is_refused_in_one_line(given, words):
    with pytest.raises(ValueError, match=words) as caught:
        as_agent(given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (jnp.zeros(2), r"returned a array float32\[2\]; \(logits, prediction\)"),
        ((jnp.zeros(2), jnp.zeros(3), jnp.zeros(1)), r"returned a tuple of 3; \(logits, prediction\)"),
        ((jnp.zeros((4, 2)), jnp.zeros(3)), r"logits of shape \[4, 2\] for an observation of shape \[5\]; \[actions\]"),
        ((jnp.zeros(2), jnp.zeros(1)), r"prediction of shape \[1\]; \[3\] is needed, the size that the rule"),
    ],
)
def test_outputs_that_do_not_fit_are_refused_before_anything_is_computed(returned, words):
    bound = BoundAgent({"w": jnp.zeros(1)}, lambda params, observation: returned, 3)
    with pytest.raises(ValueError, match=words):
        jax.eval_shape(bound, jnp.zeros(5))


def test_an_agent_output_will_do_as_well_as_a_pair():
    bound = BoundAgent({}, lambda params, observation: AgentOutput(logits=jnp.zeros(2), prediction=jnp.ones(3)), 3)
    np.testing.assert_array_equal(bound(jnp.zeros(5)).prediction, np.ones(3))


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "has no parameters"),
        ({"a": {"steps": jnp.zeros(2, int)}}, r"parameter a.steps is array int32\[2\]; floating-point arrays"),
        ({"a": 1.0}, "parameter a is float; floating-point arrays"),
    ],
)
def test_parameters_that_cannot_learn_are_refused(params, words):
    with pytest.raises(ValueError, match=words):
        checked(params)


def test_parameters_keep_their_type_from_the_first_update_on():
    weak = jnp.asarray(1.0)
    assert weak.weak_type and not checked({"a": weak})["a"].weak_type
