"""The rule in NumPy alone, held to the one in JAX."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lpg.learner.numpy_rule import NumpyRule, ascent, softmax
from lpg.update_rules.base import RuleInputs
from lpg.update_rules.losses import log_prob
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.lpg_v import init_lpg_v
from lpg.update_rules.rule_file import save_rule
from tests.helpers import hyperparameters, random_output
from tests.learner.fixtures import fixed_targets, seen


@pytest.fixture
def rule():
    made = init_lpg(jax.random.key(4), lstm_size=16, prediction_size=5)
    # Larger heads than fresh ones, so that a difference would show.
    return jax.tree.map(lambda x: 3 * x + 0.1, made)


@pytest.fixture
def path(rule, tmp_path):
    save_rule(tmp_path / "rule.safetensors", rule, {})
    return tmp_path / "rule.safetensors"


@pytest.mark.thorough
def test_targets_are_those_of_the_rule_in_jax(rule, path, key):
    data, hyper = seen(shape=(20, 3)), hyperparameters(gamma=0.97)
    output, following = (random_output(k, (20, 3), num_actions=2, prediction_size=5) for k in jax.random.split(key))
    wanted = rule.targets(RuleInputs(data, output, following.prediction), hyper)
    pi_a = np.exp(log_prob(output.logits, data.action))
    arrays = [np.asarray(x) for x in (data.reward, data.terminated, data.is_last, pi_a, output.prediction)]
    pi_hat, y_hat = NumpyRule(path).targets(*arrays, np.asarray(following.prediction), 0.97)
    np.testing.assert_allclose(pi_hat, wanted.pi_hat, atol=1e-5)
    np.testing.assert_allclose(y_hat, wanted.y_hat, atol=1e-5)
    # The twins: each input matters, so that agreement is not for want of an influence.
    for index in range(5):
        changed = list(arrays)
        changed[index] = 1 - arrays[index]
        other = NumpyRule(path).targets(*changed, np.asarray(following.prediction), 0.97)
        assert np.abs(other[0] - pi_hat).max() > 1e-3, index
    assert np.abs(NumpyRule(path).targets(*arrays, np.asarray(output.prediction), 0.97)[0] - pi_hat).max() > 1e-3
    assert np.abs(NumpyRule(path).targets(*arrays, np.asarray(following.prediction), 0.5)[0] - pi_hat).max() > 1e-3


@pytest.mark.thorough
def test_targets_of_lpg_v_are_those_of_the_rule_in_jax(key, tmp_path):
    rule = jax.tree.map(lambda x: 3 * x + 0.1, init_lpg_v(jax.random.key(4), lstm_size=16))
    save_rule(tmp_path / "v.safetensors", rule, {})
    data, hyper = seen(shape=(20, 3)), hyperparameters(gamma=0.97, lambda_=0.8)
    output, following = (random_output(k, (20, 3), num_actions=2, prediction_size=1) for k in jax.random.split(key))
    wanted = rule.targets(RuleInputs(data, output, following.prediction), hyper)
    pi_a = np.exp(log_prob(output.logits, data.action))
    arrays = [np.asarray(x) for x in (data.reward, data.terminated, data.is_last, pi_a, output.prediction)]
    arrays.append(np.asarray(following.prediction))
    read = NumpyRule(tmp_path / "v.safetensors")
    pi_hat, returns = read.targets(*arrays, 0.97, 0.8)
    assert (read.kind, read.prediction_size, returns.shape) == ("lpg-v", 1, (20, 3, 1))
    np.testing.assert_allclose(pi_hat, wanted.pi_hat, atol=1e-5)
    np.testing.assert_allclose(returns, wanted.y_hat, atol=1e-5)
    # The twins: each input matters.
    for index in range(6):
        changed = list(arrays)
        changed[index] = 1 - arrays[index]
        assert np.abs(read.targets(*changed, 0.97, 0.8)[0] - pi_hat).max() > 1e-3, index
    assert np.abs(read.targets(*arrays, 0.97, 0.5)[1] - returns).max() > 1e-3
    assert np.abs(read.targets(*arrays, 0.5, 0.8)[1] - returns).max() > 1e-3


def test_the_ascent_is_the_negative_gradient_of_the_rules_loss(rule, key):
    data, hyper = seen(), hyperparameters(y_weight=0.7)
    output = random_output(key, (6, 3), num_actions=2, prediction_size=5)
    inputs = RuleInputs(data, output, output.prediction)
    targets = rule.targets(inputs, hyper)
    gradient = jax.grad(rule.loss)(output, inputs, targets, hyper)
    policy, prediction = ascent(
        *map(np.asarray, (output.logits, output.prediction, data.action, targets.pi_hat, targets.y_hat)), 0.7
    )
    np.testing.assert_allclose(policy / 18, -gradient.logits, atol=1e-6)
    np.testing.assert_allclose(prediction / 18, -gradient.prediction, atol=1e-6)


def test_known_targets_by_hand(tmp_path):
    # Weights of zero leave the heads' biases: π̂ = .4 and ŷ = (¾, ¼), whatever happens.
    save_rule(tmp_path / "fixed.safetensors", fixed_targets(0.4, (0.75, 0.25)), {})
    found = NumpyRule(tmp_path / "fixed.safetensors")
    ones, y = np.ones((2, 1)), np.zeros((2, 1, 2))
    pi_hat, y_hat = found.targets(ones, ones, ones, ones, y, y, 0.9)
    np.testing.assert_allclose(pi_hat, [[0.4], [0.4]], rtol=1e-6)
    np.testing.assert_allclose(y_hat[0, 0], [0.75, 0.25], rtol=1e-6)
    assert found.prediction_size == 2


def test_softmax_is_that_of_jax_even_for_large_numbers():
    x = np.array([[1000.0, 999.0], [-5.0, 3.0]])
    np.testing.assert_allclose(softmax(x), jax.nn.softmax(jnp.asarray(x)), rtol=1e-6)


def test_no_jax_is_needed(path):
    code = (
        "import sys, lpg.learner.numpy_rule as n; "
        f"n.NumpyRule({str(path)!r}); "
        "print(sorted({'jax', 'equinox', 'safetensors', 'optax'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_what_is_no_such_rule_is_refused_in_one_line(path, tmp_path):
    ablated = init_lpg(jax.random.key(0), lstm_size=2, prediction_size=2, without="recurrence")
    save_rule(tmp_path / "ablated.safetensors", ablated, {})
    (tmp_path / "torn.safetensors").write_bytes(path.read_bytes()[:-4])
    (tmp_path / "text.safetensors").write_text("hello, this is no rule")
    for name, words in [
        ("ablated", "a rule of kind 'lpg-no-recurrence', format version 2; kind 'lpg' or 'lpg-v' and version 1 or 2"),
        ("torn", "not a rule file"),
        ("text", "not a rule file"),
        ("none", "not a rule file"),
    ]:
        with pytest.raises(ValueError, match=words) as caught:
            NumpyRule(tmp_path / f"{name}.safetensors")
        assert "\n" not in str(caught.value)
