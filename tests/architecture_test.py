"""The structure of the package: directions of imports, a test file for every source file, docstrings."""

import ast
from pathlib import Path

import equinox as eqx
import jax
import pytest

from lpg.agents.atari import TORSOS, init_atari
from lpg.agents.network import init_network, parse_architecture
from lpg.agents.tabular import init_table
from lpg.learner.baseline import WithBaseline
from lpg.update_rules.a2c import A2C
from lpg.update_rules.lpg import init_lpg
from lpg.update_rules.lpg_v import init_lpg_v
from lpg.update_rules.proximal import DPO, PPO

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "lpg"
PACKAGES = (
    "processes", "arrays", "places", "checks", "files", "layers", "types", "keys", "packages", "sinks", "trackers",
    "environments", "agents", "update_rules", "learner", "torch", "meta_training", "evaluation", "analysis", "cli",
)  # fmt: skip
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
FACADE = PACKAGE / "__init__.py"
"""`import lpg` shows a few names from any subpackage."""


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def subpackage(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_names(source: str) -> list[str]:
    """Dotted names that a file imports, in whatever way it is written; imports inside functions count, too."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def imported_packages(source: str) -> list[str]:
    """Subpackages and top-level modules of `lpg` that a file imports from."""
    return [
        parts[1] for parts in (n.split(".") for n in imported_names(source)) if parts[0] == "lpg" and len(parts) > 1
    ]


def import_circles(sources: dict[str, str]) -> list[list[str]]:
    """Groups of modules that import each other, directly or through others.

    Args:
        sources: module name → its text.
    """

    def module_of(imported: str) -> str | None:
        # The last part is a module, or a name that the module before it defines.
        return next((m for m in (imported, imported.rpartition(".")[0]) if m in sources), None)

    imports = {m: {module_of(n) for n in imported_names(text)} - {None} for m, text in sources.items()}

    def reachable(module: str) -> set[str]:
        reached, todo = set(), list(imports[module])
        while todo:
            if (other := todo.pop()) not in reached:
                reached.add(other)
                todo += imports[other]
        return reached

    reached = {module: reachable(module) for module in sources}
    circles = [sorted(o for o in others if m in reached[o]) for m, others in reached.items() if m in others]
    return sorted(list(circle) for circle in set(map(tuple, circles)))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_subpackages_import_only_from_those_before_them(path):
    assert subpackage(path) in PACKAGES, f"{subpackage(path)} is not listed: {PACKAGES}"
    allowed = PACKAGES[: PACKAGES.index(subpackage(path)) + 1]
    assert [p for p in imported_packages(path.read_text()) if p in PACKAGES and p not in allowed] == []


def test_the_import_check_sees_every_way_of_importing():
    # The twin of the test above: it must not pass because it sees nothing.
    for line in ("import lpg.cli.main", "from lpg.cli import main", "from lpg import cli", "def f():\n import lpg.cli"):
        assert imported_packages(line) == ["cli"]
    assert imported_packages("from jax import lpg") == []


def test_no_module_imports_itself_through_others():
    circles = import_circles({module_name(path): path.read_text() for path in SOURCES})
    assert circles == []


def test_the_circle_check_sees_direct_indirect_and_late_circles():
    tree = {"lpg.a": "from lpg import b", "lpg.b": "import lpg.c", "lpg.c": "x = 1", "lpg.d": "from lpg.a import name"}
    assert import_circles(tree) == []
    assert import_circles(tree | {"lpg.b": "from lpg.a import name"}) == [["lpg.a", "lpg.b"]]
    late = "def f():\n    from lpg.a import name"
    assert import_circles(tree | {"lpg.c": late}) == [["lpg.a", "lpg.b", "lpg.c"]]
    assert import_circles({"lpg.a": "import lpg.a"}) == [["lpg.a"]]


def test_no_import_is_relative():
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

    tests = [
        path for path in (ROOT / "tests").rglob("*_test.py") if path.relative_to(ROOT / "tests").parts[0] in PACKAGES
    ]
    assert [str(path.relative_to(ROOT)) for path in tests if not original(path).exists()] == []


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
    "atari": lambda key: init_atari(
        key, TORSOS["atari"], observation_shape=(1, 36, 36), num_actions=2, prediction_size=2
    ),
    "a2c": lambda key: A2C(),
    "ppo": lambda key: PPO(),
    "dpo": lambda key: DPO(),
    "with baseline": lambda key: WithBaseline(init_lpg(key, lstm_size=2, prediction_size=2)),
    "lpg": lambda key: init_lpg(key, lstm_size=2, prediction_size=2),
    "lpg-v": lambda key: init_lpg_v(key, lstm_size=2),
}


@pytest.mark.parametrize("kind", MODULES)
def test_all_leaves_of_agents_and_rules_are_float_arrays(kind, key):
    assert all(eqx.is_inexact_array(leaf) for leaf in jax.tree.leaves(MODULES[kind](key)))
