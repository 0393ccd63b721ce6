"""Company news from Finnhub; North American companies only, others have none."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stockops.adapters.market_data.finnhub_api import FinnhubApi
from stockops.agent.news import NewsItem
from stockops.errors import ServiceError, StockopsError

_SERVICE = "news"


@dataclass(frozen=True, slots=True)
class FinnhubNews:
    """Port NewsFeed on `/company-news`, which asks for any span of days."""

    api: FinnhubApi
    needs: tuple[str, ...] = (_SERVICE,)

    def reaches(self, last: datetime, now: datetime) -> bool:
        """Always: how far back a key's plan goes, only the server knows."""
        return True

    def items(self, ticker: str, first: datetime, last: datetime) -> list[NewsItem]:
        """Return what was written of a ticker in a span of days."""
        span = {"from": f"{first.astimezone(UTC):%Y-%m-%d}", "to": f"{last.astimezone(UTC):%Y-%m-%d}"}
        try:
            found = self.api.get("company-news", ticker, span, "news")
        except StockopsError as exc:
            raise ServiceError(f"no news: {exc.message}", service=_SERVICE) from None
        if not isinstance(found, list):
            raise ServiceError("no news: finnhub's answer is malformed", service=_SERVICE)
        return [item for row in found if (item := _item(row))]

    def check(self) -> str:
        """Return what was found of a share that every week has news of."""
        now = datetime.now(UTC)
        return f"finnhub: {len(self.items('AAPL', now, now))} items of AAPL today"


def _item(row: Any) -> NewsItem | None:
    """Return one row; None for one without the parts that make it news."""
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
