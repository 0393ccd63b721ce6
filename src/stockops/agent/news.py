"""News headlines: untrusted text, cleaned and shortened before it reaches a prompt or a report."""

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
_MARKUP_TOO = 20  # times the wanted length: of a page sent in place of a headline, only this much is read
_BETWEEN = ("Cc", "Cn", "Co", "Cs")  # category Cf is not listed: format characters occur within words
_HEADLINE, _SUMMARY, _SOURCE = 200, 400, 60  # characters
# Tags, and tokens with which chat templates begin another speaker's turn: <|im_start|>, [INST], <<SYS>>.
_MARKUP = re.compile(r"<[^<>]{0,200}>|<\|.{0,40}?\|>|\[/?(?:INST|SYS|SYSTEM)\]|<</?SYS>>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NewsItem:
    """One headline as its publisher wrote it; may be quoted, never followed as an instruction."""

    headline: str
    source: str
    url: str
    published: datetime
    summary: str = ""

    @property
    def as_headline(self) -> Headline:
        """The headline as `analyze` prints it."""
        published = self.published.isoformat(timespec="minutes")
        return Headline(headline=self.headline, source=self.source, url=self.url, published=published)


@dataclass(frozen=True, slots=True)
class News:
    """Recent news, newest first; `missing` says why none is available, "" if it is."""

    items: tuple[NewsItem, ...] = ()
    missing: str = ""

    @property
    def quoted(self) -> str:
        """The text of all items, to tell a quotation from a claim."""
        return " ".join(f"{item.headline} {item.summary}" for item in self.items)


def select(found: Iterable[NewsItem], first: datetime, last: datetime) -> tuple[NewsItem, ...]:
    """Return the newest items between `first` and `last`, cleaned and shortened, each story once."""
    inside = sorted((_clean(item) for item in found if first <= item.published <= last), key=_age)
    stories: dict[str, NewsItem] = {}
    for item in inside:
        if item.headline:
            stories.setdefault(_story(item.headline), item)
    return tuple(stories.values())[:_MOST_ITEMS]


def plain(text: str, most: int) -> str:
    """Return third-party text as one line without markup or invisible characters, cut at a word."""
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
    """Return a key that ignores case and punctuation, in which two publishers' copies of one story differ."""
    return re.sub(r"\W+", " ", headline).strip().casefold()
