"""Chains made on this machine: in this process, or in worker processes that share the store."""

import concurrent.futures
import dataclasses
import functools
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from tb_attnviz.ahead.chain import Chain, Outcome, make_picture, sentence
from tb_attnviz.projection.pictures import Report, Store, View
from tb_attnviz.projection.progress import ProgressFile
from tb_attnviz.projection.store import DiskStore
from tb_attnviz.projection.worker import Worker
from tb_attnviz.temporary import temporary_directory

_ATTEMPTS = 2  # at a picture whose worker process ended: the second time it may have been the picture's own doing


@dataclasses.dataclass(frozen=True)
class _Turn:
    """A chain whose picture at `position` may be made now."""

    chain: Chain
    position: int = 0
    attempt: int = 1

    @property
    def step(self) -> int:
        return self.chain.steps[self.position]

    def following(self) -> "list[_Turn]":
        is_last = self.position + 1 == len(self.chain.steps)
        return [] if is_last else [_Turn(self.chain, self.position + 1)]


def in_process(chains: Sequence[Chain], store: Store) -> Iterator[Outcome]:
    """Makes the newest picture of every chain, then the next of every chain, and so on."""
    turns = deque(_Turn(chain) for chain in chains if chain.steps)
    while turns:
        turn = turns.popleft()
        try:
            make_picture(turn.chain.view, turn.step, store)
        except Exception as error:  # of any library underneath: it costs this chain and no other
            yield Outcome(turn.chain, turn.step, sentence(error))
            continue
        turns.extend(turn.following())
        yield Outcome(turn.chain, turn.step)


def in_workers(chains: Sequence[Chain], store: DiskStore, count: int) -> Iterator[Outcome]:
    """The same in `count` processes, a chain never in two of them. They end with this iterator."""
    turns = deque(_Turn(chain) for chain in chains if chain.steps)
    workers = [Worker() for _ in range(min(count, len(turns)))]
    idle = list(workers)
    running: dict[concurrent.futures.Future[bytes], tuple[_Turn, Worker]] = {}
    with temporary_directory() as directory:
        progress = ProgressFile(Path(directory, "unread"))
        try:
            while turns or running:
                while turns and idle:
                    turn, worker = turns.popleft(), idle.pop()
                    arguments = (turn.chain.view, turn.step, store.directory, store.limit_bytes)
                    running[worker.submit(_make, arguments, progress)] = turn, worker
                done, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in done:
                    turn, worker = running.pop(future)
                    idle.append(worker)
                    error = future.exception()
                    if error is None:
                        turns.extend(turn.following())
                        yield Outcome(turn.chain, turn.step)
                    elif isinstance(error, concurrent.futures.BrokenExecutor) and turn.attempt < _ATTEMPTS:
                        turns.appendleft(dataclasses.replace(turn, attempt=turn.attempt + 1))
                    else:
                        yield Outcome(turn.chain, turn.step, _reason(error))
        finally:
            for worker in workers:
                worker.close()


def _make(view: View, step: int, directory: Path, limit_bytes: int, *, report: Report) -> bytes:
    """A worker's part: the picture is in the store then, and nothing needs to be sent back."""
    make_picture(view, step, _store(directory, limit_bytes))
    return b""


@functools.cache
def _store(directory: Path, limit_bytes: int) -> DiskStore:
    return DiskStore(directory, limit_bytes=limit_bytes)


def _reason(error: BaseException) -> str:
    if isinstance(error, concurrent.futures.BrokenExecutor):
        return f"its worker process ended {_ATTEMPTS} times (out of memory?): try fewer --workers"
    return sentence(error)
