import dataclasses

import jax
import numpy as np
import pytest

from lpg.analysis.ablated_inputs.ablated import FROZEN, INPUT_ABLATIONS
from lpg.analysis.ablated_inputs.measure import Settings, measure
from lpg.analysis.table import select
from lpg.evaluation.settings import Setting
from lpg.evaluation.tasks import reference
from lpg.evaluation.train_agents import TrainingSizes
from lpg.update_rules.a2c import A2C
from lpg.update_rules.lpg import init_lpg

SETTINGS = Settings(environments="chain/short", updates=3, seeds=2)


@pytest.fixture(scope="module")
def rule():
    return init_lpg(jax.random.key(1), lstm_size=2, prediction_size=3)


def test_areas_are_normalised_returns_and_all_cuts_have_the_same_seeds_and_settings(rule):
    asked = []

    def run(cut, trials, purpose, **options):
        asked.append((cut, trials, purpose))
        # Half a point on the way from the random policy (0) to the optimum (1), then all of it.
        return [(np.arange(2), np.array([0.5, 1.0]), np.zeros(2), np.zeros(2)) for _ in trials]

    tables = measure(
        rule, SETTINGS, TrainingSizes(), 4, setting=lambda name: Setting(learning_rate=7.0, y_weight=0.25), run=run
    )
    areas = tables["areas"]
    assert areas["ablation"].tolist() == [name for name in INPUT_ABLATIONS for _ in range(2)]
    assert set(areas["seed"]) == {4, 5}
    found = reference("chain/short", 4, "report")
    assert (found.random, found.best) == (0, 1)
    np.testing.assert_allclose(areas["area"], 0.75)
    weights = {
        name: {t.setting.y_weight for t in trials} for name, (_, trials, _) in zip(INPUT_ABLATIONS, asked, strict=True)
    }
    assert weights.pop(FROZEN) == {0.0} and set().union(*weights.values()) == {0.25}
    assert {purpose for _, _, purpose in asked} == {"report"}
    assert {t.setting.learning_rate for _, trials, _ in asked for t in trials} == {7.0}


def test_agents_are_really_trained(rule):
    areas = measure(rule, SETTINGS, TrainingSizes(num_envs=4, num_steps=20), 0)["areas"]
    assert np.isfinite(areas["area"]).all() and len(select(areas, seed=1)["area"]) == len(INPUT_ABLATIONS)


def test_what_has_no_senses_to_cut_or_no_ruler_is_refused(rule):
    with pytest.raises(ValueError, match="the rule is A2C; a whole LPG is needed"):
        measure(A2C(), SETTINGS, TrainingSizes(), 0)
    ablated = init_lpg(jax.random.key(0), lstm_size=4, prediction_size=3, embedding_size=2, without="recurrence")
    with pytest.raises(ValueError, match="the rule is LPG without recurrence; a whole LPG is needed"):
        measure(ablated, SETTINGS, TrainingSizes(), 0)
    unknown = dataclasses.replace(SETTINGS, environments="chain/short,classic/Acrobot-v1")
    with pytest.raises(ValueError, match="best return of classic/Acrobot-v1 is not known"):
        measure(rule, unknown, TrainingSizes(), 0)
    with pytest.raises(ValueError, match="updates 0 and seeds 8"):
        Settings(updates=0)
