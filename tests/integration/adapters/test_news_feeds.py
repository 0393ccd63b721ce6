"""Headlines from Finnhub and from Yahoo, each from a loopback server that speaks its protocol."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stockops.adapters.market_data.finnhub_api import FinnhubApi
from stockops.adapters.market_data.finnhub_news import FinnhubNews
from stockops.adapters.market_data.yahoo_news import YahooNews
from stockops.adapters.network.retries import RetryPolicy
from stockops.agent.news import NewsItem
from stockops.errors import ServiceError
from tests.loopback_http import Answer, Loopback, as_json, loopback
from tests.loopback_yahoo import YahooServer, yahoo_server

KEY = "secret-key-0123"
LAST = datetime(2024, 6, 28, 20, tzinfo=UTC)
FIRST = LAST - timedelta(days=7)
ROW = {
    "category": "company", "datetime": 1719500000, "headline": "Apple ships", "id": 1, "image": "",
    "related": "AAPL", "source": "Wire", "summary": "It ships.", "url": "https://wire.example/1",
}  # fmt: skip


@pytest.fixture
def finnhub() -> Iterator[tuple[Loopback, list[Answer]]]:
    answers = [as_json([ROW])]
    with loopback(lambda _: answers[0]) as server:
        yield server, answers


def feed(server: Loopback) -> FinnhubNews:
    retry = RetryPolicy(attempts=2, first_wait_seconds=0.01)
    return FinnhubNews(FinnhubApi(api_key=KEY, base_url=server.url, timeout_seconds=0.5, retry=retry))


def test_finnhub_is_queried_for_the_span_with_the_key_in_a_header(
    finnhub: tuple[Loopback, list[Answer]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server, _ = finnhub
    assert feed(server).items("AAPL", FIRST, LAST) == [
        NewsItem(
            "Apple ships", "Wire", "https://wire.example/1", datetime(2024, 6, 27, 14, 53, 20, tzinfo=UTC), "It ships."
        )
    ]
    [request] = server.requests
    assert request.path == "/company-news?symbol=AAPL&from=2024-06-21&to=2024-06-28"
    assert request.headers["x-finnhub-token"] == KEY
    assert KEY not in caplog.text
    assert feed(server).reaches(LAST - timedelta(days=400), LAST)


def test_malformed_news_rows_are_ignored(finnhub: tuple[Loopback, list[Answer]]) -> None:
    server, answers = finnhub
    rows: list[Any] = [ROW, {}, "x", None, {"headline": "h", "datetime": "soon"}, {"headline": "h", "datetime": 10**30}]
    answers[0] = as_json([*rows, {"headline": "bare", "datetime": 0}])
    assert [item.headline for item in feed(server).items("AAPL", FIRST, LAST)] == ["Apple ships", "bare"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(401), "finnhub refuses the key"),
        (Answer(403), "this key's plan has no news of AAPL"),
        (Answer(429), "rate limited"),
        (Answer(500), "server error 500"),
        (Answer(200, ["<html>"]), "no JSON"),
        (as_json({"error": "x"}), "malformed"),
        (Answer(200, ["", ""], pause=1), "no answer within 0.5 s"),
    ],
)
def test_a_finnhub_failure_is_a_service_error_of_news(
    finnhub: tuple[Loopback, list[Answer]], answer: Answer, message: str
) -> None:
    server, answers = finnhub
    answers[0] = answer
    with pytest.raises(ServiceError, match=message) as caught:
        feed(server).items("AAPL", FIRST, LAST)
    assert caught.value.service == "news"
    assert KEY not in str(caught.value)


def article(title: str, published: str, **more: Any) -> dict[str, Any]:
    """Return an item of the stream as Yahoo sends it."""
    content = {
        "id": "1", "contentType": "STORY", "title": title, "summary": "Sum.", "pubDate": published,
        "provider": {"displayName": "Wire", "url": "http://wire.example"},
        "canonicalUrl": {"url": "https://finance.yahoo.com/1", "site": "finance"}, "clickThroughUrl": None, **more,
    }  # fmt: skip
    return {"id": "1", "content": content}


@pytest.fixture
def yahoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[YahooServer]:
    with yahoo_server(tmp_path) as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        yield server


def test_yahoo_returns_its_latest_news(yahoo: YahooServer, tmp_path: Path) -> None:
    yahoo.news["AAPL"] = [
        article("Apple ships", "2024-06-27T14:53:20Z"),
        article("elsewhere", "2024-06-27T14:53:20Z", canonicalUrl=None, clickThroughUrl={"url": "https://x.example"}),
        {"id": "2", "content": {"title": None}},
        {"id": "3"},
        article("an ad", "2024-06-27T14:53:20Z") | {"ad": [1]},
    ]
    found = YahooNews(tmp_path / "cache", 5).items("AAPL", FIRST, LAST)
    moment = datetime(2024, 6, 27, 14, 53, 20, tzinfo=UTC)
    assert found[0] == NewsItem("Apple ships", "Wire", "https://finance.yahoo.com/1", moment, "Sum.")
    assert [(item.headline, item.url) for item in found[1:]] == [("elsewhere", "https://x.example")]
    assert YahooNews(tmp_path / "cache", 5).items("MSFT", FIRST, LAST) == []


def test_yahoo_reaches_only_the_last_days(tmp_path: Path) -> None:
    news = YahooNews(tmp_path, 5)
    assert news.reaches(LAST, LAST + timedelta(days=3))
    assert not news.reaches(LAST, LAST + timedelta(days=5))


@pytest.mark.parametrize("mode", ["500", "garbage"])
def test_a_yahoo_failure_is_a_service_error_of_news(yahoo: YahooServer, tmp_path: Path, mode: Any) -> None:
    yahoo.mode = mode
    with pytest.raises(ServiceError, match="no news: yahoo") as caught:
        YahooNews(tmp_path / "cache", 5).items("AAPL", FIRST, LAST)
    assert caught.value.service == "news"


def test_an_unreachable_yahoo_is_a_service_error_of_news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(ServiceError, match="no news: yahoo does not answer"):
        YahooNews(tmp_path / "cache", 2).items("AAPL", FIRST, LAST)
