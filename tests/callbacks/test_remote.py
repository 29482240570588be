"""Recording to an object store: one that is not there for a while ends no training."""

import warnings

import numpy as np
import pytest
import torch

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.events import event_file, remote
from tests.callbacks.models import IDS, Decoder
from tests.events.remote import FlakyFileSystem

RUN = "flaky://bucket/runs/trained"


def test_training_goes_on_while_the_store_is_not_there(monkeypatch):
    monkeypatch.setattr(remote, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(remote, "_LISTED_SECONDS", 0.0)
    monkeypatch.setattr(event_file, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(FlakyFileSystem, "store", {})
    torch.manual_seed(0)
    tokens = [[str(token) for token in row] for row in IDS.tolist()]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with AttentionRecorder(Decoder(), Probe(IDS, tokens), RUN, every=1) as recorder:
            for step, failing in enumerate((10, 10, 1, 1, 10, 10)):
                recorder.step(step)
                recorder.flush()
                monkeypatch.setattr(FlakyFileSystem, "failing", failing)
    run = tb_attnviz.open_run(RUN)
    assert {0, 1, 2, 5} <= set(run.steps)
    assert not {3, 4} & set(run.steps)
    assert np.isfinite(run.attention(5, 0, 0, 0)).all()
    assert len([one for one in told if "ThrottledError" in str(one.message)]) == 1


@pytest.mark.parametrize("directory", ["flaky://bucket/runs/none"])
def test_a_directory_without_a_run_says_so(directory, monkeypatch):
    monkeypatch.setattr(remote, "_PAUSE_SECONDS", 0.0)
    with pytest.raises(tb_attnviz.NotRecordedError, match="no attention was recorded"):
        tb_attnviz.open_run(directory)
