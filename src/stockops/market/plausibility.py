"""Finds bars that look like a vendor's mistake, each with a guess at what happened.

A bar is suspicious if a defect explains it much better than trading does (`market.evidence`), given the size of the
move, whether it matches a split ratio or a change of unit, whether it reverses at once, and the volume and range that
accompany it. There is no threshold on the move alone: shares do lose half overnight.
"""

import pandas as pd

from stockops.market.bad_ticks import repeated, spikes, ticks
from stockops.market.evidence import Evidence
from stockops.market.level_shifts import shifts
from stockops.market.suspicion import Suspicion


def find(bars: pd.DataFrame, *, splits: bool = True) -> tuple[Suspicion, ...]:
    """Return what is suspicious in a checked price table (rows, OHLCV), oldest first.

    splits: False for symbols that never split, such as an index or a currency.
    """
    evidence = Evidence(bars)
    found = [*ticks(evidence), *spikes(evidence), *repeated(bars)]
    taken = {row for tick in found for row in range(tick.row, tick.end + 1)}
    found += [shift for shift in shifts(evidence, splits=splits) if shift.row not in taken]
    return tuple(sorted(found, key=lambda suspicion: suspicion.row))
