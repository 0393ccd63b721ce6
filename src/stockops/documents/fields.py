"""The types of fields: the constraints that `reading` checks."""

from dataclasses import field, fields
from datetime import date, datetime
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, MinLen, Predicate

ABSENT = "absent"


def absent() -> Any:
    """Return the default of a field that a document may lack."""
    return field(default=None, metadata={ABSENT: True})


def field_values(record: Any) -> dict[str, Any]:
    """Return a record's fields by name, not converted, to make a record of these and other fields."""
    return {each.name: getattr(record, each.name) for each in fields(record)}


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


Day = Annotated[str, Predicate(_is_day)]
Moment = Annotated[str, Predicate(_is_moment)]
Price = Annotated[float, Gt(0)]
Share = Annotated[float, Ge(0), Le(1)]
Count = Annotated[int, Ge(0)]
NotNegative = Annotated[float, Ge(0)]
Bounds = tuple[Price, Price]  # low, high
Text = Annotated[str, MinLen(1)]
