"""The latest headlines from Yahoo Finance, through yfinance."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yfinance
from curl_cffi import requests
from yfinance.exceptions import YFException

from stockops.adapters.market_data.yahoo_session import YahooSession, prepare
from stockops.adapters.network.bounded_io import AnswerTooLargeError
from stockops.agent.news import NewsItem
from stockops.errors import ServiceError

_SERVICE = "news"
_STREAM = "/xhr/ncp"
_COUNT = 20
_LATEST = timedelta(days=4)  # Yahoo returns only the latest items: for an earlier day, all may be too recent


@dataclass(frozen=True, slots=True)
class YahooNews:
    """Port NewsFeed on yfinance's `Ticker.get_news`."""

    cache_dir: Path
    timeout_seconds: float
    needs: tuple[str, ...] = (_SERVICE,)

    def reaches(self, last: datetime, now: datetime) -> bool:
        """Return whether `last` is within the past four days."""
        return now - last < _LATEST

    def items(self, ticker: str, first: datetime, last: datetime) -> list[NewsItem]:
        """Return the latest items of a ticker; `first` and `last` are ignored."""
        prepare(self.cache_dir)
        session = YahooSession(self.timeout_seconds, _STREAM, self.timeout_seconds)
        try:
            found = yfinance.Ticker(ticker, session=session).get_news(count=_COUNT)
        except requests.exceptions.RequestException as exc:
            raise ServiceError(f"no news: yahoo does not answer ({type(exc).__name__})", service=_SERVICE) from None
        except AnswerTooLargeError as exc:
            raise ServiceError(f"no news: yahoo sends {exc}", service=_SERVICE) from None
        except (YFException, ValueError, LookupError, TypeError, AttributeError, RecursionError) as exc:
            raise ServiceError(f"no news: yahoo's answer is none ({type(exc).__name__})", service=_SERVICE) from None
        if session.status != 200 or '"tickerStream"' not in session.answer.text:  # yfinance treats either as no news
            raise ServiceError(f"no news: yahoo answers {session.status} without a stream", service=_SERVICE)
        return [item for row in found if (item := _item(row))]

    def check(self) -> str:
        """Return the number of items found for a stock with news every week."""
        now = datetime.now(UTC)
        return f"yahoo: {len(self.items('AAPL', now, now))} items of AAPL"


def _item(row: Any) -> NewsItem | None:
    """Return one row as a news item; None if it lacks a required field."""
    try:
        content = row["content"]
        return NewsItem(
            headline=str(content["title"]),
            source=str(_of(content, "provider", "displayName")),
            url=str(_of(content, "canonicalUrl", "url") or _of(content, "clickThroughUrl", "url")),
            published=_moment(str(content["pubDate"])),
            summary=str(content.get("summary") or content.get("description") or ""),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _of(content: Mapping[str, Any], *names: str) -> Any:
    """Return a nested field, "" if any part is missing."""
    value: Any = content
    for name in names:
        value = (value or {}).get(name)
    return value or ""


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
