"""`lpg.tune`: configurations are searched, recorded and used."""

import jax
import pytest

import lpg
from lpg.evaluation.tuning_table import read_table
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.rule_file import save_rule


@pytest.mark.thorough
def test_what_is_found_is_recorded_beside_the_rule_and_used(tmp_path):
    file = tmp_path / "mine.safetensors"
    save_rule(file, init_lpg(jax.random.key(0), lstm_size=2, prediction_size=3), {})
    found = lpg.tune(file, ["chain/short"], trials=2, steps_scale=0.002, out=tmp_path / "out")["chain/short"]
    (entry,) = read_table(tmp_path / "mine.tuned.json")["environments"]["chain/short"]
    assert entry["trials"] == 2 and entry["setting"]["learning_rate"] == pytest.approx(found.learning_rate)
    assert (tmp_path / "out" / "tuned" / "mine.json").is_file() and (tmp_path / "out" / "tuned" / "study.log").is_file()
    assert lpg.train(lpg.load_rule(file), "chain/short", 400).config.learning_rate == found.learning_rate


def test_a_general_setting_is_the_same_everywhere():
    found = lpg.tune("a2c", "chain/short,chain/long", trials=1, steps_scale=0.001, settings="general")
    assert set(found) == {"chain/short", "chain/long"} and found["chain/short"] == found["chain/long"]


@pytest.mark.parametrize(
    ("suite", "options", "words"),
    [
        ("chain/short", {"trials": 0}, "trials is 0"),
        ("chain/shrot", {}, "chain/short"),
    ],
)
def test_bad_input_is_refused(suite, options, words):
    with pytest.raises(ValueError, match=words):
        lpg.tune("a2c", suite, **options)
