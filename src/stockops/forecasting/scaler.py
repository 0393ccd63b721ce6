"""The scaler, and its pickle for notebooks: scikit-learn's StandardScaler, without scikit-learn.

Importing scikit-learn takes a second and a half, longer than training a child; the arithmetic is four lines, and a test
compares both the values and the file with the library's own.
"""

import importlib.metadata
import pickle
from dataclasses import dataclass

import numpy as np

from stockops.arrays import Floats

_HEAD = b"\x80\x02csklearn.preprocessing\nStandardScaler\n)\x81"  # protocol 2; a new StandardScaler without arguments
_TAIL = b"b."  # BUILD, STOP


@dataclass(frozen=True, slots=True)
class Scaler:
    """Mean and variance of each column over `rows` rows; standardising divides by `scale`."""

    mean: Floats
    variance: Floats
    rows: int

    @classmethod
    def of(cls, table: Floats) -> "Scaler":
        """Return the scaler fitted on rows (…, columns)."""
        rows = table.reshape(-1, table.shape[-1])
        mean = rows.sum(axis=0) / len(rows)
        off = rows - mean
        variance = (np.square(off).sum(axis=0) - np.square(off.sum(axis=0)) / len(rows)) / len(rows)
        return cls(mean, variance, len(rows))

    @property
    def scale(self) -> Floats:
        """The standard deviation; 1 for a column that is constant up to rounding."""
        spread = np.sqrt(self.variance)
        rounding = self.rows * np.finfo(float).eps * np.abs(self.mean)
        return np.where(spread > rounding, spread, 1.0)

    def pickled(self) -> bytes:
        """Return a pickle that loads as the fitted StandardScaler."""
        state = {
            "with_mean": True,
            "with_std": True,
            "copy": True,
            "n_features_in_": len(self.mean),
            "n_samples_seen_": np.float64(self.rows),
            "mean_": self.mean,
            "var_": self.variance,
            "scale_": self.scale,
            "_sklearn_version": importlib.metadata.version("scikit-learn"),
        }
        return _HEAD + pickle.dumps(state, protocol=2)[2:-1] + _TAIL  # without its PROTO and STOP
