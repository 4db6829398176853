"""The file of weights: what it must hold, and one line for every way in which it does not."""

import numpy as np
import pytest

from lpg.update_rules.disco.weights import SHAPES, read_weights
from tests.update_rules.disco.oracle import random_weights


def test_there_are_as_many_arrays_and_numbers_as_were_published():
    assert len(SHAPES) == 42 and sum(int(np.prod(shape)) for shape in SHAPES.values()) == 754_778


def test_a_file_is_read_as_it_was_written(tmp_path):
    arrays = random_weights()
    np.savez(tmp_path / "w.npz", **arrays)
    found, sha = read_weights(tmp_path / "w.npz")
    assert found.keys() == arrays.keys() and all(np.array_equal(found[name], arrays[name]) for name in arrays)
    assert len(sha) == 64
    np.savez(tmp_path / "other.npz", **{**arrays, "lstm/linear_1/b": np.ones(1, np.float64)})
    other, other_sha = read_weights(str(tmp_path / "other.npz"))
    assert other_sha != sha and other["lstm/linear_1/b"].dtype == np.float32


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lstm/linear/w": None}, r"holds 41 arrays and lacks lstm/linear/w; the 42 of DiscoRL's published rule"),
        ({"extra": np.zeros(1)}, r"holds 43 arrays and has too much: extra; the 42"),
        ({"lstm/linear/w": np.zeros((256, 128))}, r"lstm/linear/w is float64\[256, 128\]; .* \[128, 256\] are needed"),
        ({"lstm/linear/b": np.zeros(256, int)}, r"lstm/linear/b is int64\[256\]"),
        ({"lstm/linear/b": np.full(256, np.nan)}, r"lstm/linear/b has numbers that are not finite"),
    ],
)
def test_other_arrays_are_refused_in_one_line(change, words, tmp_path):
    arrays = {name: array for name, array in {**random_weights(), **change}.items() if array is not None}
    np.savez(tmp_path / "w.npz", **arrays)
    with pytest.raises(ValueError, match=words) as caught:
        read_weights(tmp_path / "w.npz")
    assert "\n" not in str(caught.value) and "w.npz" in str(caught.value)


def test_many_missing_arrays_are_counted(tmp_path):
    np.savez(tmp_path / "w.npz", a=np.zeros(1))
    with pytest.raises(ValueError, match=r"holds 1 arrays and lacks .* and 39 more"):
        read_weights(tmp_path / "w.npz")


@pytest.mark.parametrize("content", [b"", b"no zip", "half", "pickle", "one array"])
def test_a_damaged_or_foreign_file_is_refused_by_name(content, tmp_path):
    path = tmp_path / "w.npz"
    if content == "half":
        np.savez(path, **random_weights())
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif content == "pickle":
        np.savez(path, a=np.array([{}], object))
    elif content == "one array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="w.npz: not a readable .npz file of arrays"):
        read_weights(path)


def test_a_missing_file_is_refused_with_what_is_needed():
    with pytest.raises(ValueError, match=r"nowhere.npz: no such file; .* disco_103.npz"):
        read_weights("nowhere.npz")
