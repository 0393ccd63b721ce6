"""The array type used in all computations."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
