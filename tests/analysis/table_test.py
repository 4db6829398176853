"""Tables come back as they were written."""

import numpy as np
import pytest

from lpg.analysis.table import make_table, read_table, select, to_text, write_table


def test_a_table_comes_back_with_numbers_as_numbers_and_words_as_words(tmp_path):
    table = make_table([{"name": "a", "x": 0.5, "n": 3}, {"name": "b, c", "x": float("nan"), "n": 4}])
    assert to_text(table) == 'name,x,n\na,0.5,3\n"b, c",,4\n'
    write_table(tmp_path / "t.csv", table)
    found = read_table(tmp_path / "t.csv")
    assert found["name"].tolist() == ["a", "b, c"]
    np.testing.assert_array_equal(found["x"], [0.5, np.nan])
    np.testing.assert_array_equal(found["n"], [3, 4])


def test_rows_are_selected_by_several_columns():
    table = make_table([{"gamma": g, "who": w, "x": 10 * g} for g in (0.9, 0.995) for w in ("td", "lpg")])
    np.testing.assert_allclose(select(table, gamma=0.995, who="td")["x"], [9.95])
    assert len(select(table, who="lpg")["x"]) == 2
    assert len(select(table, who="nobody")["x"]) == 0


def test_what_is_no_table_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no such table"):
        read_table(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3\n")
    with pytest.raises(ValueError, match="line 3: 1 cells"):
        read_table(tmp_path / "t.csv")
    with pytest.raises(ValueError):
        write_table(tmp_path / "u.csv", {"a": np.zeros(2), "b": np.zeros(3)})
    assert not (tmp_path / "u.csv").exists()
