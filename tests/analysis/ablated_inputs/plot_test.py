import pytest

from lpg.analysis.ablated_inputs.ablated import INPUT_ABLATIONS
from lpg.analysis.ablated_inputs.plot import draw
from lpg.analysis.style import style
from tests.analysis.ablated_inputs.score_test import tables


def test_bars_are_as_high_as_the_means():
    with style():
        (ax,) = draw(tables(frozen_predictions=0.3)).axes
    assert [label.get_text() for label in ax.get_xticklabels()] == ["chain/short", "tabular/dense"]
    heights = {bars.get_label(): [bar.get_height() for bar in bars] for bars in ax.containers}
    assert list(heights) == list(INPUT_ABLATIONS)
    assert heights["frozen predictions"] == pytest.approx([0.4, 0.2])
    assert heights["whole"] == pytest.approx([0.9, 0.7])
