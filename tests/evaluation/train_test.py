"""The shortest way to a trained agent."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lpg
from lpg.evaluation.chosen_config import general_config
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.training_plan import make_plan
from lpg.update_rules.registry import find_rule, named_rule

CONFIG = TrainConfig(num_envs=8, num_steps=10)


@pytest.mark.parametrize("rule, epochs", [("a2c", 1), ("ppo", 2), ("dpo", 2)])
def test_an_agent_is_trained_in_one_line_and_knows_the_chain(rule, epochs):
    config = dataclasses.replace(CONFIG, learning_rate=1.0, y_weight=0.15, num_epochs=epochs, num_minibatches=epochs)
    result = lpg.train(rule, "chain/short", 80 * 200, config=config)
    assert result.curve[-1].agent_updates == 200 and result.curve[-1].steps == 16_000
    # State 0 is the start in which action 0 is right, state 1 the one in which action 1 is.
    preferred = [int(jnp.argmax(result.agent(jnp.asarray(state)).logits)) for state in (0, 1)]
    assert preferred == [0, 1]


def test_a_rule_object_does_as_well_as_its_name():
    rule = lpg.load_rule("a2c")
    runs = [lpg.train(r, "chain/short", 400, seed=s, config=CONFIG) for r, s in ((rule, 3), ("a2c", 3), ("a2c", 4))]
    a, b, other = ([row.return_mean for row in run.curve] for run in runs)
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, other, equal_nan=True)
    assert runs[0].curve[0].rule == "a2c"
    # Its recorded settings are used, too, as if it had been given by name; those of a rule without a name are not.
    rule = lpg.load_rule("lpg")
    named = make_plan(named_rule("lpg"), "chain/short", num_steps=10**6)
    assert make_plan(named_rule(rule), "chain/short", num_steps=10**6).config == named.config
    copy = jax.tree.map(lambda x: x + 0, rule)
    assert make_plan(named_rule(copy), "chain/short", num_steps=10**6).chosen.source == "default"


def test_settings_choose_the_recorded_configuration():
    # A2C has an entry tuned on this chain, and a general setting for tables.
    tuned, general, given = (
        lpg.train("a2c", "chain/short", 400, **options).config
        for options in ({}, {"settings": "general"}, {"settings": "general", "config": CONFIG})
    )
    recorded = general_config(find_rule("a2c"), "table").config
    assert general == recorded and recorded.learning_rate != tuned.learning_rate
    assert given.num_envs == CONFIG.num_envs != recorded.num_envs


def test_fields_of_the_configuration_may_be_arguments():
    changed = lpg.train("a2c", "chain/short", 400, num_envs=4, changes={"num_steps": 10, "gamma": 0.5}).config
    assert (changed.num_envs, changed.num_steps, changed.gamma) == (4, 10, 0.5)
    with pytest.raises(ValueError, match="unknown key 'learning_rat'; did you mean 'learning_rate'"):
        lpg.train("a2c", "chain/short", 400, learning_rat=0.1)


def test_changes_leave_the_rest_of_the_recorded_configuration():
    recorded = lpg.train("a2c", "chain/short", 400).config
    changed = lpg.train("a2c", "chain/short", 400, changes={"num_envs": 4}).config
    assert changed == dataclasses.replace(recorded, num_envs=4) != recorded


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("a2d", "chain/short"), "a2c"), (("a2c", "chain/shrt"), "chain/short"), (("a2c", "chain/short", 0), "num_steps")],
)
def test_bad_arguments_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        lpg.train(*arguments)


def test_the_package_has_what_it_says_and_nothing_else():
    assert all(hasattr(lpg, name) for name in lpg.__all__) and set(lpg.__all__) <= set(dir(lpg))
    with pytest.raises(AttributeError, match="nonsense"):
        lpg.nonsense  # noqa: B018


def test_a_callback_sees_the_curve_and_its_failure_is_a_warning():
    seen = []
    result = lpg.train("a2c", "chain/short", 400, config=CONFIG, callback=lambda *row: seen.append(row))
    assert [step for step, _ in seen] == [row.steps for row in result.curve] == [80, 160, 240, 320, 400]
    assert [values["episodes"] for _, values in seen] == [row.episodes for row in result.curve]

    def fail(step, values):
        seen.append(step)
        raise OSError("no space")

    seen.clear()
    with pytest.warns(UserWarning, match="the run goes on .OSError: no space"):
        again = lpg.train("a2c", "chain/short", 400, config=CONFIG, callback=fail)
    assert seen == [80] and str(again.curve) == str(result.curve)
