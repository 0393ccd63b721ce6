"""The prices that a result rests on."""

from dataclasses import dataclass

from stockops.documents.fields import Count, Day, absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One repair: the day, or the first of several, the problem, and the correction."""

    date: str
    kind: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSpan:
    """The prices of a model, as its card stores them; repairs only if there were any."""

    source: str
    rows: Count
    first: Day
    last: Day
    repairs: tuple[Repair, ...] | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceData:
    """The prices of a result.

    behind: sessions missing at the end. untraded: sessions at the end without a trade. currency: None if unknown.
    """

    source: str
    rows: Count
    first: Day
    last: Day
    behind: Count
    untraded: Count
    currency: str | None
    calendar: str
    repairs: tuple[Repair, ...]
