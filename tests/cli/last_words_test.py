"""Everything passes the filter but JAX's last words, in whose place stands one line."""

import io
import os
import subprocess
import sys

import pytest

from lpg.cli.last_words import in_one_line, pass_on

FATAL = (
    "E1126 07:09:04.034685 20873 coordination_service_agent.cc:289] Polled an error from coordination service.\n"
    "F1126 07:09:04.034734 20873 client.h:80] Terminating process because the JAX distributed service detected fatal "
    "errors. absl::Status: UNAVAILABLE\nAdditional GRPC error\n*** Check failure stack trace: ***\n    @  0x7f20\n"
)


def passed(text: str) -> str:
    out = io.BytesIO()
    pass_on(io.BytesIO(text.encode()), out.write, b"lpg: gone")
    return out.getvalue().decode()


@pytest.mark.parametrize(
    "text, found",
    [
        ("", ""),
        ("meta-update 1/3\nπ\nno end", "meta-update 1/3\nπ\nno end"),
        ("meta-update 1/3\n" + FATAL, "meta-update 1/3\nlpg: gone\n"),
        ("lpg: gone\n" + FATAL, "lpg: gone\n"),  # said already
        ("lpg: gone to lunch\n" + FATAL, "lpg: gone to lunch\nlpg: gone\n"),
        # Another fatal error is not hidden.
        ("F1126 07:09:04.034734 2 a.cc:80] Out of memory\n", "F1126 07:09:04.034734 2 a.cc:80] Out of memory\n"),
    ],
)  # fmt: skip
def test_one_line_is_left(text, found):
    assert passed(text) == found


CODE = f"""
import os, sys
from lpg.cli.last_words import in_one_line
with in_one_line("gone"):
    print("first", file=sys.stderr)
    os.write(2, {FATAL.encode()!r})
    if len(sys.argv) > 1:
        os.abort()
print("last", file=sys.stderr)
"""


@pytest.mark.parametrize(
    "argv, said, is_well", [((), "first\nlpg: gone\nlast\n", True), (("abort",), "first\nlpg: gone\n", False)]
)
def test_what_the_system_itself_writes_passes_too_and_the_reader_outlives_an_abort(argv, said, is_well):  # fmt: skip
    done = subprocess.run([sys.executable, "-c", CODE, *argv], capture_output=True, text=True, timeout=60)
    assert done.stderr == said and (done.returncode == 0) == is_well


def test_afterwards_standard_error_is_what_it_was(capfd):
    before = os.fstat(2)
    with in_one_line("gone"):
        assert not os.path.samestat(os.fstat(2), before)
    assert os.path.samestat(os.fstat(2), before)
