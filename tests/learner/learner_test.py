"""`lpg.Learner`, from its construction to its files."""

import dataclasses

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import optax
import pytest

import lpg
from lpg.learner.learner import Learner
from lpg.types import AgentOutput, at_update
from lpg.update_rules.real_steps import OnRealSteps
from lpg.update_rules.ta_lpg import init_ta_lpg
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
    bonus = 0.0 if name.startswith("lpg") else 0.01
    shared = {"optimizer": optimizer, "gamma": 0.9, "lambda_": 0.8, "policy_entropy_weight": bonus}
    one, hyper = learner(rule, y_weight=0.7, **shared), hyperparameters(y_weight=0.7, policy_entropy_weight=bonus)
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


def test_a_greedy_agent_takes_the_most_probable_action(key):
    init, _ = table_pair()
    logits = jnp.array([[0.1, 0.0], [0.0, 0.1]])
    one = learner(agent=(init, lambda params, state: (logits[state], jnp.zeros(3))))
    observation = np.arange(200) % 2
    state = one.init(key)
    assert np.array_equal(one.act(state, observation, greedy=True), observation)
    assert not np.array_equal(one.act(state, observation, key), observation)  # the twin
    with pytest.raises(ValueError, match="no key given; act needs one to draw actions, unless greedy is true"):
        one.act(state, observation)


def vectors(key, shape=(6, 4)):
    """A random trajectory of observations [3] that are far from zero."""
    data, (one, other) = seen(key, shape), jax.random.split(key)
    return dataclasses.replace(
        data,
        observation=5 + 2 * jax.random.normal(one, (*shape, 3)),
        next_observation=5 + 2 * jax.random.normal(other, (*shape, 3)),
    )


def linear():
    def init(key):
        return {"weight": jax.random.normal(key, (5, 3)), "bias": jnp.zeros(5)}

    def apply(params, x):
        found = params["weight"] @ x + params["bias"]
        return found[:2], found[2:]

    return init, apply


def test_normalised_observations_are_those_of_all_trajectories_so_far(key):
    one, plain = learner(agent=linear(), normalise_observations=True), learner(agent=linear())
    state = one.init(key)
    parts = [vectors(jax.random.key(number)) for number in range(2)]
    # Nothing is known yet: observations are shown as they are.
    np.testing.assert_allclose(one.agent(state)(jnp.ones(3)).logits, plain.agent(plain.init(key))(jnp.ones(3)).logits)
    for part in parts:
        state, _ = one.update(state, part)
    samples = np.concatenate([part.observation.reshape(-1, 3) for part in parts])
    x = parts[0].observation[0]
    wanted = jax.vmap(lambda row: linear()[1](state.params, row)[0])((x - samples.mean(0)) / samples.std(0))
    np.testing.assert_allclose(jax.vmap(one.agent(state))(x).logits, wanted, rtol=1e-2, atol=1e-3)
    np.testing.assert_array_equal(one.act(state, x, greedy=True), jnp.argmax(wanted, axis=-1))
    with pytest.raises(ValueError, match=r"observations of shape \[4\] given; \[3\] is needed"):
        one.act(state, jnp.ones((2, 4)), greedy=True)
    with pytest.raises(ValueError, match="observations are state indices"):
        table_learner = learner(normalise_observations=True)
        table_learner.update(table_learner.init(key), seen())


def test_statistics_are_saved_and_go_on_bit_for_bit(key, tmp_path):
    one = learner(agent=linear(), normalise_observations=True, normalise_rewards=True)
    fresh, path = one.init(key), tmp_path / "state.safetensors"
    one.save(path, fresh)
    assert one.load(path).observation_shape == () and one.load(path).num_envs == 0
    state, _ = one.update(one.load(path), vectors(key))
    one.save(path, state)
    loaded = one.load(path)
    assert loaded.observation_shape == (3,) and loaded.num_envs == 4
    straight, resumed = (one.update(x, vectors(jax.random.key(9)))[0] for x in (state, loaded))
    jax.tree.map(np.testing.assert_array_equal, straight, resumed)
    # Shapes that are given in advance change nothing.
    given, _ = one.update(one.init(key, observation_shape=(3,), num_envs=4), vectors(key))
    jax.tree.map(np.testing.assert_array_equal, given, state)
    # The twin: with fresh statistics the next step is another one.
    forgot = type(state)(state.params, state.optimizer_state, fresh.observations, state.rewards)
    weight, other = (one.update(x, vectors(key))[0].params["weight"] for x in (state, forgot))
    assert not np.array_equal(weight, other)
    with pytest.raises(ValueError, match="not a state of this agent and optimiser"):
        learner(agent=linear()).load(path)


def test_with_statistics_nothing_is_compiled_twice_either(key):
    traces = 0
    init, apply = linear()

    def counted(params, observation):
        nonlocal traces
        traces += 1
        return apply(params, observation)

    one = learner(agent=(init, counted), normalise_observations=True, normalise_rewards=True)
    state = one.init(key)
    one.act(state, np.ones((2, 3)), key)
    state, _ = one.update(state, vectors(key))
    first = traces
    one.act(state, np.ones((2, 3)), key)
    one.update(state, vectors(key))
    assert traces == first


def test_minibatches_need_a_key_and_environments_to_split(key):
    one = learner(num_minibatches=2, num_epochs=3, optimizer=optax.sgd(0.1))
    state, data = one.init(key), seen(shape=(6, 4))
    with pytest.raises(ValueError, match="num_minibatches is 2 and update got no key"):
        one.update(state, data)
    with pytest.raises(ValueError, match="num_minibatches is 2 and num_envs 3; the second must be a multiple"):
        one.update(state, seen(), key=key)
    moved, info = one.update(state, data, key=key)
    assert info.targets.pi_hat.shape == (6, 2)
    other, _ = one.update(state, data, key=jax.random.key(8))
    assert not np.array_equal(moved.params.rows, other.params.rows)


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
        ({"gamma": 1.1}, "gamma is 1.1; expected float <= 1.0"),
        ({"y_weight": -1.0}, "y_weight is -1.0; expected float >= 0.0"),
        ({"policy_entropy_weight": float("inf")}, "policy_entropy_weight is Infinity; finite numbers are needed"),
        ({"policy_entropy_weight": 0.1}, "policy_entropy_weight is 0.1; lpg does not use it"),
        ({"num_epochs": 0}, "num_epochs is 0; expected int >= 1"),
        ({"num_minibatches": 1.5}, "num_minibatches is 1.5; expected int"),
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


def test_a_step_limit_is_refused_where_it_has_no_effect():
    for name, user in (("clip", "ppo"), ("drift_scale", "dpo")):
        assert getattr(learner(lpg.load_rule(user), **{name: 0.3}).hyper, name) == pytest.approx(0.3)
        for other, label in (("lpg", "lpg"), ("a2c", "a2c"), ("dpo" if user == "ppo" else "ppo", None)):
            with pytest.raises(ValueError, match=f"{name} is 0.3; {label or other} does not use it, only {user}"):
                Learner(table(), other, optimizer=optax.adam(0.1), **{name: 0.3})
    plain = learner("a2c").hyper
    assert (float(plain.clip), float(plain.drift_scale)) == (pytest.approx(0.2), 1.0)


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


def test_actions_that_the_agent_does_not_have_are_refused(key):
    one = Learner(table(), RULES["lpg"](), optimizer=optax.sgd(0.1))
    agent, trajectory = one.init(key), seen()
    jaxtyping.config.update("jaxtyping_disable", True)  # NumPy arrays, as users give them
    try:
        given = dataclasses.replace(trajectory, action=np.full(trajectory.action.shape, 7))
        with pytest.raises(ValueError, match="action 7 given; the agent has 2 actions"):
            one.update(agent, given)
        one.update(agent, dataclasses.replace(trajectory, action=np.ones(trajectory.action.shape, int)))
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


def test_a_rule_that_reads_the_time_is_told_it(key):
    rule = init_ta_lpg(jax.random.key(3), lstm_size=4, prediction_size=RULES["lpg"]().prediction_size)
    one, data = learner(rule, optimizer=optax.sgd(1.0), num_updates=9), seen()
    moved, _ = one.update(one.init(key), data, progress=one.progress(2))
    agent, optimizer = table(prediction_size=rule.prediction_size)(key), optax.sgd(1.0)
    hyper = at_update(hyperparameters(gamma=0.99), 2, 9)
    wanted = agent_update(rule, agent, optimizer, optimizer.init(agent), data, jnp.ones(2, bool), hyper)[0]
    np.testing.assert_allclose(moved.params.rows, wanted.rows, atol=1e-6)
    # The twins: another time and another length.
    late = one.update(one.init(key), data, progress=1.0)[0]
    longer = learner(rule, optimizer=optax.sgd(1.0), num_updates=900)
    long = longer.update(longer.init(key), data, progress=0.25)[0]
    assert all(np.abs(other.params.rows - wanted.rows).max() > 1e-4 for other in (late, long))
    assert [one.progress(number) for number in (0, 4, 8, 12)] == [0.0, 0.5, 1.0, 1.0]
    assert learner().progress(3) is None


def test_the_time_is_given_whole_or_not_at_all(key):
    rule = init_ta_lpg(jax.random.key(3), lstm_size=4, prediction_size=RULES["lpg"]().prediction_size)
    with pytest.raises(ValueError, match="num_updates is None; talpg needs it"):
        learner(rule)
    one = learner(rule, num_updates=9)
    for learning, given in ((one, {}), (one, {"progress": 1.5}), (learner(), {"progress": 0.5})):
        with pytest.raises(ValueError, match="progress is .* and the learner's num_updates .*; either a share in"):
            learning.update(learning.init(key), seen(), **given)
