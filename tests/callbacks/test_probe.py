"""Probes: from texts, or made by hand, and what is said about those that cannot be."""

import dataclasses
import json
import math
import random
import types

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch.nn import functional
from transformers import AutoTokenizer, GPT2Config, GPT2Model, PreTrainedTokenizerFast

from tb_attnviz.callbacks import Probe
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.events import Repeat
from tb_attnviz.geometry import tells_repeats
from tests.callbacks.models import IDS, LENGTHS, MASK, MINILM, TEXTS, TOKENS, Decoder


@pytest.fixture(scope="module")
def minilm_tokenizer():
    return AutoTokenizer.from_pretrained(MINILM)


@pytest.fixture
def gpt_tokenizer():
    """Byte-level BPE without a padding token, as GPT-2 has it."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet)
    bpe.train_from_iterator([*TEXTS, "a café " * 9], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|endoftext|>")


@pytest.fixture
def plain_tokenizer():
    """One of the package tokenizers, that pads and cuts as its owner has told it."""
    words = Tokenizer(
        models.WordLevel({"[UNK]": 0, "[CLS]": 1, "the": 2, "sky": 3, "is": 4, "blue": 5}, unk_token="[UNK]")
    )
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 1)])
    words.add_special_tokens(["[CLS]", "[UNK]"])
    words.enable_padding(length=12)
    words.enable_truncation(7)
    return words


def only_batch(probe):
    (batch,) = probe.batches(100, device=torch.device("cpu"))
    return batch


class TestFromTexts:
    def test_is_what_the_tokenizer_makes_of_them(self, minilm_tokenizer):
        batch = only_batch(Probe.from_texts(TEXTS, minilm_tokenizer))
        expected = minilm_tokenizer(TEXTS, padding=True, return_tensors="pt")
        assert batch.kwargs.keys() == expected.keys()
        for name in expected:
            torch.testing.assert_close(batch.kwargs[name], expected[name], rtol=0, atol=0)
        torch.testing.assert_close(batch.present, expected["attention_mask"].bool())

    def test_names_real_tokens_only(self, minilm_tokenizer):
        probe = Probe.from_texts(["No.", "Retokenized words"], minilm_tokenizer)
        tokens = [sequence.tokens for sequence in probe.record.sequences]
        assert tokens[0] == ("[CLS]", "no", ".", "[SEP]")
        assert tokens[1][:4] == ("[CLS]", "re", "##tok", "##eni")

    def test_cuts_to_max_length(self, minilm_tokenizer):
        assert max(Probe.from_texts(TEXTS, minilm_tokenizer, max_length=8).lengths) == 8

    @pytest.mark.parametrize("side", ["left", "right"])
    def test_pads_at_the_end_whatever_the_tokenizer_does_and_leaves_it_alone(self, gpt_tokenizer, side):
        gpt_tokenizer.padding_side = side
        probe = Probe.from_texts(["a café", TEXTS[1]], gpt_tokenizer)
        assert only_batch(probe).kwargs["attention_mask"][0].tolist()[: probe.lengths[0]] == [1] * probe.lengths[0]
        assert gpt_tokenizer.pad_token is None
        assert gpt_tokenizer.padding_side == side

    def test_byte_level_tokens_are_readable(self, gpt_tokenizer):
        sequence = Probe.from_texts(["a café"], gpt_tokenizer).record.sequences[0]
        assert sequence.tokens == ("a", " café")

    def test_a_file_of_texts_and_the_name_of_a_tokenizer(self, minilm_tokenizer, tmp_path):
        path = tmp_path / "probe.txt"
        path.write_text("\n".join(["", *TEXTS, " "]))
        given = Probe.from_texts(TEXTS, minilm_tokenizer)
        for texts in (path, str(path)):
            assert Probe.from_texts(texts, str(MINILM)).record == given.record

    def test_a_string_that_is_no_file_is_an_error(self, minilm_tokenizer):
        with pytest.raises(ValueError, match="texts='hello' is no file: give the path of a text file, one text a line"):
            Probe.from_texts("hello", minilm_tokenizer)

    def test_a_tokenizer_that_is_not_there_is_an_error(self, tmp_path):
        with pytest.raises(ValueError, match="no tokenizer could be loaded from"):
            Probe.from_texts(TEXTS, tmp_path)

    def test_no_texts_are_an_error(self, minilm_tokenizer):
        with pytest.raises(ValueError, match="the probe is empty: give at least one text"):
            Probe.from_texts([], minilm_tokenizer)

    def test_an_empty_text_is_an_error(self, gpt_tokenizer):
        with pytest.raises(ValueError, match="sequence 1 of the probe has no tokens"):
            Probe.from_texts(["a", ""], gpt_tokenizer)


class TestRepeats:
    """Sequences in which random tokens of the texts are said twice, for induction heads to show."""

    def test_a_decoder_gets_one_for_every_eight_texts(self, gpt_tokenizer):
        given = TEXTS * math.ceil(25 / len(TEXTS))
        probe = Probe.from_texts(given, gpt_tokenizer)
        texts, repeats = probe.record.sequences[: len(given)], probe.record.sequences[len(given) :]
        assert len(repeats) == math.ceil(len(given) / 8) >= 4
        assert all(sequence.repeat is None for sequence in texts)
        known = {token for sequence in texts for token in sequence.tokens}
        for sequence in repeats:
            assert sequence.repeat.start == 0
            assert len(sequence.tokens) == 2 * sequence.repeat.period
            assert set(sequence.tokens) <= known
        assert [sequence.repeat.period for sequence in repeats[:4]] == [16, 14, 11, 16]
        assert len({sequence.tokens for sequence in repeats}) == len(repeats)

    def test_few_texts_get_two_of_different_periods(self, gpt_tokenizer):
        repeats = Probe.from_texts(TEXTS[:4], gpt_tokenizer).record.sequences[4:]
        assert len({sequence.repeat.period for sequence in repeats}) == len(repeats) == 2

    def test_their_periods_tell_induction_from_a_fixed_distance(self, gpt_tokenizer):
        probe = Probe.from_texts(TEXTS, gpt_tokenizer).record
        repeats = [sequence.repeat and (sequence.repeat.start, sequence.repeat.period) for sequence in probe.sequences]
        alone = [(n, repeat) for n, repeat in zip(probe.lengths, repeats, strict=True) if repeat]
        assert tells_repeats(*zip(*alone, strict=True))  # whatever the texts are

    def test_the_model_is_shown_what_the_tokens_say(self, gpt_tokenizer):
        batch = only_batch(Probe.from_texts(TEXTS, gpt_tokenizer, repeated=1))
        ids = batch.kwargs["input_ids"][-1][batch.present[-1]]
        assert ids[:16].tolist() == ids[16:].tolist()
        assert batch.kwargs["attention_mask"][-1].tolist() == batch.present[-1].int().tolist()

    def test_a_restarted_training_has_the_same(self, gpt_tokenizer):
        assert Probe.from_texts(TEXTS, gpt_tokenizer).record == Probe.from_texts(TEXTS, gpt_tokenizer).record

    def test_an_encoder_gets_them_when_asked(self, minilm_tokenizer):
        assert len(Probe.from_texts(TEXTS, minilm_tokenizer).lengths) == len(TEXTS)
        probe = Probe.from_texts(TEXTS, minilm_tokenizer, repeated=2)
        for sequence in probe.record.sequences[-2:]:
            assert sequence.tokens[0] == "[CLS]"
            assert sequence.repeat in (Repeat(1, 16), Repeat(1, 14))
        assert {value.shape for value in only_batch(probe).kwargs.values()} == {(len(TEXTS) + 2, max(probe.lengths))}

    def test_they_fit_max_length(self, minilm_tokenizer):
        probe = Probe.from_texts(TEXTS, minilm_tokenizer, max_length=14, repeated=1)
        assert probe.record.sequences[-1].repeat == Repeat(1, 6)
        assert max(probe.lengths) == 14

    def test_none_of_too_few_tokens(self, gpt_tokenizer):
        assert Probe.from_texts(["a café"], gpt_tokenizer).lengths == (2,)
        with pytest.raises(
            ValueError, match="repeated=1, but the texts have too few different tokens to say 4 of them"
        ):
            Probe.from_texts(["a café"], gpt_tokenizer, repeated=1)

    def test_they_give_an_induction_figure(self, gpt_tokenizer):
        model = GPT2Model(GPT2Config(vocab_size=len(gpt_tokenizer), n_embd=16, n_head=2, n_layer=2, n_positions=64))
        figures = capture(model, Probe.from_texts(TEXTS, gpt_tokenizer)).figures
        assert ((figures["induction"] >= 0) & (figures["induction"] < 0.1)).all()  # untrained
        assert "induction" not in capture(model, Probe.from_texts(TEXTS, gpt_tokenizer, repeated=0)).figures


class TestByHand:
    def test_lengths_tell_padding(self):
        assert only_batch(Probe(IDS, TOKENS)).present.tolist() == MASK.bool().tolist()

    def test_the_attention_mask_tells_padding(self):
        mask = MASK.flip(1)
        batch = only_batch(Probe({"input_ids": IDS.flip(1), "attention_mask": mask}, TOKENS))
        assert batch.present.tolist() == mask.bool().tolist()

    def test_batches_cut_every_tensor_and_pass_the_rest_on(self):
        probe = Probe({"input_ids": IDS, "attention_mask": MASK, "use_cache": False}, TOKENS)
        batches = list(probe.batches(3, device=torch.device("cpu")))
        assert [len(batch.kwargs["input_ids"]) for batch in batches] == [3, 1]
        assert batches[1].kwargs["input_ids"].tolist() == IDS[3:].tolist()
        assert [batch.kwargs["use_cache"] for batch in batches] == [False, False]

    def test_a_tensor_and_a_tuple_are_positional(self):
        assert only_batch(Probe(IDS, TOKENS)).args[0].tolist() == IDS.tolist()
        assert len(only_batch(Probe((IDS, MASK), TOKENS)).args) == 2

    def test_repeats_are_found(self):
        ids = torch.tensor([[1, 5, 6, 7, 8, 5, 6, 7, 8], [1, 2, 3, 4, 5, 6, 7, 8, 9]])
        probe = Probe(ids, [[str(token) for token in row] for row in ids.tolist()])
        assert [sequence.repeat for sequence in probe.record.sequences] == [Repeat(1, 4), None]


def test_a_tokenizer_of_the_package_tokenizers_will_do(plain_tokenizer):
    probe = Probe.from_texts(["the sky is blue", "blue sky"], plain_tokenizer, repeated=0)
    assert [s.tokens for s in probe.record.sequences] == [
        ("[CLS]", "the", "sky", "is", "blue"),
        ("[CLS]", "blue", "sky"),
    ]
    assert only_batch(probe).kwargs["input_ids"].tolist() == [[1, 2, 3, 4, 5], [1, 5, 3, 0, 0]]
    assert plain_tokenizer.padding["length"] == 12
    assert plain_tokenizer.truncation["max_length"] == 7, "it stays as it is"


@dataclasses.dataclass
class Record:
    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    scale: int


@dataclasses.dataclass(frozen=True)
class Frozen:
    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    scale: int


class TestInputsAsPeopleHaveThem:
    """Whatever a model is called with: nested, or of no sequence."""

    def test_a_dictionary_that_is_the_only_argument(self):
        batch = only_batch(Probe(({"input_ids": IDS, "attention_mask": MASK},), TOKENS))
        assert batch.kwargs == {}
        [given] = batch.args
        assert given["input_ids"].tolist() == IDS.tolist()
        assert batch.present.tolist() == MASK.bool().tolist(), "the mask within it is seen"

    def test_structures_keep_their_form_and_are_cut_wherever_tensors_are(self):
        pixels = torch.arange(4.0)
        inputs = {"text": {"input_ids": IDS}, "images": [pixels, (pixels, "RGB")], "return_dict": True}
        first, second = Probe(inputs, TOKENS).batches(2, device=torch.device("cpu"))
        assert first.kwargs["text"]["input_ids"].tolist() == IDS[:2].tolist()
        assert second.kwargs["images"][1][0].tolist() == [2.0, 3.0]
        assert (second.kwargs["images"][1][1], second.kwargs["return_dict"]) == ("RGB", True)

    @pytest.mark.parametrize("record", [types.SimpleNamespace, Record, Frozen])
    @pytest.mark.parametrize("alone", [True, False], ids=["as the inputs", "as an argument"])
    def test_records_of_tensors_keep_their_kind_and_are_cut(self, record, alone):
        given = record(input_ids=IDS, attention_mask=MASK, scale=2)
        first, second = Probe(given if alone else (given,), TOKENS).batches(2, device=torch.device("cpu"))
        assert type(first.args[0]) is record
        assert first.args[0].input_ids.tolist() == IDS[:2].tolist()
        assert (second.args[0].scale, second.kwargs) == (2, {})
        assert second.present.tolist() == MASK[2:].bool().tolist(), "the mask within it is seen"
        assert given.input_ids is IDS

    @pytest.mark.parametrize(
        "other", [torch.tensor(3), torch.zeros(9, 9), torch.zeros(2, 3)], ids=["scalar", "mask", "ids"]
    )
    def test_tensors_that_belong_to_no_sequence_are_whole_in_every_batch(self, other):
        for batch in Probe((IDS, other), TOKENS).batches(2, device=torch.device("cpu")):
            assert torch.equal(batch.args[1], other)

    def test_shared_names_those_that_only_seem_to_have_a_row_a_sequence(self):
        square = torch.arange(16.0).reshape(4, 4)  # as many rows as sequences
        first, _ = Probe({"input_ids": IDS, "square": square}, TOKENS).batches(2, device=torch.device("cpu"))
        assert first.kwargs["square"].shape == (2, 4)
        probe = Probe({"input_ids": IDS, "square": square}, TOKENS, shared=["square"])
        for part in (probe, probe.within(max(map(len, TOKENS)))):
            for batch in part.batches(2, device=torch.device("cpu")):
                assert torch.equal(batch.kwargs["square"], square)
        with pytest.raises(ValueError, match="shared names 'sqare', but the inputs are input_ids, square"):
            Probe({"input_ids": IDS, "square": square}, TOKENS, shared=["sqare"])

    def test_labels_before_the_ids_are_not_taken_for_them(self):
        labels = torch.zeros(4, 3, dtype=torch.long)
        assert only_batch(Probe({"labels": labels, "ids": IDS}, TOKENS)).present.shape == IDS.shape

    def test_tokens_that_the_model_adds_stand_in_front(self):
        tokens = [["[memory]", "[register]", *row] for row in TOKENS]
        batch = only_batch(Probe({"input_ids": IDS, "attention_mask": MASK}, tokens))
        assert batch.present.tolist() == [[True, True, *row] for row in MASK.bool().tolist()]

    def test_halves_of_surrogate_pairs_are_written_as_python_does(self):
        tokens = [["\ud83d", *TOKENS[0][1:]], *TOKENS[1:]]
        probe = Probe(IDS, tokens, labels={"same": ["\ude00"] * 4})
        assert probe.record.sequences[0].tokens[0] == "\\ud83d"
        assert probe.record.sequences[0].labels["same"][0] == "\\ude00"
        json.dumps(dataclasses.asdict(probe.record)).encode()

    def test_a_token_that_is_no_text_is_refused(self):
        with pytest.raises(TypeError, match="sequence 1 of the probe has a token 7, which is no text"):
            Probe(IDS, [TOKENS[0], [7, *TOKENS[1][1:]], *TOKENS[2:]])


@pytest.mark.parametrize(
    ("inputs", "tokens", "message"),
    [
        (IDS, [], "the probe is empty: give at least one sequence"),
        (IDS, [*TOKENS[:3], []], "sequence 3 of the probe has no tokens: leave it out"),
        (IDS, TOKENS[:3], r"tokens names 3 sequences, but inputs\[0\] of shape \(4, 9\) has 4 .*one list of tokens"),
        ({"scale": torch.ones(())}, TOKENS, r"scale of shape \(\) has 0 along its first axis"),
        (
            {"input_ids": IDS, "attention_mask": MASK[:3]},
            TOKENS,
            r"attention_mask of shape \(3, 9\) has 3 along its first axis",
        ),
        (IDS, [row[:8] for row in TOKENS], "sequence 0, the longest .* has 8 tokens, but the inputs are 9 .* wide"),
        (
            {"input_ids": IDS, "attention_mask": MASK},
            [TOKENS[0], TOKENS[1][:-1], *TOKENS[2:]],
            "sequence 1 of the probe has 3 tokens, but attention_mask marks 4 positions",
        ),
        ({"use_cache": False}, TOKENS, "hold no tensor"),
    ],
)
def test_what_does_not_fit_is_named(inputs, tokens, message):
    with pytest.raises(ValueError, match=message):
        Probe(inputs, tokens)


def test_wrong_kinds_are_named():
    with pytest.raises(TypeError, match="inputs is a int; give a tensor"):
        Probe(7, TOKENS)
    with pytest.raises(TypeError, match=r"tokens of sequence 0 are one string \('the sky'\)"):
        Probe(IDS[:1], ["the sky"])


def test_lengths_of_this_module_agree():
    assert tuple(LENGTHS) == Probe(IDS, TOKENS).lengths


@pytest.mark.parametrize("shared", [(), ("inputs[1]",)])
def test_a_mask_of_tokens_that_looks_like_one_of_sequences_is_named_where_the_model_fails(shared):
    class Causal(Decoder):
        def forward(self, ids, mask):
            x = self.embedding(ids)[:, None]
            return functional.scaled_dot_product_attention(x, x, x, mask)

    n = 6
    ids, mask = torch.arange(n * n).view(n, n), torch.ones(n, n, dtype=torch.bool).tril()
    probe = Probe((ids, mask), [list("abcdef")] * n, shared=shared)
    if shared:
        assert capture(Causal(), probe).layers[0].causal
    else:
        with pytest.raises(ValueError, match=r"the model fails .*shared=\['inputs\[1\]'\]"):
            capture(Causal(), probe)


class TestWithin:
    """A probe that is capped: whole sequences, in their order, always the same."""

    @pytest.fixture
    def probe(self):
        return Probe({"input_ids": IDS, "attention_mask": MASK}, TOKENS)

    def test_it_keeps_whole_sequences(self, probe):
        for most in range(1, 21):
            lengths = probe.within(most).lengths
            assert 0 < sum(lengths) <= most
            assert all(length in LENGTHS for length in lengths)
        assert probe.within(20).record == probe.record, "all 20 tokens fit"

    def test_inputs_and_tokens_stay_together(self, probe):
        part = probe.within(13)
        (batch,) = part.batches(32, device=torch.device("cpu"))
        for row, present, sequence in zip(batch.kwargs["input_ids"], batch.present, part.record.sequences, strict=True):
            assert [str(token) for token in row[present].tolist()] == list(sequence.tokens)

    def test_it_is_always_the_same_and_changes_no_random_state(self, probe):
        random.seed(3)
        state = random.getstate()
        assert probe.within(11).record == probe.within(11).record
        assert random.getstate() == state

    def test_a_cap_below_the_shortest_sequence(self, probe):
        with pytest.raises(ValueError, match="max_tokens=0 holds no sequence of the probe: the shortest has 1 tokens"):
            probe.within(0)
