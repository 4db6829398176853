"""The benchmark of growth: which points it measures, and that its page and figure are those of its table."""

import dataclasses
from pathlib import Path

import pytest

from benchmarks.growth import AXES, Case, Point, cases, draw, in_markdown, on_axis, read, save_figure, write

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "images" / "growth.csv"


def point(case: Case, number: float) -> Point:
    return Point(**dataclasses.asdict(case), steps_per_second=1000 * number,
                 steps_per_cpu_second=500 * number, device_mb=number, process_mb=2 * number,
                 compile_seconds=3.0)  # fmt: skip


def test_every_case_differs_from_the_base_in_one_number_and_comes_once():
    found = cases()
    assert len(found) == len(set(found)) == 1 + sum(len(values) - 1 for values in AXES.values())
    base = dataclasses.asdict(Case())
    assert all(sum(value != base[name] for name, value in dataclasses.asdict(case).items()) <= 1 for case in found)
    assert all(case.devices % case.processes == 0 for case in found)


def test_an_axis_has_the_base_and_what_differs_in_its_number_alone():
    points = [point(case, number) for number, case in enumerate(cases(), 1)]
    for name, values in AXES.items():
        assert [getattr(one, name) for one in on_axis(points[::-1], name)] == list(values)
    assert on_axis(points, "devices")[1] == on_axis(points, "lifetimes")[1]  # the base


@pytest.mark.thorough
def test_a_table_comes_back_and_is_drawn_with_two_lines_in_every_panel(tmp_path):
    points = [point(case, number) for number, case in enumerate(cases(), 1)]
    write(points, tmp_path / "growth.csv")
    assert read(tmp_path / "growth.csv") == points
    panels = draw(points).axes
    assert [len(axes.lines) for axes in panels] == [2] * 8
    assert list(panels[0].lines[0].get_ydata()) == [one.steps_per_second / 1e3 for one in on_axis(points, "lifetimes")]
    for name in ("one.svg", "two.svg"):
        save_figure(points, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_the_page_has_the_table_that_was_measured():
    points = read(TABLE)
    assert [(one.lifetimes, one.num_updates, one.devices, one.processes) for one in points] == [
        dataclasses.astuple(case) for case in cases()
    ]
    assert in_markdown(points) in (ROOT / "docs" / "speed.md").read_text(), "--redraw makes it anew, see the module"
