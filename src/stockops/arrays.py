"""The arrays that everything reckons with."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
