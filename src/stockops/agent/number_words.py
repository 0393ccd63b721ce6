"""Numbers in English words followed by a unit: "one and a half percent" states 1.5."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {
    **{word: value for value, word in enumerate(_ONES)},
    **{word: 10 * tens for tens, word in enumerate(_TENS, 2)},
    "a": 1,
}
_WORD = rf"(?:{'|'.join((*_ONES, *_TENS, 'hundred', 'thousand'))})"
_JOINT = r"(?:(?:(?<=hundred)|(?<=thousand))\sand\s|[\s-])"
# Bounded: otherwise a text of only such words takes quadratic time.
_WHOLE = rf"(?:a\s(?=hundred|thousand))?{_WORD}(?:{_JOINT}{_WORD}){{0,11}}"
_DIGITS = rf"(?:\s(?:{'|'.join(_ONES[:10])})){{1,9}}"
_MONEY = r"(?:dollars?|euros?|yen|yuan|pounds?|pence|rupees?|francs?)\b"
_RATIO = r"%|per\s?cent\b|percentage\spoints?\b|basis\spoints?\b|bps\b|times\s(?:earnings|sales|book|revenues?)\b"
_CLAIM = re.compile(
    rf"\b(?:(?P<whole>{_WHOLE})(?:\spoint(?P<digits>{_DIGITS})|(?P<and_half>\sand\sa\shalf))?"
    rf"|(?:a\s)?(?P<half>half)(?:\sof)?(?:\sa)?)[\s-](?:{_RATIO}|{_MONEY})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class WordedNumber:
    """One number: its position, its text including the unit, and its value in digits."""

    start: int
    text: str
    number: str


def find(text: str) -> Iterator[WordedNumber]:
    """Yield the numbers in words that have a money or ratio unit; others are counts, not claims."""
    for match in _CLAIM.finditer(text):
        yield WordedNumber(match.start(), match.group(), _in_digits(match))


def _in_digits(match: "re.Match[str]") -> str:
    whole = _value(match["whole"] or "")
    if match["half"] or match["and_half"]:
        return f"{whole}.5"
    decimals = "".join(str(_VALUES[word]) for word in (match["digits"] or "").lower().split())
    return f"{whole}.{decimals}" if decimals else str(whole)


def _value(words: str) -> int:
    """Return the value of words like "two thousand one hundred and five", 0 for none."""
    total = part = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word == "thousand":
            total, part = total + (part or 1) * 1000, 0
        elif word == "hundred":
            part = (part or 1) * 100
        else:
            part += _VALUES.get(word, 0)
    return total + part
