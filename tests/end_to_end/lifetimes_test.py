"""Rules over lengths of lifetimes: the page has what was measured; a small measurement from rules to figure."""

from pathlib import Path

import jax
import numpy as np
import pytest

from benchmarks import lifetimes
from benchmarks.markdown import with_parts
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.rule_file import save_rule
from lpg.update_rules.ta_lpg import init_ta_lpg

DOCS = Path(__file__).parents[2] / "docs"


def test_the_recipe_has_what_was_measured():
    found = lifetimes.read(DOCS / "measured" / "lifetimes" / "areas.csv")
    page = (DOCS / "recipe.md").read_text()
    assert with_parts(page, lambda name: lifetimes.tables(found)) == page
    # The twin: other numbers are another page.
    found["TA-LPG by evolution"][25][0] += 0.1
    assert with_parts(page, lambda name: lifetimes.tables(found)) != page


def test_differences_are_paired_and_their_interval_resamples_seeds():
    base = np.array([[0.1, 0.5], [0.2, 0.4]])
    one = lifetimes.difference(base + np.array([[0.0, 0.2], [0.1, 0.1]]), base)
    # Mean of 0, .2, .1, .1; resampled seeds of the first environment give 0, .1 or .2, the second always .1.
    assert (one.value, one.low, one.high) == pytest.approx((0.1, 0.05, 0.15), abs=1e-6)


@pytest.mark.thorough
def test_a_small_measurement(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lifetimes, "UPDATES", (1, 3))
    monkeypatch.setattr(lifetimes, "SUITE", "chain/short,chain/long")
    save_rule(tmp_path / "plain.safetensors", init_lpg(jax.random.key(0), lstm_size=4, prediction_size=3), {})
    save_rule(tmp_path / "timed.safetensors", init_ta_lpg(jax.random.key(0), lstm_size=4, prediction_size=3), {})
    page = tmp_path / "page.md"
    page.write_text("<!-- measured: lifetimes -->\n<!-- end -->\n")
    out = ["--out", str(tmp_path / "out"), "--page", str(page)]
    rules = [part for name in ("plain", "timed") for part in ("--rule", str(tmp_path / f"{name}.safetensors"))]
    monkeypatch.setattr("sys.argv", ["lifetimes", *rules, "--seeds", "2", *out])
    lifetimes.main()
    printed = capsys.readouterr().out
    found = lifetimes.read(tmp_path / "out" / "areas.csv")
    assert list(found) == ["plain", "timed", "plain, rate decays to 0", "plain, best of three rates"]
    assert {updates: values.shape for updates, values in found["timed"].items()} == {1: (2, 2, 2), 3: (2, 2, 2)}
    assert lifetimes.tables(found) in printed and lifetimes.tables(found) in page.read_text()
    # One update of a training that decays is at the whole rate.
    np.testing.assert_array_equal(found["plain, rate decays to 0"][1], found["plain"][1])
    assert (tmp_path / "out" / "lifetimes.svg").exists()
    # What was written is what is drawn again.
    monkeypatch.setattr("sys.argv", ["lifetimes", "--redraw", str(tmp_path / "out"), "--out", str(tmp_path / "again")])
    lifetimes.main()
    assert capsys.readouterr().out.strip() in printed
