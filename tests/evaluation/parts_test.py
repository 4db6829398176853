import math
import threading
import time

import jax
import pytest

from lpg.evaluation.final import Final
from lpg.evaluation.parts import Part, Parts, own_share
from lpg.evaluation.results import Row
from lpg.evaluation.training_plan import make_plan
from lpg.update_rules.registry import find_algorithm

NAN = math.nan


def plan(**options):
    return make_plan(find_algorithm("a2c"), "chain/short", num_steps=options.pop("num_steps", 640), **options)


def part(seed: int) -> Part:
    row = Row("a2c", "chain/short", seed, 1, 160, 0.1 + seed, NAN, 3)
    return Part([row], [Row("random", "chain/short", seed, 0, 0, 1 / 3, NAN, 0)],
                Final("a2c", "chain/short", seed, 0.5, NAN, 20, NAN, 1.5, 1e5))  # fmt: skip


def test_a_part_comes_back_to_the_last_digit(tmp_path):
    parts = Parts(tmp_path, {"num_episodes": 20})
    assert not parts.has(plan(), 1)
    parts.write(plan(), part(1))
    assert parts.has(plan(), 1) and not parts.has(plan(), 0)
    assert str(parts.read(plan(), 1)) == str(part(1)) != str(part(0))


def test_a_part_of_something_else_is_not_taken(tmp_path):
    Parts(tmp_path, {"num_episodes": 20}).write(plan(), part(0))
    for parts, other in (
        (Parts(tmp_path, {"num_episodes": 5}), plan()),
        (Parts(tmp_path, {"num_episodes": 20}), plan(num_steps=1280)),
        (Parts(tmp_path, {"num_episodes": 20}), plan(changes={"learning_rate": 0.5})),
    ):
        with pytest.raises(ValueError, match=r"seed-0.json is a part of another evaluation.*remove .*parts"):
            parts.read(other, 0)


def test_who_waits_gets_all_parts_in_the_order_asked_for(tmp_path):
    parts = Parts(tmp_path, {})
    parts.write(plan(), part(0))

    def later() -> None:
        time.sleep(0.2)
        parts.write(plan(), part(1))

    writer = threading.Thread(target=later)
    writer.start()
    assert [one.final.seed for one in parts.wait_for([(plan(), 1), (plan(), 0)])] == [1, 0]
    writer.join()
    assert parts.are_begun()
    parts.remove()
    parts.wait_until_removed()
    assert list(tmp_path.iterdir()) == []


def test_only_parts_are_removed(tmp_path):
    parts, mine = Parts(tmp_path, {}), tmp_path / "parts" / "thesis" / "chapter.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert not parts.are_begun()
    parts.write(plan(), part(0))
    parts.remove()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine] and not parts.are_begun()


def test_seeds_are_dealt_out(monkeypatch):
    assert own_share(range(3)) == [0, 1, 2]
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    shares = []
    for index in range(2):
        monkeypatch.setattr(jax, "process_index", lambda index=index: index)
        shares.append(own_share(range(5)))
    assert shares == [[0, 2, 4], [1, 3]]
    with pytest.raises(ValueError, match="2 processes for 1 seeds"):
        own_share(range(1))
