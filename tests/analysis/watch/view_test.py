"""Which view fits a folder."""

import pytest

from lpg.analysis.watch.meta_training import MetaTrainingView
from lpg.analysis.watch.training import TrainingView
from lpg.analysis.watch.view import view_of
from tests.analysis.watch.folders import begin


def test_a_view_is_chosen_by_what_is_in_the_folder(tmp_path):
    begin(tmp_path / "meta")
    assert isinstance(view_of(tmp_path / "meta"), MetaTrainingView)
    (tmp_path / "progress.json").write_text("{}")
    assert isinstance(view_of(tmp_path), TrainingView)


def test_what_is_no_run_folder_is_refused_in_one_line(tmp_path):
    with pytest.raises(ValueError, match="holds no run: one of config.json, progress.json"):
        view_of(tmp_path)
    with pytest.raises(ValueError, match="nowhere is no folder: one of"):
        view_of(tmp_path / "nowhere")
