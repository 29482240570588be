"""`tb-attnviz export`: a page that holds what TensorBoard would show, and nothing half done."""

import collections.abc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

import tb_attnviz
from tb_attnviz import comparison, recompute
from tb_attnviz.ahead.chain import Chain, Outcome
from tb_attnviz.cli import main
from tb_attnviz.events import Image, Layer, ProbeRecord, RunWriter, Samples, Sequence
from tb_attnviz.export import command, contents, document
from tests.conftest import LAYERS, PROBE, make_png, write_checkpoint
from tests.export.pages import PageReader, unpacked_figures, unpacked_points, unpacked_weights
from tests.test_connections import HEADS, KEYS, OTHER, SOURCE, TARGET, write_connections


@pytest.fixture(autouse=True)
def _program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A front end that holds what would end a script."""
    path = tmp_path / "index.js"
    path.write_text('const hard = "</script><!--<script>";\nexport { hard };\n')
    monkeypatch.setattr(document, "_BUNDLE", path)


def export(directory: Path, *options: str) -> int:
    return main(["export", str(directory), "-o", str(directory.parent / "page.html"), "--workers", "1", *options])


def test_the_page_holds_what_the_run_does(run_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writer = EventFileWriter(str(run_directory))
    for step, value in ((0, 2.0), (5, float("nan")), (9, 0.5)):
        summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag="loss", simple_value=value)])
        writer.add_event(event_pb2.Event(step=step, wall_time=step, summary=summary))
    writer.close()
    options = ["--steps", "100,300", "--layers", "1", "--heads", "2:4", "--detail", "L1H3", "--sequences", "2"]
    assert export(run_directory, *options, "--projection", "pca", "--trust", "--title", "<b>&") == 0
    assert "2 of 4 steps, 3 heads, 1 of them in detail: about 0.0 MB" in capsys.readouterr().out
    page = PageReader(run_directory.parent / "page.html")
    run = tb_attnviz.open_run(run_directory)

    assert page.links == ["data:,"]  # nothing is fetched from anywhere
    assert page.index["title"] == "<b>&"
    assert page.index["run"]["steps"] == [100, 300]
    [layer] = page.index["run"]["layers"]
    assert (layer["number"], layer["heads"], layer["head_numbers"]) == (1, 3, [2, 3, 4])
    assert page.index["recorded"] == {"steps": 4, "layers": [0, 1], "heads": 10, "sequences": 3}
    assert [one["method"] for one in page.index["projections"]] == ["pca"]

    for dims in (2, 3):
        for index, step in ((1, 100), (3, 300)):
            header, points = unpacked_points(page.piece(f"points-0-{dims}-0-{step}"))
            for head in (2, 3, 4):
                expected = run.project("pca", 1, head, dims=dims)[index]
                found = points.reshape(header["shape"])[head - 2]
                np.testing.assert_allclose(found, expected, atol=header["scale"] / 65000)
    header, weights = unpacked_weights(page.piece("attention-0-1-300"))
    parts = np.split(weights, np.cumsum([rows * columns for rows, columns in header["shapes"]])[:-1])
    for sequence, part, shape in zip((0, 1, "mean"), parts, header["shapes"], strict=True):
        expected = run.attention(300, 1, 3, sequence)  # type: ignore[arg-type]
        np.testing.assert_allclose(part.reshape(shape), expected, atol=1e-5)
    assert "attention-0-0-300" not in page.scripts

    for figure in ("norm", "max_logit", "entropy", "first", "received", "attracted"):
        header, found = unpacked_figures(page.piece(f"{figure}-0-100"))
        expected = run.point_figure(100, 1, figure)[2:5]
        np.testing.assert_allclose(found.reshape(header["shape"]), expected, rtol=2e-3, atol=1e-6)
    assert "value_norm-0-100" not in page.scripts
    header, changes = unpacked_points(page.piece("change-0-300"))
    assert (header["since"], "change-0-100" in page.scripts) == ([100], False)
    np.testing.assert_allclose(changes, run.change(300, 100, 1)[2:5], atol=1e-4)
    assert sorted(page.document("head_order-300")) == [0, 1, 2]
    _, table = unpacked_points(page.piece("similarity-300"))
    np.testing.assert_allclose(table.reshape(3, 3), run.similarity(300)[6:9, 6:9], atol=1e-4)

    named = page.document("findings-300")
    assert [(one["layer"], one["head"]) for one in named["heads"]] == [(0, 0), (0, 1), (0, 2)]

    health = page.document("health")
    assert (health["steps"], health["heads"]) == ([0, 100, 200, 300], [3])
    np.testing.assert_allclose(health["figures"]["entropy"], run.health()["entropy"][:, 6:9], rtol=1e-5)
    assert health["figures"]["max_logit"][0] == ["Infinity"] * 3
    assert page.document("scalars") == {"loss": [[0, 2.0], [5, "NaN"], [9, 0.5]]}
    assert page.document("trust-0-2-0-1-300")["motion"]["previous"] == 100
    assert [one["tokens"] for one in page.document("probe")["sequences"]] == [list(s.tokens) for s in PROBE.sequences]
    assert r'const hard = "\x3c/script>\x3c!--<script>"' in page.program


def test_pictures_and_values_come_along_unless_they_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "run"
    writer = RunWriter(str(directory))
    (name, png), (other_name, other_png) = make_png(16, 8), make_png(8, 8)
    picture = directory / "plugins" / "attnviz" / name
    picture.write_bytes(png)
    picture.with_name(other_name).write_bytes(other_png)
    seen = Sequence(("r0c0",), "image", image=Image(other_name, 8, 8))
    image = Sequence(("r0c0", "r0c1"), "image", image=Image(name, 16, 8), key_tokens=seen)
    writer.write_probe(ProbeRecord((Sequence(("a", "b"), key_tokens=seen), image)), step=0)
    rng = np.random.default_rng(0)
    queries, keys = rng.normal(size=(2, 2, 4, 3)).astype(np.float32)
    norms = rng.lognormal(size=(2, 4)).astype(np.float32)
    norms[1] = np.nan
    layer = Layer("attention", 2, 2, 3, 0.5, causal=False, values=True)
    writer.write_checkpoint(0, [(layer, Samples(queries, keys, value_norms=norms))])
    writer.close()

    assert export(directory) == 0
    page = PageReader(tmp_path / "page.html")
    assert page.piece("image-tokens-1") == png
    assert page.piece("image-key_tokens-0") == page.piece("image-key_tokens-1") == other_png
    assert "image-tokens-0" not in page.scripts
    run = tb_attnviz.open_run(directory)
    for head in (0, 1):  # of the second one the values are not finite
        header, weights = unpacked_weights(page.piece(f"weighted-0-{head}-0"))
        first, _, mean = np.split(weights, np.cumsum([rows * columns for rows, columns in header["shapes"]])[:-1])
        for part, sequence in ((first, 0), (mean, "mean")):
            expected = run.attention(0, 0, head, sequence, weight="values")  # type: ignore[arg-type]
            np.testing.assert_allclose(part.reshape(2, 2), expected, atol=1e-5)
    _, found = unpacked_figures(page.piece("value_norm-0-0"))
    np.testing.assert_allclose(found.reshape(2, 8)[0, 4:], norms[0], rtol=1e-3)

    assert export(directory, "--without", "images,values") == 0
    page = PageReader(tmp_path / "page.html")
    assert [name for name in page.scripts if name.startswith(("image", "weighted", "value"))] == []
    assert page.document("probe")["sequences"][1]["image"] is None
    assert page.index["run"]["layers"][0]["values"] is False
    capsys.readouterr()
    assert export(directory, "--without", "pictures") == 1
    assert "what can be left out is images, figures, values, comparisons" in capsys.readouterr().err
    picture.unlink()
    assert export(directory) == 1
    assert "the image of sequence 1 is gone" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--workers=0", "--workers=-1", "--sequences=0", "--sequences=-3"])
def test_numbers_that_make_no_sense_are_refused(
    run_directory: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["export", str(run_directory), "-o", "page.html", option])
    assert "is no whole number of at least 1" in capsys.readouterr().err


def test_what_is_too_large_is_refused_with_what_leaves_it_out(
    run_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module, limit in ((recompute, "_MOST_WEIGHTS"), (recompute, "_MOST_OF_HEADS"), (comparison, "_MOST_HEADS")):
        monkeypatch.setattr(module, limit, 5)
    assert export(run_directory, "--steps", "300") == 1
    told = capsys.readouterr().err
    assert "attention weights would take 0 GB: leave it out by --detail none and --without figures,comparisons" in told
    assert export(run_directory, "--steps", "300", "--detail", "none", "--without", "figures,comparisons") == 0


def test_who_feeds_the_heads_in_detail_comes_along(run_directory: Path) -> None:
    writer = RunWriter(str(run_directory))
    writer.begin(300, PROBE, LAYERS)
    for step, (strong, weak) in KEYS.items():
        keys = np.zeros((HEADS, HEADS))
        keys[SOURCE, TARGET], keys[OTHER, TARGET] = strong, weak
        write_connections(writer, step + 310, keys)
    write_checkpoint(writer, 650)
    writer.close()
    heads = ["--layers", "0,1", "--heads", "2:4", "--steps", "300,650", "--detail"]
    assert export(run_directory, *heads, "L1H3,L0H3") == 0
    found = PageReader(run_directory.parent / "page.html").document("connections")
    assert found["steps"] == [610]  # the last ones up to step 650; at step 300 there were none yet
    fed = found["heads"]["1-1"]["fed_by"]
    assert [(one["layer"], one["head"], one["by"]) for one in fed] == [(0, 0, "keys")]  # L0 H1 is not in the page
    assert (fed[0]["contributions"], fed[0]["shares"]) == ([4.0], [1.0])
    assert fed[0]["since"] == [510]  # as the tab has it: from which on it was half of this, in the page or not
    assert found["heads"]["0-1"] == {"fed_by": [], "feeds": []}
    assert export(run_directory, *heads, "none") == 0
    assert PageReader(run_directory.parent / "page.html").document("connections")["heads"] == {}


def test_of_a_long_run_only_the_figures_that_are_kept_are_read(
    run_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[list[int]] = []
    health = tb_attnviz.Run.health

    def watched(run: tb_attnviz.Run, steps: list[int] | None = None) -> dict[str, Any]:
        read.append(run.health_steps if steps is None else steps)
        return health(run, steps)

    monkeypatch.setattr(tb_attnviz.Run, "health", watched)
    monkeypatch.setattr(contents, "_MOST_HEALTH_STEPS", 2)
    assert export(run_directory, "--steps", "100,", "--without", "comparisons") == 0
    found = PageReader(run_directory.parent / "page.html").document("health")
    assert found["steps"] == read[0] == [0, 100, 300]
    expected = health(tb_attnviz.open_run(run_directory))["entropy"][[0, 1, 3]]
    np.testing.assert_allclose(found["figures"]["entropy"], expected, rtol=1e-5)


def test_workers_end_with_the_picture_that_could_not_be_made(
    run_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[bool] = []

    def failing(chains: collections.abc.Sequence[Chain], store: object, workers: int) -> Iterator[Outcome]:
        try:
            yield Outcome(chains[0], 300, "no room")
            yield Outcome(chains[0], 200, None)
        finally:
            ended.append(True)

    made: list[Iterator[Outcome]] = []  # held, so that only closing ends it

    def in_workers(*given: Any) -> Iterator[Outcome]:
        made.append(failing(*given))
        return made[-1]

    monkeypatch.setattr(command, "in_workers", in_workers)
    assert export(run_directory, "--workers", "2") == 1
    assert "step 300 could not be made: no room" in capsys.readouterr().err
    assert ended == [True]


def test_notes_come_along_and_what_is_none_is_refused(
    run_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = tmp_path / "notes.json"
    entry = {"layer": 1, "head": 3, "star": True, "name": "</script>", "text": "copies"}
    notes.write_text(
        json.dumps({"format": "tb-attnviz notes", "version": 1, "run": "a", "heads": [{**entry, "x": 1}, 7]})
    )
    assert export(run_directory, "--notes", str(notes)) == 0
    found = PageReader(run_directory.parent / "page.html").index["notes"]
    assert found == {"format": "tb-attnviz notes", "version": 1, "run": "a", "heads": [entry]}
    assert export(run_directory) == 0
    assert "notes" not in PageReader(run_directory.parent / "page.html").index
    for text, sentence in (
        ("[]", "holds no notes on heads"),
        ("{", "holds no notes on heads"),
        ('{"format": "tb-attnviz notes", "version": 2, "heads": []}', "notes of version 2"),
    ):
        notes.write_text(text)
        assert export(run_directory, "--notes", str(notes)) == 1
        assert sentence in capsys.readouterr().err
    assert export(run_directory, "--notes", str(tmp_path / "none.json")) == 1
    assert "cannot be read: No such file" in capsys.readouterr().err


def test_a_page_that_is_too_heavy_is_refused_before_it_is_made(
    run_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(run_directory, "--max-bytes", "5000") == 1
    said = capsys.readouterr().err
    assert "more than --max-bytes allows (0.0 MB)" in said
    assert "choose fewer --steps" in said
    assert [path.name for path in run_directory.parent.iterdir() if "page" in path.name] == []


def test_what_cannot_be_is_said_and_leaves_nothing(
    run_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    second = RunWriter(str(run_directory.parent / "second"))
    second.write_probe(PROBE, step=0)
    write_checkpoint(second, 50)
    second.close()
    page = str(tmp_path / "page.html")
    for options, sentence in (
        ([str(tmp_path)], "there are 2 runs below"),
        ([str(tmp_path), "--run", "third"], "no run 'third' below"),
        ([str(tmp_path / "none")], "is no directory"),
        ([str(run_directory), "--steps", "7,"], "no step 7: there are 4 steps"),
    ):
        assert main(["export", *options, "-o", page]) == 1
        assert sentence in capsys.readouterr().err
    with pytest.raises(SystemExit):
        export(run_directory, "--projection", "tsne,perplexity=1")
    assert "'perplexity' must lie between 2 and 500" in capsys.readouterr().err
    monkeypatch.setattr(document, "_BUNDLE", tmp_path / "nothing.js")
    assert export(run_directory) == 1
    assert "the front end is missing" in capsys.readouterr().err
    assert main(["export", str(tmp_path), "--run", "second", "-o", str(tmp_path / "no" / "page.html")]) == 1
    assert [path.name for path in tmp_path.iterdir() if "page" in path.name] == []
