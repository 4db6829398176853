"""Hooks of MkDocs: pages whose text is outside this folder, and links that hold in the repository and on the site."""

import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
ROOT_PAGES = {"README.md": "index.md", "CHANGELOG.md": "changes.md", "CONTRIBUTING.md": "contributing.md"}
"""Pages of the site by their file in the repository."""
EXAMPLES = {f"examples/{path.name}": f"examples/{path.stem}.md" for path in sorted((ROOT / "examples").glob("*.py"))}
NOTEBOOKS = {f"notebooks/{path.name}": f"notebooks/{path.stem}.md" for path in (ROOT / "notebooks").glob("*.ipynb")}
SOURCES = {uri: source for source, uri in {**ROOT_PAGES, **EXAMPLES, **NOTEBOOKS}.items()}


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that are not in this folder; the navigation says which modules have one."""
    for uri, source in SOURCES.items():
        text = (ROOT / source).read_text()
        page = text if source in ROOT_PAGES else notebook_page(text) if source in NOTEBOOKS else as_page(source, text)
        files.append(File.generated(config, uri, content=page))
    for module in re.findall(r"'modules/(\w+)\.md'", str(config.nav)):
        content = f"# lpg.{module}\n\n::: lpg.{module}\n    options:\n      show_root_heading: false\n"
        files.append(File.generated(config, f"modules/{module}.md", content=content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Leads links to where their files are on the site; those to files that it does not have become plain text."""
    # GitHub wants | escaped in the code of a table, MkDocs shows the backslash.
    unescaped = re.sub(r"`[^`\n]+`", lambda code: code[0].replace("\\|", "|"), markdown)
    return relinked(unescaped, page.file.src_uri)


def relinked(markdown: str, uri: str) -> str:
    """A page with links for the site.

    Args:
        markdown: its text, with links as they hold in the repository.
        uri: where it is on the site.
    """
    folder = posixpath.dirname(SOURCES.get(uri, f"docs/{uri}"))

    def relink(match: re.Match[str]) -> str:
        text, target = match.groups()
        path, _, anchor = target.partition("#")
        source = posixpath.normpath(posixpath.join(folder, path))
        if not path or not (ROOT / source).exists():
            return match[0]
        if source in SOURCES.values():
            destination = {**ROOT_PAGES, **EXAMPLES, **NOTEBOOKS}[source]
        elif source.startswith("docs/"):
            destination = source.removeprefix("docs/")
        else:
            return text
        relative = posixpath.relpath(destination, posixpath.dirname(uri) or ".")
        return f"[{text}]({relative}{'#' if anchor else ''}{anchor})"

    return re.sub(r"\[([^\]]*)\]\(([^)\s]+)\)", relink, markdown)


def as_page(source: str, text: str) -> str:
    """A Python file as a page."""
    return f"# {source}\n\n```python\n{text}```\n"


def notebook_page(text: str) -> str:
    """A notebook as a page: its cells, with what they printed and drew when it was last run."""
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", []):
            if "text" in output:
                parts.append(f"```text\n{''.join(output['text'])}```")
            elif "image/png" in output.get("data", {}):
                picture = "".join(output["data"]["image/png"]).replace("\n", "")
                parts.append(f'<img alt="what the cell above drew" src="data:image/png;base64,{picture}">')
    return "\n\n".join(parts) + "\n"
