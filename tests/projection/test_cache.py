"""The cache: bounded in bytes, the least recently used goes first."""

from tb_attnviz.projection.cache import Cache


def test_the_least_recently_used_goes_first() -> None:
    cache = Cache(100)
    cache.put("a", 1, 40)
    cache.put("b", 2, 40)
    assert cache.get("a") == 1
    cache.put("c", 3, 40)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)


def test_putting_again_replaces() -> None:
    cache = Cache(100)
    cache.put("a", 1, 60)
    cache.put("a", 2, 60)
    cache.put("b", 3, 40)
    assert (cache.get("a"), cache.get("b")) == (2, 3)


def test_what_is_larger_than_the_limit_is_not_kept() -> None:
    cache = Cache(100)
    cache.put("small", 1, 10)
    cache.put("large", 2, 101)
    assert (cache.get("small"), cache.get("large")) == (1, None)
