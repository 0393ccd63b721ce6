"""Which prices, percentages and dates of a text stand in the facts: a report may state no others."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# A claim is an amount of money, a decimal number, anything in percent, or a whole number that a word of price
# leads in; counts, years and ordinals are none. The sign is left out: «fell 1.2 %» states -1.2.
_MONEY = r"USD|EUR|GBP|JPY|CHF|CNY|INR|dollars?|euros?|yen|pounds?|pence|rupees?"
_CLAIM = re.compile(
    rf"(?P<currency>(?:[$€£¥₹]|\b(?:{_MONEY}))\s?|\b(?:price|target|closed?|support|resistance|level|worth)"
    rf"(?:\s(?:at|of|near|around|to|is|was|price))*\s)?"
    rf"(?<![\w.,])(?<![A-Za-z]-)(?P<number>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    rf"(?P<unit>\s?(?:%|percent\b|per\scent\b|(?:{_MONEY})\b))?",
    re.IGNORECASE,
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_DATE = re.compile(
    r"(?P<iso>\d{4}-\d{2}-\d{2})(?:T[\d:.+Z-]+)?"
    rf"|\b(?P<m1>{_MONTH})\s(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s(?P<y1>\d{{4}}))?"
    rf"|\b(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\s(?P<m2>{_MONTH})(?:\s(?P<y2>\d{{4}}))?\b"
)
_LINK = re.compile(r"https?://[^\s)]+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z*_«\"'(\d])")


@dataclass(frozen=True, slots=True)
class Known:
    """What a text may state: numbers up to rounding and sign, dates (YYYY-MM-DD), whatever stands in `quoted`."""

    numbers: tuple[float, ...]
    dates: frozenset[str]
    quoted: str = ""


@dataclass(frozen=True, slots=True)
class Grounding:
    """How many claims a text makes, and those that stand in no fact, in order."""

    claims: int
    unmatched: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of the claims that stand in the facts, 1 where none is made."""
        return 1 - len(self.unmatched) / self.claims if self.claims else 1.0


def check(text: str, known: Known) -> Grounding:
    """Return which claims of a text the facts bear out."""
    allowed_dates = known.dates | {_day(match) for match in _dates(known.quoted)}
    without_years = {day[5:] for day in allowed_dates}
    allowed = {match["number"] for match in _numbers(known.quoted)}
    facts = [abs(fact) for fact in known.numbers]
    dates = [(match, _day(match)) for match in _dates(text)]
    numbers = _numbers(text)
    wrong = [m for m, day in dates if day not in (allowed_dates if len(day) > 5 else without_years)]
    wrong += [m for m in numbers if m["number"] not in allowed and not _rounds_any(m["number"], facts)]
    unmatched = [match.group().strip() for match in sorted(wrong, key=lambda match: match.start())]
    return Grounding(len(dates) + len(numbers), tuple(unmatched))


def grounded(text: str, known: Known) -> tuple[str, int]:
    """Return the text without the sentences that make ungrounded claims, and how many those were."""
    dropped = 0
    lines = []
    for line in text.splitlines():
        sentences = _SENTENCE.split(line)
        kept = [sentence for sentence in sentences if not check(sentence, known).unmatched]
        dropped += len(sentences) - len(kept)
        if kept or not line.strip():
            lines.append(" ".join(kept))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), dropped


def _dates(text: str) -> "list[re.Match[str]]":
    return list(_DATE.finditer(_LINK.sub(_blank, text)))


def _numbers(text: str) -> "list[re.Match[str]]":
    """Return the claims that are numbers, not those inside dates and links."""
    found = _CLAIM.finditer(_DATE.sub(_blank, _LINK.sub(_blank, text)))
    return [match for match in found if match["currency"] or match["unit"] or "." in match["number"]]


def _blank(match: "re.Match[str]") -> str:
    """Blanks instead of a match: what follows keeps its place."""
    return " " * len(match.group())


def _day(match: "re.Match[str]") -> str:
    """Return a date as YYYY-MM-DD, or MM-DD where it has no year."""
    if match["iso"]:
        return match["iso"]
    month = _MONTHS.index((match["m1"] or match["m2"])[:3]) + 1
    year = match["y1"] or match["y2"]
    return (f"{year}-" if year else "") + f"{month:02d}-{int(match['d1'] or match['d2']):02d}"


def _rounds_any(number: str, facts: Iterable[float]) -> bool:
    """Tell whether a number as it was written is a fact, rounded to as many digits."""
    digits = len(number.partition(".")[2])
    value = float(number.replace(",", ""))
    return any(abs(value - fact) <= 0.5 * 10**-digits + 1e-9 for fact in facts)
