"""Headlines: text of strangers, made harmless and short before a prompt or a report sees it."""

import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from stockops.agent.markdown import is_address
from stockops.documents.analysis import Headline
from stockops.wording import visible

_MOST_ITEMS = 10
_MARKUP_TOO = 20  # times the length that is wanted: a page in place of a headline is not read through
_BETWEEN = ("Cc", "Cn", "Co", "Cs")  # stand between words; formats stand within them
_HEADLINE, _SUMMARY, _SOURCE = 200, 400, 60  # characters
# Tags, and what chat templates take for the beginning of somebody else's turn: <|im_start|>, [INST], <<SYS>>.
_MARKUP = re.compile(r"<[^<>]{0,200}>|<\|.{0,40}?\|>|\[/?(?:INST|SYS|SYSTEM)\]|<</?SYS>>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NewsItem:
    """One headline as its publisher wrote it, to be quoted and never obeyed."""

    headline: str
    source: str
    url: str
    published: datetime
    summary: str = ""

    @property
    def as_headline(self) -> Headline:
        """What `analyze` says of it."""
        published = self.published.isoformat(timespec="minutes")
        return Headline(headline=self.headline, source=self.source, url=self.url, published=published)


@dataclass(frozen=True, slots=True)
class News:
    """What was written lately, newest first; `missing` says why nothing could be had, "" where it could."""

    items: tuple[NewsItem, ...] = ()
    missing: str = ""

    @property
    def quoted(self) -> str:
        """All that the items say, for telling a quotation from a claim."""
        return " ".join(f"{item.headline} {item.summary}" for item in self.items)


def select(found: Iterable[NewsItem], first: datetime, last: datetime) -> tuple[NewsItem, ...]:
    """Return the newest items of a span, cleaned, cut to length, each story once."""
    inside = sorted((_clean(item) for item in found if first <= item.published <= last), key=_age)
    stories: dict[str, NewsItem] = {}
    for item in inside:
        if item.headline:
            stories.setdefault(_story(item.headline), item)
    return tuple(stories.values())[:_MOST_ITEMS]


def plain(text: str, most: int) -> str:
    """Return a stranger's text as one line without markup or invisible letters, cut at a word."""
    text = unicodedata.normalize("NFKC", html.unescape(text[: _MARKUP_TOO * most]))
    text = "".join(" " if unicodedata.category(letter) in _BETWEEN else letter for letter in text)
    text = " ".join(_MARKUP.sub(" ", visible(text)).split())
    return text if len(text) <= most else text[:most].rsplit(" ", 1)[0] + " …"


def _clean(item: NewsItem) -> NewsItem:
    return replace(
        item,
        headline=plain(item.headline, _HEADLINE),
        source=plain(item.source, _SOURCE),
        summary=plain(item.summary, _SUMMARY),
        url=item.url if is_address(item.url) else "",
    )


def _age(item: NewsItem) -> tuple[float, str]:
    return -item.published.timestamp(), item.headline


def _story(headline: str) -> str:
    """Two publishers' copies of one story differ in case and punctuation only."""
    return re.sub(r"\W+", " ", headline).strip().casefold()
