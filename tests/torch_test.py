"""The rule in PyTorch, held to the one in JAX. Run by `make test-torch`; skipped where PyTorch is not installed."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch has an environment of its own, see `make test-torch`")

from lpg.agents.outputs import next_rows  # noqa: E402
from lpg.torch import Rule, Trajectory  # noqa: E402
from lpg.types import AgentOutput  # noqa: E402
from lpg.update_rules.base import RuleInputs  # noqa: E402
from lpg.update_rules.clipped import Clipped  # noqa: E402
from lpg.update_rules.lpg import init_lpg  # noqa: E402
from lpg.update_rules.lpg_v import init_lpg_v  # noqa: E402
from lpg.update_rules.registry import load_rule  # noqa: E402
from lpg.update_rules.rule_file import save_rule  # noqa: E402
from lpg.update_rules.standardised import Standardised  # noqa: E402
from tests.helpers import hyperparameters  # noqa: E402
from tests.learner.fixtures import fixed_targets  # noqa: E402

T, B, A = 24, 5, 3


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small tensors are slower on several."""
    torch.set_num_threads(1)


@pytest.fixture(params=["fresh", "lpg", "lpg-kick-start", "fresh lpg-v", "lpg-v"])
def pair(request, tmp_path):
    """A rule in JAX and in PyTorch: a fresh one with larger heads, so that differences show, or a shipped one."""
    if not request.param.startswith("fresh"):
        return load_rule(request.param), Rule(request.param)
    key = jax.random.key(4)
    made = init_lpg(key, lstm_size=16, prediction_size=5) if request.param == "fresh" else init_lpg_v(key, lstm_size=16)
    rule = jax.tree.map(lambda x: 3 * x + 0.1, made)
    save_rule(tmp_path / "mine.safetensors", rule, {})
    return rule, Rule(tmp_path / "mine.safetensors")


def drawn(m, seed=0, rows=T):
    """Logits, prediction, trajectory with ends of both kinds, and next predictions, as NumPy arrays."""
    g = np.random.default_rng(seed)
    terminated = g.random((T, B)) < 0.15
    truncated = g.random((T, B)) < (0.15 if rows == T else 0)
    trajectory = Trajectory(
        g.integers(0, A, (T, B)), g.normal(size=(T, B)).astype(np.float32), terminated, terminated | truncated
    )
    normal = (g.normal(size=shape).astype(np.float32) for shape in ((T, B, A), (T, B, m), (rows, B, m)))
    return *normal, trajectory


def jax_loss(rule, logits, prediction, following, trajectory, old=None, **hyper):
    """Loss and its gradients by the rule in JAX, and the targets."""
    from lpg.types import Trajectory as JaxTrajectory

    action, reward, terminated, is_last = map(jnp.asarray, trajectory)
    data = JaxTrajectory(
        observation=jnp.zeros((T, B)), next_observation=jnp.zeros((len(following), B)), action=action, reward=reward,
        terminated=terminated, is_last=is_last,
    )  # fmt: skip
    output = AgentOutput(logits=jnp.asarray(logits), prediction=jnp.asarray(prediction))
    inputs = RuleInputs(data, output, next_rows(output.prediction, jnp.asarray(following)), old)
    numbers = hyperparameters(**hyper)
    targets = rule.targets(inputs, numbers)
    loss, gradient = jax.value_and_grad(rule.loss)(output, inputs, targets, numbers)
    return loss, gradient, targets


def torch_loss(rule, logits, prediction, following, trajectory, **options):
    """The same in PyTorch."""
    logits, prediction = (torch.tensor(x, requires_grad=True) for x in (logits, prediction))
    given = Trajectory(*map(torch.as_tensor, trajectory))
    loss = rule.loss(logits, prediction, given, torch.as_tensor(following), **options)
    loss.backward()
    return loss.item(), logits.grad.numpy(), prediction.grad.numpy()


@pytest.mark.parametrize("rows", [T, 1])
def test_targets_loss_and_gradients_are_those_of_the_rule_in_jax(pair, rows):
    in_jax, in_torch = pair
    data = drawn(in_torch.prediction_size, rows=rows)
    own = {"lambda_": 0.6} if in_torch.kind == "lpg-v" else {}
    wanted, gradient, targets = jax_loss(in_jax, *data, gamma=0.97, y_weight=0.7, **own)
    given = *map(torch.as_tensor, data[:2]), Trajectory(*map(torch.as_tensor, data[3])), torch.as_tensor(data[2])
    found = in_torch.targets(*given, gamma=0.97, **own)
    np.testing.assert_allclose(found.pi_hat, targets.pi_hat, atol=1e-5)
    np.testing.assert_allclose(found.y_hat, targets.y_hat, atol=1e-5)
    loss, *gradients = torch_loss(in_torch, *data, gamma=0.97, y_weight=0.7, **own)
    assert loss == pytest.approx(float(wanted), abs=1e-5)
    np.testing.assert_allclose(gradients[0], gradient.logits, atol=1e-6)
    np.testing.assert_allclose(gradients[1], gradient.prediction, atol=1e-6)
    # The gradients are means over 120 steps, so that 1e-6 of a mean is 1e-4 of a step's; none is that small by itself.
    assert np.abs(gradient.logits).max() > 1e-3 and np.abs(gradient.prediction).max() > 1e-4


def test_a_clipped_policy_is_that_of_jax(pair):
    in_jax, in_torch = pair
    data = drawn(in_torch.prediction_size)
    old = np.random.default_rng(1).normal(-1, 0.5, (T, B)).astype(np.float32)
    wanted, gradient, _ = jax_loss(Clipped(in_jax), *data, old=jnp.asarray(old), gamma=0.97, y_weight=0.7, clip=0.3)
    given = {"gamma": 0.97, "y_weight": 0.7, "lambda_": 0.8 if in_torch.kind == "lpg-v" else None}
    loss, *gradients = torch_loss(in_torch, *data, old_log_prob=torch.as_tensor(old), clip=0.3, **given)
    assert loss == pytest.approx(float(wanted), abs=1e-5)
    np.testing.assert_allclose(gradients[0], gradient.logits, atol=1e-6)
    np.testing.assert_allclose(gradients[1], gradient.prediction, atol=1e-6)
    assert np.abs(gradients[0] - torch_loss(in_torch, *data, **given)[1]).max() > 1e-4
    with pytest.raises(ValueError, match="old_log_prob has shape"):
        torch_loss(in_torch, *data, old_log_prob=torch.as_tensor(old[:1]), **given)


def test_every_input_matters(pair):
    # The twin of the test above: agreement is not for want of an influence.
    rule = pair[1]
    logits, prediction, following, trajectory = drawn(rule.prediction_size)
    before = torch_loss(rule, logits, prediction, following, trajectory)[0]
    changed = [
        (1 - logits, prediction, following, trajectory), (logits, 1 - prediction, following, trajectory),
        (logits, prediction, 1 - following, trajectory),
        (logits, prediction, following, trajectory._replace(action=(trajectory.action + 1) % A)),
        (logits, prediction, following, trajectory._replace(reward=1 - trajectory.reward)),
        (logits, prediction, following, trajectory._replace(terminated=~trajectory.terminated)),
        (logits, prediction, following, trajectory._replace(is_last=~trajectory.is_last)),
    ]  # fmt: skip
    after = [torch_loss(rule, *data)[0] for data in changed]
    after += [torch_loss(rule, logits, prediction, following, trajectory, **one)[0]
              for one in ({"gamma": 0.1}, {"y_weight": 2.0}, {"normalise_advantages": True},
                          *([{"lambda_": 0.1}] if rule.kind == "lpg-v" else []))]  # fmt: skip
    assert min(abs(other - before) for other in after) > 1e-5


def test_normalised_advantages_are_those_in_jax(pair):
    data = drawn(pair[1].prediction_size)
    wanted, gradient, _ = jax_loss(Standardised(pair[0]), *data, gamma=0.9, y_weight=0.5, lambda_=0.95)
    loss, logits, _ = torch_loss(pair[1], *data, gamma=0.9, y_weight=0.5, normalise_advantages=True)
    assert loss == pytest.approx(float(wanted), abs=1e-5)
    np.testing.assert_allclose(logits, gradient.logits, atol=1e-6)


def test_a_loss_by_hand(tmp_path):
    # Weights of zero leave the heads' biases: π̂ = −.4 and ŷ = (¾, ¼). Two equal actions and predictions: every
    # log-probability is −.693147, so the loss is −.4 · .693147 + .5 · KL([.5, .5] ‖ [.75, .25])
    #   = −.277259 + .5 · .143841 = −.205338.
    save_rule(tmp_path / "fixed.safetensors", fixed_targets(-0.4, (0.75, 0.25)), {})
    one = torch.ones(2, 1)
    loss = Rule(tmp_path / "fixed.safetensors", dtype=torch.float64).loss(
        torch.zeros(2, 1, 2), torch.zeros(2, 1, 2), Trajectory(one.long(), one, one.bool(), one.bool()),
        torch.zeros(1, 1, 2), y_weight=0.5,
    )  # fmt: skip
    assert loss.item() == pytest.approx(-0.205338, abs=1e-6)


def test_no_gradient_flows_through_targets_and_next_predictions(pair):
    logits, prediction, following, trajectory = drawn(pair[1].prediction_size)
    following = torch.tensor(following, requires_grad=True)
    given = Trajectory(*map(torch.as_tensor, trajectory))
    targets = pair[1].targets(torch.as_tensor(logits), torch.as_tensor(prediction), given, following, gamma=0.9)
    assert not targets.pi_hat.requires_grad and not targets.y_hat.requires_grad


def test_nothing_of_jax_is_imported():
    code = (
        "import sys, lpg.torch; lpg.torch.Rule('lpg'); "
        "print(sorted({'jax', 'jaxlib', 'equinox', 'safetensors', 'optax'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_run_folder_will_do_and_what_is_no_rule_is_refused(tmp_path):
    save_rule(tmp_path / "run" / "rule.safetensors", init_lpg(jax.random.key(0), lstm_size=2, prediction_size=7), {})
    assert Rule(tmp_path / "run").prediction_size == 7
    ablated = init_lpg(jax.random.key(0), lstm_size=2, prediction_size=2, without="softmax")
    save_rule(tmp_path / "ablated.safetensors", ablated, {})
    refused = {
        "a2c": "unknown rule 'a2c'; shipped rules are lpg",
        tmp_path / "ablated.safetensors": "kind 'lpg-no-softmax'.*kind 'lpg' or 'lpg-v' and",
        tmp_path / "none.safetensors": "no such file", tmp_path: "no rule.safetensors in it",
    }  # fmt: skip
    for name, words in refused.items():
        with pytest.raises(ValueError, match=words):
            Rule(name)


@pytest.mark.parametrize(
    ("what", "cut", "words"),
    [
        ("logits", lambda x: x[1:], r"logits have shape \[23, 5, 3\]; \[24, 5, 'A'\] is needed"),
        ("prediction", lambda x: x[..., 1:], r"prediction has shape \[24, 5, 29\]; \[24, 5, 30\] is needed"),
        ("following", lambda x: x[:2], r"next_prediction has shape \[2, 5, 30\]; \[24, 5, 30\] is needed, or \[1, 5"),
        ("reward", lambda x: x[..., None], r"reward has shape \[24, 5, 1\]; \[T, B\] is needed"),
        ("terminated", lambda x: x[:, :1], r"terminated has shape \[24, 1\]; that of reward, \[24, 5\], is needed"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(what, cut, words):
    logits, prediction, following, trajectory = drawn(30)
    given = {"logits": logits, "prediction": prediction, "following": following, **trajectory._asdict()}
    given[what] = cut(given[what])
    given = {name: torch.as_tensor(value) for name, value in given.items()}
    data = Trajectory(*(given[name] for name in Trajectory._fields))
    with pytest.raises(ValueError, match=words):
        Rule("lpg").loss(given["logits"], given["prediction"], data, given["following"])


def test_a_lambda_that_does_nothing_is_refused():
    logits, prediction, following, trajectory = drawn(30)
    with pytest.raises(ValueError, match="lambda_ is 0.5; this rule does not use it"):
        torch_loss(Rule("lpg"), logits, prediction, following, trajectory, lambda_=0.5)
