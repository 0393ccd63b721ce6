"""What the prices of a result are."""

from dataclasses import dataclass

from stockops.documents.fields import Count, Day, absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One repair: since or on which day, what was the matter, and what was done about it."""

    date: str
    kind: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSpan:
    """The prices of a model, as its card keeps them; repairs where there were any."""

    source: str
    rows: Count
    first: Day
    last: Day
    repairs: tuple[Repair, ...] | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceData:
    """The prices of a result.

    behind: sessions that they end too early. untraded: sessions at the end without a trade. currency: None where nobody
    says.
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
