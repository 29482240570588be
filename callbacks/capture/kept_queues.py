"""Kept queues: what a pass takes from a queue or puts into it is undone; what other threads do meanwhile stays."""

import heapq
import queue
import threading
from collections.abc import Callable
from typing import Any

QUEUES = (queue.Queue, queue.LifoQueue, queue.PriorityQueue)
_USES = ("_put", "_get", "task_done")  # the first two are called with the queue's lock held


class KeptQueue:
    """`value` as it is now, until `put_back`.

    Threads that are there already, beside this one, are training's: a logger that empties the queue, say.
    """

    def __init__(self, value: Any) -> None:
        self._queue = value
        self._others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}
        self._uses: list[tuple[int, str, Any]] = []  # thread, what it did, and with which item
        with value.mutex:
            self._items, self._tasks = [*value.queue], value.unfinished_tasks
            for name in _USES:
                setattr(value, name, self._noting(name, getattr(value, name)))

    def put_back(self) -> None:
        value = self._queue
        with value.mutex:
            for name in _USES:
                delattr(value, name)
            if any(thread in self._others for thread, _, _ in self._uses):
                for thread, name, item in reversed(self._uses):
                    if thread not in self._others:
                        self._undo(name, item)
            elif [*map(id, value.queue)] != [*map(id, self._items)] or value.unfinished_tasks != self._tasks:
                value.queue.clear()
                value.queue.extend(self._items)
                value.unfinished_tasks = self._tasks
            for waited_for in (
                value.not_empty,
                value.not_full,
                *([] if value.unfinished_tasks else [value.all_tasks_done]),
            ):
                waited_for.notify_all()

    def _noting(self, name: str, use: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*item: Any) -> Any:
            found = use(*item)
            self._uses.append((threading.get_ident(), name, item[0] if item else found))
            return found

        return noted

    def _undo(self, name: str, item: Any) -> None:
        value, items = self._queue, self._queue.queue
        if name == "task_done":
            value.unfinished_tasks += 1
        elif name == "_get":
            if type(value) is queue.PriorityQueue:
                heapq.heappush(items, item)
            else:
                items.insert(0 if type(value) is queue.Queue else len(items), item)
        else:
            place = next((place for place, one in enumerate(items) if one is item), None)
            if place is not None:  # else another thread has it
                del items[place]
                value.unfinished_tasks -= 1
                if type(value) is queue.PriorityQueue:
                    heapq.heapify(items)
