"""Configurations from names, files and changes: every mistake says what was given and what is needed."""

import dataclasses
import json

import pytest

from lpg.meta_training.config import MetaConfig
from lpg.meta_training.config_file import load_config, make_config, shipped_configs


def test_every_shipped_configuration_loads():
    assert {"smoke", "paper"} <= set(shipped_configs())
    for name in shipped_configs():
        assert isinstance(load_config(name), MetaConfig)


def test_the_paper_configuration_is_the_defaults_and_smoke_is_not():
    assert load_config("paper") == MetaConfig()
    assert load_config("smoke") != MetaConfig()


def test_a_file_gives_only_what_differs(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"suite": "chain", "gammas": [0.5, 0.9]}')
    assert load_config(str(path)) == MetaConfig(suite="chain", gammas=(0.5, 0.9))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_may_begin_with_a_byte_order_mark(encoding, tmp_path):
    path = tmp_path / "mine.json"
    path.write_bytes('{"suite": "chain"}'.encode(encoding))
    assert load_config(str(path)) == MetaConfig(suite="chain")


def test_changes_are_json_or_plain_words_and_the_last_one_wins():
    changes = ("suite=chain", "lstm_size=8", "lstm_size=16", "remat=false", "gammas=[0.5]", "num_lifetimes=null")
    found = load_config("paper", changes)
    assert found == MetaConfig(suite="chain", lstm_size=16, remat=False, gammas=(0.5,))
    assert isinstance(found.gammas, tuple)


@pytest.mark.parametrize(
    "name, words",
    [
        ("smok", "unknown configuration 'smok'; did you mean 'smoke'?"),
        ("papr", "did you mean 'paper'?"),
        ("mine.json", "there is no configuration file mine.json"),
        ("folder/mine", "there is no configuration file folder/mine"),
    ],
)
def test_an_unknown_configuration_is_refused_with_the_nearest(name, words):
    with pytest.raises(ValueError, match=words.replace("?", r"\?")):
        load_config(name)


@pytest.mark.parametrize(
    "change, words",
    [
        ("lstm_sise=8", r"unknown key 'lstm_sise'; did you mean 'lstm_size'\?"),
        ("=8", "unknown key ''"),
        ("lstm_size", r"--set 'lstm_size' given; key=value is needed"),
        ("lstm_size=8.0", r"lstm_size is 8\.0; expected int, got float"),
        ("lstm_size=true", "lstm_size is true; expected int, got bool"),
        ("remat=1", "remat is 1; expected bool, got int"),
        ("remat=yes", 'remat is "yes"; expected bool, got str'),
        ("suite=5", "suite is 5; expected str, got int"),
        ("objective=first", r"unknown objective 'first'; did you mean 'last'\?"),
        ("gammas=0.9", r"gammas is 0\.9; expected array, got float"),
        ('gammas=["a"]', r'gammas is \["a"\]; expected float, got str - at \$\[0\]'),
        ("num_lifetimes=many", r'num_lifetimes is "many"; expected int \| null, got str'),
        ("meta_learning_rate=NaN", 'meta_learning_rate is "NaN"; expected float, got str'),
        ("meta_learning_rate=1e999", 'meta_learning_rate is "1e999"; expected float, got str'),
        (f"meta_learning_rate=1{'0' * 400}", "meta_learning_rate is 10*; number out of range"),
        ("lstm_size=-3", "lstm_size is -3; expected int >= 1"),
        ("gammas=[1.5]", r"gammas is \[1\.5\]; expected float < 1\.0 - at \$\[0\] \(0 ≤ γ < 1, because returns"),
        ("suite=chains", "did you mean 'chain'"),
    ],
)  # fmt: skip
def test_a_change_that_does_not_fit_is_refused_with_what_is_needed(change, words):
    with pytest.raises(ValueError, match=words):
        load_config("smoke", (change,))


@pytest.mark.parametrize("name", ["ppo", "dpo", "a2c"])
def test_a_hand_written_rule_has_nothing_to_discover(name):
    with pytest.raises(ValueError, match=f"rule is {name}, which is written by hand: there is nothing to discover; .*"):
        load_config("smoke", (f"rule={name}",))


@pytest.mark.parametrize(
    "content, words",
    [
        (b"{", "is not valid JSON"),
        (b"", "is not valid JSON"),
        (b"\xff\xfe\x00", "is not valid JSON"),
        (b"[1]", "holds a JSON list; an object"),
        (b'{"meta_learning_rate": NaN}', "is not valid JSON"),
        (b'{"meta_learning_rate": 1e999}', "is not valid JSON: Number out of range"),
        (b'{"lstm_size": "8"}', 'lstm_size is "8"; expected int, got str'),
        (b'{"lstm": 8}', "unknown key 'lstm'"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(content, words, tmp_path):
    path = tmp_path / "mine.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words):
        load_config(str(path))


def test_a_whole_number_is_a_number_but_a_truth_value_is_not():
    found = make_config({"learning_rates": [40], "max_gradient_norm": 1, "num_lifetimes": 19})
    assert found == MetaConfig(learning_rates=(40.0,), max_gradient_norm=1.0, num_lifetimes=19)
    assert [type(x) for x in (*found.learning_rates, found.max_gradient_norm, found.num_lifetimes)] == [
        float,
        float,
        int,
    ]
    assert make_config({"meta_learning_rate": 1}) == MetaConfig(meta_learning_rate=1.0)
    with pytest.raises(ValueError, match="expected float, got bool"):
        make_config({"meta_learning_rate": True})


def test_what_is_stored_makes_the_same_configuration_again():
    config = load_config("smoke", ("num_lifetimes=4", "max_gradient_norm=null"))
    assert make_config(json.loads(json.dumps(dataclasses.asdict(config)))) == config
