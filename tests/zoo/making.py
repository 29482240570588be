"""How models of other packages are made, each with random weights and a small configuration."""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Made = tuple[nn.Module, dict[str, Any], dict[str, Any]]  # a model, its inputs (in order where "_…"), options


@dataclasses.dataclass(frozen=True)
class Animal:
    """One model: where it comes from, and how it is made."""

    package: str
    name: str
    make: Callable[[], Made]


def ids(count: int = 12, vocabulary: int = 60) -> Tensor:
    return torch.randint(3, vocabulary, (2, count))


def image(size: int) -> Tensor:
    return torch.randn(2, 3, size, size)


def of_timm(name: str, size: int = 64, tried: dict[str, Any] | None = None, **options: Any) -> Animal:
    def make() -> Made:
        import timm

        model = timm.create_model(name, pretrained=False, num_classes=5, **options)
        return model, {"_image": image(size)}, {**(tried or {})}

    return Animal("timm", name, make)


def vit(name: str, size: int = 64, **options: Any) -> Animal:
    return of_timm(name, size, img_size=size, depth=2, **{"embed_dim": 48, "num_heads": 3, **options})


def of_torchvision(name: str, make: Callable[[Any], nn.Module], size: int) -> Animal:
    def made() -> Made:
        import torchvision.models as models

        return make(models), {"_image": image(size)}, {}

    return Animal("torchvision", name, made)


def of_open_clip(name: str, part: str) -> Animal:
    def make() -> Made:
        import open_clip

        vision = {"layers": 2, "width": 64, "head_width": 16, "patch_size": 16, "image_size": 64}
        text = {"context_length": 12, "vocab_size": 60, "width": 64, "heads": 4, "layers": 2}
        if name == "CoCa":
            decoder = {"context_length": 12, "vocab_size": 60, "width": 64, "heads": 4, "layers": 2}
            model = open_clip.CoCa(64, {**decoder, "mlp_ratio": 2}, text, vision)
        else:
            model = open_clip.CLIP(64, vision, text)
        if part == "image":
            return model, {"_image": image(64)}, {"forward": lambda m, x: m.encode_image(x)}
        return model, {"_text": ids()}, {"forward": lambda m, x: m.encode_text(x)}

    return Animal("open_clip", f"{name}, {part}", make)


def of_x(name: str, kind: str = "Encoder", wrapper: dict[str, Any] | None = None, **options: Any) -> Animal:
    def make() -> Made:
        import x_transformers as x

        layers = getattr(x, kind)(dim=48, depth=2, heads=3, attn_dim_head=16, **options)
        model = x.TransformerWrapper(num_tokens=60, max_seq_len=16, attn_layers=layers, **(wrapper or {}))
        return model, {"_ids": ids()}, {}

    return Animal("x-transformers", name, make)


def of_vit_pytorch(name: str, build: Callable[[Any], nn.Module], size: int = 64, **options: Any) -> Animal:
    def make() -> Made:
        import vit_pytorch

        return build(vit_pytorch), {"_image": image(size)}, {**options}

    return Animal("vit-pytorch", name, make)


def part(module: str, name: str, **options: Any) -> Callable[[Any], nn.Module]:
    def build(package: Any) -> nn.Module:
        import importlib

        model: nn.Module = getattr(importlib.import_module(f"vit_pytorch.{module}"), name)(**options)
        return model

    return build


SIMPLE = {"image_size": 64, "patch_size": 16, "num_classes": 5, "dim": 48, "depth": 2, "heads": 3, "mlp_dim": 64}


def dit() -> Made:
    from diffusers import DiTTransformer2DModel

    model = DiTTransformer2DModel(num_attention_heads=3, attention_head_dim=16, in_channels=4, out_channels=4,
                                  num_layers=2, sample_size=8, patch_size=2, num_embeds_ada_norm=10)  # fmt: skip
    inputs = {
        "hidden_states": torch.randn(2, 4, 8, 8),
        "timestep": torch.tensor([1, 5]),
        "class_labels": torch.tensor([1, 2]),
    }
    return model, inputs, {}


def pixart() -> Made:
    from diffusers import PixArtTransformer2DModel

    model = PixArtTransformer2DModel(num_attention_heads=3, attention_head_dim=16, in_channels=4, out_channels=4,
                                     num_layers=2, sample_size=8, patch_size=2, cross_attention_dim=48,
                                     caption_channels=32, use_additional_conditions=False)  # fmt: skip
    inputs = {"hidden_states": torch.randn(2, 4, 8, 8), "encoder_hidden_states": torch.randn(2, 7, 32),
              "timestep": torch.tensor([1, 5])}  # fmt: skip
    return model, inputs, {}


def sd3() -> Made:
    from diffusers import SD3Transformer2DModel

    model = SD3Transformer2DModel(sample_size=8, patch_size=2, in_channels=4, num_layers=2, attention_head_dim=16,
                                  num_attention_heads=3, joint_attention_dim=32, caption_projection_dim=48,
                                  pooled_projection_dim=24, out_channels=4)  # fmt: skip
    inputs = {"hidden_states": torch.randn(2, 4, 8, 8), "encoder_hidden_states": torch.randn(2, 7, 32),
              "pooled_projections": torch.randn(2, 24), "timestep": torch.tensor([1.0, 5.0])}  # fmt: skip
    return model, inputs, {"behind": 7}


def flux() -> Made:
    from diffusers import FluxTransformer2DModel

    model = FluxTransformer2DModel(patch_size=1, in_channels=4, num_layers=1, num_single_layers=1,
                                   attention_head_dim=16, num_attention_heads=3, joint_attention_dim=32,
                                   pooled_projection_dim=24, axes_dims_rope=(4, 4, 8))  # fmt: skip
    inputs = {"hidden_states": torch.randn(2, 16, 4), "encoder_hidden_states": torch.randn(2, 7, 32),
              "pooled_projections": torch.randn(2, 24), "timestep": torch.tensor([1.0, 5.0]),
              "img_ids": torch.randn(16, 3).round(), "txt_ids": torch.zeros(7, 3)}  # fmt: skip
    return model, inputs, {}


def unet() -> Made:
    from diffusers import UNet2DConditionModel

    model = UNet2DConditionModel(sample_size=8, block_out_channels=(32, 64), layers_per_block=1, attention_head_dim=4,
                                 down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), cross_attention_dim=32,
                                 up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), norm_num_groups=8)  # fmt: skip
    inputs = {"sample": torch.randn(2, 4, 8, 8), "timestep": torch.tensor([1, 5]),
              "encoder_hidden_states": torch.randn(2, 7, 32)}  # fmt: skip
    return model, inputs, {"tokens": 64}


def of_transformer_lens(name: str, **options: Any) -> Animal:
    def make() -> Made:
        from transformer_lens import HookedTransformer, HookedTransformerConfig

        config = HookedTransformerConfig(n_layers=2, d_model=48, n_ctx=16, d_head=16, n_heads=3, d_vocab=60,
                                         act_fn="gelu", device="cpu", seed=0, **options)  # fmt: skip
        return HookedTransformer(config), {"_ids": ids()}, {}

    return Animal("transformer_lens", name, make)


def of_litgpt(name: str, **options: Any) -> Animal:
    def make() -> Made:
        from litgpt import GPT
        from litgpt.config import Config

        config = Config.from_name(name, n_layer=2, n_head=4, n_embd=64, block_size=16, padded_vocab_size=60,
                                  vocab_size=60, intermediate_size=64, **options)  # fmt: skip
        return GPT(config), {"_ids": ids()}, {}

    return Animal("litgpt", name, make)


def of_esm(name: str) -> Animal:
    def make() -> Made:
        import esm

        alphabet = esm.data.Alphabet.from_architecture("ESM-1b")
        if name == "ESM2":
            model: nn.Module = esm.model.esm2.ESM2(2, 48, 3, alphabet)
        else:
            import argparse

            arguments = argparse.Namespace(arch="roberta_large", layers=2, embed_dim=48, ffn_embed_dim=64,
                                           logit_bias=True,
                                           attention_heads=3, max_positions=32, emb_layer_norm_before=True,
                                           token_dropout=False, final_bias=True)  # fmt: skip
            model = esm.model.esm1.ProteinBertModel(arguments, alphabet)
        return model, {"_ids": ids(12, 24)}, {}

    return Animal("fair-esm", name, make)


def llama() -> nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(LlamaConfig(vocab_size=60, hidden_size=48, num_hidden_layers=2, num_attention_heads=3,
                                        intermediate_size=64, max_position_embeddings=64))  # fmt: skip


def of_peft(name: str, make_config: Callable[[Any], Any]) -> Animal:
    def make() -> Made:
        import peft

        return peft.get_peft_model(llama(), make_config(peft)), {"input_ids": ids()}, {}

    return Animal("peft", name, make)


def sentence_transformer() -> Made:
    import tempfile

    import tokenizers
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    with tempfile.TemporaryDirectory() as directory:
        config = BertConfig(
            vocab_size=60, hidden_size=48, num_hidden_layers=2, num_attention_heads=3, intermediate_size=64
        )
        BertModel(config).save_pretrained(directory)
        vocabulary = {"[UNK]": 0, "[PAD]": 1, **{chr(97 + i): i + 2 for i in range(26)}}
        of_words = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
        of_words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
        PreTrainedTokenizerFast(tokenizer_object=of_words, unk_token="[UNK]", pad_token="[PAD]").save_pretrained(
            directory
        )
        transformer = Transformer(directory)
    model = SentenceTransformer(modules=[transformer, Pooling(48)], device="cpu")
    given = ids()
    features = {"input_ids": given, "attention_mask": torch.ones_like(given)}
    return model, features, {"forward": lambda m, **x: m(dict(x))}
