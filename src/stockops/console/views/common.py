"""Text shared by several views."""

from typing import TYPE_CHECKING

from stockops.records import WORTH_A_WORD

if TYPE_CHECKING:
    from stockops.documents.prices import PriceData


def caveats(data: "PriceData") -> list[str]:
    """Return the caveats about the prices that a result rests on."""
    known = [f"prices end {data.behind} sessions too early"] if data.behind > 1 else []
    known += [f"no trade in the last {data.untraded} sessions"] if data.untraded > 1 else []
    return known + [f"repaired {repair.date}: {repair.what}" for repair in data.repairs]


def captioned(title: str, data: "PriceData") -> str:
    """Return a title followed by the caveats."""
    return "; ".join([title, *caveats(data)])


def quoted(value: float, unit: str | None) -> str:
    """Return a price with its currency."""
    from stockops.market.exchanges import quoted

    return quoted(value, unit)


def price(value: float) -> str:
    """Return a price with a suitable number of digits."""
    from stockops.market.exchanges import written

    return written(value)


def age(seconds: int) -> str:
    """Return a duration in its largest unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def model_age(unseen: int) -> list[str]:
    """Return a note on a model that has not seen the last sessions; none for a recent one."""
    return [f"the model has not seen the last {unseen} sessions"] if unseen > WORTH_A_WORD else []
