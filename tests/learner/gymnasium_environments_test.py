"""Environments that run on the host."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from lpg.learner.collect import Collector
from lpg.learner.gymnasium_environments import is_gymnasium, make_atari, make_environments, one_line


def test_names_are_told_by_their_family():
    assert is_gymnasium("gymnasium/CartPole-v1") and is_gymnasium("atari/pong")
    assert not is_gymnasium("classic/CartPole-v1") and not is_gymnasium("my_gymnasium:factory")


def test_any_gymnasium_id_with_discrete_actions_will_do():
    for name in ("gymnasium/CartPole-v1", "gymnasium/FrozenLake-v1", "gymnasium/CliffWalking-v1"):
        environments = make_environments(name, 3)
        assert environments.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP and environments.num_envs == 3
        collector = Collector(environments, name=name, seed=0)
        found = collector.collect(lambda observation, t: np.zeros(3, int), 12)
        assert found.trajectory.reward.shape == (12, 3)


def atari_run(seed: int, num_threads: int = 1, **options):
    collector = Collector(make_atari("breakout", 2, num_threads=num_threads, max_frames=80, **options), seed=seed)
    actions = np.random.default_rng(0).integers(0, 4, (25, 2))
    return collector.collect(lambda observation, t: actions[t], 25)


def test_an_atari_game_is_cut_at_its_limit_and_shows_its_own_last_frames():
    found = atari_run(0)
    seen = found.trajectory
    assert seen.observation.shape == (25, 2, 4, 84, 84) and seen.observation.dtype == np.uint8
    # 80 frames are 20 steps of four; a time limit is no termination.
    assert seen.is_last.any() and not seen.terminated.any()
    assert (np.asarray(seen.is_last).argmax(axis=0) <= 20).all()
    for stream in range(2):
        end = int(np.asarray(seen.is_last)[:, stream].argmax())
        frames, last, first = (
            np.asarray(x)[:, stream] for x in (seen.observation, seen.next_observation, seen.observation)
        )
        # A stack moves by one frame a step: three of its four frames are the ones before; a new game shares none.
        np.testing.assert_array_equal(last[end][:3], frames[end][1:])
        assert not np.array_equal(first[end + 1][:3], frames[end][1:])


def test_the_same_seed_gives_the_same_game_with_any_number_of_threads():
    one, two, other = atari_run(3), atari_run(3, num_threads=2), atari_run(4)
    np.testing.assert_array_equal(one.trajectory.observation, two.trajectory.observation)
    assert not np.array_equal(one.trajectory.observation, other.trajectory.observation)


def test_sticky_actions_are_an_option():
    assert not np.array_equal(
        atari_run(0).trajectory.observation, atari_run(0, sticky_actions=0.5).trajectory.observation
    )


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("gymnasium/CartPol-v1", {}, "gymnasium/CartPol-v1: .*Did you mean: `CartPole`"),
        ("gymnasium/Mine-v0", {}, "`Mine` doesn't exist. If a module .* gymnasium/my_module:Mine-v0"),
        ("gymnasium/no_such_module:X-v0", {}, "No module named 'no_such_module'"),
        ("atari/brakout", {}, "unknown game atari/brakout; did you mean atari/breakout"),
        ("atari/SpaceInvaders-v5", {}, "did you mean atari/space_invaders"),
        ("atari/pong", {"sticky_actions": 1.5}, r"sticky_actions is 1.5; a probability in \[0, 1\)"),
        ("gymnasium/CartPole-v1", {"sticky_actions": 0.25}, "CartPole-v1 is no Atari game"),
    ],
)
def test_what_does_not_exist_is_refused_in_one_line(name, options, words):
    with pytest.raises(ValueError, match=words) as caught:
        make_environments(name, 2, **options)
    assert "\n" not in str(caught.value)


def test_a_class_or_function_of_a_module_makes_copies_with_keyword_arguments():
    environments = make_environments("gymnasium/tests.learner.diary:make_diary?lengths=[3]", 2)
    assert environments.envs[1].unwrapped.lengths == [3] and environments.num_envs == 2
    lake = make_environments("gymnasium/FrozenLake-v1?map_name=8x8", 1)
    assert lake.single_observation_space.n == 64  # 16 without the argument


def test_what_a_module_does_wrong_is_one_line_with_its_place(tmp_path, monkeypatch):
    (tmp_path / "torn.py").write_text("def f(:\n")
    (tmp_path / "poor.py").write_text("import gymnasium\n\n\nclass Maze:\n    pass\n\n\ndef fail():\n    1 / 0\n\n\n"
                                      "gymnasium.register('lpg_test/Gone-v0', entry_point='poor:Gone')\n")  # fmt: skip
    monkeypatch.syspath_prepend(tmp_path)
    for name, words in [
        ("torn:X-v0", r"SyntaxError: .*torn.py, line 1"),
        ("torn:X", r"SyntaxError: .*torn.py, line 1"),
        ("poor:lpg_test/Gone-v0", "AttributeError: module 'poor' has no attribute 'Gone'"),
        ("poor:Maze", "made a Maze; a gymnasium.Env is needed"),
        ("poor:fail", r"ZeroDivisionError: division by zero \(.*poor.py, line 9\)"),
        ("FrozenLake-v1?size=5", "unexpected keyword argument 'size'"),
    ]:
        with pytest.raises(ValueError, match=f"gymnasium/.*{words}") as caught:
            make_environments(f"gymnasium/{name}", 2)
        assert "\n" not in str(caught.value)


def test_games_by_their_other_names_are_pointed_at():
    # Gymnasium knows them only once ale_py is imported.
    missing = gymnasium.error.NamespaceNotFound("Namespace ALE not found.")
    with pytest.raises(ValueError, match="here: atari/space_invaders"), one_line("gymnasium/ALE/SpaceInvaders-v5"):
        raise missing


class Buffered(gymnasium.Env):
    """Writes all observations into one array; five steps."""

    observation_space = gymnasium.spaces.Box(-9, 9, (1,))
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self):
        self.buffer = np.zeros(1, np.float32)

    def reset(self, *, seed=None, options=None):
        self.buffer[:] = 0
        return self.buffer, {}

    def step(self, action):
        self.buffer += 1
        return self.buffer, 1.0, False, bool(self.buffer[0] == 5), {}


def test_a_final_observation_outlives_the_reset_that_overwrites_it():
    if "lpg_test/Buffered-v0" not in gymnasium.registry:
        gymnasium.register("lpg_test/Buffered-v0", entry_point=Buffered)
    for name in (f"gymnasium/{__name__}:Buffered", "gymnasium/lpg_test/Buffered-v0"):
        collector = Collector(make_environments(name, 2))
        seen = collector.collect(lambda observation, t: np.zeros(2, int), 6).trajectory
        assert seen.next_observation[:, 1, 0].tolist() == [1, 2, 3, 4, 5, 1]
        assert seen.is_last[:, 1].tolist() == [False] * 4 + [True, False]
