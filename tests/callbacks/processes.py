"""What each of two processes does in test_distributed: trains, with and without the recorder, and says how it ended."""

import contextlib
import pickle
import warnings

import torch
import torch.distributed as dist
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.fsdp.wrap import ModuleWrapPolicy
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.callbacks.capture import padded_attention
from tests.callbacks.models import IDS, Attention, Decoder

TOKENS = [[str(token) for token in row] for row in IDS.tolist()]
STEPS, EVERY = 7, 2


def replicated(model):
    return DistributedDataParallel(model)


def compiled_replicated(model):
    return torch.compile(DistributedDataParallel(model), backend="eager")


def sharded(model):
    for block in model.blocks:
        fully_shard(block)
    return fully_shard(model)


def wrapped(model):
    """By FSDP1, one block with its activations checkpointed besides."""
    model.blocks[0] = checkpoint_wrapper(model.blocks[0])
    policy = ModuleWrapPolicy({Attention})
    return FullyShardedDataParallel(model, auto_wrap_policy=policy, device_id=torch.device("cpu"))


def accelerated(model):
    from accelerate import Accelerator

    return Accelerator(cpu=True).prepare(model)


WRAPPINGS = {"DDP": replicated, "DDP, compiled": compiled_replicated, "Accelerate": accelerated}
if hasattr(torch.cpu.Stream, "record_event"):  # PyTorch 2.6 has FSDP2 for accelerators alone
    WRAPPINGS["FSDP2"] = sharded
WRAPPINGS["FSDP1"] = wrapped
MAY_FAIL = [name for name in WRAPPINGS if name in ("DDP", "FSDP2", "FSDP1")]


def train(wrap, directory, *, accumulated=1):
    """The weights on this process after STEPS steps, and the warnings on the way."""
    rank = dist.get_rank()
    torch.manual_seed(0)  # the same weights in all processes
    torch.compiler.reset()
    torch._dynamo.utils.counters.clear()
    model = wrap(Decoder())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    torch.manual_seed(rank + 1)  # other data and dropout in each
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        options = {"every": EVERY, "batches": True, "rules": ()}
        recorder = AttentionRecorder(model, Probe(IDS, TOKENS), directory, **options) if directory else None
        with recorder or contextlib.nullcontext():
            for step in range(STEPS):
                ids = torch.randint(64, (4, 10))
                with recorder.batch(step) if recorder else contextlib.nullcontext():
                    loss = functional.cross_entropy(model(ids)[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
                    loss.backward()
                if recorder:
                    recorder.step(step)  # before the optimizer's step: gathered weights must not outlive it
                if step % accumulated == accumulated - 1:
                    optimizer.step()
                    optimizer.zero_grad()
    state = {name: getattr(value, "_local_tensor", value).clone() for name, value in model.state_dict().items()}
    ours = [str(warning.message) for warning in caught if "attention" in str(warning.message)]
    return {"weights": state, "random": torch.get_rng_state(), "warnings": ours}


@contextlib.contextmanager
def failing_on(rank):
    """Health cannot be computed in process `rank` from the second layer of its third pass on."""
    calls, survey = [], padded_attention.survey

    def failing(*args, **kwargs):
        calls.append(args)
        if len(calls) >= 6 and dist.get_rank() == rank:
            raise MemoryError("no memory left for the logits")
        return survey(*args, **kwargs)

    padded_attention.survey = failing
    try:
        yield
    finally:
        padded_attention.survey = survey


def train_in_all_ways(wrapping, directory):
    """Leaves RANK.pickle in the directory: [way of training]."""
    rank, wrap = dist.get_rank(), WRAPPINGS[wrapping]
    results = {"without": train(wrap, None), "with": train(wrap, directory / "with" / str(rank))}
    for failing in (0, 1) if wrapping in MAY_FAIL else ():
        with failing_on(failing):
            results[f"{failing} fails"] = train(wrap, directory / f"{failing} fails" / str(rank))
    (directory / f"{rank}.pickle").write_bytes(pickle.dumps(results))
