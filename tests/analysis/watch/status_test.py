"""Versions of files."""

from lpg.analysis.watch.status import version_of


def test_a_version_changes_with_any_of_its_files(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    seen = [version_of(one, other)]
    one.write_text("a")
    seen.append(version_of(one, other))
    other.write_text("b")
    seen.append(version_of(one, other))
    assert version_of(one, other) == seen[-1]
    one.write_text("ab")
    seen.append(version_of(one, other))
    assert len(set(seen)) == 4
