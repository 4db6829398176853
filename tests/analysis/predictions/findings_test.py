"""Figure 4: what the values explain of y, the claim, the maps and the animation."""

import numpy as np
import pytest
from PIL import Image

from lpg.analysis.predictions.findings import at_end, components, correlations, draw, plot, score
from lpg.analysis.table import select


def tables(component, visits=None):
    """A row of 60 cells whose value is 0.9^distance, and one component of y."""
    value = 0.9 ** np.arange(60.0)
    cells = {
        "row": np.zeros(60), "column": np.arange(60.0), "goal": np.zeros(60),
        "visits": np.ones(60) if visits is None else visits, "value_0.9": value, "value_0.995": value**0.05,
    }  # fmt: skip
    y = {"iteration": np.repeat([0.0, 7.0], 60), "cell": np.tile(np.arange(60.0), 2)}
    y["y_0"] = np.concatenate([np.full(60, 0.5), component(value)])
    return {"cells": cells, "y": y}


def noise(value):
    return 0.5 + 0.1 * np.random.default_rng(0).normal(size=len(value))


def end(tables):
    return correlations(tables["cells"], at_end(tables["y"]))


def test_a_component_that_is_a_value_correlates_with_it_and_noise_does_not():
    (found,) = end(tables(lambda v: 0.1 + 0.4 * v))
    assert found["value_0.9"] == pytest.approx(1) and found["value_0.995"] < 0.975
    assert end(tables(lambda v: 0.5 - 0.4 * v))[0]["value_0.9"] == pytest.approx(-1)
    (found,) = end(tables(noise))
    assert abs(found["value_0.9"]) < 0.3
    one = tables(lambda v: v)
    assert correlations(one["cells"], select(one["y"], iteration=0.0))[0]["value_0.9"] == 0


def controlled(component, *controls):
    """Tables with controls: `untrained 1`, `untrained 2`, …, each with one component."""
    found = tables(component)
    value = found["cells"]["value_0.9"]
    names = [f"untrained {number}" for number in range(1, len(controls) + 1)]
    return found | {
        "controls": {
            "method": np.repeat(names, 60), "cell": np.tile(np.arange(60.0), len(controls)),
            "y_0": np.concatenate([control(value) for control in controls]),
        }
    }  # fmt: skip


def test_the_claim_needs_contrast_beside_a_shape():
    (claim,) = score(controlled(lambda v: 0.1 + 0.4 * v, noise))
    assert claim.verdict == "reproduced" and "y[0], R² 1.00 with the value at γ = 0.9" in claim.found
    assert score(controlled(lambda v: 0.1 + 0.01 * v, noise))[0].verdict == "partly"
    assert score(controlled(noise, noise))[0].verdict == "not reproduced"


def test_a_component_that_is_lowest_at_the_goals_does_not_peak_there():
    (claim,) = score(controlled(lambda v: 0.5 - 0.4 * v, noise))
    assert claim.verdict == "not reproduced" and "0 of 1 components rise" in claim.found


def test_the_rule_must_be_ahead_of_every_untrained_one():
    def peak(v):
        return 0.1 + 0.4 * v

    def other(v):
        return peak(v) + 0.05 * noise(v)

    assert score(controlled(peak, noise, other))[0].verdict == "partly"
    assert score(controlled(peak, noise, lambda v: 0.5 - 0.4 * v))[0].verdict == "reproduced"  # falls
    assert score(controlled(peak, noise, lambda v: 0.5 + 0.01 * v))[0].verdict == "reproduced"  # has no contrast
    (claim,) = score(tables(peak))
    assert claim.verdict == "partly" and "controls: not measured" in claim.found


def test_cells_that_nobody_visits_do_not_count():
    def broken(value):
        return np.where(np.arange(60) < 30, 0.1 + 0.4 * value, 1.0)

    assert end(tables(broken))[0]["value_0.9"] < 0.95
    visited = np.where(np.arange(60) < 30, 1.0, 0.0)
    assert end(tables(broken, visited))[0]["value_0.9"] == pytest.approx(1)


@pytest.fixture
def maps():
    """A grid of three by three with a wall in the middle, and two components at three times."""
    place = [(r, c) for r in range(3) for c in range(3) if (r, c) != (1, 1)]
    size = len(place)
    cells = {
        "row": np.array([r for r, _ in place], float), "column": np.array([c for _, c in place], float),
        "goal": np.eye(size)[0] - np.eye(size)[-1], "visits": np.ones(size),
        **{f"pi_{a}": np.full(size, float(a == 5)) for a in range(18)},
        "value_0.9": np.linspace(-1, 1, size), "value_0.995": np.linspace(0, 1, size),
    }  # fmt: skip
    y = {"iteration": np.repeat([0.0, 5, 9], size), "cell": np.tile(np.arange(size), 3)}
    y["y_0"] = np.concatenate([np.zeros(size), np.ones(size), np.linspace(0.2, 0.4, size)])
    y["y_1"] = np.random.default_rng(0).random(3 * size)
    return {"cells": cells, "y": y}


def test_every_map_has_its_numbers_in_their_places(maps):
    figure = draw(maps)
    titles = [ax.get_title() or ax.get_title("left") for ax in figure.axes]
    assert titles[:3] == ["policy (P +1, N −1)", "value, γ = 0.9", "value, γ = 0.995"]
    best = figure.axes[titles.index("y[0]  r +1.00 (γ 0.9)")]
    shown = best.images[0].get_array()
    np.testing.assert_allclose(shown[0, 0], 0.2)
    np.testing.assert_allclose(shown[2, 2], 0.4)
    assert np.ma.is_masked(shown[1, 1]) or np.isnan(shown[1, 1])
    assert [text.get_text() for text in best.texts] == ["P", "N"]


def test_the_files_are_drawn_and_the_animation_moves(maps, tmp_path):
    image, animation = plot(maps, tmp_path / "figures")
    assert image.read_bytes().startswith(b"\x89PNG")
    with Image.open(animation) as video:
        assert video.n_frames == 3
        frames = []
        for index in range(3):
            video.seek(index)
            frames.append(np.asarray(video.convert("L")))
    assert np.any(frames[0] != frames[2])


def test_components_are_the_columns_of_y(maps):
    assert components(maps["y"]) == ["y_0", "y_1"]
