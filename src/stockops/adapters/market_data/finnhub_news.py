"""Company news from Finnhub, which covers North American companies only."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stockops.adapters.market_data.finnhub_api import FinnhubApi
from stockops.agent.news import NewsItem
from stockops.errors import ServiceError, StockopsError

_SERVICE = "news"


@dataclass(frozen=True, slots=True)
class FinnhubNews:
    """Port NewsFeed on `/company-news`, which takes any span of days."""

    api: FinnhubApi
    needs: tuple[str, ...] = (_SERVICE,)

    def reaches(self, last: datetime, now: datetime) -> bool:
        """Return True: only the server knows how far back a key's plan goes."""
        return True

    def items(self, ticker: str, first: datetime, last: datetime) -> list[NewsItem]:
        """Return the news on a ticker in a span of days."""
        span = {"from": f"{first.astimezone(UTC):%Y-%m-%d}", "to": f"{last.astimezone(UTC):%Y-%m-%d}"}
        try:
            found = self.api.get("company-news", ticker, span, "news")
        except StockopsError as exc:
            raise ServiceError(f"no news: {exc.message}", service=_SERVICE) from None
        if not isinstance(found, list):
            raise ServiceError("no news: finnhub's answer is malformed", service=_SERVICE)
        return [item for row in found if (item := _item(row))]

    def check(self) -> str:
        """Return the number of items found today for a stock with news every week."""
        now = datetime.now(UTC)
        return f"finnhub: {len(self.items('AAPL', now, now))} items of AAPL today"


def _item(row: Any) -> NewsItem | None:
    """Return one row as a news item; None if it lacks a required field."""
    try:
        return NewsItem(
            headline=str(row["headline"]),
            source=str(row.get("source") or ""),
            url=str(row.get("url") or ""),
            published=datetime.fromtimestamp(int(row["datetime"]), UTC),
            summary=str(row.get("summary") or ""),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError):
        return None
