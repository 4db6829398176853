"""What several processes do together is in tests/processes_test.py and tests/analysis/in_parts_test.py."""

import pytest

from lpg.cli.several import in_processes


def test_alone_the_command_simply_runs():
    assert in_processes(None, None, None, lambda: 7) == 7


def test_flags_that_do_not_belong_together_are_refused_before_it_runs():
    ran = []
    with pytest.raises(ValueError, match="belong together"):
        in_processes("host:1", 2, None, lambda: ran.append(1) or 0)
    assert ran == []


def test_its_errors_are_raised_as_they_are():
    def fails() -> int:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        in_processes(None, None, None, fails)
