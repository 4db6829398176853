"""Optional dependencies."""

import sys

import pytest

from lpg.packages import check_installed, import_optional


def test_an_installed_package_is_imported():
    assert import_optional("gymnasium.spaces", "x").Discrete


@pytest.mark.parametrize(
    ("package", "name", "extra"),
    [
        ("gymnasium", "gymnasium", "gym"),
        ("gymnasium.vector", "gymnasium", "gym"),
        ("ale_py", "ale-py", "atari"),
        ("gymnax", "gymnax", "envs"),
        ("pgx", "pgx", "envs"),
        ("rejax", "rejax", "rejax"),
        ("tensorboard", "tensorboard", "tensorboard"),
    ],
)
def test_a_missing_package_is_named_with_the_extra_that_installs_it(package, name, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=rf"x needs the package {name}, .*pip install 'lpg\[{extra}\]'") as caught:
        import_optional(package, "x")
    assert "\n" not in str(caught.value)


def test_a_package_can_be_looked_for_without_importing_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "pgx", raising=False)
    check_installed("pgx", "x")
    assert "pgx" not in sys.modules
    monkeypatch.setitem(sys.modules, "pgx", None)
    with pytest.raises(ValueError, match=r"x needs the package pgx, .*not installed.*pip install 'lpg\[envs\]'"):
        check_installed("pgx", "x")
