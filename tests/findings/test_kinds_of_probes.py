"""Images, and probes that cannot tell: what their heads are called."""

import pytest
import torch

from benchmarks.built_heads import Planted, Setting, record
from benchmarks.findings import CHOSEN, HELD_OUT, Counted, count
from tb_attnviz.run import Run

ON_IMAGES = [
    Planted("row", 0.8),
    Planted("column", 0.8),
    Planted("patch", 0.8, offset=(0, 1)),
    Planted("self", 0.8),
    Planted("label", 0.8),
    Planted("", 1),
]
REPEATED = [Planted("induction", 0.8), Planted("previous", 0.8), Planted("", 1)]


def called(run: Run, step: int) -> list[set[str]]:
    found: list[set[str]] = [set() for _ in range(run.layers[0].heads)]
    for finding in run.findings(step):
        found[finding.head].add(finding.title)
    return found


def test_heads_on_images(tmp_path_factory: pytest.TempPathFactory) -> None:
    torch.set_num_threads(1)
    setting = Setting(length=21, causal=False, grid=(4, 5), texts=3, seed=5)
    run = record(ON_IMAGES, setting, tmp_path_factory.mktemp("images"), steps=(0, 1200))
    titles = [{"same row"}, {"same column"}, {"1 patch right"}, {"itself"}, {"look-alike patches"}]
    assert called(run, 1200)[:5] == titles
    [right] = [one for one in run.findings(1200) if one.kind == "patch"]
    assert right.offset == (0, 1)
    assert "attends 1 patch right, 8" in right.sentence
    shown = run.evidence(right)
    assert shown is not None
    assert shown.key == shown.query + 1


def test_a_probe_of_one_period_says_that_it_cannot_tell(tmp_path_factory: pytest.TempPathFactory) -> None:
    torch.set_num_threads(1)
    setting = Setting(length=24, causal=True, periods=(8, 8), texts=0, seed=6)
    run = record(REPEATED, setting, tmp_path_factory.mktemp("one_period"), steps=(0, 1200))
    assert not run.tells_induction
    induction, previous, none = called(run, 1200)
    assert induction == {"fixed distance or induction"}
    assert previous == {"previous token"}
    assert not none - {"broad"}


def test_the_benchmark_counts_what_is_called_wrongly_and_what_is_missed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """What docs/findings.md reports is counted by heads whose kind is known; here the truth is told wrongly."""
    torch.set_num_threads(1)
    heads = [Planted("previous", 0.8), Planted("self", 0.8)]
    setting = Setting(length=20, causal=True, texts=3, seed=8)
    run = record(heads, setting, tmp_path_factory.mktemp("counted"), steps=(0, 1200))
    right, wrong = Counted(), Counted()
    count(run, heads, right)
    assert (right.precision(), right.recall()) == (1, 1)
    count(run, [Planted("first", 0.8), Planted("self", 0.8)], wrong)
    assert (wrong.precision(), wrong.recall()) == (0.5, 0.5)
    assert not {one.seed for one in CHOSEN.settings} & {one.seed for one in HELD_OUT.settings}
