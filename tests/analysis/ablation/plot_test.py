"""The figure of the ablation draws our curves and the paper's."""

import numpy as np
import pytest

from lpg.analysis.ablation.plot import draw, plot
from tests.analysis.ablation.score_test import NAMES, tables


def test_there_is_a_line_per_variant_and_one_per_variant_of_the_paper():
    left, right = draw(tables(lpg=0.8)).axes
    assert [line.get_label() for line in left.lines] == list(NAMES)
    np.testing.assert_allclose(left.lines[0].get_ydata(), [0, 0, 0, 0.8])
    assert len(right.lines) == 6
    assert [line.get_color() for line in right.lines] == [line.get_color() for line in left.lines[:6]]
    np.testing.assert_allclose(right.lines[0].get_ydata()[-1], 0.96)


def test_several_seeds_are_a_line_for_their_mean_and_a_thin_one_for_each():
    first, second = tables(lpg=0.8)["validations"], tables(seed=1, lpg=0.4)["validations"]
    left, _ = draw({"validations": {name: np.concatenate([first[name], second[name]]) for name in first}}).axes
    mean, one, other = [line.get_ydata()[-1] for line in left.lines[:3]]
    assert (mean, one, other) == pytest.approx((0.6, 0.8, 0.4))


def test_it_is_saved_even_before_there_is_anything_of_ours(tmp_path):
    empty = {"validations": {name: np.zeros(0) for name in ("variant", "seed", "meta_update", "score")}}
    (path,) = plot(empty, tmp_path / "figures")
    assert path.read_bytes().startswith(b"\x89PNG")
