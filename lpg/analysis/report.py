"""The report: one HTML file that embeds its figures and opens without a network; `report.html` is its template."""

import base64
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lpg.analysis.study import Claim

COLOURS = {
    "reproduced": "#2b8a3e", "partly": "#b08900", "not reproduced": "#c2255c", "no results yet": "#7b8794",
}  # fmt: skip
MEDIA = {".png": "image/png", ".gif": "image/gif", ".svg": "image/svg+xml"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """One figure of the paper, or one question of ours."""

    title: str
    claims: Sequence[Claim]
    figures: Sequence[Path] = ()
    lines: Sequence[Sequence[str]] = ()
    """A table: a header and its rows; the first column is text, the others are numbers."""
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """All that the measurement depends on: config, seed, rule."""
    note: str = ""


def page(title: str, sections: Sequence[Section], about: Sequence[str] = ()) -> str:
    """The report as HTML.

    Args:
        about: paragraphs under the title.

    Raises:
        ValueError: a figure is of a kind that browsers cannot show.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lpg", "analysis"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"data_url": _data_url, "as_json": _as_json}
    claims = [claim for section in sections for claim in section.claims]
    return environment.get_template("report.html").render(
        title=title, about=about, sections=sections, claims=claims, summary=summary(claims), colours=COLOURS
    )


def summary(claims: Sequence[Claim]) -> str:
    """How many claims have each verdict, in words; verdicts that no claim has are left out."""
    counts = {verdict: sum(claim.verdict == verdict for claim in claims) for verdict in COLOURS}
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def _data_url(path: Path) -> str:
    """A figure as a URL that contains it."""
    kind = MEDIA.get(path.suffix)
    if kind is None:
        raise ValueError(f"{path}: a figure must be one of {', '.join(MEDIA)}")
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)
