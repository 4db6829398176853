"""Rule files: saving and loading are inverse, and invalid files are refused."""

import json
import os
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors
import safetensors.numpy

from lpg.arrays import flatten
from lpg.update_rules.a2c import A2C
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.lpg_v import init_lpg_v
from lpg.update_rules.rule_file import read_rule, save_rule
from lpg.update_rules.rule_paths import SHIPPED_FOLDER
from lpg.update_rules.ta_lpg import init_ta_lpg

ROOT = Path(__file__).parents[2]


def small(key):
    return init_lpg(key, lstm_size=3, prediction_size=4, embedding_size=2)


def equal(a, b):
    return jax.tree.structure(a) == jax.tree.structure(b) and all(
        x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


def without(part):
    return lambda key: init_lpg(key, lstm_size=3, prediction_size=4, embedding_size=2, without=part)


ABLATED = [without(part) for part in ("softmax", "bootstrap", "recurrence")]


def time_aware(key):
    return init_ta_lpg(key, lstm_size=3, prediction_size=4, embedding_size=2)


@pytest.mark.parametrize("make", [small, time_aware, lambda key: init_lpg_v(key, lstm_size=3), *ABLATED])
def test_a_rule_and_its_card_survive_saving(make, key, tmp_path):
    rule = make(key)
    save_rule(tmp_path / "rule.safetensors", rule, {"seed": 7, "config": {"suite": "chain"}})
    found, card = read_rule(tmp_path / "rule.safetensors")
    assert equal(found, rule)
    assert not equal(found, make(jax.random.key(1)))
    assert card["seed"] == 7 and card["config"] == {"suite": "chain"} and card["sizes"]["lstm_size"] == 3
    assert os.listdir(tmp_path) == ["rule.safetensors"]


def test_float64_stays_float64_and_is_refused_where_it_would_be_rounded(key, tmp_path):
    path = tmp_path / "rule.safetensors"
    with jax.enable_x64(True):
        rule = jax.tree.map(lambda x: x.astype(jnp.float64) / 3, small(key))
        save_rule(path, rule, {})
        assert equal(read_rule(path)[0], rule)
    with pytest.raises(ValueError, match="float64; jax_enable_x64"):
        read_rule(path)


def test_a_file_of_the_first_format_is_migrated():
    old, new = ROOT / "tests/data/rule-format-1.safetensors", SHIPPED_FOLDER / "lpg-v.safetensors"
    (rule, card), (expected, current) = read_rule(old), read_rule(new)
    assert equal(rule, expected) and card == current and card["format_version"] == 2
    with safetensors.safe_open(old, framework="numpy") as file:
        before = json.loads(file.metadata()["card"])
    assert before["format_version"] == 1 and before["config"]["num_streams"] == card["config"]["num_envs"] == 64
    assert "num_streams" not in card["config"]


def test_the_card_has_the_order_of_inputs(key, tmp_path):
    save_rule(tmp_path / "r.safetensors", small(key), {})
    assert read_rule(tmp_path / "r.safetensors")[1]["inputs"][:4] == ["r", "d", "gamma", "pi(a|s)"]
    save_rule(tmp_path / "r.safetensors", time_aware(key), {})
    card = read_rule(tmp_path / "r.safetensors")[1]
    assert (card["kind"], card["inputs"][6:]) == ("ta-lpg", ["n/N", "log N / log 1000"])


def test_the_card_names_the_ablated_component(key, tmp_path):
    for make, kind in zip(ABLATED, ("lpg-no-softmax", "lpg-no-bootstrap", "lpg-no-recurrence"), strict=True):
        save_rule(tmp_path / "r.safetensors", make(key), {})
        found, card = read_rule(tmp_path / "r.safetensors")
        assert card["kind"] == kind
        # The twin: its arrays are those of the full rule (except the layers next to a softmax); only the kind differs.
        assert not equal(found, small(key))
        whole, found = ((rule.scalar, rule.lstm, rule.pi_head) for rule in (small(key), found))
        pairs = zip(jax.tree.leaves(found), jax.tree.leaves(whole), strict=True)
        assert all(np.array_equal(x, y) for x, y in pairs)


def test_an_invalid_rule_is_not_saved_and_an_older_file_stays(key, tmp_path):
    path = tmp_path / "r.safetensors"
    save_rule(path, small(key), {})
    before = path.read_bytes()
    broken = eqx.tree_at(lambda r: r.pi_head.bias, small(key), jnp.array([jnp.nan]))
    for rule, card, words in (
        (broken, {}, "not finite"),
        (A2C(), {}, "A2C"),
        (small(key), {"x": float("nan")}, "JSON"),
    ):
        with pytest.raises(ValueError, match=words):
            save_rule(path, rule, card)
    assert path.read_bytes() == before


def arrays_and_card(key):
    rule = small(key)
    card = {
        "format_version": 2,
        "kind": "lpg",
        "sizes": {"lstm_size": 3, "prediction_size": 4, "embedding_size": 2},
        "inputs": ["r", "d", "gamma", "pi(a|s)", "phi(y(s))", "phi(y(s'))"],
    }
    return dict(flatten(rule)), card


def with_array(name, change):
    return lambda arrays, card: ({**arrays, name: change(arrays[name])}, card)


def with_card(**changes):
    return lambda arrays, card: (arrays, {**card, **changes})


def poisoned(array):
    array = array.copy()
    array.flat[-1] = np.inf
    return array


BAD = {
    "a newer format version": (
        with_card(format_version=3),
        "format version 3; this lpg reads 1, 2: a newer lpg wrote it, so upgrade",
    ),
    "an older format version": (
        with_card(format_version=0),
        "format version 0; this lpg reads 1, 2: use the lpg that wrote the file, or discover the rule again",
    ),
    "no version": (with_card(format_version=None), "format version None; this lpg reads 1, 2: use the lpg that wrote"),
    "a version that is no number": (with_card(format_version=True), "format version True; this lpg reads 1, 2"),
    # The version is checked first, because nothing else is known of a file of another version.
    "another format version and other inputs": (with_card(format_version=7, inputs=["d"]), "format version 7"),
    "an unknown kind": (with_card(kind="disco"), "kind 'disco'"),
    "a kind that is no text": (with_card(kind=["lpg"]), "kind"),
    "other inputs": (with_card(inputs=["d", "r"]), "reads"),
    "sizes missing": (with_card(sizes={"lstm_size": 3}), "sizes"),
    "a size that is no number": (
        with_card(sizes={"lstm_size": "3", "prediction_size": 4, "embedding_size": 2}),
        "lstm_size is '3'",
    ),
    "a size of a monster": (
        with_card(sizes={"lstm_size": 10**9, "prediction_size": 4, "embedding_size": 2}),
        "lstm_size is 1000000000",
    ),
    "sizes of another rule": (
        with_card(sizes={"lstm_size": 5, "prediction_size": 4, "embedding_size": 2}),
        "shape",
    ),
    "a wrong shape": (with_array("pi_head.bias", lambda a: np.zeros(2, a.dtype)), "pi_head.bias"),
    "whole numbers": (with_array("pi_head.bias", lambda a: np.zeros(1, np.int32)), "int32"),
    "infinity": (with_array("lstm.weight", poisoned), "not finite"),
    "an array missing": (lambda arrays, card: ({"lstm.bias": arrays["lstm.bias"]}, card), "needs"),
    "an array too many": (lambda arrays, card: ({**arrays, "x": np.zeros(1, np.float32)}, card), "needs"),
    "a card that is a list": (lambda arrays, card: (arrays, [card]), "list"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_in_one_line_that_names_it(case, key, tmp_path):
    change, words = BAD[case]
    arrays, card = change(*arrays_and_card(key))
    path = tmp_path / "bad.safetensors"
    path.write_bytes(safetensors.numpy.save(arrays, metadata={"card": json.dumps(card)}))
    with pytest.raises(ValueError, match=words) as caught:
        read_rule(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_the_valid_counterpart_of_the_bad_files_is_read(key, tmp_path):
    arrays, card = arrays_and_card(key)
    path = tmp_path / "good.safetensors"
    path.write_bytes(safetensors.numpy.save(arrays, metadata={"card": json.dumps(card)}))
    assert equal(read_rule(path)[0], small(key))


@pytest.mark.parametrize("keep", [0, 5, 100, -1, -40])
def test_a_truncated_file_is_refused(keep, key, tmp_path):
    path = tmp_path / "r.safetensors"
    save_rule(path, small(key), {})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match="truncated, or not a safetensors file"):
        read_rule(path)


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.raises(ValueError, match="no such file"):
        read_rule(path)
    path.write_bytes(b"import os; os.system('true')" * 50)
    with pytest.raises(ValueError, match="truncated, or not a safetensors file"):
        read_rule(path)
    path.write_bytes(safetensors.numpy.save({"w": np.zeros(3, np.float32)}))
    with pytest.raises(ValueError, match="without 'card' in its metadata; a rule file"):
        read_rule(path)
    path.write_bytes(safetensors.numpy.save({"w": np.zeros(3, np.float32)}, metadata={"card": "{"}))
    with pytest.raises(ValueError, match="not JSON"):
        read_rule(path)
