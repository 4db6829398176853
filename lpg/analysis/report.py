"""The report: one HTML file that embeds its figures and opens without a network."""

import base64
import dataclasses
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lpg.analysis.study import Claim

COLOURS = {
    "reproduced": "#2b8a3e", "partly": "#b08900", "not reproduced": "#c2255c", "no results yet": "#7b8794",
}  # fmt: skip
STYLE = """
body { font: 15px/1.5 "DejaVu Sans", Verdana, sans-serif; color: #1f2933; max-width: 66em; margin: 2em auto;
       padding: 0 1.2em; }
h1 { font-size: 1.6em; } h2 { font-size: 1.2em; margin-top: 2.2em; border-top: 1px solid #e4e7eb; padding-top: 1em; }
table { border-collapse: collapse; margin: 0.8em 0; font-size: 0.88em; }
th, td { text-align: left; vertical-align: top; padding: 0.3em 0.8em 0.3em 0; border-bottom: 1px solid #e4e7eb; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; margin: 0.6em 0; }
.verdict { color: white; border-radius: 0.6em; padding: 0.05em 0.6em; white-space: nowrap; font-size: 0.9em; }
.small { color: #52606d; font-size: 0.85em; }
details { font-size: 0.85em; color: #52606d; }
"""
MEDIA = {".png": "image/png", ".gif": "image/gif", ".svg": "image/svg+xml"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """One figure of the paper, or one question of ours."""

    title: str
    claims: Sequence[Claim]
    figures: Sequence[Path] = ()
    lines: Sequence[Sequence[str]] = ()
    """A table: a header and its rows; the first column is words, the others numbers."""
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
    claims = [claim for section in sections for claim in section.claims]
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>',
        f"<style>{STYLE}</style></head><body>",
        f"<h1>{html.escape(title)}</h1>",
        *(f"<p>{html.escape(text)}</p>" for text in about),
        _summary(claims),
        *(_section(section) for section in sections),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def counts(claims: Sequence[Claim]) -> dict[str, int]:
    """How many claims have each verdict, all four of them."""
    return {verdict: sum(claim.verdict == verdict for claim in claims) for verdict in COLOURS}


def _summary(claims: Sequence[Claim]) -> str:
    number = ", ".join(f"{count} {verdict}" for verdict, count in counts(claims).items() if count)
    rows = [
        f"<tr><td>{html.escape(claim.figure)}</td><td>{html.escape(claim.statement)}</td><td>{_badge(claim)}</td></tr>"
        for claim in claims
    ]
    head = "<tr><th>from</th><th>claim</th><th>verdict</th></tr>"
    return f"<p><b>{number}.</b></p>\n<table>{head}{''.join(rows)}</table>"


def _section(section: Section) -> str:
    parts = [f"<h2>{html.escape(section.title)}</h2>"]
    if section.note:
        parts.append(f"<p>{html.escape(section.note)}</p>")
    for claim in section.claims:
        parts += [
            f"<p>{_badge(claim)} <b>{html.escape(claim.statement)}</b><br>{html.escape(claim.found)}<br>",
            f'<span class="small">Criterion: {html.escape(claim.criterion)}</span></p>',
        ]
    parts += [_image(path) for path in section.figures]
    if section.lines:
        parts.append(_table(section.lines))
    if section.settings:
        text = html.escape(json.dumps(section.settings, indent=1, ensure_ascii=False))
        parts.append(f"<details><summary>Settings and seed</summary><pre>{text}</pre></details>")
    return "\n".join(parts)


def _badge(claim: Claim) -> str:
    return f'<span class="verdict" style="background: {COLOURS[claim.verdict]}">{claim.verdict}</span>'


def _image(path: Path) -> str:
    kind = MEDIA.get(path.suffix)
    if kind is None:
        raise ValueError(f"{path}: a figure must be one of {', '.join(MEDIA)}")
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{html.escape(path.stem.replace("_", " "))}" src="data:{kind};base64,{data}">'


def _table(lines: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in lines[0])
    rows = []
    for line in lines[1:]:
        cells = [
            f'<td class="number">{html.escape(cell)}</td>' if at else f"<td>{html.escape(cell)}</td>"
            for at, cell in enumerate(line)
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"
