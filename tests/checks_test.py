"""What users give is checked: every error names the key, what was given and what is needed."""

import dataclasses
from typing import Annotated, Literal

import numpy as np
import pytest
from msgspec import Meta

from lpg.checks import assignments, checked_fields, known, read_json_object


@dataclasses.dataclass(frozen=True)
class Options:
    count: Annotated[int, Meta(ge=1, description="one at least")] | None = None
    rate: float = 1.0
    shares: tuple[Annotated[float, Meta(le=1)], ...] = ()
    colour: Literal["red", "green"] = "red"


def test_a_known_name_comes_back_and_an_unknown_one_is_refused_with_the_nearest():
    assert known("red", ("red", "green"), "colour") == "red"
    with pytest.raises(ValueError, match=r"unknown colour 'grene'; did you mean 'green'\?"):
        known("grene", ("red", "green"), "colour")
    with pytest.raises(ValueError, match="unknown colour 'red'$"):
        known("red", (), "colour")


def test_values_get_the_types_of_their_fields():
    found = checked_fields(Options, {"count": None, "rate": 2, "shares": [1, 0.5], "colour": "green"})
    assert found == {"count": None, "rate": 2.0, "shares": (1.0, 0.5), "colour": "green"}
    assert checked_fields(Options, {"count": np.int64(3), "rate": np.float64(0.5)}) == {"count": 3, "rate": 0.5}
    assert isinstance(found["rate"], float) and isinstance(found["shares"], tuple)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cuont": 3}, r"unknown key 'cuont'; did you mean 'count'\?"),
        ({"count": 0}, r"count is 0; expected int >= 1 \(one at least\)"),
        ({"count": "3"}, r'count is "3"; expected int \| null, got str'),
        ({"count": object()}, 'count is "<object object at .*; expected int'),
        ({"rate": float("nan")}, "rate is NaN; finite numbers are needed"),
        ({"shares": [0.5, 2]}, r"shares is \[0.5, 2\]; expected float <= 1.0 - at \$\[1\]"),
        ({"shares": [-float("inf")]}, "finite numbers are needed"),
        ({"colour": "bed"}, "unknown colour 'bed'; did you mean 'red'"),
        ({"colour": 3}, "colour is 3; "),
    ],
)
def test_values_that_do_not_fit_are_refused_in_one_line(values, words):
    with pytest.raises(ValueError, match=words) as caught:
        checked_fields(Options, values)
    assert "\n" not in str(caught.value)


def test_assignments_are_json_or_strings_and_the_last_one_counts():
    assert assignments(["a=1", "b=[0.5, null]", "c=x=y", "a=true", "d=", "e = .5", "f=False", "g=1e999", "h=NaN"]) == {
        "a": True, "b": [0.5, None], "c": "x=y", "d": "", "e": 0.5, "f": False, "g": "1e999", "h": "NaN",
    }  # fmt: skip
    with pytest.raises(ValueError, match="--set 'a' given; key=value is needed"):
        assignments(["a"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_json_object_is_read_in_any_unicode_encoding(encoding):
    assert read_json_object('{"γ": 1}'.encode(encoding), "x.json") == {"γ": 1}


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"{", "not valid JSON"), (b"\xff\xfe\x00", "not valid JSON"), (b'{"a": NaN}', "not valid JSON"),
     (b"[1]", "holds a JSON list; an object")],
)  # fmt: skip
def test_what_is_no_json_object_is_refused(content, words):
    with pytest.raises(ValueError, match=f"x.json.*{words}|x.json {words}"):
        read_json_object(content, "x.json")
