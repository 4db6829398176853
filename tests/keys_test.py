from typing import get_args

import jax
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lpg.keys import Purpose, stream

PURPOSES = get_args(Purpose)


def test_streams_share_no_key_whatever_the_seeds():
    keys = {(seed, purpose): stream(seed, purpose) for seed in range(200) for purpose in PURPOSES}
    assert len({tuple(np.asarray(jax.random.key_data(key)).tolist()) for key in keys.values()}) == 200 * 4
    # The twin: one purpose for all gives only as many keys as there are seeds.
    alike = {tuple(np.asarray(jax.random.key_data(stream(seed, "meta"))).tolist()) for seed, _ in keys}
    assert len(alike) == 200


def test_children_of_two_streams_are_disjoint():
    # What the trainer and the evaluation do with a stream: fold numbers in.
    children = [
        tuple(np.asarray(jax.random.key_data(jax.random.fold_in(stream(seed, purpose), number))).tolist())
        for purpose in PURPOSES
        for seed in range(4)
        for number in range(20)
    ]
    assert len(set(children)) == 4 * 4 * 20


def test_a_stream_is_the_same_at_every_call():
    assert jax.random.uniform(stream(3, "report")) == jax.random.uniform(stream(3, "report"))
    assert jax.random.uniform(stream(3, "report")) != jax.random.uniform(stream(3, "tuning"))


def test_an_unknown_purpose_is_refused():
    with pytest.raises((TypeCheckError, ValueError)):
        stream(0, "fun")
