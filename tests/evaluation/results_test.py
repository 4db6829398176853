"""The results table: written, read, never overwritten; and what is read off its curves, worked by hand."""

import math

import numpy as np
import pytest

from lpg.evaluation import results
from lpg.evaluation.results import Row


def curve(means, episodes, updates=None, rule="a2c", name="chain/short", seed=0):
    updates = updates or [10 * (i + 1) for i in range(len(means))]
    return [
        Row(rule, name, seed, at, 1280 * at, float(mean), 0.5 if n > 1 else math.nan, n)
        for at, mean, n in zip(updates, means, episodes, strict=True)
    ]


def same(a, b):
    return results.to_text(a) == results.to_text(b)


def test_a_table_comes_back_as_it_was_with_gaps_as_empty_cells(tmp_path):
    rows = curve([0.125, math.nan], [64, 0])
    results.write(tmp_path / "results.csv", rows)
    lines = (tmp_path / "results.csv").read_text().splitlines()
    assert lines[0] == "rule,environment,seed,agent_updates,steps,return_mean,return_stderr,episodes"
    assert lines[1] == "a2c,chain/short,0,10,12800,0.125,0.5,64"
    assert lines[2] == "a2c,chain/short,0,20,25600,,,0"
    assert same(results.read(tmp_path / "results.csv"), rows)


def test_the_same_table_may_be_written_again_and_another_one_not(tmp_path):
    path = tmp_path / "results.csv"
    results.write(path, curve([1.0], [64]))
    results.write(path, curve([1.0], [64]))
    with pytest.raises(ValueError, match="--out, or remove the file"):
        results.write(path, curve([1.5], [64]))
    assert same(results.read(path), curve([1.0], [64]))


def test_a_table_of_another_run_is_found_before_the_work_begins(tmp_path):
    path = tmp_path / "results.csv"
    results.check_free(path, [("a2c", "chain/short", 0)])
    results.write(path, curve([1.0], [64]))
    results.check_free(path, [("a2c", "chain/short", 0)])
    for planned in ([("a2c", "chain/short", 1)], [("lpg", "chain/short", 0)], []):
        with pytest.raises(ValueError, match="other rules, environments or seeds"):
            results.check_free(path, planned)
    path.write_text("something\n")
    with pytest.raises(ValueError, match="something else"):
        results.check_free(path, [("a2c", "chain/short", 0)])


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", ",".join(results.COLUMNS) + "\na2c,chain/short,x,1,1,1,1,1\n",
                                  ",".join(results.COLUMNS) + "\na2c,chain/short\n"])  # fmt: skip
def test_what_is_no_results_table_is_refused(text, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match="columns|line 2"):
        results.read(tmp_path / "t.csv")
    with pytest.raises(ValueError, match="no such file"):
        results.read(tmp_path / "other.csv")


def test_a_point_is_the_mean_of_the_episodes_that_ended_last():
    # Of 4 recent ones: point 2 has 1 of its own (value 8) and takes 3 of point 1's (value 4): (8 + 3·4)/4 = 5.
    # Point 1 has 4 of its own. Point 0 has none and takes the next 4, which are point 1's.
    rows = curve([math.nan, 4.0, 8.0], [0, 4, 1])
    np.testing.assert_allclose(results.smoothed(rows, num_recent=4), [4.0, 4.0, 5.0])
    # With one recent episode every point speaks for itself.
    np.testing.assert_allclose(results.smoothed(rows, num_recent=1), [4.0, 4.0, 8.0])


def test_a_point_with_more_than_enough_episodes_is_their_mean():
    np.testing.assert_allclose(results.smoothed(curve([1.0, 3.0], [100, 200]), num_recent=64), [1.0, 3.0])


def test_a_curve_without_episodes_is_no_number():
    assert np.isnan(results.smoothed(curve([math.nan] * 3, [0] * 3))).all()


def test_the_end_is_the_last_tenth_of_the_updates():
    rows = curve(list(range(20)), [64] * 20)  # points at 10, 20, …, 200; the last tenth begins after 180
    assert results.last_tenth(rows) == 2
    end = results.end_row(rows)
    # Mean of 18 and 19; two standard errors of 0.5: √(0.25 + 0.25)/2 = 0.353553.
    assert end.return_mean == 18.5 and end.episodes == 128 and end.agent_updates == 200
    assert end.return_stderr == pytest.approx(0.353553, abs=1e-6)
    assert results.last_tenth(curve([1.0], [64])) == 1


def test_rows_are_sorted_into_curves_in_the_order_of_their_updates():
    rows = curve([1.0, 2.0], [9, 9]) + curve([3.0], [9], seed=5) + curve([4.0], [9], rule="lpg")
    table = results.curves(rows[::-1])
    assert [row.return_mean for row in table["a2c"]["chain/short"][0]] == [1.0, 2.0]
    assert set(table["a2c"]["chain/short"]) == {0, 5} and set(table) == {"a2c", "lpg"}
