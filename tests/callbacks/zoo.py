"""The zoo: models of every kind, tiny and randomly initialised, that the recorder is tried on.

    python -m tests.callbacks.zoo > docs/models.md
"""

import copy
import dataclasses
import logging
import math
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor, nn

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, NoAttentionError, Probe
from tests.callbacks.models import IDS, MASK, TOKENS

TOLERANCE = 1e-3
LEFT_IDS = torch.stack([row.roll(9 - int(mask.sum())) for row, mask in zip(IDS, MASK, strict=True)])
LEFT_MASK = torch.stack([row.roll(9 - int(row.sum())) for row in MASK])

BERT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
LLAMA = {**BERT, "num_key_value_heads": 2, "max_position_embeddings": 64}
VISION = {**BERT, "image_size": 12, "patch_size": 4, "num_channels": 3}
BART = {
    **{"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "max_position_embeddings": 64},
    **{"encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64},
    **{"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2, "forced_eos_token_id": 2},
}


@dataclasses.dataclass(frozen=True)
class Animal:
    """One model of the zoo: how to make it, what to feed it, and what of it is refused."""

    model: str  # its class in transformers, or in this file
    config: dict[str, Any] = dataclasses.field(default_factory=dict)
    config_class: str = ""  # as the model's, unless given
    inputs: str = "text"
    features: str = ""  # what it stands for
    refused: dict[str, str] = dataclasses.field(default_factory=dict)  # end of a module's name → part of the reason
    plain: bool = False  # no model of transformers

    @property
    def name(self) -> str:
        return self.model

    def make(self, implementation: str | None = None) -> nn.Module:
        torch.manual_seed(0)
        if self.model in globals():
            return globals()[self.model]().eval()
        kind = getattr(transformers, self.model)
        name = self.config_class or self.model.removesuffix("Model").removesuffix("Encoder") + "Config"
        vocabulary = {"vocab_size": 64} if self.inputs in ("text", "left", "seq2seq") else {}
        config = getattr(transformers, name)(**{**vocabulary, "initializer_range": 0.3, **self.config})
        if implementation is not None:
            config._attn_implementation = implementation
        model = kind(config).eval()
        with torch.no_grad():  # biases, sinks and tables start as zeros or far too small to be noticed when they are missed
            for parameter in model.parameters():
                if parameter.dim() < 2 or parameter.std() < 0.1:
                    parameter.add_(torch.randn_like(parameter) * 0.3)
        return model

    def feed(self) -> tuple[dict[str, Tensor], list[list[str]], Tensor]:
        """The inputs, the names of their tokens, and which positions hold one [sequences, width]."""
        if self.inputs in ("text", "left"):
            ids, mask = (IDS, MASK) if self.inputs == "text" else (LEFT_IDS, LEFT_MASK)
            return {"input_ids": ids, "attention_mask": mask}, TOKENS, mask.bool()
        if self.inputs == "seq2seq":
            both = {"input_ids": IDS, "attention_mask": MASK}
            return {**both, **{f"decoder_{name}": x for name, x in both.items()}}, TOKENS, MASK.bool()
        if self.inputs == "audio":
            features = torch.randn(2, 8, 18, generator=torch.Generator().manual_seed(1))
            inputs = {"input_features": features, "decoder_input_ids": IDS[:2, :4]}
            return inputs, [list("abcd")] * 2, torch.ones(2, 4, dtype=torch.bool)
        pixels = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(1))
        length = int(self.inputs.removeprefix("image"))
        return {"pixel_values": pixels}, [[str(i) for i in range(length)]] * 2, torch.ones(2, length, dtype=torch.bool)


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of one model under one implementation of attention."""

    layers: int
    error: float  # the largest difference to the model's own attention
    refused: dict[str, str]
    biased: bool


def record(animal: Animal, implementation: str | None) -> Result:
    """Record `animal` through the real writer, read it back, and compare with its own eager weights."""
    inputs, tokens, present = animal.feed()
    model = animal.make(implementation)
    recorder: AttentionRecorder | None = None
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            recorder = AttentionRecorder(model, Probe(inputs, tokens), directory, batch_size=3, on_error="raise")
        except NoAttentionError as error:
            reasons = str(error).partition("(")[2].removesuffix(")")
            return Result(0, math.nan, _reasons(reasons), False)
        with recorder:
            recorder.record(0)
        run = tb_attnviz.open_run(directory)
        told = [str(w.message) for w in caught if "not recorded: " in str(w.message)]
        refused = _reasons(told[0].partition("not recorded: ")[2]) if told else {}
        own = own_attentions(animal, model, inputs, [layer.name for layer in run.layers])
        errors = [0.0]
        for index, (layer, expected) in enumerate(zip(run.layers, own, strict=True)):
            for sequence, kept in enumerate(present):
                for head in range(layer.heads):
                    want = expected[sequence, head][kept][:, kept]
                    errors.append(float(np.abs(run.attention(0, index, head, sequence) - want.numpy()).max()))
        biased = any(run.samples(0, index).bias is not None for index in range(len(run.layers)))
        return Result(len(run.layers), max(errors), refused, biased)


def own_attentions(animal: Animal, model: Any, inputs: dict[str, Tensor], names: list[str]) -> list[Tensor]:
    """What the model itself hands out as attention when it runs eagerly, [batch, heads, n, n], for `names`."""
    if animal.plain:
        return [model.own[name] for name in names]
    twin: Any = animal.make("eager")
    twin.load_state_dict(model.state_dict())
    with torch.no_grad():
        outputs = twin(**inputs, output_attentions=True)
    sides = {"encoder": outputs.get("encoder_attentions"), "decoder": outputs.get("decoder_attentions")}
    if not any(sides.values()):
        return [attention for attention in outputs.attentions if attention is not None]
    return [
        attention
        for side, attentions in sides.items()
        for name, attention in zip([name for name in names if name.startswith(side)], attentions or (), strict=False)
    ]


def _reasons(told: str) -> dict[str, str]:
    """Module → reason, from what the recorder tells its user."""
    return dict(part.split(": ", 1) for part in told.split("; ") if ": " in part)


def page() -> str:
    """docs/models.md."""
    lines = [
        "# Models that are recorded",
        "",
        "Made by `python -m tests.callbacks.zoo > docs/models.md`, and held to by `tests/callbacks/test_zoo.py`: every model,",
        "tiny and randomly initialised, is recorded and read back, and its attention compared with the weights that the model",
        "itself hands out when it runs eagerly, on sequences of several lengths. The error is the largest difference of any",
        "weight, up to 1, over all heads and sequences; anything over 1e-3 fails the test.",
        "",
        "| model | what it stands for | layers | error, by default | error, eager |",
        "|---|---|---|---|---|",
    ]
    refusals = []
    for animal in ZOO:
        results = {implementation: record(animal, implementation) for implementation in animal.implementations}
        default = results[animal.implementations[0]]
        errors = [f"{result.error:.0e}" if result.layers else "refused" for result in results.values()]
        errors += ["as by default"] * (2 - len(errors))
        lines.append(f"| {animal.name} | {animal.features} | {default.layers} | {' | '.join(errors)} |")
        for end, why in animal.refused.items():
            refusals.append(f"| {animal.name} | `{end}` | {why} |")
    lines += ["", "## What is refused", "", "By name, with this reason; the other layers of the model are recorded.", ""]
    lines += ["| model | modules | reason |", "|---|---|---|", *refusals]
    return "\n".join(lines) + "\n"


ZOO = (
    Animal("BertModel", BERT, features="absolute positions"),
    Animal("RobertaModel", BERT),
    Animal("XLMRobertaModel", BERT),
    Animal("CamembertModel", BERT),
    Animal("ElectraModel", {**BERT, "embedding_size": 32}),
    Animal("AlbertModel", {**BERT, "embedding_size": 16}, features="one layer's weights, called twice"),
    Animal("DistilBertModel", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}),
    Animal("MPNetModel", BERT, features="relative positions; plain code"),
    Animal("DebertaModel", {**BERT, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]}),
    Animal("DebertaV2Model", {**BERT, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]}),
    Animal("EsmModel", {**BERT, "position_embedding_type": "rotary", "pad_token_id": 1, "mask_token_id": 3}),
    Animal("RoFormerModel", {**BERT, "embedding_size": 32}),
    Animal("ModernBertModel", {**BERT, "local_attention": 6, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2, "global_attn_every_n_layers": 2}),
    Animal("GPT2Model", {"n_embd": 32, "n_head": 4, "n_layer": 2}),
    Animal("GPT2Model", {"n_embd": 32, "n_head": 4, "n_layer": 2, "scale_attn_by_inverse_layer_idx": True}, inputs="left"),
    Animal("GPTNeoModel", {"hidden_size": 32, "num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]], "window_size": 3}),
    Animal("GPTNeoXModel", BERT),
    Animal("GPTJModel", {"n_embd": 32, "n_head": 4, "n_layer": 2, "rotary_dim": 4}),
    Animal("CodeGenModel", {"n_embd": 32, "n_head": 4, "n_layer": 2, "rotary_dim": 4}),
    Animal("GPTBigCodeModel", {"n_embd": 32, "n_head": 4, "n_layer": 2}),
    Animal("OPTModel", {**BERT, "ffn_dim": 64, "word_embed_proj_dim": 32}),
    Animal("BloomModel", {"hidden_size": 32, "n_head": 4, "n_layer": 2}),
    Animal("MptModel", {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 64}),
    Animal("FalconModel", {**BERT, "alibi": False, "multi_query": True, "new_decoder_architecture": False}),
    Animal("FalconModel", {**BERT, "alibi": True, "multi_query": False, "new_decoder_architecture": False}),
    Animal("LlamaModel", LLAMA),
    Animal("LlamaModel", LLAMA, inputs="left"),
    Animal("MistralModel", {**LLAMA, "sliding_window": 3}),
    Animal("MixtralModel", {**LLAMA, "num_local_experts": 2}),
    Animal("Qwen2Model", LLAMA),
    Animal("Qwen3Model", {**LLAMA, "head_dim": 8}),
    Animal("GemmaModel", {**LLAMA, "head_dim": 8}),
    Animal("Gemma2Model", {**LLAMA, "head_dim": 8, "sliding_window": 3, "attn_logit_softcapping": 2.0}),
    Animal("Gemma3TextModel", {**LLAMA, "head_dim": 8, "sliding_window": 3, "sliding_window_pattern": 2}, config_class="Gemma3TextConfig"),
    Animal("PhiModel", BERT),
    Animal("Phi3Model", {**LLAMA, "pad_token_id": 0}),
    Animal("StableLmModel", LLAMA),
    Animal("CohereModel", LLAMA),
    Animal("Cohere2Model", {**LLAMA, "sliding_window": 3}),
    Animal("OlmoModel", LLAMA),
    Animal("Olmo2Model", LLAMA),
    Animal("GraniteModel", {**LLAMA, "attention_multiplier": 0.4}),
    Animal("Glm4Model", {**LLAMA, "head_dim": 8, "pad_token_id": 0}),
    Animal("GptOssModel", {**LLAMA, "head_dim": 8, "sliding_window": 3, "num_local_experts": 2, "num_experts_per_tok": 1}),
    Animal("DeepseekV3Model", {**BERT, "num_key_value_heads": 4, "q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "v_head_dim": 8, "n_routed_experts": 4, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "first_k_dense_replace": 1}),
    Animal("T5EncoderModel", {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}, config_class="T5Config"),
    Animal("T5Model", {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}, inputs="seq2seq"),
    Animal("BartModel", BART, inputs="seq2seq"),
    Animal("MBartModel", BART, inputs="seq2seq"),
    Animal("PegasusModel", BART, inputs="seq2seq"),
    Animal("MarianModel", BART, inputs="seq2seq"),
    Animal("M2M100Model", BART, inputs="seq2seq"),
    Animal("WhisperModel", {**{k: v for k, v in BART.items() if k != "max_position_embeddings"}, "vocab_size": 64, "num_mel_bins": 8, "max_source_positions": 9, "max_target_positions": 16}, inputs="audio"),
    Animal("ViTModel", VISION, inputs="image10"),
    Animal("DeiTModel", VISION, inputs="image11"),
    Animal("Dinov2Model", VISION, inputs="image10"),
    Animal("BeitModel", {**VISION, "use_relative_position_bias": True}, inputs="image10"),
    Animal("CLIPTextModel", {**BERT, "max_position_embeddings": 64, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}),
    Animal("CLIPVisionModel", VISION, inputs="image10"),
    Animal("SiglipVisionModel", VISION, inputs="image9"),
    Animal("BioGptModel", {**BERT, "max_position_embeddings": 64}),
    Animal("CTRLModel", {"n_embd": 32, "n_head": 4, "n_layer": 2, "dff": 64}),
    Animal("XLMModel", {"emb_dim": 32, "n_heads": 4, "n_layers": 2}),
    Animal("XLNetModel", {"d_model": 32, "n_head": 4, "n_layer": 2, "d_inner": 64}),
    Animal("FunnelModel", {"d_model": 32, "n_head": 4, "d_head": 8, "block_sizes": [1, 1], "num_decoder_layers": 1, "d_inner": 64}),
    Animal("SqueezeBertModel", {**BERT, "embedding_size": 32, "q_groups": 1, "k_groups": 1, "v_groups": 1}),
    Animal("ConvBertModel", {**BERT, "embedding_size": 32}),
    Animal("MambaModel", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}),
    Animal("JambaModel", {**LLAMA, "num_experts": 2, "attn_layer_period": 2, "attn_layer_offset": 1, "use_mamba_kernels": False}),
    Animal("SwinModel", {"image_size": 12, "patch_size": 3, "embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2], "window_size": 2}, inputs="image16"),
    Animal("LongformerModel", {**BERT, "attention_window": 4}),
    Animal("NystromformerModel", {**BERT, "num_landmarks": 3, "segment_means_seq_len": 9}),
    Animal("YosoModel", {**BERT, "use_expectation": True}),
)


if __name__ == "__main__":
    print(page(), end="")
