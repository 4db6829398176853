"""`lpg.Learner`, from its construction to its files."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lpg
from lpg.learner.learner import Learner
from lpg.learner.real_steps import OnRealSteps
from lpg.types import AgentOutput
from lpg.update_rules.update import agent_update
from tests.helpers import hyperparameters
from tests.learner.fixtures import RULES, seen, table, table_pair


def learner(rule="lpg", agent=None, **options):
    rule = RULES[rule]() if isinstance(rule, str) else rule
    size = rule.prediction_size + options.get("baseline", False)
    return Learner(agent or table(prediction_size=size), rule, **({"optimizer": optax.adam(0.1)} | options))


@pytest.mark.parametrize("name", RULES)
def test_an_update_is_the_agent_update_on_the_same_data(name, key):
    rule = RULES[name]()
    optimizer = optax.sgd(1.0, momentum=0.9)  # Adam would hide a wrong scale
    shared = {"optimizer": optimizer, "gamma": 0.9, "lambda_": 0.8, "policy_entropy_weight": 0.01}
    one, hyper = learner(rule, y_weight=0.7, **shared), hyperparameters(y_weight=0.7, policy_entropy_weight=0.01)
    state = one.init(key)
    agent = table(prediction_size=rule.prediction_size)(key)
    wanted, optimizer_state = agent, optimizer.init(agent)
    for number in range(2):
        data = seen(jax.random.key(number))
        state, info = one.update(state, data)
        wanted, optimizer_state, seen_info = agent_update(
            rule, wanted, optimizer, optimizer_state, data, jnp.ones(2, bool), hyper
        )
    np.testing.assert_allclose(state.params.rows, wanted.rows, atol=1e-6)
    np.testing.assert_allclose(info.targets.pi_hat, seen_info.targets.pi_hat, atol=1e-6)
    # The twin: another α_y is another update.
    other = learner(rule, y_weight=0.1, **shared)
    moved, _ = other.update(other.init(key), seen(jax.random.key(0)))
    moved, _ = other.update(moved, seen(jax.random.key(1)))
    assert np.abs(moved.params.rows - wanted.rows).max() > 1e-4


def test_rows_that_are_no_steps_are_passed_on(key):
    one, data = learner(optimizer=optax.sgd(1.0)), seen()
    is_real = jnp.ones((6, 3), bool).at[1, 2].set(False)
    state, _ = one.update(one.init(key), data, is_real)
    agent, optimizer = table()(key), optax.sgd(1.0)
    rule, hyper = OnRealSteps(RULES["lpg"](), is_real), hyperparameters(gamma=0.99)
    wanted = agent_update(rule, agent, optimizer, optimizer.init(agent), data, jnp.ones(2, bool), hyper)[0]
    np.testing.assert_allclose(state.params.rows, wanted.rows, atol=1e-6)
    assert np.abs(one.update(one.init(key), data)[0].params.rows - wanted.rows).max() > 1e-4


def test_a_pair_and_a_factory_learn_the_same(key):
    a, b = learner(), learner(agent=table_pair())
    one, _ = a.update(a.init(key), seen())
    other, _ = b.update(b.init(key), seen())
    np.testing.assert_array_equal(one.params.rows, other.params["rows"])


def test_nothing_is_compiled_again_from_update_to_update(key, tmp_path):
    traces = 0
    init, apply = table_pair()

    def counted(params, observation):
        nonlocal traces
        traces += 1
        return apply(params, observation)

    one = learner(agent=(init, counted))
    state = one.init(key)
    state, _ = one.update(state, seen())
    one.act(state, jnp.array([0, 1]), key)
    first = traces
    for number in range(3):
        state, _ = one.update(state, seen(jax.random.key(number)))
        one.act(state, jnp.array([number, 1]), jax.random.key(number))
    one.save(tmp_path / "s.safetensors", state)
    one.update(one.load(tmp_path / "s.safetensors"), seen())
    assert traces == first
    one.update(state, seen(shape=(7, 3)))  # the twin: other shapes are another program
    assert traces > first


def test_actions_follow_the_policy(key):
    init, _ = table_pair()
    # Action 1 has probability σ(log 3) = ¾ in state 0, and is never taken in state 1.
    logits = jnp.array([[0.0, jnp.log(3.0)], [0.0, -50.0]])
    one = learner(agent=(init, lambda params, state: (logits[state], jnp.zeros(3))))
    state = one.init(key)
    actions = np.asarray(one.act(state, np.zeros(4000, np.int64), key))
    assert actions.mean() == pytest.approx(0.75, abs=3 * np.sqrt(0.75 * 0.25 / 4000))
    assert not np.asarray(one.act(state, np.ones(4000, np.int64), key)).any()


def test_choosing_inverts_the_cumulative_distribution(key):
    init, _ = table_pair()
    one = learner(agent=(init, lambda params, state: (jnp.log(jnp.array([0.2, 0.5, 0.3])), jnp.zeros(3))))
    chosen = one.choose(one.init(key), jnp.zeros(4, int), jnp.array([0.1, 0.3, 0.65, 0.9]))
    assert chosen.tolist() == [0, 1, 1, 2]


def test_optimisers_see_the_parameters_by_their_own_names(key):
    # Only what is called "rows" may move; inside a wrapper of ours the mask would not fit.
    init, apply = table_pair()
    both = (lambda key: {**init(key), "still": jnp.ones(1)}, apply)
    optimizer = optax.multi_transform(
        {"go": optax.sgd(1.0), "stop": optax.set_to_zero()}, {"rows": "go", "still": "stop"}
    )
    one = learner(agent=both, optimizer=optax.chain(optimizer, optax.add_decayed_weights(0.0)))
    before = one.init(key)
    after, _ = one.update(before, seen())
    assert not np.array_equal(after.params["rows"], before.params["rows"])
    np.testing.assert_array_equal(after.params["still"], np.ones(1))


def test_a_saved_state_goes_on_bit_for_bit(key, tmp_path):
    one = learner()
    state, _ = one.update(one.init(key), seen())
    one.save(tmp_path / "state.safetensors", state)
    loaded = one.load(tmp_path / "state.safetensors")
    straight, resumed = one.update(state, seen())[0], one.update(loaded, seen())[0]
    for a, b in zip(jax.tree.leaves(straight), jax.tree.leaves(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
    # The twin: without the optimiser's state the next step is another one.
    fresh = one.update(type(state)(loaded.params, one.init(key).optimizer_state), seen())[0]
    assert not np.array_equal(fresh.params.rows, straight.params.rows)
    with pytest.raises(ValueError, match="not a state of this agent and optimiser"):
        learner(optimizer=optax.sgd(0.1, momentum=0.9)).load(tmp_path / "state.safetensors")


def test_a_baseline_makes_the_prediction_one_longer(key):
    one = learner(baseline=True)
    assert one.rule.prediction_size == 4
    state, info = one.update(one.init(key), seen())
    # The last number of ŷ is the baseline's target.
    np.testing.assert_array_equal(info.targets.y_hat[..., -1], info.targets.pi_hat)
    with pytest.raises(ValueError, match=r"prediction of shape \[3\]; \[4\] is needed"):
        short = learner(agent=table(prediction_size=3), baseline=True)
        short.update(short.init(key), seen())


def test_an_agent_of_another_prediction_size_is_refused(key):
    one = learner("a2c", agent=table(prediction_size=3))
    with pytest.raises(ValueError, match=r"prediction of shape \[3\]; \[1\] is needed, the size that the rule"):
        one.act(one.init(key), np.zeros(2, int), key)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rule": "a2d"}, "did you mean 'a2c'"),
        ({"rule": 3}, "rule of type int given"),
        ({"optimizer": optax.adam}, "optimizer of type function given; one of optax's is needed"),
        ({"gamma": 1.1}, r"gamma is 1.1; it must lie in \[0, 1\]"),
        ({"y_weight": -1.0}, "y_weight is -1.0; it must be a number and not negative"),
        ({"agent": 3}, "agent of type int given"),
    ],
)
def test_bad_arguments_are_refused(changes, words):
    # Names of wrong types reach the checks of ours only without those of the test run.
    import jaxtyping

    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        with pytest.raises(ValueError, match=words):
            Learner(**({"agent": table(), "rule": RULES["lpg"](), "optimizer": optax.adam(0.1)} | changes))
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


def test_an_init_that_wants_more_than_a_key_is_refused():
    with pytest.raises(ValueError, match=r"init failed when called with one key \(.*observation"):
        learner(agent=(lambda key, observation: {}, lambda params, observation: None)).init(jax.random.key(0))


def test_the_trained_agent_is_a_function_of_one_observation(key):
    one = learner()
    output = one.agent(one.init(key))(jnp.asarray(2))
    assert isinstance(output, AgentOutput)
    np.testing.assert_array_equal(output.logits, table()(key).rows[2, :2])


def test_the_package_shows_the_learner_and_its_trajectory():
    assert lpg.Learner is Learner and lpg.Trajectory.__name__ == "Trajectory"
