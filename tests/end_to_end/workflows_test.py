"""The workflows of GitHub run what `.ci/run` runs, and the issue forms are forms."""

import re
import tomllib

import pytest
import yaml

from tests.end_to_end.readme_test import ROOT

GITHUB = ROOT / ".github"
PARTS = re.search(r"\|\| set -- (.*)$", (ROOT / ".ci/run").read_text(), re.M)[1].split()


def read(path: str) -> dict:
    return yaml.safe_load((GITHUB / path).read_text())


def parts_run(job: dict) -> set[str]:
    """Parts of `.ci/run` that a job runs, those of its matrix filled in."""
    commands = [step["run"] for step in job["steps"] if "run" in step]
    named = {part for command in commands for part in re.findall(r"^\.ci/run (.+)$", command, re.M)}
    matrix = job.get("strategy", {}).get("matrix", {})
    return {part for name in named for part in (matrix["part"] if name == "${{ matrix.part }}" else [name])}


def test_the_jobs_run_every_part_and_no_other():
    jobs = read("workflows/ci.yml")["jobs"]
    assert {"test", "thorough", "docs", "slow", "test-torch", "wheel-test", "discover"} <= set(PARTS)
    assert set.union(*map(parts_run, jobs.values())) == set(PARTS)


def test_every_part_is_a_target():
    makefile = (ROOT / "Makefile").read_text()
    assert [part for part in [*PARTS, "nonsense"] if not re.search(rf"^{part}:", makefile, re.M)] == ["nonsense"]


def test_the_quick_jobs_run_on_two_pythons_from_the_oldest_that_is_supported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pythons = read("workflows/ci.yml")["jobs"]["quick"]["strategy"]["matrix"]["python"]
    assert pythons == ["3.11", "3.12"] and project["requires-python"] == f">={pythons[0]}"


def test_a_release_is_made_of_a_tag_whose_number_is_the_version():
    workflow = read("workflows/release.yml")
    # YAML 1.1 reads the key `on` as true.
    assert workflow[True] == {"push": {"tags": ["v*"]}}
    job = workflow["jobs"]["release"]
    assert "wheel-test" in parts_run(job)
    # The line that the workflow looks for is in pyproject.toml as it is written here.
    (check,) = (step["run"] for step in job["steps"] if "GITHUB_REF_NAME#v" in step.get("run", ""))
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    line = f'version = "{version}"'
    assert r'"version = \"${GITHUB_REF_NAME#v}\""' in check
    assert line in (ROOT / "pyproject.toml").read_text().splitlines()


@pytest.mark.parametrize("name", ["bug", "question"])
def test_an_issue_form_has_what_github_requires(name):
    form = read(f"ISSUE_TEMPLATE/{name}.yml")
    assert form["name"] and form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in fields} <= {"textarea", "input"}
    assert all(field["attributes"]["label"] for field in fields)
    ids = [field["id"] for field in fields]
    assert len(ids) == len(set(ids)) > 2
