"""`lpg list`."""

import pytest

from lpg.cli.list import run


@pytest.mark.parametrize(
    ("what", "entry"),
    [("environments", "tabular/dense"), ("suites", "tables"), ("environments", "gymnasium/ANY-ID"),
     ("environments", "atari/GAME"), ("agents", "tabular"), ("agents", "atari"), ("rules", "a2c"),
     ("rules", "rejax/ppo"), ("rules", "disco:PATH"), ("agents", "disco-D(512-512)"), ("configs", "smoke")],
)  # fmt: skip
def test_every_list_has_its_entries_one_a_line_with_what_they_are(what, entry, capsys):
    assert run([what]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines[entry].strip()
