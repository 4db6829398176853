"""Files are complete or absent, whatever happens during the write; truncated and foreign ones are refused."""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy

from lpg import files
from lpg.files import (
    FileKind,
    claimed,
    read_arrays,
    read_card,
    temporary_name,
    unfinished_writes,
    write_arrays,
    write_atomic,
)

KIND = FileKind("a test file", format="test-1")
ARRAYS = {"w": np.arange(6.0).reshape(2, 3).T, "n": np.array(3)}


def test_a_file_is_written_with_the_folders_above_it_and_nothing_beside_it(tmp_path):
    path = tmp_path / "a" / "b" / "file.txt"
    write_atomic(path, b"old")
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["file.txt"]


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_when_the_disk_is_full_the_old_file_stays_and_the_error_names_it(call, tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    write_atomic(path, b"old")
    monkeypatch.setattr(os, call, full_disk)
    with pytest.raises(OSError, match="No space left on device: .*file.txt"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file.txt"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_plain_write_would_have_lost_the_old_file(tmp_path, monkeypatch):
    # The counterpart of the test above, on a full device: open(…, "wb") empties the file before the write fails.
    path = tmp_path / "file.txt"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="No space left"), open("/dev/full", "wb", buffering=0) as disk, open(path, "wb"):
        disk.write(b"new")
    assert path.read_bytes() == b""
    # The same device under the temporary name: the old file stays.
    path.write_bytes(b"old")
    (tmp_path / "full").symlink_to("/dev/full")
    monkeypatch.setattr(files, "temporary_name", lambda path: tmp_path / "full")
    with pytest.raises(OSError, match="No space left on device: .*file.txt"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    write_atomic(path, b"old")
    seen = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: (seen.append(path.read_bytes()), fsync(number)))
    write_atomic(path, b"new")
    assert seen == [b"old"]


WRITER = """
import sys
from pathlib import Path
from lpg.files import write_atomic
for _ in range(200):
    write_atomic(Path(sys.argv[1]), sys.argv[2].encode() * 100_000)
"""


def test_processes_that_write_the_same_path_do_not_disturb_each_other(tmp_path):
    path = tmp_path / "file.txt"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), letter]) for letter in "ab"]
    while any(writer.poll() is None for writer in writers):
        assert not path.exists() or path.read_bytes() in (b"a" * 100_000, b"b" * 100_000)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert os.listdir(tmp_path) == ["file.txt"]


def test_leftovers_of_killed_writes_are_found(tmp_path):
    path = tmp_path / "a" / "state.safetensors"
    write_atomic(path, b"x")
    assert unfinished_writes(tmp_path) == []
    one, other = temporary_name(path), temporary_name(path)
    assert one != other and one.parent == path.parent and one.name.startswith(path.name)
    one.write_bytes(b"")
    assert unfinished_writes(tmp_path) == [one]


def test_arrays_and_card_come_back_bit_for_bit(tmp_path):
    path = tmp_path / "a.safetensors"
    write_arrays(path, ARRAYS, {"card": json.dumps({"steps": 7}), "format": "test-1"})
    arrays, card = read_arrays(path, KIND)
    assert card == read_card(path, KIND) == {"steps": 7}
    assert list(map(str, arrays)) == sorted(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype and arrays[name].shape == array.shape
        np.testing.assert_array_equal(arrays[name], array)


def test_the_format_may_be_given_in_the_card(tmp_path):
    path = tmp_path / "a.safetensors"
    write_arrays(path, ARRAYS, {"lpg": json.dumps({"format": "test-1"})})
    assert read_card(path, FileKind("a test file", format="test-1", card="lpg")) == {"format": "test-1"}
    with pytest.raises(ValueError, match="format 'test-1'; a test file of format 'test-2' is needed"):
        read_card(path, FileKind("a test file", format="test-2", card="lpg"))


@pytest.mark.parametrize("keep", [0, 5, 60, -1])
def test_a_truncated_file_is_refused(keep, tmp_path):
    path = tmp_path / "a.safetensors"
    write_arrays(path, ARRAYS, {"card": "{}", "format": "test-1"})
    path.write_bytes(path.read_bytes()[:keep])
    for read in (read_arrays, read_card):
        with pytest.raises(ValueError, match="truncated, or not a safetensors file") as caught:
            read(path, KIND)
        assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (None, "without 'card' in its metadata; a test file is needed"),
        ({"card": "{"}, "the card is not JSON"),
        ({"card": "[]"}, "the card is a list; a JSON object is needed"),
        ({"card": "{}"}, "format None; a test file of format 'test-1' is needed"),
        ({"card": "{}", "format": "test-2"}, "format 'test-2'; a test file"),
    ],
)
def test_a_foreign_file_is_refused_in_one_line(metadata, words, tmp_path):
    path = tmp_path / "a.safetensors"
    safetensors.numpy.save_file({"w": np.zeros(2)}, path, metadata)
    with pytest.raises(ValueError, match=words) as caught:
        read_arrays(path, KIND)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="no such file; a test file is needed"):
        read_card(tmp_path / "b.safetensors", KIND)


def test_a_folder_that_is_written_is_claimed_and_free_again_afterwards(tmp_path):
    folder = tmp_path / "a/b"
    with claimed(folder), pytest.raises(ValueError, match="b is being written by another process"), claimed(folder):
        pass
    assert not folder.parent.exists()  # both were made for nothing
    with claimed(folder):
        (folder / "x").touch()
    assert [path.name for path in folder.iterdir()] == ["x"]
    with pytest.raises(RuntimeError), claimed(folder):
        raise RuntimeError
    with claimed(folder), claimed(None):
        pass
    with pytest.raises(ValueError, match="x is a file"), claimed(folder / "x"):
        pass


def test_a_claim_holds_against_other_processes_and_ends_with_its_own(tmp_path):
    program = (
        "import sys, time; from lpg.files import claimed\nfrom pathlib import Path\n"
        "with claimed(Path(sys.argv[1])): print('claimed', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, cwd=os.getcwd()) as other:
        assert other.stdout.readline() == b"claimed\n"
        with pytest.raises(ValueError, match="another process"), claimed(tmp_path):
            pass
        other.kill()
    with claimed(tmp_path):
        pass
