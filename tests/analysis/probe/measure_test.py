"""The whole probe: every table is there and seeded; nonsense is refused."""

import numpy as np
import pytest

from lpg.analysis.probe.measure import Settings, measure
from lpg.evaluation.train_agents import TrainingSizes
from tests.analysis.toys import Discounting

SMALL = Settings(steps_ahead=4, iterations=1, environments="chain/short", updates=(1,))


def test_every_table_is_there():
    sizes = TrainingSizes(num_envs=8, num_steps=4)
    tables = measure(Discounting(), SMALL, sizes, 0)
    assert set(tables) == {"rewards", "probabilities", "predictions", "chains", "samples"}
    same, other = (measure(Discounting(), SMALL, sizes, seed)["samples"] for seed in (0, 1))
    np.testing.assert_array_equal(tables["samples"]["pi_hat"], same["pi_hat"])
    assert np.any(other["value"] != same["value"])


@pytest.mark.parametrize("changes", [{"steps_ahead": 1}, {"updates": ()}, {"updates": (0,)}, {"iterations": 0}])
def test_settings_that_make_no_sense_are_refused(changes):
    with pytest.raises(ValueError, match="at least"):
        Settings(**changes)
    with pytest.raises(ValueError, match="did you mean"):
        Settings(environments="chain/shrt")
