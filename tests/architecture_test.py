"""The house keeps its shape: imports point left, every file has its test, everything public says what it is."""

import ast
from pathlib import Path

import equinox as eqx
import jax
import pytest

from lpg.agents.atari import init_atari
from lpg.agents.network import init_network, parse_architecture
from lpg.agents.tabular import init_table
from lpg.learner.baseline import WithBaseline
from lpg.update_rules.a2c import A2C
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.lpg_v import init_lpg_v

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "lpg"
ROOMS = (
    "arrays", "checks", "files", "layers", "types", "keys", "packages", "environments", "agents",
    "update_rules", "learner", "meta_training", "evaluation", "analysis", "cli",
)  # fmt: skip
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
FACADE = PACKAGE / "__init__.py"
"""`import lpg` shows a few names from any room."""


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_rooms(source: str) -> list[str]:
    """Rooms that a file imports from, in whatever way it is written."""
    modules = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules += [f"{node.module}.{alias.name}" for alias in node.names]
    return [parts[1] for parts in (module.split(".") for module in modules) if parts[0] == "lpg" and len(parts) > 1]


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_imports_point_left_only(path):
    assert room(path) in ROOMS, f"{room(path)} is no room of the house: {ROOMS}"
    too_far = [r for r in imported_rooms(path.read_text()) if r in ROOMS and ROOMS.index(r) > ROOMS.index(room(path))]
    assert too_far == []


def test_the_import_check_sees_every_way_of_importing():
    # The twin of the test above: it must not pass because it is blind.
    for line in ("import lpg.cli.main", "from lpg.cli import main", "from lpg import cli", "def f():\n import lpg.cli"):
        assert imported_rooms(line) == ["cli"]
    assert imported_rooms("from jax import lpg") == []


def test_nobody_imports_relatively():
    relative = [
        name(path)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]
    assert relative == []


def test_every_source_file_has_a_test_file_in_the_same_place():
    def mirror(path: Path) -> Path:
        return (ROOT / "tests" / path.relative_to(PACKAGE)).with_name(f"{path.stem}_test.py")

    assert [name(path) for path in SOURCES if not mirror(path).exists()] == []


def test_every_test_file_tests_a_source_file():
    def original(path: Path) -> Path:
        return (PACKAGE / path.relative_to(ROOT / "tests")).with_name(f"{path.stem.removesuffix('_test')}.py")

    rooms = [path for path in (ROOT / "tests").rglob("*_test.py") if path.relative_to(ROOT / "tests").parts[0] in ROOMS]
    assert [str(path.relative_to(ROOT)) for path in rooms if not original(path).exists()] == []


@pytest.mark.parametrize("path", [*SOURCES, FACADE], ids=name)
def test_everything_public_has_a_docstring(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "the module itself"
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    scopes = [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]
    public = [node for scope in scopes for node in scope.body if isinstance(node, kinds) and node.name[0] != "_"]
    assert [node.name for node in public if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_file_is_longer_than_400_lines(path):
    assert len(path.read_text().splitlines()) <= 400


def test_only_jax_transformations_are_used():
    # Equinox's filtered twins hide leaves that are not arrays; here all leaves are.
    assert [name(path) for path in SOURCES if "eqx.filter_" in path.read_text()] == []


def test_nobody_draws_from_a_global_generator():
    drawn = ("np.random.seed", "np.random.rand", "np.random.normal", "np.random.choice", "import random")
    assert [name(path) for path in SOURCES if any(word in path.read_text() for word in drawn)] == []


MODULES = {
    "table": lambda key: init_table(num_states=3, num_actions=2, prediction_size=2),
    "network": lambda key: init_network(
        key,
        parse_architecture("C(2)-D(3)"),
        observation_shape=(2, 3, 3),
        num_actions=2,
        prediction_size=2,
    ),
    "atari": lambda key: init_atari(key, observation_shape=(1, 36, 36), num_actions=2, prediction_size=2),
    "a2c": lambda key: A2C(),
    "with baseline": lambda key: WithBaseline(init_lpg(key, lstm_size=2, prediction_size=2)),
    "lpg": lambda key: init_lpg(key, lstm_size=2, prediction_size=2),
    "lpg-v": lambda key: init_lpg_v(key, lstm_size=2),
}


@pytest.mark.parametrize("kind", MODULES)
def test_all_leaves_of_agents_and_rules_are_float_arrays(kind, key):
    assert all(eqx.is_inexact_array(leaf) for leaf in jax.tree.leaves(MODULES[kind](key)))
