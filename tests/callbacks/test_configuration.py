"""What can be said in files and on command lines: LightningCLI's YAML, Hydra's, a dataclass of arguments."""

import dataclasses
import re
from pathlib import Path

import hydra
import pytest
import torch
import yaml
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.cli import LightningCLI
from omegaconf import OmegaConf
from torch.utils.data import DataLoader
from transformers import BertConfig, BertModel, HfArgumentParser

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.callbacks.huggingface import AttnVizCallback
from tests.callbacks.models import MINILM, TEXTS

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning", "ignore::FutureWarning", "ignore:.*workers")
DOCUMENT = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
LIGHTNING, HYDRA = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL))


class Bert(LightningModule):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        sizes = {"intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
        self.model = BertModel(BertConfig(hidden_size=width, **sizes))

    def training_step(self, ids: torch.Tensor, index: int) -> torch.Tensor:
        return self.model(ids).last_hidden_state.square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-2)


class Data(LightningDataModule):
    def train_dataloader(self) -> DataLoader:
        return DataLoader(torch.randint(1000, (8, 6)), batch_size=2)


@pytest.fixture
def probe_of(tmp_path):
    """What a probe is made of, as it stands in a file."""
    texts = tmp_path / "probe.txt"
    texts.write_text("\n".join(TEXTS))
    return {"texts": str(texts), "tokenizer": str(MINILM)}


def test_lightning_cli(tmp_path, probe_of):
    [callback] = LIGHTNING["trainer"]["callbacks"]
    callback["init_args"]["probe"]["init_args"] = probe_of
    callback["init_args"]["logdir"] = str(tmp_path / "run")
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"trainer": {"max_steps": 4, **LIGHTNING["trainer"], **quiet}}))
    LightningCLI(Bert, Data, args=["fit", "--config", str(config)], save_config_callback=None)
    run = tb_attnviz.open_run(tmp_path / "run")
    assert run.steps == [0, 1, 2, 4]
    assert run.health_steps == [0, 1, 2, 3, 4]
    assert [(layer.number, layer.head_numbers) for layer in run.layers] == [(0, None), (1, (1,))]
    assert run.probe.tokens <= 30


def test_hydra(tmp_path, probe_of):
    given = {**HYDRA["attention"], "probe": {**HYDRA["attention"]["probe"], **probe_of}}
    assert isinstance(hydra.utils.instantiate(OmegaConf.create(given)), AttnVizCallback)
    given |= {"_target_": "tb_attnviz.callbacks.AttentionRecorder", "every": "2", "heads": [1]}
    with hydra.utils.instantiate(OmegaConf.create(given), model=Bert().model, logdir=str(tmp_path)) as recorder:
        for step in range(4):
            recorder.step(step)
    run = tb_attnviz.open_run(tmp_path)
    assert run.steps == [0, 2]
    assert [layer.head_numbers for layer in run.layers] == [(1,), (1,)]


@dataclasses.dataclass
class Arguments:
    attnviz_probe: str
    attnviz_every: str = "100"
    attnviz_layers: str | None = None
    attnviz_heads: str | None = None


def test_arguments_of_a_command(tmp_path, probe_of):
    words = f"--attnviz_probe {probe_of['texts']} --attnviz_every 2 --attnviz_layers=0,-1 --attnviz_heads=1"
    [given] = HfArgumentParser(Arguments).parse_args_into_dataclasses(words.split())
    probe = Probe.from_texts(given.attnviz_probe, probe_of["tokenizer"])
    options = {"every": given.attnviz_every, "layers": given.attnviz_layers, "heads": given.attnviz_heads}
    AttnVizCallback(probe, **options)
    with AttentionRecorder(Bert().model, probe, tmp_path, **options) as recorder:
        for step in range(4):
            recorder.step(step)
    run = tb_attnviz.open_run(tmp_path)
    assert run.steps == [0, 2]
    assert [layer.head_numbers for layer in run.layers] == [(1,), (1,)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": "5"}, "layers names the layer 5, but the model has the layers 0 to 1"),
        ({"heads": "1,last"}, "heads names 'last', which is no number of a head: give numbers, as 0,3"),
        ({"heads": {"-1": "7"}}, "heads names head 7"),
    ],
)
def test_strings_that_name_nothing(tmp_path, probe_of, options, message):
    with pytest.raises(ValueError, match=message):
        AttentionRecorder(Bert().model, Probe.from_texts(**probe_of), tmp_path, **options)
