"""The zoo: models of every kind, tiny and randomly initialised, that the recorder is tried on.

python -m tests.callbacks.zoo: writes its part of docs/models.md
"""

import dataclasses
import math
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor, nn

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, NoAttentionError, Probe
from tests.callbacks import plain
from tests.callbacks.models import IDS, MASK, TOKENS

TOLERANCE = 1e-3
PAGE = Path(__file__).parents[2] / "docs" / "models.md"
OTHER_PACKAGES = "\n## Models of other packages\n"  # where the part of tests/zoo begins
LEFT_IDS = torch.stack([row.roll(9 - int(mask.sum())) for row, mask in zip(IDS, MASK, strict=True)])
TARGET_MASK = torch.tensor([[1] * n + [0] * (7 - n) for n in (7, 3, 5, 2)])
TARGET_IDS = IDS.flip(0, 1)[:, :7].clamp(min=3) * TARGET_MASK
TARGETS = [[str(i) for i in range(int(n))] for n in TARGET_MASK.sum(dim=1)]
LEFT_MASK = torch.stack([row.roll(9 - int(row.sum())) for row in MASK])

BERT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
LLAMA = {**BERT, "num_key_value_heads": 2, "max_position_embeddings": 64}
VISION = {**BERT, "image_size": 12, "patch_size": 4, "num_channels": 3}
BART = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "max_position_embeddings": 64,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
    "forced_eos_token_id": 2,
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
    layers: int = 2  # that are recorded
    implementations: tuple[str | None, ...] = (None, "eager")
    plain: bool = False  # no model of transformers, but of plain.py

    @property
    def name(self) -> str:
        """One of its own in the zoo."""
        return f"{self.model}: {self.features}" if self.features else self.model

    def make(self, implementation: str | None = None) -> nn.Module:
        torch.manual_seed(0)
        if self.plain:
            return getattr(plain, self.model)().eval()
        kind = getattr(transformers, self.model)
        name = self.config_class or self.model.removesuffix("Model").removesuffix("Encoder") + "Config"
        vocabulary = {"vocab_size": 64} if self.inputs in ("text", "left", "whole", "seq2seq", "both", "states") else {}
        config = getattr(transformers, name)(**{**vocabulary, "initializer_range": 0.3, **self.config})
        if implementation is not None:
            config._attn_implementation = implementation
        model = kind(config).eval()
        with (
            torch.no_grad()
        ):  # biases, sinks and tables start as zeros or far too small to be noticed when they are missed
            for parameter in model.parameters():
                if parameter.dim() < 2 or parameter.std() < 0.1:
                    parameter.add_(torch.randn_like(parameter) * 0.3)
        return model

    def feed_key_side(self) -> tuple[dict[str, Tensor], list[list[str]], Tensor] | None:
        """Likewise of what the tokens attend to across, where the model has two sides."""
        if self.inputs == "both":
            return {"input_ids": IDS, "attention_mask": MASK}, TOKENS, MASK.bool()
        if self.inputs == "states":
            states = torch.randn(4, 7, 32, generator=torch.Generator().manual_seed(1))
            inputs = {"encoder_hidden_states": states, "encoder_attention_mask": TARGET_MASK}
            return inputs, TARGETS, TARGET_MASK.bool()
        if self.inputs == "painting":
            return {"input_ids": IDS, "encoder_attention_mask": MASK}, TOKENS, MASK.bool()
        if self.inputs == "speech":
            features = torch.randn(2, 8, 18, generator=torch.Generator().manual_seed(1))
            return {"input_features": features}, [list("abcdefghi")] * 2, torch.ones(2, 9, dtype=torch.bool)
        return None

    def feed(self) -> tuple[dict[str, Tensor], list[list[str]], Tensor]:
        """The inputs, the names of their tokens, and which positions hold one [sequences, width]."""
        if self.inputs == "both":
            inputs = {"decoder_input_ids": TARGET_IDS, "decoder_attention_mask": TARGET_MASK}
            return inputs, TARGETS, TARGET_MASK.bool()
        if self.inputs == "states":
            return {"input_ids": IDS, "attention_mask": MASK}, TOKENS, MASK.bool()
        if self.inputs == "painting":
            latents = torch.randn(4, 16, 32, generator=torch.Generator().manual_seed(1))
            return {"latents": latents}, [list("abcdefghijklmnop")] * 4, torch.ones(4, 16, dtype=torch.bool)
        if self.inputs == "speech":
            return {"decoder_input_ids": IDS[:2, :4]}, [list("abcd")] * 2, torch.ones(2, 4, dtype=torch.bool)
        if self.inputs in ("text", "left"):
            ids, mask = (IDS, MASK) if self.inputs == "text" else (LEFT_IDS, LEFT_MASK)
            return {"input_ids": ids, "attention_mask": mask}, TOKENS, mask.bool()
        if self.inputs == "whole":
            return {"input_ids": IDS}, [list("abcdefghi")] * len(IDS), torch.ones_like(IDS, dtype=torch.bool)
        if self.inputs == "seq2seq":
            both = {"input_ids": IDS, "attention_mask": MASK}
            return {**both, **{f"decoder_{name}": x for name, x in both.items()}}, TOKENS, MASK.bool()
        if self.inputs == "audio":
            features = torch.randn(2, 8, 18, generator=torch.Generator().manual_seed(1))
            inputs = {"input_features": features, "decoder_input_ids": IDS[:2, :4]}
            return inputs, [list("abcd")] * 2, torch.ones(2, 4, dtype=torch.bool)
        if self.inputs.startswith("map"):
            width = int(self.inputs.removeprefix("map"))
            pixels, length = torch.randn(2, 3, 64, width, generator=torch.Generator().manual_seed(1)), 4 * width
            return (
                {"pixel_values": pixels},
                [list(map(str, range(length)))] * 2,
                torch.ones(2, length, dtype=torch.bool),
            )
        length = int(self.inputs.removeprefix("image"))
        side = 16 if length == 64 else 12
        pixels = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
        return {"pixel_values": pixels}, [[str(i) for i in range(length)]] * 2, torch.ones(2, length, dtype=torch.bool)


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of one model under one implementation of attention."""

    layers: int
    values: int  # layers with the norms of their values
    error: float  # the largest difference to the model's own attention
    spread: float  # the largest difference of that to uniform attention, which any recording would match
    refused: dict[str, str]


def record(animal: Animal, implementation: str | None) -> Result:
    """Record `animal` through the real writer, read it back, and compare with its own eager weights."""
    inputs, tokens, present = animal.feed()
    key_side = animal.feed_key_side()
    key_inputs, key_tokens, key_present = ({}, None, present) if key_side is None else key_side
    inputs = {**key_inputs, **inputs}
    kept_of = {"tokens": present, "key_tokens": key_present}
    model = animal.make(implementation)
    recorder: AttentionRecorder | None = None
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            recorder = AttentionRecorder(
                model,
                Probe(inputs, tokens, key_tokens=key_tokens),
                directory,
                values="norms",
                batch_size=3,
                on_error="raise",
            )
        except NoAttentionError as error:
            reasons = str(error).partition("(")[2].removesuffix(")")
            return Result(0, 0, 0.0, math.inf, _reasons(reasons))
        with recorder:
            recorder.record(0)
        run = tb_attnviz.open_run(directory)
        told = [str(w.message) for w in caught if "not recorded: " in str(w.message)]
        refused = _reasons(told[0].partition("not recorded: ")[2]) if told else {}
        own = own_attentions(animal, model, inputs, [layer.name for layer in run.layers])
        errors, spread = [0.0], 0.0
        for index, (layer, expected) in enumerate(zip(run.layers, own, strict=True)):
            for sequence in range(len(present)):
                queries, keys = kept_of[layer.queries_of][sequence], kept_of[layer.keys_of][sequence]
                if layer.query_grid is not None:
                    queries = torch.ones(layer.query_special + layer.query_grid.size, dtype=torch.bool)
                if layer.key_grid is not None:
                    keys = torch.ones(layer.key_special + layer.key_grid.size, dtype=torch.bool)
                for head in range(layer.heads):
                    want = expected[sequence, head][queries][:, keys].numpy()
                    errors.append(float(np.abs(run.attention(0, index, head, sequence) - want).max()))
                    uniform = (want > 0) / (want > 0).sum(axis=-1, keepdims=True)
                    spread = max(spread, float(np.abs(want - uniform).max()))
        values = sum(layer.values for layer in run.layers)
        return Result(len(run.layers), values, max(errors), spread, refused)


def own_attentions(animal: Animal, model: Any, inputs: dict[str, Tensor], names: list[str]) -> list[Tensor]:
    """What the model itself hands out as attention when it runs eagerly, [batch, heads, query, key], for `names`."""
    if animal.plain:
        with torch.no_grad():
            model(**inputs)  # all sequences at once: the recorder showed it some at a time
        return [model.own[name] for name in names]
    twin: Any = animal.make("eager")
    twin.load_state_dict(model.state_dict())
    if animal.model.startswith("Swin"):
        return own_windows(twin, inputs["pixel_values"])
    with torch.no_grad():
        outputs = twin(**inputs, output_attentions=True)
    sides = {"encoder": outputs.get("encoder_attentions"), "decoder": outputs.get("decoder_attentions")}
    across = outputs.get("cross_attentions") if animal.feed_key_side() else None
    if across:
        sides = sides if sides["decoder"] else {"encoder": outputs.attentions, "decoder": None}
        left = {"cross": list(across), **{side: list(attentions or ()) for side, attentions in sides.items()}}
        return [
            left["cross" if is_cross(name) else "decoder" if name.startswith("decoder") else "encoder"].pop(0)
            for name in names
        ]
    if not any(sides.values()):
        width = inputs[next(iter(inputs))].shape[1] if "input_ids" in inputs else 0
        blocks = [a for stage in outputs.attentions for a in (stage if isinstance(stage, tuple) else (stage,))]
        found = [a for a in blocks if a is not None and (not width or a.shape[-2:] == (width, width))]
        return found + own_pooling(twin, inputs) if names[-1].endswith("head.attention") else found
    return [
        attention
        for side, attentions in sides.items()
        for name, attention in zip([name for name in names if name.startswith(side)], attentions or (), strict=False)
    ]


def own_pooling(model: Any, inputs: dict[str, Tensor]) -> list[Tensor]:
    """Of a head in which a learned query looks at all patches, which transformers does not hand out."""
    head = next(module for module in model.modules() if isinstance(module, nn.MultiheadAttention))
    weights: list[Tensor] = []
    hook = head.register_forward_hook(
        lambda module, args, _: weights.append(module.forward(*args, average_attn_weights=False)[1])
    )
    with torch.no_grad():
        model(**inputs)
    hook.remove()
    return weights


def is_cross(name: str) -> bool:
    return any(part in name for part in ("crossattention", "encoder_attn", "EncDecAttention"))


def own_windows(model: Any, pixels: Tensor) -> list[Tensor]:
    """Of every layer of a Swin of windows of 4 × 4, [batch, heads, n, n], its windows put where the paper has them."""
    weights: list[Tensor] = []
    layers = [module for module in model.modules() if type(module).__name__ in ("SwinAttention", "Swinv2Attention")]
    hooks = [layer.register_forward_hook(lambda module, args, output: weights.append(output[1])) for layer in layers]
    with torch.no_grad():
        model(pixel_values=pixels, output_attentions=True)
    for hook in hooks:
        hook.remove()
    found = []
    for index, of_layer in enumerate(weights):  # (batch · windows, heads, 16, 16)
        side = 8 if index < 2 else 4
        shift = 2 if index % 2 and side > 4 else 0
        whole = torch.zeros(len(pixels), of_layer.shape[1], side**2, side**2)
        for number, window in enumerate(of_layer):
            image, place = divmod(number, (side // 4) ** 2)
            down, across = divmod(place, side // 4)
            rows, columns = ((torch.arange(4) + 4 * at + shift) % side for at in (down, across))
            tokens = (rows[:, None] * side + columns).flatten()
            whole[image][:, tokens[:, None], tokens] = window
        found.append(whole)
    return found


def _reasons(told: str) -> dict[str, str]:
    """Module → reason, from what the recorder tells its user."""
    return dict(part.split(": ", 1) for part in told.split("; ") if ": " in part)


def page(results: Callable[[Animal, str | None], Result] = record) -> str:
    """docs/models.md."""
    lines = [HEADER]
    refusals = []
    for animal in ZOO:
        found = [results(animal, implementation) for implementation in animal.implementations]
        errors = [f"{result.error:.0e}" if result.layers else "refused" for result in found]
        columns = [*(errors if animal.implementations[0] is None else ["", *errors]), "", ""][:2]
        lines.append(
            f"| {animal.model} | {animal.features} | {found[0].layers} | {found[0].values} | {' | '.join(columns)} |"
        )
        for end, why in animal.refused.items():
            told = next((told for told in found[0].refused.values() if why in told), why)
            refusals.append(f"| {animal.model} | {_pattern(end)} | {told} |")
    return "\n".join([*lines, REFUSED, *refusals]) + "\n"


def _pattern(end: str) -> str:
    return f"`…{end}`" if end else "all"


HEADER = """\
# Models that are recorded

Every model below, tiny and randomly initialised, is recorded on sequences of several lengths, written, read back with
`open_run`, and its attention compared with the weights that the model itself hands out when it runs eagerly. The error
is the largest difference of any weight over all heads and sequences; more than 1e-3 fails the test. Models of
transformers run once as they do by default and once with `attn_implementation="eager"`, where they know both. "Plain
code" multiplies queries and keys itself. "With values": layers whose values' norms are recorded, too, on request.

Made by `python -m tests.callbacks.zoo`; `tests/callbacks/test_zoo.py` holds it to the list of models.

| model | what it stands for | layers recorded | with values | error, default | error, eager |
|---|---|---|---|---|---|"""

REFUSED = """
## What is refused

Modules whose attention cannot be recorded are named with the reason, once, when the recorder is made; the others of the
model are recorded. A model with none that can raises `NoAttentionError`.

| model | modules | reason |
|---|---|---|"""

CROSS = "it is cross-attention: its keys are those of another sequence"
NO_SOFTMAX = "which has no softmax over products of queries and keys"
NOT_SEEN = "in which no softmax over products of queries and keys was seen"
UNSEEN = "its logits are no product of queries and keys that could be seen"
CHANGED = "its weights are changed after softmax"
MIXED = "its weights are mixed with those of another softmax before they meet values"
GPT = {"n_embd": 32, "n_head": 4, "n_layer": 2}
T5 = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
GEMMA = {**LLAMA, "head_dim": 8, "sliding_window": 3}
FALCON = {**BERT, "new_decoder_architecture": False}
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
WHISPER = {
    **{key: value for key, value in BART.items() if key != "max_position_embeddings"},
    "vocab_size": 64,
    "num_mel_bins": 8,
    "max_source_positions": 9,
    "max_target_positions": 16,
}
DEEPSEEK = {
    **BERT,
    "num_key_value_heads": 4,
    "q_lora_rank": 8,
    "kv_lora_rank": 8,
    "qk_rope_head_dim": 4,
    "qk_nope_head_dim": 4,
    "v_head_dim": 8,
    "n_routed_experts": 4,
    "n_group": 1,
    "topk_group": 1,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "first_k_dense_replace": 1,
}
DEBERTA = {**BERT, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
SWIN = {"image_size": 16, "patch_size": 2, "embed_dim": 8, "depths": [2, 2], "num_heads": [2, 4], "window_size": 4}
PYRAMID = {"depths": [1, 1, 1], "sr_ratios": [4, 2, 1], "strides": [4, 2, 2], "hidden_sizes": [8, 16, 32]}
PYRAMID |= {"sequence_reduction_ratios": [4, 2, 1], "num_attention_heads": [1, 2, 4], "mlp_ratios": [2, 2, 2]}
ONCE: tuple[str | None, ...] = (None,)  # it knows one implementation only


def _of_torch(model: str, features: str, **options: Any) -> Animal:
    return Animal(model, features=features, implementations=ONCE, plain=True, **options)


def _seq2seq(model: str, config: dict[str, Any], end: str) -> Animal:
    features = "encoder and decoder, shown the same tokens"
    return Animal(model, config, inputs="seq2seq", layers=4, features=features, refused={end: CROSS})


def _two_sides(model: str, config: dict[str, Any], inputs: str = "both", layers: int = 6) -> Animal:
    return Animal(model, config, inputs=inputs, layers=layers, features="both sides, cross-attention")


ZOO = (
    Animal("BertModel", BERT, features="absolute positions"),
    Animal("RobertaModel", BERT),
    Animal("XLMRobertaModel", BERT),
    Animal("CamembertModel", BERT),
    Animal("ElectraModel", {**BERT, "embedding_size": 32}),
    Animal("AlbertModel", {**BERT, "embedding_size": 16}, features="one layer's weights, called twice"),
    Animal("DistilBertModel", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}),
    Animal("MPNetModel", BERT, features="plain code, relative positions", implementations=ONCE),
    Animal("DebertaModel", DEBERTA, features="plain code, disentangled terms as bias", implementations=ONCE),
    Animal("DebertaV2Model", DEBERTA, features="plain code, disentangled terms as bias", implementations=ONCE),
    Animal("EsmModel", {**BERT, "position_embedding_type": "rotary", "pad_token_id": 1, "mask_token_id": 3}),
    Animal("RoFormerModel", {**BERT, "embedding_size": 32}, features="plain code, rotary", implementations=ONCE),
    Animal(
        "ModernBertModel",
        {**BERT, **SPECIAL, "local_attention": 6, "global_attn_every_n_layers": 2},
        features="windows on both sides",
    ),
    Animal("ConvBertModel", {**BERT, "embedding_size": 32}, features="plain code", implementations=ONCE),
    Animal("GPT2Model", GPT, features="causal"),
    Animal("GPT2Model", {**GPT, "scale_attn_by_inverse_layer_idx": True}, inputs="left", features="padded on the left"),
    Animal(
        "GPTNeoModel",
        {"hidden_size": 32, "num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]]}
        | {"window_size": 3},
        features="plain code, no scale, a window in every other layer",
        implementations=ONCE,
    ),
    Animal("GPTNeoXModel", BERT),
    Animal("GPTJModel", {**GPT, "rotary_dim": 4}, features="plain code", implementations=ONCE),
    Animal("CodeGenModel", {**GPT, "rotary_dim": 4}, features="plain code", implementations=ONCE),
    Animal("GPTBigCodeModel", GPT, features="one head of keys"),
    Animal("OPTModel", {**BERT, "ffn_dim": 64, "word_embed_proj_dim": 32}),
    Animal(
        "BloomModel", {"hidden_size": 32, "n_head": 4, "n_layer": 2}, features="ALiBi, baddbmm", implementations=ONCE
    ),
    Animal(
        "MptModel",
        {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 64},
        features="ALiBi, plain code",
        implementations=ONCE,
    ),
    Animal("FalconModel", {**FALCON, "alibi": False, "multi_query": True}, features="one head of keys"),
    Animal(  # its eager code adds ALiBi twice, its sdpa code once: they are not the same model
        "FalconModel", {**FALCON, "alibi": True, "multi_query": False}, features="ALiBi", implementations=("eager",)
    ),
    Animal("LlamaModel", LLAMA, features="grouped keys"),
    Animal("LlamaModel", LLAMA, inputs="left", features="padded on the left"),
    Animal("MistralModel", {**LLAMA, "sliding_window": 3}, features="a sliding window"),
    Animal("MixtralModel", {**LLAMA, "num_local_experts": 2}),
    Animal("Qwen2Model", LLAMA),
    Animal("Qwen3Model", {**LLAMA, "head_dim": 8}, features="QK-norm"),
    Animal("GemmaModel", {**LLAMA, "head_dim": 8}),
    Animal("Gemma2Model", {**GEMMA, "attn_logit_softcapping": 2.0}, features="a soft cap", implementations=ONCE),
    Animal("Gemma3TextModel", {**GEMMA, "sliding_window_pattern": 2}, config_class="Gemma3TextConfig"),
    Animal("PhiModel", BERT),
    Animal("Phi3Model", {**LLAMA, "pad_token_id": 0}),
    Animal("StableLmModel", LLAMA),
    Animal("CohereModel", LLAMA),
    Animal("Cohere2Model", {**LLAMA, "sliding_window": 3}),
    Animal("OlmoModel", LLAMA),
    Animal("Olmo2Model", LLAMA),
    Animal("GraniteModel", {**LLAMA, "attention_multiplier": 0.4}, features="a scale of its own"),
    Animal("Glm4Model", {**LLAMA, "head_dim": 8, "pad_token_id": 0}),
    Animal(
        "GptOssModel",
        {**GEMMA, "num_local_experts": 2, "num_experts_per_tok": 1},
        features="sinks",
        implementations=ONCE,
    ),
    Animal("DeepseekV3Model", DEEPSEEK, features="latent attention"),
    Animal("BioGptModel", {**BERT, "max_position_embeddings": 64}),
    Animal("CTRLModel", {**GPT, "dff": 64}),
    Animal("XLMModel", {"emb_dim": 32, "n_heads": 4, "n_layers": 2}, features="plain code", implementations=ONCE),
    Animal(
        "XLNetModel",
        {"d_model": 32, "n_head": 4, "n_layer": 2, "d_inner": 64},
        features="plain code, einsum, relative terms as bias",
        implementations=ONCE,
    ),
    Animal("T5EncoderModel", T5, config_class="T5Config", features="a bias by relative position"),
    _seq2seq("T5Model", T5, "EncDecAttention"),
    _seq2seq("BartModel", BART, "encoder_attn"),
    _two_sides("T5Model", T5),
    _two_sides("BartModel", BART),
    _two_sides("MBartModel", BART),
    _two_sides("PegasusModel", BART),
    _two_sides("MarianModel", BART),
    _two_sides("M2M100Model", BART),
    _two_sides("WhisperModel", WHISPER, "speech"),
    _two_sides("BertModel", {**BERT, "is_decoder": True, "add_cross_attention": True}, "states", 4),
    Animal(
        "WhisperModel",
        WHISPER,
        inputs="audio",
        features="the probe names the decoder's tokens",
        refused={
            "self_attn": "it attends among the encoder's inputs, and the probe names the decoder's tokens",
            "encoder_attn": CROSS,
        },
    ),
    Animal("ViTModel", VISION, inputs="image10", features="patches and [CLS]"),
    Animal("DeiTModel", VISION, inputs="image11"),
    Animal("Dinov2Model", VISION, inputs="image10"),
    Animal(
        "BeitModel", {**VISION, "use_relative_position_bias": True}, inputs="image10", features="a bias by position"
    ),
    Animal(
        "DiffLlamaModel",
        LLAMA,
        features="differential attention",
        layers=0,
        refused={"self_attn": "its result is subtracted from that of another attention"},
    ),
    Animal("CLIPTextModel", {**BERT, **SPECIAL, "max_position_embeddings": 64}),
    Animal("CLIPVisionModel", VISION, inputs="image10"),
    Animal(
        "SiglipVisionModel", VISION, inputs="image9", layers=3, features="a learned query that pools, behind two layers"
    ),
    Animal(
        "SwinModel", SWIN, inputs="image64", layers=4, features="windows, every other layer's shifted, on two grids"
    ),
    Animal(
        "Swinv2Model",
        SWIN,
        inputs="image64",
        layers=4,
        features="windows, cosine attention with a temperature a head",
        implementations=ONCE,
    ),
    Animal(
        "SegformerModel",
        {**PYRAMID, "num_encoder_blocks": 3, "patch_sizes": [7, 3, 3]},
        inputs="map96",
        layers=3,
        features="keys pooled by a convolution, three grids, overlapping patches",
    ),
    Animal(
        "PvtModel",
        {**PYRAMID, "image_size": 64, "num_encoder_blocks": 3, "patch_sizes": [4, 2, 2]},
        inputs="map64",
        layers=3,
        features="pooled keys, three grids, [CLS] on the last",
        implementations=ONCE,
    ),
    Animal(
        "PvtV2Model",
        {**PYRAMID, "num_encoder_blocks": 3, "patch_sizes": [7, 3, 3], "linear_attention": True},
        inputs="map96",
        layers=3,
        features="keys pooled to 7 × 7, whatever the image",
        implementations=ONCE,
    ),
    Animal("Dinov2WithRegistersModel", {**VISION, "num_register_tokens": 4}, inputs="image14", features="registers"),
    Animal(
        "JambaModel",
        {**LLAMA, "num_experts": 2, "attn_layer_period": 2, "attn_layer_offset": 1, "use_mamba_kernels": False},
        layers=1,
        features="attention in every other layer",
        refused={"layers.0.mamba": NO_SOFTMAX},
    ),
    Animal(
        "MambaModel",
        {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4},
        layers=0,
        implementations=ONCE,
        refused={"mixer": NO_SOFTMAX},
    ),
    Animal(
        "LongformerModel",
        {**BERT, "attention_window": 4},
        layers=0,
        implementations=ONCE,
        refused={"attention.self": NOT_SEEN},
    ),
    Animal(
        "YosoModel",
        {**BERT, "use_expectation": True},
        layers=0,
        implementations=ONCE,
        refused={"attention.self": NOT_SEEN},
    ),
    Animal(
        "NystromformerModel",
        {**BERT, "num_landmarks": 3, "segment_means_seq_len": 9},
        inputs="whole",
        layers=0,
        implementations=ONCE,
        refused={"attention.self": "are not those of 1 sequences of 9 tokens"},
    ),
    _of_torch("MaskedFill", "plain code: softmax(q kᵀ / √d) with masked_fill"),
    _of_torch("InPlace", "plain code: scaled and masked in place, nn.Softmax"),
    _of_torch("BatchedHeads", "plain code: bmm, batch and heads as one axis"),
    _of_torch("Einsum", "plain code: einsum"),
    _of_torch("MultiQuery", "plain code: one head of keys"),
    _of_torch("FoldedHeads", "plain code: heads that share keys in the rows of one product"),
    _of_torch("FoldedHeadsFused", "the same, by scaled_dot_product_attention"),
    _of_torch("Temperature", "plain code: a temperature a head, in its queries, and a term of the content, as bias"),
    _of_torch("SoftCapWithSinks", "plain code: a soft cap and sinks"),
    _of_torch("Flex", "FlexAttention: block mask, score_mod, grouped keys"),
    _of_torch("Tapped", "a softmax of its own, shown by attnviz_tap"),
    _of_torch("Encoder", "nn.TransformerEncoder"),
    _of_torch(
        "Translator",
        "nn.Transformer, encoder and decoder inputs of one length",
        layers=1,
        refused={"decoder.layers.0.self_attn": "the decoder's tokens", "multihead_attn": CROSS},
    ),
    _of_torch("Painter", "patches attend to a text", inputs="painting"),
    _of_torch(
        "WronglyTapped",
        "attnviz_tap given another scale",
        layers=0,
        refused={"": "its softmax gives other weights than these queries and keys with this scale and mask"},
    ),
    _of_torch("Untapped", "logits that are distances", layers=0, refused={"": UNSEEN}),
    _of_torch("DoubleProduct", "logits that are the sum of two products"),
    _of_torch("TalkingHeads", "heads mixed after softmax", layers=0, refused={"": f"{CHANGED} (by einsum)"}),
    _of_torch("Differential", "the difference of two softmaxes", layers=0, refused={"": MIXED}),
    _of_torch("CausalLinearAttention", "no softmax", layers=0, refused={"": NO_SOFTMAX}),
)


if __name__ == "__main__":
    torch.set_num_threads(1)  # models so small would only wait for threads
    PAGE.write_text(page() + "".join(PAGE.read_text().partition(OTHER_PACKAGES)[1:]))
