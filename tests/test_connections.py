"""Links of a head over the steps, against arrays written by hand."""

from pathlib import Path

import numpy as np
import pytest

from tb_attnviz.connections import LEAST, head_links, links_document
from tb_attnviz.events import ConnectionCodes, FormatError, RunWriter
from tb_attnviz.events.connections import connection_arrays
from tb_attnviz.run import Run, open_run
from tests.conftest import LAYERS, PROBE, write_checkpoint

HEADS = sum(layer.heads for layer in LAYERS)
STEPS = (0, 100, 200, 300)
SOURCE, OTHER, TARGET = 2, 1, 7  # L0 H2 and L0 H1 feed L1 H3
KEYS = {0: (0.1, 0.1), 100: (1.0, 0.6), 200: (3.0, 1.0), 300: (4.0, -2.0)}  # what the two give its keys


def write_connections(
    writer: RunWriter, step: int, keys: np.ndarray, queries: np.ndarray | None = None, **figures: np.ndarray
) -> None:
    """[heads_from, heads_to] of both ways beside the health figures of `step`."""
    by = {"keys": keys, "queries": np.full_like(keys, np.nan) if queries is None else queries}
    arrays = connection_arrays({name: values.astype(np.float32) for name, values in by.items()})
    writer.write_health(step, figures or {"previous": np.zeros(len(keys), np.float32)}, arrays=arrays)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    writer = RunWriter(str(tmp_path))
    writer.begin(0, PROBE, LAYERS)
    write_checkpoint(writer, 0)
    for step, (strong, weak) in KEYS.items():
        keys = np.full((HEADS, HEADS), np.nan)
        keys[: LAYERS[0].heads, LAYERS[0].heads :] = 0
        keys[SOURCE, TARGET], keys[OTHER, TARGET] = strong, weak
        write_connections(writer, step + 1, keys)
    writer.close()
    return open_run(tmp_path)


def links_of(run: Run, *wanted: int):
    recorded = run.records.newest.recorded
    return head_links({step: recorded[step] for step in run.connection_steps}, HEADS, wanted)


def test_who_feeds_a_head_and_whom_it_feeds_over_the_steps(run: Run) -> None:
    target, source = links_of(run, TARGET, SOURCE)
    assert target.steps == tuple(step + 1 for step in STEPS)
    strong, weak = target.fed_by
    assert (strong.head, strong.by, weak.head, target.feeds) == (SOURCE, "keys", OTHER, ())
    assert strong.contributions == pytest.approx((0.1, 1.0, 3.0, 4.0), abs=1e-3)
    # Of what is given alone: what is taken away does not count to the sum.
    assert strong.shares == pytest.approx((0.5, 1 / 1.6, 0.75, 1.0), abs=1e-3)
    assert weak.shares == pytest.approx((0.5, 0.6 / 1.6, 0.25, -0.5), abs=1e-3)
    assert strong.since == (None, 101, 201, 201)  # half of 4, and of 3, was there from 201 on
    (fed,) = source.feeds
    assert (fed.head, fed.contributions, fed.shares) == (TARGET, strong.contributions, strong.shares)
    assert source.fed_by == ()


def test_they_are_what_the_pairs_of_a_step_say(run: Run) -> None:
    (links,) = links_of(run, TARGET)
    for step in run.connection_steps:
        for pair in run.connections(step).pairs:
            row = links.steps.index(step)
            link = next(one for one in links.fed_by if one.head == 4 * pair.layer_from + pair.head_from)
            assert pair.contribution == pytest.approx(link.contributions[row])
            assert (pair.share, pair.formed) == (pytest.approx(link.shares[row]), link.since[row])
    assert len(run.connections(301).pairs) == 1


def test_a_head_that_contributes_little_at_every_step_is_not_told(run: Run) -> None:
    assert KEYS[300][0] > LEAST
    for links in links_of(run, 0, 3, 9):
        assert (links.fed_by, links.feeds) == ((), ())


def test_a_document_has_null_for_what_is_not_known_and_leaves_out_heads_without_a_place(run: Run) -> None:
    (links,) = links_of(run, TARGET)
    places = [None if head == OTHER else (head // 4, head % 4) for head in range(HEADS)]
    document = links_document(links, places)
    (one,) = document["fed_by"]
    assert (one["layer"], one["head"], one["by"], one["since"][-1]) == (0, 2, "keys", 201)
    assert document["feeds"] == []


@pytest.mark.parametrize("scale", [np.inf, np.nan, -1.0, 1e35])
def test_scales_that_make_no_number_are_refused(scale: float) -> None:
    arrays = connection_arrays({"keys": np.ones((3, 3), np.float32)})
    arrays["connections/keys_scale"] = np.full(3, scale, np.float32)
    with pytest.raises(FormatError, match="a scale of connections/keys is not from 0 to"):
        ConnectionCodes.read(arrays, "keys", heads=3)
