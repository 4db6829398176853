"""Names of rules: every form that the command line accepts, and the nearest name for unknown ones."""

import dataclasses
import gc
import itertools
import json
from pathlib import Path

import pytest

from lpg.environments.registry import suite
from lpg.evaluation.tuning_table import read_table, tuned_beside
from lpg.meta_training.config import MetaConfig
from lpg.meta_training.config_file import load_config
from lpg.update_rules import registry, rule_paths
from lpg.update_rules.a2c import A2C
from lpg.update_rules.lpg import LPG, init_lpg
from lpg.update_rules.rule_file import save_rule


@pytest.fixture
def rule(key):
    return init_lpg(key, lstm_size=2, prediction_size=2, embedding_size=2)


def test_a_hand_written_rule_has_a_name_and_no_learned_parameters():
    found = registry.find_rule("a2c")
    assert isinstance(found.rule, A2C) and not found.is_learned and found.card == {} and found.path is None


def test_a_rule_file_is_named_by_its_stem_and_a_run_by_its_folder(rule, tmp_path):
    save_rule(tmp_path / "mine.safetensors", rule, {"seed": 3})
    save_rule(tmp_path / "run-1" / "rule.safetensors", rule, {"seed": 4})
    one = registry.find_rule(tmp_path / "mine.safetensors")
    run = registry.find_rule(tmp_path / "run-1")
    inside = registry.find_rule(tmp_path / "run-1" / "rule.safetensors")
    assert (one.name, one.card["seed"], one.is_learned) == ("mine", 3, True)
    assert (run.name, inside.name, run.card["seed"]) == ("run-1", "run-1", 4)
    assert isinstance(registry.load_rule(str(tmp_path / "run-1")), LPG)


def test_a_shipped_rule_is_found_by_the_name_of_its_file(rule, tmp_path, monkeypatch):
    monkeypatch.setattr(rule_paths, "SHIPPED_FOLDER", tmp_path)
    assert rule_paths.shipped() == {}
    save_rule(tmp_path / "lpg.safetensors", rule, {})
    assert list(rule_paths.shipped()) == ["lpg"]
    assert registry.find_rule("lpg").name == "lpg"


@pytest.mark.parametrize("name", list(rule_paths.shipped()))
def test_shipped_rules_are_complete_and_small_and_have_cards(name):
    one = registry.find_rule(name)
    assert one.is_learned and one.path.stat().st_size < 5_000_000
    assert one.card["environment_steps"] > 0 and one.card["config"]["meta_updates"] >= one.card["meta_updates"] > 0
    table = read_table(tuned_beside(one.path))
    is_for_all = name in ("lpg-networks", "lpg-kick-start", "lpg-optimistic")
    assert table["general"] and (is_for_all or set(table["environments"]) >= set(suite("tables")))


MEASURED = Path(__file__).parents[2] / "docs" / "measured"
STAGES = MEASURED / "lpg-stages"


def test_the_card_of_the_first_stage_of_lpg_has_the_shipped_configuration():
    check_configuration(registry.find_rule(str(STAGES / "1.safetensors")).card["config"], "hours")


def check_configuration(stored, config, **changes):
    """Compares a card's configuration with a shipped one, but for what changes nothing but speed."""
    stored = {key: value for key, value in stored.items() if key not in ("chunk", "remat")}
    wanted = json.loads(json.dumps(dataclasses.asdict(load_config(config, changes))))
    assert stored == {key: wanted[key] for key in stored}
    # Fields that are newer than the rule have their defaults.
    default = json.loads(json.dumps(dataclasses.asdict(MetaConfig())))
    assert all(wanted[key] == default[key] for key in wanted.keys() - stored.keys() - {"chunk", "remat"})


def test_lpg_went_on_from_the_stages_that_are_kept():
    names = (str(STAGES / "1.safetensors"), str(STAGES / "2.safetensors"), "lpg")
    cards = [registry.find_rule(name).card for name in names]
    assert [card["config"]["initial_rule"] for card in cards] == [
        None, "docs/measured/lpg-stages/1.safetensors", "docs/measured/lpg-stages/2.safetensors",
    ]  # fmt: skip
    # Lifetimes × K × parallel environments × steps, for each meta-update since the stage before.
    assert cards[1]["environment_steps"] - cards[0]["environment_steps"] == 100 * 40 * 8 * 32 * 20
    assert cards[2]["environment_steps"] - cards[1]["environment_steps"] == 50 * 96 * 8 * 32 * 20
    same = ("num_envs", "num_steps", "num_updates", "table_step", "objective", "policy_entropy_weights")
    wanted = load_config("refine")
    for card in cards[1:]:
        assert all(json.loads(json.dumps(getattr(wanted, key))) == card["config"][key] for key in same)


def test_lpg_networks_went_on_from_the_stages_that_are_kept():
    names = ("from-scratch/rule-002000", "networks-stages/1", "networks-stages/2", "networks-stages/3")
    kept = [MEASURED / name for name in names]
    cards = [registry.find_rule(f"{path}.safetensors").card for path in kept]
    cards.append(registry.find_rule("lpg-networks").card)
    origins = [card["config"]["initial_rule"] for card in cards]
    assert origins[1:] == [f"{path.relative_to(MEASURED.parents[1])}.safetensors" for path in kept]
    steps = [card["environment_steps"] for card in cards]
    # Meta-updates × lifetimes × K × parallel environments × steps.
    assert [after - before for before, after in itertools.pairwise(steps)] == [
        updates * lifetimes * 8 * 16 * 16 for updates, lifetimes in ((300, 32), (100, 80), (210, 80), (730, 9 * 256))
    ]
    check_configuration(cards[-2]["config"] | {"initial_rule": None}, "networks")


def test_a_loaded_rule_keeps_its_name_card_and_file_as_long_as_it_lives(rule, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_rule(path, rule, {"seed": 3})
    loaded = registry.load_rule(path)
    named = registry.named_rule(loaded)
    assert named.rule is loaded and (named.name, named.card["seed"], named.path) == ("mine", 3, path)
    assert registry.named_rule(path).name == "mine" and len(registry._ORIGINS) >= 1
    # The twin: an object of another origin.
    other = registry.named_rule(rule)
    assert (other.name, other.label, other.card, other.path) == ("lpg", "lpg", {}, None)
    identity = id(loaded)
    del loaded, named
    gc.collect()
    assert identity not in registry._ORIGINS


def test_an_algorithm_of_another_library_is_a_contestant_and_no_rule():
    found = registry.find_algorithm("rejax/ppo")
    assert (found.name, found.label, found.is_learned) == ("rejax-ppo", "rejax/ppo", False)
    assert registry.find_algorithm("a2c") == registry.find_rule("a2c")
    assert registry.named_algorithm("rejax/ppo") == found and registry.named_algorithm(A2C()).name == "a2c"
    with pytest.raises(ValueError, match="rejax/ppo given; a rule is needed"):
        registry.load_rule("rejax/ppo")


def test_a_factory_is_called():
    assert isinstance(registry.load_rule("lpg.update_rules.a2c:A2C"), A2C)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a2d", "did you mean 'a2c'"),
        ("", "unknown rule, rule file or run folder|no rule.safetensors"),
        ("nowhere/rule.safetensors", "no such file"),
        ("nowhere.safetensors", "no such file"),
        ("builtins:dict", "made a dict; it lacks discovers_predictions, loss, prediction_size, targets, which"),
        ("no_such_module:make", "importable"),
    ],
)
def test_anything_but_a_rule_is_refused_in_one_line(name, words):
    with pytest.raises(ValueError, match=words) as caught:
        registry.load_rule(name)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_rule_says_whether_it_is_a_run(tmp_path):
    with pytest.raises(ValueError, match="no run folder"):
        registry.load_rule(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="--resume"):
        registry.load_rule(tmp_path)


FIRST_FITS = {
    "suite": "tables,procedural/rewards,procedural/survival,control/procedural,control/procedural", "lstm_size": 32,
    "lifetime_updates": 400, "min_lifetime_updates": None, "network_learning_rates": [0.002, 0.004, 0.008],
    "initial_values": [0.0], "meta_updates": 8000, "validation_every": 2000, "validation_seeds": 2,
}  # fmt: skip
"""What differed from the configuration of today where fits had lifetimes of 400 updates."""


@pytest.mark.parametrize(
    ("folder", "file", "changes", "lifetimes"),
    [("kick-start-stages", "1.safetensors", {}, 32), ("first-kick-start", "rule.safetensors", FIRST_FITS, 28)],
)
def test_a_fit_was_made_by_its_configuration(folder, file, changes, lifetimes):
    card = registry.find_rule(str(MEASURED / folder / file)).card
    check_configuration(card["config"], "kick-start", **changes)
    assert card["origin"] == "fitted to a2c-categorical"
    # Meta-updates × lifetimes, two for each kind of environment × parallel environments × steps.
    assert card["environment_steps"] == card["meta_updates"] * lifetimes * 16 * 16


def test_lpg_kick_start_went_on_from_another_fit_in_longer_lifetimes():
    card = registry.find_rule("lpg-kick-start").card
    path = card["config"]["initial_rule"]
    check_configuration(
        card["config"], "kick-start", initial_rule=path, min_lifetime_updates=100, lifetime_updates=4000,
        meta_learning_rate=0.0007, meta_updates=8000, validation_every=2000,
    )  # fmt: skip
    first = registry.find_rule(str(MEASURED.parents[1] / path)).card
    assert card["origin"] == first["origin"] == "fitted to a2c-categorical"
    assert card["environment_steps"] - first["environment_steps"] == card["meta_updates"] * 32 * 16 * 16


def test_lpg_optimistic_was_made_by_two_fits_and_says_what_it_began_from():
    card = registry.find_rule("lpg-optimistic").card
    optimistic = {"teacher": "a2c-optimistic", "y_weights": [0.2, 0.4, 0.8], "network_y_weights": [0.25, 0.5, 1.0]}
    changes = FIRST_FITS | optimistic
    path = card["config"]["initial_rule"]
    check_configuration(
        card["config"], "kick-start",
        **changes | {"initial_rule": path, "meta_learning_rate": 0.0015, "meta_updates": 12000,
                     "validation_every": 6000, "validation_seeds": 4},
    )  # fmt: skip
    first = registry.find_rule(str(MEASURED.parents[1] / path))
    check_configuration(first.card["config"], "kick-start", **changes)
    assert card["origin"] == first.card["origin"] == "fitted to a2c-optimistic"
    assert first.card["environment_steps"] == first.card["meta_updates"] * 14 * 2 * 16 * 16
    steps = card["environment_steps"] - first.card["environment_steps"]
    assert steps == card["meta_updates"] * 14 * 2 * 16 * 16
