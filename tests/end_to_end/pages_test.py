"""The pages describe the code that exists: the package diagram and the names in the glossary."""

import re
from pathlib import Path

import pytest

from lpg.meta_training.metrics import columns
from tests.end_to_end.readme_test import ROOT

PACKAGE = ROOT / "lpg"
DIAGRAM = re.search(r"^```\nlpg/\n(.*?)^```", (ROOT / "docs/how_it_works.md").read_text(), re.M | re.S)[1]
GLOSSARY = (ROOT / "docs/glossary.md").read_text()


def named_in(diagram: str) -> list[str]:
    """Names in the left column: words with single spaces or commas between, up to the first two spaces."""
    return [name for line in diagram.splitlines() for name in re.split(r", ", re.split(r"\s{2,}", line.strip())[0])]


def test_the_package_diagram_names_every_package_and_module_and_no_other():
    folders = [path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"]
    modules = [path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__"]
    assert sorted(named_in(DIAGRAM)) == sorted(folders + modules)


def test_the_package_diagram_is_in_the_order_of_imports():
    from tests.architecture_test import PACKAGES

    with_init = [name for name in named_in(DIAGRAM) if (PACKAGE / name / "__init__.py").is_file()]
    assert with_init == [name for name in PACKAGES if name in with_init]


def rows(heading: str) -> list[list[str]]:
    """Cells of the table under a heading of the glossary, without its head."""
    lines = re.search(r"(?:^\|.*\n)+", GLOSSARY.split(f"## {heading}\n", 1)[1], re.M)[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in lines]


def source() -> str:
    return "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("heading", ["Symbols", "For users of Stable-Baselines3"])
def test_every_name_in_the_glossary_is_a_name_in_the_code(heading):
    cells = [row[1] for row in rows(heading)]
    names = {
        word for cell in cells for code in re.findall(r"`([^`]+)`", cell) for word in re.findall(r"[a-zA-Z_]{4,}", code)
    }
    foreign = {"gymnasium", "CartPole", "my_module", "MyEnv", "FOLDER"}
    text = source()
    assert len(names) > 8
    assert [name for name in sorted(names - foreign) if not re.search(rf"\b{name}\b", text)] == []


def test_the_glossary_explains_every_column_of_metrics_csv():
    explained = {name for row in rows("Columns of metrics.csv") for name in re.findall(r"`([\w/]+)`", row[0] + row[1])}
    assert set(columns(("ENV",))) == explained & set(columns(("ENV",)))


def test_every_link_between_pages_leads_somewhere():
    broken = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = target.partition("#")
            if path.startswith("http"):
                continue
            file = page.parent / path if path else page
            if not file.exists() or (anchor and anchor not in anchors(file)):
                broken.append((page.name, target))
    assert broken == []


def anchors(page: Path) -> list[str]:
    """Anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
