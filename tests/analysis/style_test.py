"""The style of figures."""

import matplotlib as mpl

from lpg.analysis.style import RULE_COLOURS, colours, style


def test_the_style_ends_with_its_context():
    before = mpl.rcParams["axes.grid"]
    with style():
        assert mpl.rcParams["axes.grid"] is True
    assert mpl.rcParams["axes.grid"] == before


def test_rules_have_colours_of_their_own():
    names = [str(i) for i in range(len(RULE_COLOURS))]
    assert len(set(colours(names).values())) == len(names)
