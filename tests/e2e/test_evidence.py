"""A finding opens what shows it: the head, the sequence, the query, the key, and one sentence."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from tb_attnviz.events import Image, Layer, ProbeRecord, Repeat, RunWriter, Samples, Sequence
from tests.e2e import test_images
from tests.e2e.conftest import Tab, held
from tests.e2e.test_images import write_picture

PERIOD = 60
TOKENS = 2 * PERIOD
BEST = 100  # the query whose induction is the strongest
SHARPNESS = 8.0
LAYER = Layer("blocks.0.attention", 3, 3, TOKENS, 1.0, causal=False)
PROBE = ProbeRecord(
    (
        Sequence(("the", "sky", "is", "blue")),
        Sequence(tuple(f"w{i % PERIOD}" for i in range(TOKENS)), repeat=Repeat(0, PERIOD)),
    )
)
#: Softmax of one logit among the zeros of all other tokens.
BEST_WEIGHT = float(np.exp(SHARPNESS) / (np.exp(SHARPNESS) + TOKENS - 1))
ONE = "one query of a repeated text: "
SENTENCE = f"fixed distance or induction, {ONE}w40 ({BEST}) → w41 ({BEST - PERIOD + 1}) {100 * BEST_WEIGHT:.0f} %"


def samples() -> Samples:
    """Head 0 attends to the token before; head 1 to what followed the last time; head 2 is dead."""
    of_text = len(PROBE.sequences[0].tokens)
    queries, keys = (np.zeros((3, PROBE.tokens, TOKENS), np.float32) for _ in range(2))
    keys[:, of_text:] = np.eye(TOKENS)
    for query in range(1, TOKENS):
        queries[0, of_text + query, query - 1] = SHARPNESS
    for query in range(PERIOD, TOKENS):
        queries[1, of_text + query, query - PERIOD + 1] = SHARPNESS if query == BEST else SHARPNESS - 2
    return Samples(queries, keys)


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("evidence")
    writer = RunWriter(str(directory / "run"))
    writer.write_probe(PROBE, step=0)
    for step in (0, 100):
        writer.write_checkpoint(step, [(LAYER, samples())])
        previous, induction = np.array([0.9, 0, 0], np.float32), np.array([0, 0.9, 0], np.float32)
        writer.write_health(step, {"previous": previous, "induction": induction})
    writer.close()
    of_images(directory / "zimages")
    return directory


def of_images(directory: Path) -> None:
    """One head, in which every patch attends to itself, and the last one most."""
    writer = RunWriter(str(directory))
    images = tuple(
        Sequence(test_images.TOKENS, grid=test_images.GRID, image=Image(write_picture(directory, colours), 16, 16))
        for colours in test_images.COLOURS
    )
    writer.write_probe(ProbeRecord(images), step=0)
    places = np.tile(np.eye(5, dtype=np.float32), (1, len(images), 1))
    queries = places * 6
    queries[:, -1] *= 1.5
    writer.write_checkpoint(0, [(Layer("blocks.0.attention", 1, 1, 5, 1.0, causal=False), Samples(queries, places))])
    writer.write_health(0, {"self": np.array([0.98], np.float32)})
    writer.close()


def test_a_named_head_opens_the_query_that_shows_it(tab: Tab) -> None:
    tab.open(layer=0, head=0, sequence=0, token=2)
    named = tab.frame.get_by_role("group", name="What stands out at this step")
    with held(tab, re.compile(r"/attnviz/evidence\?")):
        named.get_by_role("button", name="Open L0 H1, fixed distance or induction").click()
        # What was selected in another head is gone, and nothing is until the evidence is here.
        expect(tab.head_view.get_by_role("heading", name="Layer 0 · Head 1")).to_be_visible()
        expect(tab.sentence_view).to_have_count(0)
        expect(tab.head_view.get_by_role("status")).to_have_text("Looking for the query that shows it best…")
    expect(tab.head_view.get_by_text(SENTENCE, exact=True)).to_be_visible()
    tab.expect_address(head=1, sequence=1, token=BEST, evidence="fixed_or_induction")
    tab.expect_weight("key", BEST - PERIOD + 1, 100 * BEST_WEIGHT)
    tab.page.reload()  # a link to it says the same
    tab.ready()
    expect(tab.head_view.get_by_text(SENTENCE, exact=True)).to_be_visible()
    tab.expect_address(head=1, sequence=1, token=BEST, evidence="fixed_or_induction")
    strongest = tab.sentence_view.get_by_role("button", name=f"key {BEST - PERIOD + 1}:")
    expect(strongest).to_be_in_viewport(ratio=1)  # though its query is 59 rows away
    tab.sentence_view.get_by_role("button", name=f"key {BEST - PERIOD + 2}:").click()
    expect(tab.head_view.get_by_text(SENTENCE)).to_have_count(0)  # it is of another token
    tab.expect_address(evidence=None)


def test_the_sentence_of_a_head_opens_it_too_and_a_cell_selects_nothing(tab: Tab) -> None:
    tab.open()
    tab.click_cell(0, 0)
    tab.expect_address(head=0, sequence=None, token=None)
    expect(tab.sentence_view).to_have_count(0)
    sentence = tab.head_view.get_by_role("button", name="L0 H0 (previous token) attends to the token before")
    assert sentence.evaluate("all => all.scrollHeight <= all.clientHeight + 1")  # read whole
    sentence.click()
    shows = tab.head_view.get_by_role("status").filter(has_text="→")
    expect(shows).to_have_text(re.compile(rf"^previous token, {ONE}w\d+ \((\d+)\) → w\d+ \(\d+\) 96 %$"))
    tab.expect_address(head=0, sequence=1)
    assert int(tab.hash()["token"]) > 2
    tab.open(layer=0, head=1)
    tab.head_view.get_by_role("button", name="Sentences").click()  # so do all its sentences
    tab.ready()
    tab.expect_address(head=1, sequence=1, token=BEST)


def test_no_alerts_never_stands_beside_a_dead_head(tab: Tab) -> None:
    named = tab.frame.get_by_role("group", name="What stands out at this step")
    with held(tab, re.compile("/findings")):
        tab.visit()
        expect(named.get_by_text("Naming heads…")).to_be_visible()
        before = tab.matrix.bounding_box()
    red = named.get_by_role("status")  # where alerts stand
    expect(red).to_contain_text("L0 H2 dead from the start")
    expect(red.get_by_role("button", name="Open L0 H2, dead")).to_be_visible()
    assert tab.matrix.bounding_box() == before  # nothing moves for it
    expect(named).not_to_contain_text("No alerts")
    named.get_by_role("button", name="Events, 1 alert").click()
    [event] = tab.frame.get_by_role("dialog", name="Events, 1 alert").get_by_role("listitem").all()
    expect(event).to_contain_text("L0 H2: dead from the start: all its queries are equal")


def test_of_an_image_it_opens_the_image(tab: Tab) -> None:
    tab.open(run="zimages")
    named = tab.frame.get_by_role("group", name="What stands out at this step")
    named.get_by_role("button", name="Open L0 H0, itself").click()
    tab.ready()
    expect(tab.frame.get_by_role("region", name="Image view")).to_be_visible()
    assert 0.995 < np.exp(9) / (np.exp(9) + 4) < 0.9999
    last = test_images.TOKENS[-1]
    expect(tab.head_view).to_contain_text(f"{last} (4) → {last} (4) >99 %")
    tab.expect_address(sequence=1, token=4)
