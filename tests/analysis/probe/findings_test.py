"""What the answers imply, for tables made by hand; and the figures."""

import numpy as np
import pytest

from lpg.analysis.probe.findings import draw, draw_samples, plot, reach, score, similarities


def tables(pi_hat=lambda a, v: 2 * a, beyond=0.8, without=0.0):
    generator = np.random.default_rng(0)
    advantage, value = generator.normal(size=300), 3 * generator.normal(size=300)
    samples = {
        "environment": np.repeat("chain/short", 300), "updates": np.full(300, 20.0), "pi_hat": pi_hat(advantage, value),
        "advantage": advantage, "return": advantage + value, "value": value, "pi": np.full(300, 0.2),
    }  # fmt: skip
    length = np.array([5.0, 10, 20, 30, 40, 50])
    chains = {
        "length": length, "with": np.where(length <= 20, 1.0, beyond), "without": np.where(length <= 20, 1.0, without)
    }  # fmt: skip
    delay = np.arange(10)
    flat = np.zeros(10)
    rewards = {"delay": delay, "plus": 0.9**delay, "minus": -(0.9**delay), "terminated": flat, "truncated": flat}
    predictions = {"name": np.array(["+1", "−1"]), **{n: np.array([1.0, -1]) for n in ("here", "next", "far")}}
    probabilities = {
        "reward": np.repeat(["plus", "minus", "nothing"], 2), "pi": np.tile([0.1, 1.0], 3), "pi_hat": np.arange(6.0)
    }  # fmt: skip
    return {
        "samples": samples, "chains": chains, "rewards": {**rewards, "zero": flat}, "predictions": predictions,
        "probabilities": probabilities,
    }  # fmt: skip


def test_a_multiple_of_the_advantage_is_recognised_with_its_slope():
    (one,) = similarities(tables()["samples"])
    assert (one.correlation, one.slope, one.explained) == pytest.approx((1, 2, 1))
    # Of the return's variance 1 + 9 the advantage has 1: correlation 1/√10.
    assert one.with_return == pytest.approx(1 / np.sqrt(10), abs=0.1)
    (other,) = similarities(tables(lambda a, v: a + v)["samples"])
    assert other.with_return == pytest.approx(1) and other.correlation < 0.5  # the twin: no baseline


def test_verdicts_on_the_baseline():
    assert score(tables())[0].verdict == "reproduced"
    assert score(tables(lambda a, v: a + 0.3 * v))[0].verdict == "partly"
    assert score(tables(lambda a, v: v))[0].verdict == "not reproduced"
    assert score(tables(lambda a, v: 0 * a))[0].verdict == "not reproduced"
    assert "like 0.900^k" in score(tables())[0].found


def test_verdicts_on_bootstrapping():
    assert reach(tables(beyond=0.8, without=0.25)["chains"]) == (1, 0.8, 0.25)
    assert score(tables())[1].verdict == "reproduced"
    assert score(tables(without=0.5))[1].verdict == "partly"  # then it was not the predictions
    assert score(tables(beyond=0.3))[1].verdict == "partly"
    assert score(tables(beyond=0.0))[1].verdict == "not reproduced"


def test_the_panels_show_the_tables():
    figure = draw(tables())
    assert len(figure.axes) == 6
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    np.testing.assert_allclose(lines["+1 (like 0.90^k)"].get_ydata()[:3], [1, 0.9, 0.81])
    lines = {line.get_label(): line for line in figure.axes[4].lines}
    np.testing.assert_allclose(lines["with predictions"].get_ydata()[-1], 0.8)
    np.testing.assert_allclose(lines["without predictions"].get_ydata()[-1], 0)


def test_the_data_is_drawn_environment_by_environment():
    figure = draw_samples(tables()["samples"])
    assert figure.axes[0].get_title() == "chain/short"
    assert figure.axes[0].lines[0].get_label() == "20 updates, r 1.00"


@pytest.mark.thorough
def test_they_are_saved(tmp_path):
    for path in plot(tables(), tmp_path / "figures"):
        assert path.read_bytes().startswith(b"\x89PNG")
