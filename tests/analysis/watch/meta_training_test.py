"""A meta-training as it is watched."""

import json
import math

import pytest

from lpg.analysis.watch.meta_training import MetaTrainingView
from lpg.meta_training.run_folder import AUDIT_FILE
from tests.analysis.watch.folders import NAMES, advance, begin, write_bandit


def test_a_run_from_before_its_first_meta_update_to_its_end(tmp_path):
    begin(tmp_path)
    view = MetaTrainingView(tmp_path)
    first, status = view.version(), view.status()
    assert status.share == 0 and status.seconds_left is None and not view.has_figure()
    assert "none yet of 4" in status.facts["meta-updates"]
    advance(tmp_path, 1)
    second = view.version()
    assert first != second and view.status().seconds_left is None and view.has_figure()
    advance(tmp_path, 2, prediction_entropy=math.log(2), dropped=3.0)
    status = view.status()
    # Ten seconds a meta-update, two of four are left.
    assert view.version() != second and status.share == 0.5 and status.seconds_left == 20
    assert status.facts["predictions in use"].startswith("2.0 of 3 (entropy 0.69 of at most 1.10")
    assert status.facts["lifetimes reset"].endswith("3 diverged")
    advance(tmp_path, 3)
    advance(tmp_path, 4, validation=0.75)
    status = view.status()
    assert status.share == 1 and status.seconds_left == 0
    assert status.facts["best validation"] == "0.750, at meta-update 4"
    assert len(view.figure().axes) == 6


def test_time_left_is_that_of_the_recent_speed(tmp_path):
    begin(tmp_path, meta_updates=200)
    for number in range(1, 61):
        advance(tmp_path, number, seconds=1000.0 + number if number > 5 else 100.0 * number)
    assert MetaTrainingView(tmp_path).status().seconds_left == pytest.approx(140)


def test_flags_of_the_audit_are_shown_while_they_stand(tmp_path):
    begin(tmp_path)
    advance(tmp_path, 1)
    view = MetaTrainingView(tmp_path)
    assert view.status().flags == []
    (tmp_path / AUDIT_FILE).write_text(json.dumps(["π̂ is constant"]))
    assert view.status().flags == ["π̂ is constant"]


def test_arms_are_those_of_the_newest_checkpoint_that_can_be_read(tmp_path):
    begin(tmp_path)
    advance(tmp_path, 1)
    view = MetaTrainingView(tmp_path)
    # Two arms; nothing is tried yet.
    before = view.status().arms
    assert [one["environment"] for one in before] == list(NAMES) and before[0]["arms"] == ["20, 0.5", "40, 0.5"]
    assert before[0]["probabilities"] == [0.5, 0.5] and before[0]["lifetimes"] == [0, 0]
    write_bandit(tmp_path, 1, [0, 0, 0], [0, 1, 1])
    write_bandit(tmp_path, 2, [0, 0, 0, 1], [0, 1, 1, 0])
    (tmp_path / "checkpoints/state-00000003.safetensors").write_bytes(b"torn")
    first, second, _ = view.status().arms
    # Arm 1 ended higher; in the second environment arm 1 is untried.
    assert first["lifetimes"] == [1, 2] and first["probabilities"][1] > 0.9
    assert second["lifetimes"] == [1, 0] and second["probabilities"] == [0, 1]


def test_environments_of_the_bandit_are_in_the_order_of_the_trainer(tmp_path):
    begin(tmp_path)
    advance(tmp_path, 1, names=NAMES[::-1])  # as if environments of equal shapes had been joined
    write_bandit(tmp_path, 1, [0, 0], [0, 1])
    assert {one["environment"]: one["lifetimes"] for one in MetaTrainingView(tmp_path).status().arms} == {
        NAMES[2]: [1, 1], NAMES[1]: [0, 0], NAMES[0]: [0, 0],
    }  # fmt: skip


def test_a_rule_without_predictions_uses_none_and_one_bandit_may_be_for_all(tmp_path):
    begin(tmp_path, rule="lpg-v", share_bandit=True, normalise_bandit=True)
    advance(tmp_path, 1)
    write_bandit(tmp_path, 1, [0, 1, 2], [0, 1, 1])
    status = MetaTrainingView(tmp_path).status()
    assert "predictions in use" not in status.facts
    (only,) = status.arms
    assert only["environment"] == "all environments" and only["lifetimes"] == [1, 2]


def test_a_damaged_configuration_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match="its config.json cannot be read"):
        MetaTrainingView(tmp_path)
