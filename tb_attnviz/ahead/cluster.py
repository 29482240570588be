"""Chains made by a Dask cluster, which need not share the store.

Workers read the samples themselves: the log directory must be there for them under the same path. What they make comes
back and is put into the store here. A picture is a Dask task that depends on the one before it in its chain, and hands
on what it looked up or made; when a worker dies, Dask has another one make again what was lost. Only a layer's frame,
which takes megabytes and is the same for all its heads, is not handed on: each worker keeps those that it fitted.
"""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import Any

from tb_attnviz.ahead.chain import Chain, Outcome, make_picture, sentence
from tb_attnviz.projection.cache import Cache
from tb_attnviz.projection.pictures import Store, View
from tb_attnviz.projection.source import UnreadableStepError

_frames = Cache(2**30)  # bytes, of a worker's memory


class ClusterError(Exception):
    """The cluster cannot be used; the message says why, and what to do."""


@dataclasses.dataclass(frozen=True)
class _Entries:
    """What a picture was made from, and the picture: key → bytes."""

    entries: dict[str, bytes]


@dataclasses.dataclass(frozen=True)
class _Failed:
    """No picture, as the one at `step` could not be made."""

    step: int
    error: str


def connect(address: str) -> Any:
    """A distributed.Client of the scheduler at `address`. Raises ClusterError."""
    try:
        import distributed
    except ImportError as error:
        raise ClusterError(f"--dask needs distributed ({error}): pip install 'tb-attnviz[dask]'") from error
    try:
        return distributed.Client(address, timeout="10s")  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        raise ClusterError(f"no Dask scheduler answers at {address!r} ({sentence(error)})") from error


def on_cluster(chains: Sequence[Chain], store: Store, client: Any) -> Iterator[Outcome]:
    """Makes the newest pictures of all chains first. What has not begun is taken back when this iterator is closed."""
    from distributed import as_completed

    asked: dict[Any, tuple[Chain, int]] = {}
    for chain in (chain for chain in chains if chain.steps):
        # By way of tasks, not of `scatter`, whose data would be gone with the worker that holds it.
        view = client.submit(_identity, chain.view, pure=False)
        made = client.submit(_Entries, _starting_points(chain, store), pure=False)
        for position, step in enumerate(chain.steps):
            made = client.submit(_picture, view, step, made, pure=False, priority=-position)
            asked[made] = (chain, step)
    kept: set[str] = set()
    failed: set[int] = set()
    try:
        for future in as_completed(list(asked)):  # type: ignore[no-untyped-call]
            chain, step = asked.pop(future)
            outcome = _outcome(chain, step, future, store, kept)
            future.release()
            if outcome.error is None:
                yield outcome
            elif id(chain) not in failed:
                failed.add(id(chain))
                yield outcome
    finally:
        client.cancel(list(asked))


def _outcome(chain: Chain, step: int, future: Any, store: Store, kept: set[str]) -> Outcome:
    """Puts what `future` made into `store`, once: `kept` are the keys that were put there."""
    try:
        result = future.result()
    except Exception as error:  # not of the picture: a worker that cannot import this, or that died again and again
        return Outcome(chain, step, f"the Dask workers could not make it: {sentence(error)}")
    if isinstance(result, _Failed):
        return Outcome(chain, result.step, result.error)
    for key, value in result.entries.items():
        if key not in kept:
            store.put(key, value)
            kept.add(key)
    store.put(_trail(chain, step), json.dumps(sorted(result.entries)).encode())
    return Outcome(chain, step)


def _trail(chain: Chain, step: int) -> str:
    """Where it is kept which entries the picture at `step` handed on."""
    return f"trail of {chain.view.key(step)}"


def _starting_points(chain: Chain, store: Store) -> dict[str, bytes]:
    """What the picture before this chain's first one handed on, if it was made by a call before."""
    newer = [step for step in chain.view.steps if step > chain.steps[0]]
    if not newer or not chain.found(store, newer[0]):
        return {}
    keys = json.loads(store.get(_trail(chain, newer[0])) or b"[]")
    found = {key: store.get(key) for key in keys if key != chain.view.frame_key()}
    return {key: value for key, value in found.items() if value is not None}


class _Memory:
    """A store in a worker's memory: what came with a task and what was made; `used` is what of it was needed."""

    def __init__(self, entries: dict[str, bytes], frame_key: str) -> None:
        self._entries = dict(entries)
        self._frame_key = frame_key
        self.used: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        if key == self._frame_key:
            frame: bytes | None = _frames.get(key)
            return frame
        if key in self._entries:
            self.used[key] = self._entries[key]
        return self._entries.get(key)

    def put(self, key: str, value: bytes) -> None:
        self._entries[key] = self.used[key] = value
        if key == self._frame_key:
            _frames.put(key, value, len(value))


def _picture(view: View, step: int, before: _Entries | _Failed) -> _Entries | _Failed:
    """A worker's part: the picture, and what the next one of the chain starts from."""
    if isinstance(before, _Failed):
        return before
    try:
        store = _Memory(before.entries, view.frame_key())
        make_picture(view, step, store)
    except UnreadableStepError as error:
        return _Failed(step, f"{sentence(error)} (Dask workers must see the log directory under the same path)")
    except Exception as error:  # of any library underneath: it costs this chain and no other
        return _Failed(step, sentence(error))
    return _Entries(store.used)


def _identity(view: View) -> View:
    return view
