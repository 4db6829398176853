"""Rules of a user's own: how they are made, what is refused, and a meta-training of one with all that follows it."""

import dataclasses
import functools
import json
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

import lpg
from lpg.agents.custom import AgentSizes
from lpg.meta_training import run as run_module
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.state import to_arrays
from lpg.meta_training.trainer import Trainer, initial_rule
from lpg.types import Targets
from lpg.update_rules import own_rule
from lpg.update_rules.a2c import A2C
from lpg.update_rules.losses import log_prob
from lpg.update_rules.registry import find_rule, named_rule
from lpg.update_rules.rule_file import read_rule
from tests.helpers import Silent

SIZES = AgentSizes(observation_shape=(), num_states=5, num_actions=3, prediction_size=1)


class Mine(eqx.Module):
    """π̂ is a learned factor times the TD error."""

    factor: jax.Array
    units: int = eqx.field(static=True)
    prediction_size = 1
    discovers_predictions = False

    def targets(self, inputs, hyper):
        trajectory = inputs.trajectory
        bootstrap = hyper.gamma * (1.0 - trajectory.terminated) * inputs.next_prediction[..., 0]
        target = trajectory.reward + bootstrap
        error = target - inputs.output.prediction[..., 0]
        return Targets(pi_hat=jnp.sum(self.factor) * error, y_hat=target[..., None])

    def loss(self, output, inputs, targets, hyper):
        squared = jnp.sum((output.prediction - targets.y_hat) ** 2, axis=-1)
        policy = -targets.pi_hat * log_prob(output.logits, inputs.trajectory.action)
        return jnp.mean(policy + hyper.y_weight * squared)


def make(key, lstm_size=2):
    return Mine(jax.random.normal(key, (lstm_size,)), lstm_size)


def without_key():
    return Mine(jnp.zeros(2), 2)


def needs(key, *, width):
    return make(key)


def with_counter(key):
    return Mine(jnp.zeros(2, int), 2)


def with_function(key):
    return eqx.tree_at(lambda rule: rule.factor, make(key), jnp.tanh)


def breaks(key):
    return {}["oh"]


class WideTargets(Mine):
    def targets(self, inputs, hyper):
        made = super().targets(inputs, hyper)
        return Targets(pi_hat=made.pi_hat, y_hat=jnp.repeat(made.y_hat, 2, axis=-1))


class LossPerStep(Mine):
    def loss(self, output, inputs, targets, hyper):
        return -targets.pi_hat


class Broken(Mine):
    def targets(self, inputs, hyper):
        return inputs.trajectory.rewards


class Many(Mine):
    prediction_size = 2.0


def name(factory) -> str:
    return f"{__name__}:{factory.__name__}"


def test_a_factory_is_given_what_it_has_parameters_for(key):
    sizes = {"lstm_size": 7, "prediction_size": 9}
    made = own_rule.init_own(name(make), key, sizes)
    np.testing.assert_array_equal(made.factor, jax.random.normal(key, (7,)))
    assert own_rule.init_own(name(without_key), key, sizes).factor.shape == (2,)
    assert own_rule.make_own("lpg.update_rules.a2c:A2C", key, sizes) == A2C()
    assert own_rule.size_names(name(make)) == ("lstm_size",) and own_rule.size_names(name(without_key)) == ()
    # Where a rule is asked for by the same name, it is a fresh one.
    assert find_rule(name(make)).rule.factor.shape == (2,)


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        (needs, "missing 1 required keyword-only argument: 'width'.*it is called with `key`, `lstm_size`"),
        (breaks, r"KeyError: 'oh' \(.*own_rule_test.py, line \d+\)"),
        (with_counter, r"whose factor is array int32\[2\]; floating-point arrays are needed.*static=True"),
        (with_function, "whose factor is .*; floating-point arrays are needed"),
        (A2C, "made a A2C without arrays; there is nothing to discover"),
    ],
)
def test_what_cannot_be_learned_is_refused_in_one_line(factory, words, key):
    text = f"{factory.__module__}:{factory.__name__}"
    with pytest.raises(ValueError, match=words) as caught:
        own_rule.init_own(text, key, {})
    assert text in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (WideTargets, r"y_hat is array float32\[3, 2, 2\] for T = 3.*shape \[3, 2, 1\] is needed"),
        (LossPerStep, r"the loss is array float32\[3, 2\]; a number is needed"),
        (Broken, r"failed in targets: AttributeError: 'Trajectory' .*own_rule_test.py, line \d+\)"),
        (Many, "prediction_size is 2.0; a whole number"),
    ],
)
def test_a_rule_that_breaks_the_interface_is_refused_before_anything_is_compiled(kind, words, key):
    own_rule.check_rule(make(key), SIZES)
    with pytest.raises(ValueError, match=words):
        own_rule.check_rule(kind(jnp.ones(2), 2), SIZES)
    # The same before a training, on an environment in JAX as on one of Gymnasium's.
    for environment in ("chain/short", "gymnasium/CartPole-v1"):
        with pytest.raises(ValueError, match=f"{kind.__name__}.*"):
            lpg.train(kind(jnp.ones(2), 2), environment, num_steps=100)


CONFIG = MetaConfig(
    rule=name(make), suite="chain/short", lstm_size=3, num_lifetimes=2, num_envs=4, num_steps=4, num_updates=2,
    lifetime_updates=4, learning_rates=(1.0,), y_weights=(0.5,), meta_updates=4, validation_every=2, checkpoint_every=2,
)  # fmt: skip


def go(folder, *, resume=False, config=CONFIG):
    return run_module.run(
        config, folder, seed=0, resume=resume, minutes=None, validate=lambda rule: 0.5, listener=Silent()
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run of four meta-updates, and its state at the end."""
    folder = tmp_path_factory.mktemp("own") / "mine"
    made = functools.cache(lambda: Trainer(CONFIG, 0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "Trainer", lambda config, seed: made())
        state = go(folder).state
        part = folder.with_name("part")
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(run_module, "largest", stop_after(2))
            assert not go(part).is_complete
        resumed = go(part, resume=True).state
    return folder, state, resumed


def stop_after(updates):
    """In place of what processes agree on: no more than so many meta-updates."""
    seen = []

    def agreed(value):
        if type(value) is int and value == run_module.GO_ON:
            seen.append(value)
            return run_module.OUT_OF_TIME if len(seen) > updates else value
        return value

    return agreed


@pytest.mark.thorough
def test_a_resumed_run_of_an_own_rule_equals_an_uninterrupted_one(whole):
    _, state, resumed = whole
    arrays, others = to_arrays(state)[0], to_arrays(resumed)[0]
    assert all(np.array_equal(arrays[name], others[name]) for name in arrays) and arrays.keys() == others.keys()
    # It has learned something: η is not the one at the beginning.
    assert not np.array_equal(state.rule.factor, initial_rule(CONFIG, 0).factor)


def test_what_was_discovered_is_loaded_used_exported_and_gone_on_with(whole, tmp_path):
    folder, state, _ = whole
    rule = lpg.load_rule(folder)
    assert isinstance(rule, Mine) and rule.units == 3
    np.testing.assert_array_equal(named_rule(rule).rule.factor, read_rule(folder / "rule.safetensors")[0].factor)
    card = named_rule(rule).card
    assert (card["kind"], card["sizes"], card["inputs"]) == (CONFIG.rule, {"lstm_size": 3}, [])
    assert card["config"]["rule"] == CONFIG.rule and card["meta_updates"] == 2  # the first of two equal validations
    lpg.export_rule(folder, tmp_path / "hub")
    np.testing.assert_array_equal(lpg.load_rule(tmp_path / "hub").factor, rule.factor)
    text = (tmp_path / "hub" / "README.md").read_text()
    assert f"the module of `{CONFIG.rule}`" in text and "torch" not in text and "executes no code" not in text
    after = dataclasses.replace(CONFIG, initial_rule=str(folder))
    np.testing.assert_array_equal(initial_rule(after, 0).factor, rule.factor)
    with pytest.raises(ValueError, match=r"own_rule_test:make lstm_size 3; .*lstm_size 4 is needed"):
        initial_rule(dataclasses.replace(after, lstm_size=4), 0)
    with pytest.raises(ValueError, match="own_rule_test:make lstm_size 3; lpg lstm_size"):
        initial_rule(dataclasses.replace(after, rule="lpg"), 0)


def with_kind(folder, path, **changes):
    """The rule file of a run with another card."""
    with safetensors.safe_open(folder / "rule.safetensors", "numpy") as file:
        card, arrays = json.loads(file.metadata()["card"]), {n: file.get_tensor(n) for n in file.keys()}  # noqa: SIM118
    path.write_bytes(safetensors.numpy.save(arrays, metadata={"card": json.dumps({**card, **changes})}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "gone_module:make"}, "which the file has no code of; 'gone_module:make' given.*No module named"),
        ({"kind": f"{__name__}:gone"}, "no attribute 'gone'"),
        ({"kind": "os:abort", "sizes": {}}, "kind 'os:abort' is in Python's own library"),
        ({"kind": name(without_key), "sizes": {}}, r"array 'factor' has shape \[3\]; .* need \[2\]"),
        ({"kind": name(without_key)}, "sizes .* on the card; none are needed"),
        ({"kind": f"{__name__}:breaks", "sizes": {}}, "KeyError"),
    ],
)
def test_a_file_whose_module_is_not_here_or_has_changed_is_refused(changes, words, whole, tmp_path):
    path = tmp_path / "mine.safetensors"
    with_kind(whole[0], path)
    assert isinstance(read_rule(path)[0], Mine)
    with_kind(whole[0], path, **changes)
    with pytest.raises(ValueError, match=words) as caught:
        read_rule(path)
    assert re.match(re.escape(str(path)), str(caught.value)) and "\n" not in str(caught.value)


def test_nothing_is_written_for_a_rule_that_cannot_be_learned(tmp_path):
    for rule, words in ((name(with_counter), "int32"), (f"{__name__}:nothing", "importable"), ("lgp", "did you mean")):
        with pytest.raises(ValueError, match=words):
            go(tmp_path / "run", config=dataclasses.replace(CONFIG, rule=rule))
    assert not (tmp_path / "run").exists()
