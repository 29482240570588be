"""Two processes: training is the same bit for bit, the first writes, and none waits for one that failed."""

import functools
import inspect
import pickle

import numpy as np
import pytest
import torch
from accelerate import FullyShardedDataParallelPlugin

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tests.callbacks.models import IDS, Decoder
from tests.callbacks.processes import MAY_FAIL, TOKENS, WRAPPINGS, train_in_all_ways
from tests.callbacks.ranks import run_in_two_processes
from tests.callbacks.test_huggingface import train_in_two_ways
from tests.callbacks.test_lightning import train_replicated

# Weights that are whole in every process, and weights that are split: the others are ways to get to one of them.
EACH = [pytest.param(name, marks=() if name in ("DDP", "FSDP2") else pytest.mark.full) for name in WRAPPINGS]


@pytest.fixture(scope="module", params=EACH)
def wrapping(request):
    return request.param


@pytest.fixture(scope="module")
def ended(tmp_path_factory, wrapping):
    """The directory that both processes were given, and what each says: [rank][way of training]."""
    directory = tmp_path_factory.mktemp("processes")
    run_in_two_processes(functools.partial(train_in_all_ways, wrapping), directory)
    return directory, [pickle.loads((directory / f"{rank}.pickle").read_bytes()) for rank in (0, 1)]


def test_training_is_the_same_bit_for_bit_in_both(ended):
    for ways in ended[1]:
        for name, weight in ways["without"]["weights"].items():
            assert torch.equal(ways["with"]["weights"][name], weight), name
        assert torch.equal(ways["with"]["random"], ways["without"]["random"])
        assert not ways["with"]["warnings"]


def test_the_first_process_alone_writes(ended, wrapping):
    directory = ended[0] / "with"
    assert tb_attnviz.open_run(directory / "0").steps == [0, 2, 4, 6]
    assert not (directory / "1").exists()
    seen = tb_attnviz.open_run(directory / "0").health().get("batch_max_logit")
    assert (seen is None) == (wrapping == "DDP, compiled")
    assert seen is None or np.isfinite(seen).all()


def test_what_is_recorded_is_what_one_process_records(ended, tmp_path):
    """Names, and the queries of the first step, whose weights all have in common but for the first update's."""
    torch.manual_seed(0)
    with AttentionRecorder(Decoder(), Probe(IDS, TOKENS), tmp_path) as recorder:
        recorder.record(0)
    alone, run = tb_attnviz.open_run(tmp_path), tb_attnviz.open_run(ended[0] / "with" / "0")
    assert run.layers == alone.layers
    queries, expected = run.samples(0, 0).queries, alone.samples(0, 0).queries
    assert np.abs(queries - expected).max() < 0.1 * np.abs(expected).max()
    assert np.isfinite(run.samples(6, 1).queries).all()


@pytest.mark.parametrize("failing", [0, 1])
def test_a_process_that_fails_to_record_stops_nobody(ended, wrapping, failing):
    if wrapping not in MAY_FAIL:
        pytest.skip("as DDP")
    directory, results = ended
    for rank, ways in enumerate(results):
        for name, weight in ways["without"]["weights"].items():
            assert torch.equal(ways[f"{failing} fails"]["weights"][name], weight), name
        warned = ways[f"{failing} fails"]["warnings"]
        assert len(warned) == (rank == failing)
        assert all("no memory left for the logits. Training goes on" in warning for warning in warned)
    steps = tb_attnviz.open_run(directory / f"{failing} fails" / "0").steps
    assert steps == ([0] if failing == 0 else [0, 2, 4, 6])


@pytest.mark.skipif(
    "fsdp_version" not in inspect.signature(FullyShardedDataParallelPlugin).parameters,
    reason="accelerate before 1.6 has no FSDP2",
)
def test_the_trainer_in_two_processes(tmp_path):
    """The first one writes; with FSDP2, the weights of both are bit for bit those of a training without it."""
    run_in_two_processes(train_in_two_ways, tmp_path)
    for training in ("DDP", "FSDP2"):
        assert tb_attnviz.open_run(tmp_path / training / "0").steps == [0, 2, 4, 5]
        assert not (tmp_path / training / "1").exists()


def test_lightning_in_two_processes(tmp_path):
    run_in_two_processes(train_replicated, tmp_path)
    run = tb_attnviz.open_run(tmp_path / "run" / "a")
    assert run.steps == [0, 2, 4, 5]
    assert len(list((tmp_path / "run" / "a" / "plugins" / "attnviz").iterdir())) == 4
    assert len(list((tmp_path / "run" / "a").glob("*tfevents*"))) == 1
