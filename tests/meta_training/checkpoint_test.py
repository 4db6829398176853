"""A checkpoint is whole or absent; what is torn or foreign is refused with the name of the last good one."""

import dataclasses
import errno
import json
import os

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from lpg.files import unfinished_writes
from lpg.meta_training.checkpoint import (
    NUM_KEPT,
    list_checkpoints,
    newest_checkpoint,
    path_of,
    read_checkpoint,
    write_checkpoint,
)
from lpg.meta_training.state import to_arrays
from tests.tiny_run import TINY, trainer

CONFIG = json.loads(json.dumps(dataclasses.asdict(TINY)))


@pytest.fixture(scope="module")
def lived():
    one = trainer()
    state = one.init()
    one.meta_update(state)
    return one, state


@pytest.fixture
def written(lived, tmp_path):
    """A run folder with checkpoints 1 and 2."""
    one, state = lived
    for number in (1, 2):
        state.counters.meta_update = number
        write_checkpoint(tmp_path, state, CONFIG, 0)
    return tmp_path


def read(one, path, config=CONFIG, seed=0):
    return read_checkpoint(path, one.template(), config, seed)


def test_a_checkpoint_comes_back_bit_for_bit(lived, written):
    one, state = lived
    found = read(one, path_of(written, 2))
    (arrays, counters), (expected, expected_counters) = to_arrays(found), to_arrays(state)
    assert counters == expected_counters
    for name, value in expected.items():
        np.testing.assert_array_equal(arrays[name], value, err_msg=name)
        assert arrays[name].dtype == value.dtype


def test_the_newest_is_that_of_the_latest_meta_update(written, tmp_path):
    assert newest_checkpoint(written) == 2
    path_of(written, 2).unlink()
    assert newest_checkpoint(written) == 1
    assert newest_checkpoint(tmp_path / "nowhere") == -1


def test_only_the_newest_are_kept_in_order(lived, tmp_path):
    _, state = lived
    for number in (9, 10, 100, 2000):
        state.counters.meta_update = number
        write_checkpoint(tmp_path, state, CONFIG, 0)
    assert NUM_KEPT == 2
    assert list_checkpoints(tmp_path) == [path_of(tmp_path, 100), path_of(tmp_path, 2000)]


@pytest.mark.parametrize("size", [0, 5, 100, -1])
def test_a_truncated_file_is_refused_naming_the_last_good_one(size, lived, written):
    path = path_of(written, 2)
    content = path.read_bytes()
    path.write_bytes(content[:size])
    with pytest.raises(
        ValueError, match=r"truncated, or not a safetensors file .*the last good checkpoint is .*state-00000001"
    ) as error:
        read(lived[0], path)
    assert str(path) in str(error.value)
    path.write_bytes(content)
    read(lived[0], path)  # the twin


def test_without_a_good_one_the_way_out_is_another_folder(lived, written):
    for number in (1, 2):
        path_of(written, number).write_bytes(b"x")
    with pytest.raises(ValueError, match="there is no other checkpoint: begin again"):
        read(lived[0], path_of(written, 2))


def foreign(path, metadata):
    save_file({"weight": np.zeros(3, np.float32)}, path, metadata)


@pytest.mark.parametrize(
    "metadata, words",
    [
        (None, "without 'lpg' in its metadata"),
        ({"lpg": "[]"}, "the card is a list"),
        ({"lpg": "{"}, "the card is not JSON"),
        ({"lpg": '{"format": "lpg-checkpoint-99"}'}, "format 'lpg-checkpoint-99'; a checkpoint"),
        ({"lpg": '{"format": "lpg-checkpoint-2"}'}, "it is damaged"),
        ({"lpg": '{"format": "lpg-checkpoint-2", "seed": 0, "config": []}'}, "it is damaged"),
    ],
)
def test_a_foreign_file_is_refused_naming_the_last_good_one(metadata, words, lived, written):
    foreign(path_of(written, 2), metadata)
    with pytest.raises(ValueError, match=f"{words}.*the last good checkpoint is .*state-00000001"):
        read(lived[0], path_of(written, 2))


def test_a_checkpoint_of_another_run_is_refused_with_what_differs(lived, written):
    with pytest.raises(ValueError, match="seed 0, not 1"):
        read(lived[0], path_of(written, 2), seed=1)
    with pytest.raises(ValueError, match="another lstm_size, num_steps"):
        read(lived[0], path_of(written, 2), config=CONFIG | {"lstm_size": 5, "num_steps": 9})


def test_a_checkpoint_from_before_a_field_was_added_has_its_default(lived, tmp_path):
    write_checkpoint(tmp_path, lived[1], {name: value for name, value in CONFIG.items() if name != "es_std"}, 0)
    (path,) = list_checkpoints(tmp_path)
    assert read(lived[0], path).counters == lived[1].counters
    # The twin: another value than the default is another run's.
    with pytest.raises(ValueError, match="another es_std"):
        read(lived[0], path, config=CONFIG | {"es_std": 0.2})


@pytest.mark.parametrize("change", ["missing", "shape", "dtype"])
def test_arrays_that_do_not_fit_are_refused_by_name(change, lived, written):
    path = path_of(written, 2)
    one, state = lived
    arrays = load_file(path)
    name = "rule.pi_head.bias"
    value = arrays.pop(name)
    if change != "missing":
        arrays[name] = np.zeros(2, value.dtype) if change == "shape" else value.astype(np.float64)
    note = {"format": "lpg-checkpoint-2", "config": CONFIG, "seed": 0, "counters": to_arrays(state)[1]}
    save_file(arrays, path, {"lpg": json.dumps(note)})
    with pytest.raises(ValueError, match=name):
        read(one, path)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_earlier_checkpoints_as_they_were(call, lived, written, monkeypatch):
    before = {path: path.read_bytes() for path in list_checkpoints(written)}

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    lived[1].counters.meta_update = 3
    with pytest.raises(OSError, match="No space left on device: .*state-00000003"):
        write_checkpoint(written, lived[1], CONFIG, 0)
    assert {path: path.read_bytes() for path in list_checkpoints(written)} == before
    assert unfinished_writes(written) == []


def test_a_write_that_was_killed_is_found_and_is_no_checkpoint(lived, written):
    torn = path_of(written, 3).with_name("state-00000003.safetensors.17-abcd.tmp")
    torn.write_bytes(path_of(written, 2).read_bytes()[:1000])
    assert unfinished_writes(written) == [torn]
    assert list_checkpoints(written)[-1] == path_of(written, 2)
