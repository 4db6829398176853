"""Agent hyper-parameters: recorded ones go before defaults, and the nearest record is taken."""

import json

import numpy as np
import pytest

from lpg.evaluation import settings
from lpg.evaluation.settings import Setting, chosen, read_table


def entry(updates, learning_rate):
    return {"updates": updates, "setting": {"learning_rate": learning_rate, "y_weight": 1.0}}


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "TUNED_FOLDER", tmp_path)
    content = {"format_version": 1, "rule": "r", "environments": {"chain/short": [entry(100, 10.0), entry(800, 20.0)]}}
    (tmp_path / "r.json").write_text(json.dumps(content))
    return tmp_path / "r.json"


def test_defaults_are_said_to_be_defaults(table):
    learned, written = chosen("other", "chain/short", 100), chosen("other", "chain/short", 100, is_learned=False)
    assert learned.source == written.source == "default"
    assert learned.setting == Setting(learning_rate=40.0, y_weight=0.5, gamma=0.995)
    assert written.setting.gamma == 0.995 and written.setting.lambda_ == 0.95
    assert chosen("r", "chain/long", 100).source == "default"


def test_the_record_of_the_nearest_number_of_updates_is_taken(table):
    # On a logarithmic scale the middle between 100 and 800 is 283.
    assert chosen("r", "chain/short", 250).setting.learning_rate == 10.0
    assert chosen("r", "chain/short", 320).setting.learning_rate == 20.0
    assert "800 updates" in chosen("r", "chain/short", 5000).source


def test_an_entry_counts_only_for_the_agent_that_it_was_made_with(tmp_path):
    own = tmp_path / "own.json"
    entries = [{**entry(100, 0.5), "agent": "D(8)"}, entry(800, 0.25), {**entry(900, 0.125), "agent": "D(32)"}]
    own.write_text(json.dumps({"format_version": 1, "environments": {"random/small": entries}}))

    def rate(num_updates, agent):
        return chosen("r", "random/small", num_updates, agent=agent, tables=(own,)).setting.learning_rate

    # The environment's own agent is D(32), whether an entry names it or not.
    assert rate(100, None) == rate(100, "D(32)") == 0.25 and rate(900, None) == 0.125
    assert rate(900, "D(8)") == 0.5
    assert rate(100, "D(16)") == settings.NETWORK_DEFAULT.learning_rate


def test_networks_have_a_default_of_their_own(table):
    assert chosen("other", "random/small", 100).setting == settings.NETWORK_DEFAULT


def test_where_nothing_was_tuned_a_table_may_advise_tables_and_networks(table, tmp_path):
    own = tmp_path / "own.json"
    advice = {"table": {"learning_rate": 2560.0, "y_weight": 0.25}}
    own.write_text(
        json.dumps({"format_version": 1, "environments": {"chain/long": [entry(9, 7.0)]}, "elsewhere": advice})
    )
    found = chosen("r", "tabular/dense", 100, tables=(own,))
    assert (found.setting.learning_rate, found.setting.y_weight) == (2560.0, 0.25) and "own.json" in found.source
    assert chosen("r", "chain/long", 100, tables=(own,)).setting.learning_rate == 7.0
    assert chosen("r", "random/small", 100, tables=(own,)).source == "default"
    # What was tuned for this environment, in whichever table, goes before advice.
    assert chosen("r", "chain/short", 100, tables=(own,)).setting.learning_rate == 10.0


def test_a_table_beside_the_rule_goes_before_the_packages(table, tmp_path):
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"format_version": 1, "environments": {"chain/short": [entry(100, 77.0)]}}))
    assert chosen("r", "chain/short", 100, tables=(own,)).setting.learning_rate == 77.0
    assert chosen("r", "chain/short", 100, tables=(tmp_path / "none.json",)).setting.learning_rate == 10.0


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"format_version": 2, "environments": {}}', '{"format_version": 1}',
     '{"format_version": 1, "environments": {"e": [{"updates": 0, "setting": {}}]}}',
     '{"format_version": 1, "environments": {"e": [{"updates": 5, "setting": {"learning_rate": -1}}]}}',
     '{"format_version": 1, "environments": {"e": [{"updates": 5, "setting": {"nonsense": 1}}]}}',
     '{"format_version": 1, "environments": {"e": [{"updates": 5, "setting": {"baseline": 1}}]}}',
     '{"format_version": 1, "environments": {}, "elsewhere": {"table": {"learning_rate": -1}}}'],
)  # fmt: skip
def test_a_broken_table_is_refused_by_name(text, tmp_path):
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(ValueError, match="t.json: not a tuning table"):
        read_table(tmp_path / "t.json")


@pytest.mark.parametrize(
    "values",
    [{"learning_rate": 0.0}, {"y_weight": -1.0}, {"gamma": 1.5}, {"lambda_": -0.1}, {"gamma": float("nan")}],
)
def test_impossible_settings_are_refused(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        Setting(**values)


def test_several_settings_become_arrays():
    arrays = Setting.table([Setting(), Setting(learning_rate=80.0, lambda_=1.0)])
    np.testing.assert_allclose(arrays.learning_rate, [40.0, 80.0])
    np.testing.assert_allclose(arrays.lambda_, [0.95, 1.0])


def test_all_tables_in_the_package_are_sound():
    tables = {path.stem: read_table(path) for path in settings.TUNED_FOLDER.glob("*.json")}
    assert all(table["rule"] == name and table["environments"] for name, table in tables.items())
    assert "a2c" in tables
