"""The command line: a pretrained model in one command, and what is on disk."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

import tb_attnviz
from tb_attnviz.cli import main
from tb_attnviz.events import Alert, AlertRecord, RunWriter
from tb_attnviz.snapshot import find_sources
from tb_attnviz.text_file import read_texts
from tests.callbacks.models import MINILM, TEXTS, eager_attentions
from tests.conftest import LAYERS, PROBE, write_checkpoint, write_run


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join([TEXTS[0], "", *TEXTS[1:], "  "]))
    return path


class TestSnapshot:
    def test_records_a_local_model_once(self, texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        logdir = tmp_path / "run"
        options = ["--model", str(MINILM), "--texts", str(texts), "--logdir", str(logdir), "--max-length", "16"]
        assert main(["snapshot", *options]) == 0
        assert "6 layers, 72 heads on 5 texts" in capsys.readouterr().out
        run = tb_attnviz.open_run(logdir)
        assert run.steps == [0]
        tokenizer, model = AutoTokenizer.from_pretrained(MINILM), AutoModel.from_pretrained(MINILM)
        inputs = tokenizer([TEXTS[2]], truncation=True, max_length=16, return_tensors="pt")
        with torch.no_grad():
            expected = eager_attentions(model, dict(inputs))[4][0, 7].numpy()
        np.testing.assert_allclose(run.attention(0, 4, 7, 2), expected, atol=5e-4)

    def test_max_tokens_leaves_later_texts_out(
        self, texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        options = ["--model", str(MINILM), "--texts", str(texts), "--logdir", str(tmp_path / "run"), "--step", "7"]
        assert main(["snapshot", *options, "--max-tokens", "30"]) == 0
        assert "2 texts (3 left out)" in capsys.readouterr().out
        run = tb_attnviz.open_run(tmp_path / "run")
        assert run.steps == [7]
        assert len(run.probe.sequences) == 2
        assert main(["snapshot", *options, "--max-tokens", "3"]) == 1
        assert "the first text alone has 15 tokens, more than --max-tokens 3" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (None, "the texts cannot be read from '{path}' (No such file or directory): give a text file"),
            (b"\xff\xfe\x00", "the texts cannot be read from '{path}' (it is not UTF-8)"),
            (b"\n \n", "'{path}' holds no text: give one text a line"),
        ],
    )
    def test_texts_that_are_none(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, sentence: str
    ) -> None:
        path = tmp_path / "texts.txt"
        if content is not None:
            path.write_bytes(content)
        assert main(["snapshot", "--model", str(MINILM), "--texts", str(path), "--logdir", str(tmp_path / "run")]) == 1
        assert sentence.format(path=path) in capsys.readouterr().err
        assert not (tmp_path / "run").exists()

    def test_a_text_is_a_line_whatever_stands_in_it(self, tmp_path: Path) -> None:
        path = tmp_path / "texts.txt"
        path.write_bytes("\ufeffThe first\u2028one\r\n\nwith\x0ba tab\x85 and more \n".encode())
        assert read_texts(path) == ["The first\u2028one", "with\x0ba tab\x85 and more"]

    def test_a_model_that_is_none(
        self, texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "empty").mkdir()
        options = ["--texts", str(texts), "--logdir", str(tmp_path / "run")]
        assert main(["snapshot", "--model", str(tmp_path / "empty"), *options]) == 1
        error = capsys.readouterr().err
        assert f"no model could be loaded from '{tmp_path}/empty': " in error
        assert error.count("\n") == 1

    def test_without_transformers_it_says_what_to_install(
        self, texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "transformers", None)
        assert main(["snapshot", "--model", "m", "--texts", str(texts), "--logdir", str(tmp_path / "run")]) == 1
        assert "pip install 'tb-attnviz[transformers]'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output directory of a Trainer, with checkpoints at steps 2, 4 and 10, one of them in several files."""
    directory = tmp_path_factory.mktemp("out")
    tokenizer = AutoTokenizer.from_pretrained(MINILM)
    for step in (2, 4, 10):
        checkpoint = directory / f"checkpoint-{step}"
        torch.manual_seed(step)
        small(len(tokenizer)).save_pretrained(checkpoint, max_shard_size="200KB" if step == 4 else "5GB")
        tokenizer.save_pretrained(checkpoint)
        (checkpoint / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    assert len(list(directory.glob("checkpoint-4/*.safetensors"))) > 1
    return directory


class TestCheckpoints:
    """A training that is over, and never heard of us."""

    def test_directories_make_one_run_in_the_order_of_their_steps(
        self, trained: Path, texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        options = ["--checkpoints", f"{trained}/checkpoint-*", "--texts", str(texts), "--logdir", str(tmp_path / "run")]
        assert main(["snapshot", *options]) == 0
        assert "3 checkpoints, steps 2 to 10: recorded 1 layers, 2 heads" in capsys.readouterr().out
        run = tb_attnviz.open_run(tmp_path / "run")
        assert run.steps == [2, 4, 10]
        tokenizer = AutoTokenizer.from_pretrained(MINILM)
        for step in run.steps:
            model = AutoModel.from_pretrained(trained / f"checkpoint-{step}", attn_implementation="eager")
            inputs = tokenizer([TEXTS[0]], return_tensors="pt")
            with torch.no_grad():
                expected = model(**inputs, output_attentions=True).attentions[0][0, 1].numpy()
            np.testing.assert_allclose(run.attention(step, 0, 1, 0), expected, atol=5e-4)

    def test_revisions_of_a_hub_model(
        self, trained: Path, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The hub is not to be had here: its models stand in directories, by revision."""
        load = AutoModel.from_pretrained
        monkeypatch.setattr(
            "transformers.AutoModel.from_pretrained",
            lambda name, revision: load(trained / f"checkpoint-{revision[4:]}"),
        )
        tokenizer = ["--tokenizer", str(MINILM)]
        options = ["--model", "someone/model", "--revisions", "step10,step2", "--texts", str(texts), *tokenizer]
        assert main(["snapshot", *options, "--logdir", str(tmp_path / "run")]) == 0
        assert tb_attnviz.open_run(tmp_path / "run").steps == [2, 10]

    def test_steps_are_the_last_number_of_a_name_where_no_trainer_says_them(self, tmp_path: Path) -> None:
        for name in ("epoch=1-step=200", "step_30", "7"):
            (tmp_path / name).mkdir()
        sources = find_sources(None, [f"{tmp_path}/*"], None, step=0)
        assert [(Path(source.name).name, source.step) for source in sources] == [
            ("7", 7), ("step_30", 30), ("epoch=1-step=200", 200),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ([], "give either --model, a directory or a hub name, or --checkpoints"),
            (["--model", "a", "--checkpoints", "b"], "give either --model"),
            (["--checkpoints", "{path}/none-*"], "no directory matches --checkpoints '{path}/none-*'"),
            (["--checkpoints", "{path}/final"], "no step can be read from 'final'"),
            (["--checkpoints", "{path}/step-1", "{path}/again-1"], "are both of step 1: give one of them"),
            (["--model", "a", "--revisions", ","], "--revisions ',' names none"),
        ],
        ids=str,
    )
    def test_what_cannot_be(
        self, options: list[str], sentence: str, tmp_path: Path, texts: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for name in ("final", "step-1", "again-1"):
            (tmp_path / name).mkdir()
        given = [option.format(path=tmp_path) for option in options]
        assert main(["snapshot", *given, "--texts", str(texts), "--logdir", str(tmp_path / "run")]) == 1
        assert sentence.format(path=tmp_path) in capsys.readouterr().err


def small(vocabulary: int) -> BertModel:
    return BertModel(
        BertConfig(
            vocab_size=vocabulary, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
        )
    )


class TestInspect:
    @pytest.fixture
    def logdir(self, tmp_path: Path) -> Path:
        """Runs `a/deep` with two checkpoints and an alert, and `b` without any; `other` is not ours."""
        writer = write_run(tmp_path / "a" / "deep", (0, 1500))
        writer.write_alerts(AlertRecord(0, (Alert(0, "sink", "sink", True, 0.8, "too many sinks", ()),), active=1))
        writer.close()
        empty = RunWriter(str(tmp_path / "b"))
        empty.write_probe(PROBE, step=0)
        empty.close()
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "events.out.tfevents.1").touch()
        return tmp_path

    def test_lists_runs_below_a_directory(self, logdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["inspect", str(logdir)]) == 0
        first, second = capsys.readouterr().out.split("\n\n")
        size = sum(path.stat().st_size for path in (logdir / "a" / "deep" / "plugins" / "attnviz").iterdir())
        assert first.splitlines()[0] == "a/deep"
        for part in (
            "2, from 0 to 1,500",
            f"{size / 1e6:.1f} MB of samples",
            "3 sequences, 18 tokens",
            "entropy, max_logit",
            "too many sinks",
            "2, 10 heads",
            "1  blocks.1.attention  6 heads of 8, 2 of keys",
        ):
            assert part in first
        assert second.splitlines()[0] == "b"
        assert "none yet" in second

    def test_numbers_layers_as_the_model_does(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        writer = RunWriter(str(tmp_path / "run"))
        writer.begin(0, PROBE, [dataclasses.replace(LAYERS[0], number=7)])
        writer.close()
        assert main(["inspect", str(tmp_path)]) == 0
        assert "     7  blocks.0.attention  4 heads of 8" in capsys.readouterr().out

    def test_as_json(self, logdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["inspect", str(logdir), "--json"]) == 0
        first, second = json.loads(capsys.readouterr().out)["runs"]
        assert first["run"] == "a/deep"
        assert first["steps"] == [0, 1500]
        assert first["layers"][1] == {
            "name": "blocks.1.attention",
            "heads": 6,
            "kv_heads": 2,
            "head_dim": 8,
            "scale": 0.3,
            "causal": False,
            "softcap": None,
            "number": None,
            "head_numbers": None,
            "queries_of": "tokens",
            "keys_of": "tokens",
            "query_grid": None,
            "key_grid": None,
            "query_special": 0,
            "key_special": 0,
            "values": False,
        }
        assert second["steps"] == []

    def test_a_run_that_cannot_be_read_says_why(
        self, logdir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tb_attnviz.events.documents.VERSION", 99)
        newer = RunWriter(str(logdir / "newer"))
        newer.write_probe(PROBE, step=0)
        newer.close()
        monkeypatch.undo()
        assert main(["inspect", str(logdir)]) == 0
        out = capsys.readouterr().out
        assert "newer\n  cannot be read: the probe was recorded in format version 99" in out
        assert "a/deep" in out

    def test_a_run_in_an_object_store(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        address = f"memory://{tmp_path}/run"
        writer = RunWriter(address)
        writer.write_probe(PROBE, step=0)
        write_checkpoint(writer, 0)
        writer.close()
        assert main(["inspect", address, "--json"]) == 0
        [run] = json.loads(capsys.readouterr().out)["runs"]
        assert (run["run"], run["steps"], run["sequences"]) == (".", [0], len(PROBE.sequences))
        assert run["bytes"]["samples"] > 0
        assert main(["inspect", f"{address}/none"]) == 1
        assert "no attention was recorded below" in capsys.readouterr().err

    def test_nothing_to_list(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["inspect", str(tmp_path)]) == 1
        assert "no attention was recorded below" in capsys.readouterr().err
        assert main(["inspect", str(tmp_path / "missing")]) == 1
        assert "is no directory" in capsys.readouterr().err


def test_inspect_imports_no_torch(run_directory: Path) -> None:
    code = (
        f"import sys; from tb_attnviz.cli import main; main(['inspect', {str(run_directory)!r}]); "
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
