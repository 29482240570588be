"""`run.show` in a notebook: the run that it is called on, wherever that lies, and options that are none are refused."""

import html
from pathlib import Path
from typing import Any

import pytest

import tb_attnviz
from tb_attnviz.ahead.plan import PlanError
from tb_attnviz.alone import notebook
from tb_attnviz.events import ProbeRecord, RunWriter, Sequence
from tb_attnviz.export import document
from tests.conftest import LAYERS, PROBE, write_checkpoint
from tests.events.remote import FlakyFileSystem
from tests.export.pages import PageReader

OTHER = ProbeRecord((Sequence(tuple("abcdefghijklmnopqr")),))


@pytest.fixture(autouse=True)
def _program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "index.js"
    path.write_text("export {};\n")
    monkeypatch.setattr(document, "_BUNDLE", path)


def record(directory: str) -> tb_attnviz.Run:
    """Two parts: steps 0 and 100, and from step 200 on another probe."""
    writer = RunWriter(directory)
    writer.begin(0, PROBE, LAYERS)
    write_checkpoint(writer, 0)
    write_checkpoint(writer, 100)
    writer.begin(200, OTHER, LAYERS)
    write_checkpoint(writer, 200)
    writer.close()
    return tb_attnviz.open_run(directory)


def page_of(run: tb_attnviz.Run, directory: Path, **options: Any) -> PageReader:
    frame = notebook.show(run, server=False, **options)._repr_html_()
    path = directory / "shown.html"
    path.write_text(html.unescape(frame.partition('srcdoc="')[2].rpartition('" width=')[0]))
    return PageReader(path)


def test_an_earlier_part_is_shown_as_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = record(str(tmp_path / "run"))
    page = page_of(run.earlier[0], tmp_path)
    assert page.index["run"]["steps"] == [0, 100]
    assert page.index["title"] == "run, part 1"
    assert [one["tokens"] for one in page.document("probe")["sequences"]] == [list(s.tokens) for s in PROBE.sequences]
    assert page_of(run, tmp_path).index["run"]["steps"] == [200]
    monkeypatch.setattr(notebook, "served", lambda directory: f"http://{Path(directory).name}")
    assert 'src="http://run/#attnviz&p.attnviz.run=."' in notebook.show(run)._repr_html_()
    assert 'src="http://run/#attnviz&p.attnviz.run=.%2C%20part%201"' in notebook.show(run.earlier[0])._repr_html_()


def test_runs_below_the_run_are_not_asked_about(tmp_path: Path) -> None:
    run = record(str(tmp_path / "run"))
    record(str(tmp_path / "run" / "eval"))
    index = page_of(run, tmp_path).index
    assert (index["title"], index["run"]["steps"]) == ("run", [200])


def test_a_run_on_an_object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FlakyFileSystem, "store", {})
    monkeypatch.setattr(FlakyFileSystem, "pseudo_dirs", [""])
    monkeypatch.setattr(FlakyFileSystem, "failing", 10**9)
    run = record("flaky://bucket/runs/a")
    index = page_of(run, tmp_path).index
    assert (index["title"], index["run"]["steps"]) == ("a", [200])

    class TensorBoard:
        def configure(self, arguments: object, *, logdir: str, **flags: str) -> None:
            self.logdir = logdir

        def launch(self) -> str:
            return f"http://of/{self.logdir}/"

    monkeypatch.setattr("tb_attnviz.alone.server.make_tensorboard", TensorBoard)
    monkeypatch.setattr(notebook, "_addresses", {})
    assert notebook.served(run.directory) == "http://of/flaky://bucket/runs/a"


@pytest.mark.parametrize("name", ["step", "help", "no_such", "run", "output"])
def test_an_option_that_is_none_is_a_type_error(name: str, tmp_path: Path) -> None:
    run = record(str(tmp_path / "run"))
    with pytest.raises(TypeError, match=f"{name}= is no option of the page"):
        notebook.show(run, server=False, **{name: "x"})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"steps": "7,"}, "no step 7"),
        ({"dims": 4}, "argument --dims: invalid choice: '4'"),
        ({"sequences": "x"}, "argument --sequences: 'x' is no whole number of at least 1"),
        ({"projection": "tsne,neighbours=1.5"}, "neighbours must be a whole number, not '1.5'"),
        ({"projection": "tsne,metric=x"}, "metric"),
    ],
)
def test_a_value_that_cannot_be_is_a_plan_error(options: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    run = record(str(tmp_path / "run"))
    with pytest.raises(PlanError, match=sentence):
        notebook.show(run, server=False, **options)
