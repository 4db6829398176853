"""The report embeds all that it shows, and states what it was given."""

import base64
from html.parser import HTMLParser

import pytest

from lpg.analysis.report import Section, page, summary
from lpg.analysis.study import Claim


class Reader(HTMLParser):
    """Notes tags that are not closed, what pictures show, and whatever would need a network."""

    def __init__(self):
        super().__init__()
        self.open, self.images, self.outside, self.text = [], [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        values = dict(attributes)
        if tag == "img":
            self.images.append(values["src"])
        self.outside += [v for v in values.values() if v and ("http:" in v or "https:" in v)]
        self.outside += [tag] if tag in ("script", "link", "iframe") else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def claim(verdict, statement="A says <b> & so on"):
    return Claim(figure="Figure 4", statement=statement, criterion="c", found="f", verdict=verdict)


@pytest.fixture
def read(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNGdata")
    (tmp_path / "b.gif").write_bytes(b"GIF89a")
    section = Section(
        title="Figure 4: maps", claims=[claim("reproduced"), claim("partly", "another")],
        figures=[tmp_path / "a.png", tmp_path / "b.gif"], lines=[["environment", "ours"], ["chain/short", "0.99"]],
        settings={"seed": 7, "rule": "lpg"},
    )  # fmt: skip
    reader = Reader()
    reader.feed(page("Title", [section, Section(title="Figure 8", claims=[claim("no results yet")])], ["about"]))
    return reader


def test_it_is_whole_and_needs_no_network(read):
    assert read.open == [] and read.outside == []
    assert [base64.b64decode(src.split(",")[1]) for src in read.images] == [b"\x89PNGdata", b"GIF89a"]
    assert [src.split(";")[0] for src in read.images] == ["data:image/png", "data:image/gif"]


def test_it_says_what_it_was_given(read):
    text = "\n".join(read.text)
    for words in (
        "A says <b> & so on",
        "chain/short",
        "0.99",
        '"seed": 7',
        "1 reproduced, 1 partly, 1 no results yet.",
    ):
        assert words in text


def test_claims_and_tables_are_marked_up_and_everything_is_escaped():
    section = Section(title="<t>", claims=[claim("partly")], lines=[["a", "b"], ["x<y", "1"]], settings={"k": "<v>"})
    text = page("T & U", [section], ["<about>"])
    badge = '<span class="verdict" style="background: #b08900">partly</span>'
    words = "A says &lt;b&gt; &amp; so on"
    assert f"<tr><td>Figure 4</td><td>{words}</td><td>{badge}</td></tr>" in text
    assert f'<p>{badge} <b>{words}</b><br>f<br>\n<span class="small">Criterion: c</span></p>' in text
    assert "<tr><th>a</th><th>b</th></tr>" in text and '<tr><td>x&lt;y</td><td class="number">1</td></tr>' in text
    assert "<h1>T &amp; U</h1>" in text and "<p>&lt;about&gt;</p>" in text and "<h2>&lt;t&gt;</h2>" in text
    assert "&lt;v&gt;" in text and "<v>" not in text


def test_verdicts_are_counted():
    assert summary([claim("partly"), claim("partly"), claim("reproduced")]) == "1 reproduced, 2 partly"
    assert summary([claim("no results yet"), claim("not reproduced")]) == "1 not reproduced, 1 no results yet"


def test_a_figure_that_browsers_cannot_show_is_refused(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"")
    with pytest.raises(ValueError, match="must be one of"):
        page("Title", [Section(title="t", claims=[], figures=[tmp_path / "a.pdf"])])
