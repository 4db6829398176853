"""Errors in other people's code, in one line."""

import pytest

from lpg.places import described


def test_the_last_place_outside_of_packages_is_named(tmp_path, monkeypatch):
    (tmp_path / "theirs.py").write_text("import json\n\n\ndef read():\n    return json.loads('{')\n")
    (tmp_path / "broken.py").write_text("def f(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    import theirs

    with pytest.raises(ValueError) as caught:
        theirs.read()
    assert f"({tmp_path / 'theirs.py'}, line 5)" in described(caught.value)
    with pytest.raises(SyntaxError) as caught:
        import broken  # noqa: F401
    text = described(caught.value)
    assert text.startswith("SyntaxError: ") and "broken.py, line 1" in text and "\n" not in text
