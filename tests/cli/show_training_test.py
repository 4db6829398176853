"""`lpg show` of a training: an episode as a video."""

import re

import numpy as np
import pytest
from PIL import Image

from lpg.cli import show_training
from lpg.cli.main import main
from tests.learner.mirror import NAME

SMALL = ["--rule", "a2c", "--set", "num_envs=4", "--set", "num_steps=5", "--steps", "40"]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))


def frames_of(path):
    with Image.open(path) as video:
        for number in range(video.n_frames):
            video.seek(number)
            yield np.asarray(video.convert("RGB"))


@pytest.mark.thorough
@pytest.mark.parametrize("environment", ["chain/short", "tabular/sparse", "minatar/freeway", NAME])
def test_a_training_is_shown_by_an_episode_of_its_agent(environment, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(show_training, "MOST_STEPS", 60)
    folder = tmp_path / "run"
    assert main(["train", environment, *SMALL, "--out", str(folder)]) == 0
    capsys.readouterr()
    assert main(["show", str(folder)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{environment}: agent ") and "rule a2c, seed 0, 40 steps" in out
    steps = int(
        re.search(r"an episode of (\d+) steps(, cut there)?, with actions drawn from the policy: return", out)[1]
    )
    path = folder / "figures" / "episode-seed-0.gif"
    assert f"drawn into {path}; it shows" in out
    frames = list(frames_of(path))
    # One for each step, and the first state.
    assert len(frames) == steps + 1
    # Something moves above the caption, which is 22 pixels high.
    assert any((frame[:-22] != frames[0][:-22]).any() for frame in frames)


def test_of_several_agents_one_is_chosen_by_its_seed_and_the_file_by_name(tmp_path, capsys):
    folder, video = tmp_path / "run", tmp_path / "elsewhere" / "video.gif"
    assert main(["train", "chain/short", *SMALL, "--seeds", "2", "--out", str(folder)]) == 0
    assert main(["show", str(folder), "--seed", "1", "--out", str(video)]) == 0
    assert video.is_file() and "seed 1" in capsys.readouterr().out
    for options, words in (
        (["--seed", "2"], "no trained agent of seed 2 in it; seeds that are there: 0, 1"),
        (["--out", str(tmp_path / "video.mp4")], "a name that ends in .gif"),
    ):
        assert main(["show", str(folder), *options]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1 and words in err


def test_a_folder_without_an_agent_is_one_line_and_status_2(tmp_path, capsys):
    (tmp_path / "results.csv").write_text("nothing\n")
    assert main(["show", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert "nothing to show; it has neither config.json" in err and "nor a trained agent" in err
