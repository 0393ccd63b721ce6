"""Checks which prices, percentages and dates in a text appear in the facts; a report may state no others."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from stockops.agent import number_words

# A claim is an amount of money, a decimal number, anything in percent, basis points or multiples, in digits or in
# words, or a whole number that follows a price word or lies near the price. Counts, years and ordinals are not claims.
# The sign is ignored: "fell 1.2 %" states -1.2.
_MONEY = r"USD|EUR|GBP|JPY|CHF|CNY|INR|dollars?|euros?|yen|pounds?|pence|rupees?"
_RATIO = r"%|percent\b|per\scent\b|percentage\spoints?\b|basis\spoints?\b|bps\b|x\b|-?times\b"
_CLAIM = re.compile(
    rf"(?P<currency>(?:[$€£¥₹]|\b(?:{_MONEY}))\s?|\b(?:price|target|closed?|support|resistance|level|worth)"
    rf"(?:\s(?:at|of|near|around|to|is|was|price|sits|stands)){{0,4}}:?\s)?"
    rf"(?<![\w.,])(?<![A-Za-z]-)(?P<number>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    rf"(?P<unit>\s?(?:{_RATIO}|(?:{_MONEY})\b))?",
    re.IGNORECASE,
)
_NEAR = 2.0  # a bare number between half and twice the price is taken for a price
_COUNTED = re.compile(
    r"[\s-]?(?:(?:trading|calendar|consecutive|more|other|different|held|of)\s)?(?:sessions?|days?|weeks?|months?|years?"
    r"|quarters?|hours?|minutes?|windows?|holdings?|stocks?|shares?|compan|analysts?|cases?|times|items?|articles?|out\sof"
    r"|st\b|nd\b|rd\b|th\b|am\b|pm\b|a\.m|p\.m|:\d)",
    re.IGNORECASE,
)
_COUNTED_FACT = re.compile(
    r"[\s-](?:[a-z-]+\s){0,2}?(?:forecasts?|predictions?|closes|bars?|windows?|origins?)\b", re.IGNORECASE
)
_NAMED = re.compile(
    r"(?:S&P|Dow|Nasdaq|Russell|Nikkei|FTSE|DAX|CAC|STOXX|MSCI|top|next|last|past|first|Q|FY)[\s-]*$", re.IGNORECASE
)
_NAME_REACH = 20  # characters before a number searched for a name, such as "S&P"
_YEAR = re.compile(r"(?:19|20)\d\d")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_DATE = re.compile(
    r"(?P<iso>\d{4}-\d{2}-\d{2})(?:T[\d:.+Z-]+)?"
    r"|(?P<m3>\d{1,2})/(?P<d3>\d{1,2})/(?P<y3>\d{4})"
    rf"|\b(?P<m1>{_MONTH})\s(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s(?P<y1>\d{{4}}))?"
    rf"|\b(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\s(?P<m2>{_MONTH})(?:\s(?P<y2>\d{{4}}))?\b"
)
_LINK = re.compile(r"https?://[^\s)]+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z*_«\"'(\d])")


@dataclass(frozen=True, slots=True)
class AllowedClaims:
    """What a text may state: numbers up to rounding and sign, dates (YYYY-MM-DD), anything in `quoted`.

    price: a bare whole number near it is taken for a price; 0 disables this. counts: numbers of forecasts, windows and
    closes; such a number is taken for a count if the next words say so.
    """

    numbers: tuple[float, ...]
    dates: frozenset[str]
    quoted: str = ""
    price: float = 0.0
    counts: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Claim:
    """A claim: its position, its text, and the number in digits ("" for a date)."""

    start: int
    text: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class _Allowed:
    """The allowed claims, prepared once for all sentences of a text."""

    dates: frozenset[str]
    without_years: frozenset[str]
    quoted: frozenset[str]
    facts: tuple[float, ...]

    @classmethod
    def of(cls, known: AllowedClaims) -> "_Allowed":
        dates = known.dates | {_day(match) for match in _dates(known.quoted)}
        quoted = frozenset(claim.number for claim in _numbers(known.quoted, known))
        return cls(dates, frozenset(day[5:] for day in dates), quoted, tuple(abs(fact) for fact in known.numbers))

    def states(self, number: str) -> bool:
        """Return whether a number is quoted, or is a fact rounded to the same number of digits."""
        return number in self.quoted or _rounds_any(number, self.facts)


@dataclass(frozen=True, slots=True)
class Grounding:
    """The number of claims in a text, and those without a matching fact, in order."""

    claims: int
    unmatched: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of the claims that match a fact; 1 if there are no claims."""
        return 1 - len(self.unmatched) / self.claims if self.claims else 1.0


def check(text: str, known: AllowedClaims) -> Grounding:
    """Compare the claims of a text with the facts."""
    return _check(text, known, _Allowed.of(known))


def _check(text: str, known: AllowedClaims, allowed: _Allowed) -> Grounding:
    dates = [(match, _day(match)) for match in _dates(text)]
    numbers = _numbers(text, known)
    wrong = [
        _Claim(match.start(), match.group().strip())
        for match, day in dates
        if day not in (allowed.dates if len(day) > 5 else allowed.without_years)
    ]
    stated = {number for number in {claim.number for claim in numbers} if allowed.states(number)}
    wrong += [claim for claim in numbers if claim.number not in stated]
    unmatched = [claim.text for claim in sorted(wrong, key=lambda claim: claim.start)]
    return Grounding(len(dates) + len(numbers), tuple(unmatched))


def drop_ungrounded(text: str, known: AllowedClaims) -> tuple[str, int]:
    """Return the text without sentences that make ungrounded claims, and the number removed."""
    dropped, allowed = 0, _Allowed.of(known)
    lines = []
    for line in text.splitlines():
        sentences = _SENTENCE.split(line)
        sound = [sentence for sentence in sentences if not _check(sentence, known, allowed).unmatched]
        dropped += len(sentences) - len(sound)
        if sound or not line.strip():
            lines.append(" ".join(sound))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), dropped


def _dates(text: str) -> "list[re.Match[str]]":
    return list(_DATE.finditer(_LINK.sub(_blank, text)))


def _numbers(text: str, known: AllowedClaims) -> list[_Claim]:
    """Return the numeric claims, in digits and in words, excluding those inside dates and links."""
    plain = _DATE.sub(_blank, _LINK.sub(_blank, text))
    found = [match for match in _CLAIM.finditer(plain) if _is_claim(match, plain, known)]
    in_digits = [_Claim(match.start(), match.group().strip(), match["number"]) for match in found]
    return in_digits + [_Claim(words.start, words.text, words.number) for words in number_words.find(plain)]


def _is_claim(match: "re.Match[str]", text: str, known: AllowedClaims) -> bool:
    if match["currency"] or match["unit"] or "." in match["number"]:
        return True
    value = int(match["number"].replace(",", ""))
    near = known.price / _NEAR <= value <= known.price * _NEAR
    begin = match.start()
    counted = _COUNTED.match(text, match.end()) or _NAMED.search(text, max(0, begin - _NAME_REACH), begin)
    counted = counted or (_COUNTED_FACT.match(text, match.end()) if value in known.counts else None)
    return near and not counted and not _YEAR.fullmatch(match["number"])


def _blank(match: "re.Match[str]") -> str:
    """Return blanks of the match's length, so that later positions do not shift."""
    return " " * len(match.group())


def _day(match: "re.Match[str]") -> str:
    """Return a date as YYYY-MM-DD, or MM-DD if it has no year."""
    if match["iso"]:
        return match["iso"]
    month = int(match["m3"] or _MONTHS.index((match["m1"] or match["m2"])[:3]) + 1)
    year = match["y1"] or match["y2"] or match["y3"]
    return (f"{year}-" if year else "") + f"{month:02d}-{int(match['d1'] or match['d2'] or match['d3']):02d}"


def _rounds_any(number: str, facts: Iterable[float]) -> bool:
    """Return whether a number as written equals a fact rounded to the same number of digits."""
    digits = len(number.partition(".")[2])
    value = float(number.replace(",", ""))
    return any(abs(value - fact) <= 0.5 * 10**-digits + 1e-9 for fact in facts)
