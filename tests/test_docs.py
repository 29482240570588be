"""The Python of the README and of every page of docs/ runs, on small models in the place of the reader's own.

A block that cannot run here stands behind `<!-- not run: why -->`. The blocks of a page share their names.
"""

import dataclasses
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import fsspec
import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState, GradientState, PartialState
from fsspec.implementations.memory import MemoryFileSystem
from lightning.pytorch import LightningModule
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    HfArgumentParser,
    Trainer,
    TrainingArguments,
    ViTConfig,
    ViTModel,
)

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe, relations, synthetic
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.callbacks.huggingface import AttnVizCallback
from tests.callbacks.models import MINILM, TEXTS
from tests.callbacks.test_relations import parse

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
BLOCK = re.compile(r"(?P<marker><!-- not run: .+ -->\n)?```python\n(?P<code>.*?)```", re.DOTALL)
SIZES = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4}

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")


class Module(LightningModule):
    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, **inputs: torch.Tensor) -> torch.Tensor:
        return self.model(**inputs).logits

    def training_step(self, batch: dict[str, torch.Tensor], index: int) -> torch.Tensor:
        return self.model(**batch).loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-2)


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """What a reader has already, by the names that the pages use, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(str(MINILM))
    model = BertForSequenceClassification(BertConfig(vocab_size=len(tokenizer), **SIZES))
    dataset = [{"input_ids": row, "labels": torch.tensor(0)} for row in torch.randint(1000, (8, 6))]
    loader = DataLoader(dataset, batch_size=4)
    quiet = {"use_cpu": True, "disable_tqdm": True, "report_to": "none", "save_strategy": "no"}
    yield {
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=1e-2),
        "tokenizer": tokenizer,
        "texts": TEXTS,
        "probe": Probe.from_texts(TEXTS, tokenizer),
        "dataset": dataset,
        "loader": loader,
        "args": TrainingArguments("out", max_steps=2, dataloader_pin_memory=False, **quiet),
        "Trainer": Trainer,
    }
    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()


def blocks(page: Path) -> list[tuple[int, str]]:
    """The line above each block that runs, and its code."""
    text = page.read_text()
    found = [match for match in BLOCK.finditer(text) if not match["marker"]]
    return [(text.count("\n", 0, match.start("code")), match["code"]) for match in found]


def run_page(name: str, names: dict[str, object]) -> dict[str, object]:
    """Runs the blocks of a page; `names` are there before, and what the page makes after."""
    page = ROOT / name
    for line, code in blocks(page):
        exec(compile("\n" * line + code, page, "exec"), names)
    return names


def test_every_page_with_python_is_run_below() -> None:
    tests = Path(__file__).read_text()
    assert [page.name for page in PAGES if blocks(page) and f'{page.relative_to(ROOT)}"' not in tests] == []


def test_the_files_that_the_readme_names_exist_and_it_is_short() -> None:
    readme = (ROOT / "README.md").read_text()
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", readme) if "://" not in target]
    assert targets
    assert [target for target in targets if not (ROOT / target.partition("#")[0]).is_file()] == []
    assert readme.count("\n") <= 120


def test_readme(given: dict[str, object]) -> None:
    run_page("README.md", given)
    assert tb_attnviz.open_run("runs/a").steps == [0]
    given["trainer"].train()
    [run] = Path("out", "runs").iterdir()
    assert tb_attnviz.open_run(run).steps == [0, 2]


def test_tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = run_page("docs/tutorial.md", {})
    assert names["run"].steps == [0, 10, 20]
    np.testing.assert_allclose(names["attention"].sum(axis=1), 1, atol=1e-5)


def test_configuration(given: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("probe.txt").write_text("\n".join(TEXTS))
    logged: list[dict[str, float]] = []
    options = ["--output_dir", "out", "--attnviz_probe", "probe.txt", "--attnviz_every", "0.05", "--use_cpu"]
    monkeypatch.setattr(sys, "argv", ["train.py", *options, "--attnviz_layers=0,-1"])
    given |= {"dataclasses": dataclasses, "HfArgumentParser": HfArgumentParser, "Probe": Probe}
    given |= {"TrainingArguments": TrainingArguments, "AttnVizCallback": AttnVizCallback}
    given |= {"AttentionRecorder": AttentionRecorder, "wandb": SimpleNamespace(log=logged.append)}
    run_page("docs/configuration.md", given)
    with given["recorder"] as recorder:
        recorder.record(7)
    assert logged[0]["trainer/global_step"] == 7


def test_training_loop(given: dict[str, object]) -> None:
    names = run_page("docs/how_to/training_loop.md", given)
    assert [layer.heads for layer in names["recorder"].layers] == [2, 2]
    assert "batch_max_logit" in tb_attnviz.open_run("runs/c").health()


def test_trainer(given: dict[str, object]) -> None:
    run_page("docs/how_to/trainer.md", given)["trainer"].train()
    [run] = Path("out", "runs").iterdir()
    assert tb_attnviz.open_run(run).steps == [0, 2]


def test_lightning(given: dict[str, object]) -> None:
    names = run_page("docs/how_to/lightning.md", given)
    names["trainer"].fit(Module(given["model"]), given["loader"])
    [run] = Path("lightning_logs").iterdir()
    assert tb_attnviz.open_run(run).steps == [0, 2]


def test_processes(given: dict[str, object]) -> None:
    run_page("docs/how_to/processes.md", given)
    assert tb_attnviz.open_run("runs/a").steps == [0]


def test_long_runs(given: dict[str, object]) -> None:
    run_page("docs/how_to/long_runs.md", given)["recorder"].close()


def test_object_stores(given: dict[str, object]) -> None:
    class Bucket(MemoryFileSystem):
        """Stands for S3."""

        protocol = "s3"

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return str(super()._strip_protocol(path.replace("s3://", "memory://")))

    fsspec.register_implementation("s3", Bucket, clobber=True)
    try:
        run_page("docs/how_to/object_stores.md", given)
        assert tb_attnviz.open_run("s3://bucket/runs/a").steps == [0]
    finally:
        fsspec.register_implementation("s3", "s3fs.S3FileSystem", clobber=True)


def test_pretrained(given: dict[str, object]) -> None:
    run_page("docs/how_to/pretrained.md", given)
    assert tb_attnviz.open_run("runs/pretrained").steps == [0]


def test_own_attention() -> None:
    given = {"ids": torch.ones(1, 5, dtype=torch.long), "tokens": [list("abcde")]}
    names = run_page("docs/how_to/own_attention.md", {"my_kernel": functional.scaled_dot_product_attention, **given})
    assert names["probe"].record.sequences[0].key_tokens.tokens == ("prefix 1", "prefix 2", *"abcde")
    vectors = torch.randn(1, 2, 5, 8)
    assert names["SparseAttention"]()(vectors, vectors, vectors).shape == vectors.shape
    gate = torch.rand(1, 2, 5) + 0.1
    probe = Probe((vectors, vectors, vectors, gate), [list("abcde")])
    recording = capture(names["GatedAttention"](), probe)
    assert [layer.name for layer in recording.layers] == ["GatedAttention#1"]
    assert "divided" in recording.skipped["GatedAttention"]


def test_images(given: dict[str, object]) -> None:
    pixels = torch.rand(2, 3, 32, 32)
    model = ViTModel(ViTConfig(image_size=32, patch_size=16, **SIZES))
    names = run_page("docs/how_to/images.md", {"model": model, "images": None, "pixel_values": pixels})
    assert tb_attnviz.open_run("runs/vision").probe.sequences[0].grid is not None
    assert names["gradients"].lengths == (5,) * 8


def test_notebooks(given: dict[str, object]) -> None:
    with AttentionRecorder(given["model"], given["probe"], logdir="runs/a", values="norms") as recorder:
        recorder.record(100)
        recorder.record(200)
    names = run_page("docs/how_to/notebooks.md", given)
    assert names["run"].steps == [100, 200]


@pytest.fixture
def decoder() -> GPT2LMHeadModel:
    return GPT2LMHeadModel(GPT2Config(vocab_size=64, n_embd=16, n_head=2, n_layer=2, n_positions=32))


def test_importance(given: dict[str, object], decoder: GPT2LMHeadModel) -> None:
    names = run_page("docs/how_to/importance.md", {**given, "decoder": decoder})
    assert np.isfinite(names["run"].importance().exact).all()
    assert names["run"].connection_steps == [0, 1000, 2000]


def test_importance_explained(given: dict[str, object], decoder: GPT2LMHeadModel) -> None:
    probe = synthetic.repeated_tokens(64, count=8, period=12)
    given |= {"model": decoder, "probe": probe, "AttentionRecorder": AttentionRecorder}
    with run_page("docs/importance.md", given)["recorder"] as recorder:
        recorder.record(1000)
    run = tb_attnviz.open_run("runs/a")
    assert np.isfinite(run.importance().exact).all()
    assert run.connection_steps == [1000]


def test_relations(given: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relations, "_spacy", lambda: parse)  # a parser's model is not among our packages
    probe = given["probe"]
    parts = [["noun" if token.isalpha() else "mark" for token in one.tokens] for one in probe.record.sequences]
    given |= {"probe": probe.with_labels({"part of speech": parts}), "pairs": [[(2, 1)] for _ in TEXTS]}
    given["AttentionRecorder"] = AttentionRecorder
    with run_page("docs/relations.md", given)["recorder"] as recorder:
        recorder.record(0)
    health = tb_attnviz.open_run("runs/a").health()
    followed = {name.removeprefix("follows/") for name in health if name.startswith("follows/")}
    assert followed == {"coreference", "same token", "same part", "parent", "child"}
