"""Cache: results by key, the least recently used dropped once they outgrow a limit in bytes."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any


class Cache:
    """A thread-safe LRU cache bounded by `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any | None:
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: Hashable, value: Any, size: int) -> None:
        """Keep `value`, which takes `size` bytes; one that is larger than the limit is not kept."""
        with self._lock:
            self._size -= self._entries.pop(key, (None, 0))[1]
            if size > self._limit:
                return
            self._entries[key] = (value, size)
            self._size += size
            while self._size > self._limit:
                _, (_, dropped) = self._entries.popitem(last=False)
                self._size -= dropped
