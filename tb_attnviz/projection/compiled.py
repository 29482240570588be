"""Compiled: loops over edges and points as machine code, which is kept for the next process.

Numba is imported and compiles when a loop first runs, not when its module is imported. What it makes lies beside the
module, or, where nothing can be written there, in the user's cache; NUMBA_CACHE_DIR names another place.
"""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, compiled for the types that it is called with. It may call nothing but NumPy and builtins.

    It must meet no infinity and no NaN, and divides by zero as NumPy does. Its sums may be taken in any order, always
    the same on one kind of processor.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return cast(R, _machine_code(function)(*args, **kwargs))

    return call


@functools.cache
def _machine_code(function: Callable[..., Any]) -> Callable[..., Any]:
    import numba

    try:
        return numba.njit(fastmath=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # there is no place to keep it: it is compiled anew in each process
        return numba.njit(fastmath=True, error_model="numpy")(function)
