"""Tuning tables: which files count for a rule, and what is refused."""

import json

import pytest

from lpg.evaluation import tuning_table
from lpg.evaluation.tuning_table import files_of, in_words, read_table, steps_of, tuned_beside
from lpg.update_rules.a2c import A2C
from lpg.update_rules.registry import NamedRule


def test_the_table_beside_a_rule_is_the_first_of_its_tables(tmp_path, monkeypatch):
    package = tmp_path / "tuned"
    package.mkdir()
    monkeypatch.setattr(tuning_table, "TUNED_FOLDER", package)
    mine = NamedRule(A2C(), "r", label="r", card={}, path=tmp_path / "mine.safetensors")
    assert files_of(mine) == []
    for path in (package / "r.json", tuned_beside(mine.path)):
        path.write_text(json.dumps({"format_version": 1, "environments": {}}))
    assert files_of(mine) == [tmp_path / "mine.tuned.json", package / "r.json"]
    assert files_of(NamedRule(A2C(), "r", label="r", card={}, path=None)) == [package / "r.json"]


def test_steps_and_names_worked_by_hand():
    assert steps_of({"updates": 10, "setting": {}}) == 10 * 64 * 20
    assert steps_of({"updates": 10, "setting": {"num_envs": 8, "num_steps": 5}}) == 400
    assert [in_words(kind) for kind in ("table", "atari")] == ["table agents", "atari games"]


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"format_version": 2, "environments": {}}', '{"format_version": 1}',
     '{"format_version": 1, "environments": {"e": [{"updates": 0, "setting": {}}]}}',
     '{"format_version": 1, "environments": {"e": [{"updates": 5, "setting": {"learning_rate": -1}}]}}',
     '{"format_version": 1, "environments": {"e": [{"updates": 5, "setting": {"nonsense": 1}}]}}',
     '{"format_version": 1, "environments": {"e": [{"updates": 5, "setting": {"baseline": 1}}]}}',
     '{"format_version": 1, "environments": {}, "general": {"table": {"setting": {"learning_rate": -1}}}}'],
)  # fmt: skip
def test_a_broken_table_is_refused_by_name(text, tmp_path):
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(ValueError, match="t.json: not a tuning table"):
        read_table(tmp_path / "t.json")


def test_all_tables_in_the_package_are_sound():
    tables = {path.stem: read_table(path) for path in tuning_table.TUNED_FOLDER.glob("*.json")}
    assert all(table["rule"] == name and (table["environments"] or table["general"]) for name, table in tables.items())
    assert "a2c" in tables
