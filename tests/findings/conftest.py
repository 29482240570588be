"""A run of heads built by hand, recorded once: what each is is known."""

import warnings

import pytest
import torch

from benchmarks.built_heads import Planted, Setting, record
from tb_attnviz.run import Run

HEADS = [
    Planted("previous", 0.8),
    Planted("fixed", 0.7, offset=-5),
    Planted("induction", 0.8),
    Planted("first", 0.7),
    Planted("delimiter", 0.8),
    Planted("dead", 1),
    Planted("collapsed", 0.9),
    Planted("unchanged", 1),
    Planted("", 1),
    Planted("copy", 1),
    Planted("", 1),
    Planted("same token", 0.8),
]
STEPS = (0, 200, 400, 1000, 1200, 1500, 2000, 2300)  # random until 200, as planted from 400 to 1600, random from 2000
PLACES = {head.kind: (0, number) for number, head in enumerate(HEADS)}


@pytest.fixture(scope="package")
def built(tmp_path_factory: pytest.TempPathFactory) -> Run:
    torch.set_num_threads(1)
    setting = Setting(length=24, causal=True, periods=(5, 7, 9), texts=4, seed=7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return record(HEADS, setting, tmp_path_factory.mktemp("built"), steps=STEPS)
