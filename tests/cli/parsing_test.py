"""Parsing: values of the right type, and messages of one line."""

import dataclasses

import pytest

from lpg.cli.parsing import assign, parse


@dataclasses.dataclass(frozen=True)
class Options:
    rate: float | None = None
    count: int | None = None
    flag: bool | None = None


def test_assignments_have_the_types_of_their_fields():
    found = assign(Options(), ["rate=.5", "count=3", "flag=True"])
    assert found == Options(0.5, 3, True) and isinstance(found.count, int)
    assert assign(Options(), ["rate=1e-3", "rate=2"]) == Options(rate=2.0), "the last one counts"
    assert assign(Options(), []) == Options()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rat=1", "did you mean 'rate'"),
        ("rate", "key=value"),
        ("rate=", r'rate is ""; expected float \| null, got str'),
        ("count=1.5", r"count is 1\.5; expected int \| null, got float"),
        ("flag=1", r"flag is 1; expected bool \| null, got int"),
    ],
)
def test_wrong_assignments_are_refused(text, words):
    with pytest.raises(ValueError, match=words):
        assign(Options(), [text])


@dataclasses.dataclass(frozen=True)
class Arguments:
    count: int = 1

    def __post_init__(self):
        if self.count > 9:
            raise ValueError("too many")


def test_arguments_are_read_into_a_dataclass():
    assert parse(Arguments, ["--count", "4"], "lpg x").count == 4


@pytest.mark.parametrize("argv", [["--count", "x"], ["--cuont", "3"], ["3"], ["--count", "10"]])
def test_a_mistake_is_one_line_that_names_the_command(argv):
    with pytest.raises(ValueError) as caught:
        parse(Arguments, argv, "lpg x")
    assert "\n" not in str(caught.value) and "lpg x --help" in str(caught.value) and "│" not in str(caught.value)
