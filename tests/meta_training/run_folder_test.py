"""The folder of a meta-training: what may be opened, and how long flags stay in it. Its runs are in run_test."""

import json

import pytest

from lpg.meta_training.run_folder import open_folder, write_flags


class Notes(list):
    def note(self, text: str) -> None:
        self.append(text)

    def step(self, state, values, flags) -> None:
        raise AssertionError("opening a folder is no step")


def test_a_folder_is_begun_once_and_found_again_with_the_same_content_alone(tmp_path):
    folder, notes = tmp_path / "run", Notes()
    assert open_folder(folder, {"meta_updates": 3}, 0, False, notes) == -1
    assert json.loads((folder / "config.json").read_text()) == {"config": {"meta_updates": 3}, "seed": 0}
    with pytest.raises(ValueError, match="already holds a run"):
        open_folder(folder, {"meta_updates": 3}, 0, False, notes)
    assert open_folder(folder, {"meta_updates": 3}, 0, True, notes) == -1 and notes == []
    with pytest.raises(ValueError, match="meta_updates = 3, not 4"):
        open_folder(folder, {"meta_updates": 4}, 0, True, notes)
    with pytest.raises(ValueError, match="seed = 0, not 1"):
        open_folder(folder, {"meta_updates": 3}, 1, True, notes)


def test_flags_are_in_the_folder_while_they_stand(tmp_path):
    path = tmp_path / "audit.json"
    write_flags(path, [])
    assert not path.exists()
    write_flags(path, ["critic: 95 % of 0.1"])
    write_flags(path, ["critic: 96 % of 0.2"])
    assert json.loads(path.read_text()) == ["critic: 95 % of 0.1"]  # only its numbers changed
    write_flags(path, ["critic: 96 % of 0.2", "π̂ is constant"])
    assert len(json.loads(path.read_text())) == 2
    write_flags(path, [])
    assert not path.exists()
