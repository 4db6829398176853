"""Recorded configurations: they go before defaults, and the nearest record is taken."""

import dataclasses
import json

import jax
import pytest

from lpg.evaluation import chosen_config, tuning_table
from lpg.evaluation.default_config import default_for
from lpg.evaluation.jax_backend import JaxBackend
from lpg.evaluation.train_config import TrainConfig
from lpg.evaluation.tuning_table import tuned_beside
from lpg.update_rules.a2c import A2C
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.registry import NamedRule

UPDATE = 64 * 20
"""Environment steps of an agent update unless an entry says otherwise."""


def entry(updates, learning_rate, **fields):
    return {"updates": updates, "setting": {"learning_rate": learning_rate, "y_weight": 1.0, **fields}}


@pytest.fixture(autouse=True)
def table(tmp_path, monkeypatch):
    """The package's table for the rule `r`."""
    monkeypatch.setattr(tuning_table, "TUNED_FOLDER", tmp_path)
    write(tmp_path / "r.json", {"chain/short": [entry(100, 10.0), entry(800, 20.0)]})


def write(path, environments, **more):
    path.write_text(json.dumps({"format_version": 1, "environments": environments, **more}))


def rule(name="r", path=None, card=None, is_learned=True):
    made = init_lpg(jax.random.key(0), lstm_size=2, prediction_size=2) if is_learned else A2C()
    return NamedRule(made, name, label=name, card=card or {}, path=path)


def choose_config(one, environment, num_steps, agent=None, **options):
    own = JaxBackend(environment).default_agent
    return chosen_config.choose_config(one, environment, num_steps, agent or own, own=own, **options)


def test_defaults_are_said_to_be_defaults():
    learned = choose_config(rule("other"), "chain/short", 100 * UPDATE)
    written = choose_config(rule("other", is_learned=False), "chain/short", 100 * UPDATE)
    assert learned.source == written.source == learned.level == written.level == "default"
    assert learned.config == default_for("table", is_learned=True).for_rule({})
    assert written.config == dataclasses.replace(
        default_for("table", is_learned=False), time_limit_is_termination=False
    )
    network = choose_config(rule("other"), "chain/distractor", 100 * UPDATE).config
    assert network == default_for("dense", is_learned=True).for_rule({})
    assert choose_config(rule(), "chain/long", 100 * UPDATE).source == "default"


def test_a_learned_rules_default_is_the_middle_of_its_meta_training():
    config = {"learning_rates": [4.0, 8.0, 16.0], "y_weights": [0.5, 1.0, 3.0], "num_envs": 16, "table_step": "visits"}
    found = choose_config(rule("other", card={"config": config}), "chain/short", 100 * UPDATE)
    assert found.source == "the middle of its meta-training's" and found.level == "default"
    assert found.config == TrainConfig(learning_rate=8.0, y_weight=1.0, num_envs=16, time_limit_is_termination=False)
    # More environments than the default has serve meta-gradients, not agents.
    wide = choose_config(rule("other", card={"config": config | {"num_envs": 64}}), "chain/short", 100 * UPDATE)
    assert wide.config == found.config
    few = choose_config(rule("other", card={"config": config | {"num_envs": 8}}), "chain/short", 100 * UPDATE)
    assert few.config == dataclasses.replace(found.config, num_envs=8)
    # A card of the time when there was one kind of table step; its networks have their own default.
    old = {"learning_rates": [160.0], "y_weights": [0.25]}
    found = choose_config(rule("other", card={"config": old}), "chain/short", 100 * UPDATE).config
    assert (found.table_step, found.num_envs, found.learning_rate) == ("samples", 64, 160.0)
    assert choose_config(rule("other", card={"config": old}), "chain/distractor", UPDATE).source == "default"


def test_networks_have_the_middle_of_a_meta_training_that_normalised_observations():
    config = {
        "learning_rates": [4.0], "y_weights": [0.5], "network_learning_rates": [0.002, 0.004, 0.008],
        "network_y_weights": [1.0, 2.0, 3.0], "num_envs": 8, "num_steps": 16, "table_step": "visits",
        "normalise_rewards": True, "normalise_observations": True,
    }  # fmt: skip
    found = choose_config(rule("other", card={"config": config}), "chain/distractor", 100 * UPDATE)
    assert found.source == "the middle of its meta-training's"
    changes = {"learning_rate": 0.004, "y_weight": 2.0, "num_envs": 8, "num_steps": 16}
    expected = dataclasses.replace(default_for("dense", is_learned=True), **changes)
    assert found.config == expected.for_rule({}) and expected.normalise_rewards and expected.normalise_observations
    table = choose_config(rule("other", card={"config": config}), "chain/short", 100 * UPDATE).config
    assert table.normalise_rewards and not table.normalise_observations and table.learning_rate == 4.0
    # The twin: networks that saw raw observations were trained in another way than networks are by default.
    raw = config | {"normalise_observations": False}
    assert choose_config(rule("other", card={"config": raw}), "chain/distractor", UPDATE).source == "default"


def test_the_record_of_the_nearest_number_of_steps_is_taken():
    # On a logarithmic scale the middle between 100 and 800 updates is 283.
    assert choose_config(rule(), "chain/short", 250 * UPDATE).config.learning_rate == 10.0
    assert choose_config(rule(), "chain/short", 320 * UPDATE).config.learning_rate == 20.0
    found = choose_config(rule(), "chain/short", 5000 * UPDATE)
    assert "800 updates" in found.source and found.level == "tuned"


def test_an_entry_with_smaller_updates_counts_by_its_steps(tmp_path):
    # 800 updates of 16 × 10 are as many steps as 100 of 64 × 20.
    own = tmp_path / "own.safetensors"
    entries = [entry(800, 5.0, num_envs=16, num_steps=10), entry(800, 20.0)]
    write(tuned_beside(own), {"chain/short": entries})
    near = choose_config(rule(path=own), "chain/short", 120 * UPDATE).config
    far = choose_config(rule(path=own), "chain/short", 700 * UPDATE).config
    assert (near.learning_rate, near.num_envs, near.num_steps) == (5.0, 16, 10)
    assert (far.learning_rate, far.num_envs, far.num_steps) == (20.0, 64, 20)


def test_time_limits_are_shown_as_the_rules_card_says():
    card = {"config": {"time_limit_is_termination": True}}
    for environment in ("chain/short", "chain/long"):
        assert choose_config(rule(card=card), environment, UPDATE).config.time_limit_is_termination is True
        assert choose_config(rule(), environment, UPDATE).config.time_limit_is_termination is False


def test_an_entry_counts_only_for_the_agent_that_it_was_made_with(tmp_path):
    own = tmp_path / "own.safetensors"
    entries = [{**entry(100, 0.5), "agent": "D(8)"}, entry(800, 0.25), {**entry(900, 0.125), "agent": "D(32)"}]
    write(tuned_beside(own), {"random/small": entries})

    def rate(num_updates, agent):
        return choose_config(rule(path=own), "random/small", num_updates * UPDATE, agent=agent).config.learning_rate

    # The environment's own agent is D(32), whether an entry names it or not.
    assert rate(100, None) == rate(100, "D(32)") == 0.25 and rate(900, None) == 0.125
    assert rate(900, "D(8)") == 0.5
    assert rate(100, "D(16)") == default_for("dense", is_learned=True).learning_rate


def test_networks_have_a_default_of_their_own():
    found = choose_config(rule("other"), "random/small", 100 * UPDATE)
    assert found.config == default_for("dense", is_learned=True).for_rule({}) and found.config.learning_rate == 0.003


def test_where_nothing_was_tuned_the_general_setting_of_the_kind_of_agent_counts(tmp_path):
    own = tmp_path / "own.safetensors"
    general = {"table": {"setting": {"learning_rate": 3.0}}, "dense": {"setting": {"learning_rate": 0.25}}}
    write(tuned_beside(own), {"chain/long": [entry(9, 7.0)]}, general=general)

    def chosen(environment, **options):
        return choose_config(rule(path=own), environment, 100 * UPDATE, **options)

    assert chosen("tabular/dense").config.learning_rate == 3.0
    assert chosen("tabular/dense").source == "general setting for table agents (own.tuned.json)"
    assert chosen("tabular/dense").level == "general"
    assert chosen("random/small").config.learning_rate == 0.25
    # Convolutions without one of their own use that of dense networks.
    assert chosen("random/dense").config.learning_rate == 0.25
    # What was tuned for this environment, in any table, goes first, unless the general setting is asked for.
    assert chosen("chain/long").config.learning_rate == 7.0 and chosen("chain/short").config.learning_rate == 10.0
    assert chosen("chain/long", settings="general").config.learning_rate == 3.0


def test_atari_games_have_a_general_setting_of_their_own(tmp_path):
    def chosen(environment, agent):
        return chosen_config.choose_config(rule(), environment, 1000, agent, own="atari")

    general = {"convolution": entry(10, 1.0), "dense": entry(10, 2.0)}
    write(tmp_path / "r.json", {}, general=general)
    assert chosen("atari/pong", "atari-small").source == "default"
    write(tmp_path / "r.json", {}, general={**general, "atari": entry(10, 3.0)})
    of_games = chosen("atari/pong", "atari-small")
    assert (of_games.config.learning_rate, of_games.level) == (3.0, "general")
    assert of_games.source == "general setting for atari games (r.json)"
    # The agent alone is no game, and other networks on games are no other setting.
    assert chosen("gymnasium/CarRacing-v3", "atari-small").config.learning_rate == 1.0
    assert chosen("atari/pong", "T(64-64)").config.learning_rate == 3.0


def test_how_a_setting_was_found_is_what_its_entry_says(tmp_path):
    own = tmp_path / "own.safetensors"
    general = {"table": {"setting": {"learning_rate": 3.0}, "trials": 40}, "dense": {"setting": {}}}
    write(tuned_beside(own), {"chain/long": [{**entry(9, 7.0), "trials": 16, "confirms": 3}]}, general=general)

    def found(environment, **options):
        chosen = choose_config(rule(path=own), environment, 100 * UPDATE, **options)
        return chosen.trials, chosen.is_confirmed

    assert found("chain/long") == (16, True) and found("chain/long", settings="general") == (40, False)
    # Recorded without a search, and not recorded.
    assert found("random/small") == (None, False) and found("random/dense") == (None, False)
    assert found("chain/short") == (None, False)


def test_a_table_beside_the_rule_goes_before_the_packages(tmp_path):
    own = tmp_path / "own.safetensors"
    assert choose_config(rule(path=own), "chain/short", 100 * UPDATE).config.learning_rate == 10.0
    write(tuned_beside(own), {"chain/short": [entry(100, 77.0)]})
    assert choose_config(rule(path=own), "chain/short", 100 * UPDATE).config.learning_rate == 77.0
