"""What is not installed is asked for in one sentence, and everything else goes on without it."""

import importlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import tb_attnviz
from tb_attnviz.cli import main
from tb_attnviz.extras import MissingExtraError
from tests.plugin.conftest import asking, load

LINE = r"pip install 'tb-attnviz\[projections\]'"


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """This process, and those that it starts, have neither numba nor scipy, nor any picture made with them."""
    for name in ("numba", "scipy"):
        monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import sys\nsys.modules['numba'] = sys.modules['scipy'] = None\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), *sys.path]))
    monkeypatch.setenv("TB_ATTNVIZ_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("light")
def test_linear_projections_are_made_and_others_name_the_line(run_directory: Path) -> None:
    run = tb_attnviz.open_run(run_directory)
    assert np.isfinite(run.project("biplot", layer=0, head=0)).all()
    assert np.isfinite(run.project("pca", layer=0, head=0)).all()
    for method, name in (("tsne", "t-SNE"), ("umap", "UMAP"), ("attention", "the projection by attention")):
        with pytest.raises(MissingExtraError, match=f"^{name} needs numba, which is not installed: {LINE}$"):
            run.project(method, layer=0, head=0)


@pytest.mark.usefixtures("light")
def test_the_tab_is_told(run_directory: Path) -> None:
    plugin = load(run_directory.parent)
    ask = asking(plugin)
    asked = {"run": "run", "layer": 0, "step": 100, "head": 0, "dims": 2}
    answer = ask("points", projection="biplot", **asked)
    assert answer.status_code == 200, answer.text
    assert ask("trust", projection="biplot", **asked).status_code == 200
    for route, query in (("points", {**asked, "projection": "tsne"}), ("head_order", {"run": "run", "step": 100})):
        answer = ask(route, **query)
        assert answer.status_code == 400
        assert "which is not installed: pip install 'tb-attnviz[projections]'" in answer.text


@pytest.mark.usefixtures("light")
def test_the_commands_say_it(run_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["project", str(run_directory)]) == 1
    assert "pip install 'tb-attnviz[projections]'" in capsys.readouterr().err
    assert main(["export", str(run_directory), "-o", str(tmp_path / "page.html"), "--workers", "1"]) == 0


@pytest.mark.parametrize(
    ("module", "blocked", "sentence"),
    [
        (
            "tb_attnviz.callbacks",
            "torch",
            "attention is recorded with torch, which is not installed: pip install 'tb-attnviz[torch]'",
        ),
        ("tb_attnviz.callbacks.huggingface", "transformers", "pip install 'tb-attnviz[transformers]'"),
        ("tb_attnviz.callbacks.lightning", "lightning", "pip install 'tb-attnviz[lightning]'"),
    ],
)
def test_recording_names_its_extra(module: str, blocked: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.startswith(f"{blocked}.")]:  # another test has imported them
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, blocked, None)
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(ModuleNotFoundError) as raised:
        importlib.import_module(module)
    assert sentence in str(raised.value)
