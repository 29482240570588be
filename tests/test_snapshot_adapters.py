"""A snapshot of adapters over a base model shows the attention that the adapted model has."""

import numpy as np
import pytest
import tokenizers
import torch
from transformers import AutoModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

import tb_attnviz
from tb_attnviz.cli import main

pytestmark = pytest.mark.full
peft = pytest.importorskip("peft", reason="make full installs peft")

WORDS = {"[UNK]": 0, "[PAD]": 1, **{chr(97 + i): i + 2 for i in range(26)}}


def test_adapters_of_several_steps(tmp_path):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=60, hidden_size=48, num_hidden_layers=2, num_attention_heads=3, intermediate_size=64
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    of_words = tokenizers.Tokenizer(tokenizers.models.WordLevel(WORDS, unk_token="[UNK]"))
    of_words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=of_words, unk_token="[UNK]", pad_token="[PAD]")
    base = LlamaForCausalLM.from_pretrained(tmp_path / "base")
    options = peft.LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["q_proj", "v_proj"])
    model = peft.get_peft_model(base, options).eval()
    model.base_model.model.set_attn_implementation("eager")
    ids = torch.tensor([[WORDS[letter] for letter in "abcdefg"]])
    expected = {}
    for step in (10, 20):
        for name, parameter in model.named_parameters():
            if "lora" in name:
                torch.nn.init.normal_(parameter)
        directory = tmp_path / f"checkpoint-{step}"
        model.save_pretrained(directory)
        tokenizer.save_pretrained(directory)
        with torch.no_grad():
            expected[step] = model(input_ids=ids, output_attentions=True).attentions
    texts = tmp_path / "texts.txt"
    texts.write_text("a b c d e f g\n")
    checkpoints = [str(tmp_path / f"checkpoint-{step}") for step in expected]
    assert (
        main(["snapshot", "--checkpoints", *checkpoints, "--texts", str(texts), "--logdir", str(tmp_path / "run")]) == 0
    )
    run = tb_attnviz.open_run(tmp_path / "run")
    of_base = AutoModel.from_pretrained(tmp_path / "base", attn_implementation="eager").eval()
    with torch.no_grad():
        without = of_base(input_ids=ids, output_attentions=True).attentions
    for step, attentions in expected.items():
        for layer, attention in enumerate(attentions):
            assert not torch.allclose(attention, without[layer], atol=0.05), "adapters must matter"
            for head in range(3):
                np.testing.assert_allclose(run.attention(step, layer, head, 0), attention[0, head], atol=1e-3)
