"""Types of arrays, by what they hold."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = Any  # of any library that implements the array API standard
Bool = npt.NDArray[np.bool_]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
