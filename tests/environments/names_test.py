"""Keyword arguments in names, and names of objects."""

import pytest

from lpg.environments.names import keep, kept, split_kwargs, stable, with_kwargs


@pytest.mark.parametrize(
    "kwargs",
    [
        {"size": 5},
        {"is_slippery": False, "map_name": "8x8"},
        {"text": "5", "other": "true", "empty": ""},
        {"desc": ["SF", "HG"], "nested": {"a": [1.5, None]}},
        {"signs": "a,b&c=d?e#f%", "ü": "ß"},
    ],
)
def test_what_is_put_into_a_name_comes_out_of_it(kwargs):
    name = with_kwargs("gymnasium/X-v0", kwargs)
    assert split_kwargs(name) == ("gymnasium/X-v0", kwargs)
    assert "," not in name and "#" not in name  # several names are separated by commas


def test_a_name_reads_like_what_was_typed_and_does_not_depend_on_the_order():
    name = with_kwargs("gymnasium/FrozenLake-v1", {"map_name": "8x8", "is_slippery": False})
    assert name == "gymnasium/FrozenLake-v1?is_slippery=false&map_name=8x8"
    assert with_kwargs(with_kwargs("gymnasium/FrozenLake-v1", {"is_slippery": False}), {"map_name": "8x8"}) == name
    assert with_kwargs("tabular/dense", {}) == "tabular/dense"


@pytest.mark.parametrize(
    ("name", "kwargs", "words"),
    [
        ("tabular/dense", {"size": 5}, "keyword arguments size given, and tabular/dense takes none"),
        ("atari/pong", {"mode": 1}, "atari/pong takes none"),
        ("gymnasium/X-v0", {"f": print}, "f is a builtin_function_or_method; numbers, texts"),
    ],
)
def test_arguments_that_cannot_be_given_are_refused(name, kwargs, words):
    with pytest.raises(ValueError, match=words):
        with_kwargs(name, kwargs)


def test_each_object_has_a_name_of_its_own_and_all_of_a_class_one_for_other_processes():
    one, other = [1], [1]
    first, second = keep(one, "NamesTest"), keep(other, "NamesTest")
    assert first == keep(one, "NamesTest") == "given/NamesTest" and second == "given/NamesTest#2"
    assert kept(first) is one and kept(second) is other
    assert stable(first) == stable(second) == first and stable("gymnasium/A?b=%23c") == "gymnasium/A?b=%23c"
    with pytest.raises(ValueError, match="was an object in another process; give it again"):
        kept("given/Nobody")
