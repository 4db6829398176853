"""`lpg export`; what it writes is tested in tests/evaluation/rule_folder_test.py."""

from lpg.cli.main import main


def test_files_are_named_and_a_mistake_is_one_line(tmp_path, capsys):
    argv = ["export", "lpg-kick-start", str(tmp_path / "out"), "--license", "apache-2.0"]
    assert main(argv) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main(argv) == 0  # the same once more
    assert main(["export", "lpg", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "give another folder" in error
