"""Every sentence that the rules write is a fact, recomputed here from the prices, or a definition."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stockops.market.features import rsi
from stockops.records import METHOD
from tests.price_builders import LENT_TO, PriceFiles, halted, history

SINCE = "2024-06-28"  # the last session of every history
NUMBER = r"([+-]?[\d,]+(?:\.\d+)?)"
WORDS = {
    "One week in five ends outside an 80 % range, one in twenty outside a 95 % range, if they hold what they promise.",
    "Written by rules from the facts below; no language model had a part in it, and news is not judged.",
    "No news: news is switched off.",
    "Nothing here takes news into account.",
    "A model's forecast, not investment advice.",
    "Prices may leave every range given here.",
    "Written by rules, offline.",
    "Those windows overlap with windows it learned from: read it as the best case.",
    "Against the best naive forecast of each:",
}  # definitions, labels, and what is said of the writer
BACKTEST = {
    "start": "2020-01-02", "end": "2024-06-25", "origins": 1_127, "close_findings": {"1": "tied", "5": "tied"},
    "skill": {
        "Close": {"1": 0.0012, "5": -0.0118}, "Volume": {"1": 0.101, "5": -0.091},
        "Open": {"1": 0.012, "5": -0.003}, "High": {"1": 0.21, "5": -0.04}, "Low": {"1": 0.19, "5": -0.03},
    },
    "coverage": {"80": 0.8031, "95": 0.9496}, "source": "csv", "refit": "never", "close_skill": -0.0053, "text": "",
}  # fmt: skip


@dataclass
class Known:
    """What is checked against: the document of `analyze`, the bars, and the index's bars on the same days."""

    document: dict[str, Any]
    bars: pd.DataFrame
    market: pd.DataFrame

    @property
    def last(self) -> float:
        return float(self.bars["Close"].iloc[-1])

    @property
    def day(self) -> dict[str, Any]:
        return dict(self.document["predictions"]["week"][-1])

    def moved(self, span: int) -> float:
        return 100 * (self.last / float(self.bars["Close"].iloc[-1 - span]) - 1)

    def market_moved(self, span: int) -> float:
        first, last = self.bars.index[[-1 - span, -1]]
        closes = self.market["Close"]
        return 100 * float(closes.loc[:last].iloc[-1] / closes.loc[:first].iloc[-1] - 1)

    def year(self) -> "pd.Series[float]":
        return self.bars["Close"].iloc[-252:]


def near(text: str, value: float) -> bool:
    """Tell whether a number as it is written is that value, rounded."""
    digits = len(text.partition(".")[2])
    return abs(float(text.replace(",", "")) - value) <= 0.51 * 10.0**-digits


def spanned(known: Known, level: str, *found: str) -> bool:
    bounds = known.day[f"close_{level}"]
    values = [*bounds, *(100 * (bound / known.last - 1) for bound in bounds)]
    return all(near(text, value) for text, value in zip(found, values, strict=True))


def beta(known: Known, slope: str, correlation: str, count: str) -> bool:
    both = pd.concat([known.bars["Close"], known.market["Close"]], axis=1, join="inner").iloc[-253:]
    own, index = np.diff(np.log(both.to_numpy()), axis=0).T
    fitted = float(np.polyfit(index, own, 1)[0])
    return near(slope, fitted) and near(correlation, float(np.corrcoef(own, index)[0, 1])) and int(count) == len(own)


def volatility(known: Known, count: str, figure: str) -> bool:
    steps = np.diff(np.log(known.bars["Close"].iloc[-30:]))
    return count == "30" and near(figure, 100 * float(steps.std(ddof=1)) * 252**0.5)


def losses(span: str) -> Callable[..., bool]:
    """Return what compares a sentence with the document's risk of a span."""

    def compare(known: Known, *found: str) -> bool:
        risk = known.document["risk"][span]
        return all(
            near(text, 100 * risk[name]) for text, name in zip(found, ("var_95", "es_95", "var_99"), strict=True)
        )

    return compare


def outlook(known: Known, last: str, close: str, day: str, change: str) -> bool:
    said = known.day
    return (
        near(last, known.last)
        and near(close, said["close"])
        and day == said["date"]
        and near(change, 100 * said["change"])
    )


def small(known: Known, size: str, direction: str) -> bool:
    low, high = known.day["close_80"]
    is_small = abs(known.day["close"] - known.last) < (high - low) / 4
    return (size, direction) == (("small", "no direction") if is_small else ("large", "a direction"))


def averages(known: Known, *found: str) -> bool:
    parts = [found[i : i + 4] for i in range(0, len(found), 4) if found[i] is not None]
    for apart, side, count, average in parts:
        mean = float(known.bars["Close"].iloc[-int(count) :].mean())
        percent = 100 * (known.last / mean - 1)
        if not (near(average, mean) and near(apart, abs(percent)) and (side == "above") == (percent >= 0)):
            return False
    return True


def market(known: Known, long: str | None, *found: str | None) -> bool:
    spans = (5, 252) if long else (5,)
    values = [moved(span) for moved in (known.moved, known.market_moved) for span in spans]
    return all(near(text, value) for text, value in zip(filter(None, found), values, strict=True))


def span_of_the_backtest(known: Known, *found: str) -> bool:
    return found == ("1,127", "2020-01-02", "2024-06-25")


FACTS: dict[str, Callable[..., bool]] = {
    r"From a last close of %s(?: \w+)? the model sees \S+ at %s on (\S+), %s %%\.": outlook,
    r"The 80 %% range of \S+ is %s to %s: %s %% to %s %%\.": lambda known, *found: spanned(known, "80", *found),
    r"One week in twenty ends outside %s to %s: %s %% to %s %%, if the 95 %% range holds what it promises\.": (
        lambda known, *found: spanned(known, "95", *found)
    ),
    r"The change is (\w+) beside that range: the forecast sees (.+)\.": small,
    r"Last close %s(?: \w+)? on (\S+)\.": lambda known, last, day: near(last, known.last) and day == SINCE,
    r"The last close is the highest of 252 sessions\.": lambda known: known.last == known.year().max(),
    r"The last close is the lowest of 252 sessions\.": lambda known: known.last == known.year().min(),
    r"The last close is %s %% below the highest of 252 sessions, %s, and %s %% above the lowest, %s\.": (
        lambda known, below, high, above, low: near(high, known.year().max())
        and near(low, known.year().min())
        and near(below, 100 * (1 - known.last / known.year().max()))
        and near(above, 100 * (known.last / known.year().min() - 1))
    ),
    r"It stands %s %% (above|below) the average of (\d+) sessions, %s"
    r"(?: and %s %% (above|below) the average of (\d+) sessions, %s)?\.": averages,
    r"RSI over 14 sessions is %s(?: \((?:above 70, called overbought|below 30, called oversold)\))?\.": (
        lambda known, value: near(value, float(rsi(known.bars["Close"]).iloc[-1]))
    ),
    r"Volume in the last session was %s times the median of the 252 sessions before\.": (
        lambda known, ratio: near(
            ratio, float(known.bars["Volume"].iloc[-1] / known.bars["Volume"].iloc[-253:-1].median())
        )
    ),
    r"Its daily returns have a beta of %s to the S&P 500 and a correlation of %s, over (\d+) sessions\.": beta,
    r"Over 5( and 252)? sessions it moved %s %%(?: and %s %%)?, the S&P 500 %s %%(?: and %s %%)? on the same days\.": (
        market
    ),
    r"One day in twenty is reckoned to lose more than %s %%, %s %% on average then, and one in a hundred more than "
    r"%s %%\.": losses("next_day"),
    r"Of weeks, one in twenty more than %s %%, %s %% on average then, and one in a hundred more than %s %%\.": (
        losses("week")
    ),
    r"The model expects a volatility of %s %% a year\.": (
        lambda known, figure: near(figure, 100 * known.document["risk"]["next_day"]["volatility_year"])
    ),
    r"Its daily moves of the last (\d+) closes make a volatility of %s %% a year\.": volatility,
    r"This forecast is not tested on unseen sessions: run stockops backtest --ticker \S+\.": (
        lambda known: known.document["ticker"] != "AAPL"  # the one that is tested here
    ),
    r"The model has not shown that it beats 'tomorrow = today' on Close\.": lambda known: True,
    r"There was no trade in the last (\d+) sessions\.": (
        lambda known, count: int(count) == int((known.bars["Volume"] == 0).sum())
    ),
    r"Nobody has traded it lately, so its last closes say nothing of how it moves\.": (
        lambda known: bool((known.bars["Volume"].iloc[-2:] == 0).all())
    ),
    r"Its own history is short: the ranges are calibrated on \^GSPC\.": (
        lambda known: known.document["ticker"] != "^GSPC"
    ),
    r"Not tested on unseen sessions\.": lambda known: known.document["ticker"] != "AAPL",
    r"On (\d+) windows held out of its training, the error on open, high, low and close over five days was %s %% "
    r"(?:smaller|larger) than that of 'tomorrow = today'\.": lambda known, windows, skill: int(windows) > 50,
    r"Data: (\S+), sessions to (\S+)\.": (
        lambda known, ticker, day: ticker.replace("\\", "") == known.document["ticker"] and day == SINCE
    ),
    r"Tested on %s forecasts from (\S+) to (\S+), each by a model that had not seen what came\.": span_of_the_backtest,
    r"(?:In the backtest of 2020-01-02 to 2024-06-25 t|T)he forecast of Close ties with 'tomorrow = today': an error "
    r"%s %% smaller 1 day ahead, an error %s %% larger 5 days ahead\.": (
        lambda known, day, week: (day, week) == ("0.1", "1.2")
    ),
    **{
        rf"{name}: an error %s %% smaller 1 day ahead, an error %s %% larger 5 days ahead\.": (
            lambda known, day, week, told=told: (day, week) == told
        )
        for name, told in {
            "Volume": ("10.1", "9.1"), "Open": ("1.2", "0.3"), "High": ("21.0", "4.0"), "Low": ("19.0", "3.0"),
        }.items()
    },
    r"(?:There )?%s %% of closes were inside their 80 %% range and %s %% of closes were inside their 95 %% range\.": (
        lambda known, inner, outer: (inner, outer) == ("80.3", "95.0")
    ),
}  # fmt: skip


def sentences(report: str) -> Iterator[str]:
    """The sentences of a report outside headings and tables."""
    for line in report.splitlines():
        text = line.strip().removeprefix("- ").strip("*")
        if text and not line.startswith(("#", "|", "---", "**Market")):
            yield from re.split(r"(?<=\.)\s+(?=[A-Z\d])(?!\d+ sessions)", text)


def is_borne_out(sentence: str, known: Known) -> bool:
    """Tell whether a sentence is a definition, or a fact that the prices bear out."""
    if sentence in WORDS:
        return True
    for pattern, holds in FACTS.items():
        count = pattern.count("%s")
        if match := re.fullmatch(pattern % ((NUMBER,) * count), sentence):
            return holds(known, *match.groups())
    return False


def trending(rows: int) -> pd.DataFrame:
    table = history(rows, seed=5)
    factor = np.linspace(1, 2, rows)
    table[["Open", "High", "Low", "Close"]] = table[["Open", "High", "Low", "Close"]].mul(factor, axis=0).round(2)
    table.iloc[-1, :4] *= 1.05
    return table


TABLES = {
    "AAPL": history(400),
    "NEW": history(200, seed=1),
    "OLD": halted(history(300, seed=2), 30),
    "^GSPC": history(400, seed=3, symbol="^GSPC"),
    "7203.T": history(400, seed=4, symbol="7203.T"),
    "UP": trending(300),
}


@pytest.fixture
def analysed(files: PriceFiles) -> Callable[..., Known]:
    for ticker, table in TABLES.items():
        files.put(table, f"{ticker}.csv")
        if ticker not in ("AAPL", "^GSPC"):
            files.lend_model(ticker)
    files.cli.setenv(STOCKOPS_NEWS="off")
    about = {"method": METHOD, "strategy": "freeze", "source": "csv", "ticker": "AAPL", "end": LENT_TO.isoformat()}
    report = files.cli.home / "outputs/AAPL/backtest/latest_backtest.json"
    report.parent.mkdir()
    report.write_text(json.dumps(about | {"summary": BACKTEST}))

    def analyse(ticker: str, *options: str) -> Known:
        called = files("analyze", *options, ticker=ticker)
        assert called.code == 0, called.err
        return Known(called.document, TABLES[ticker], TABLES["^GSPC"])

    return analyse


@pytest.mark.parametrize("ticker", TABLES)
def test_every_sentence_is_a_fact_or_a_definition(analysed: Callable[..., Known], ticker: str) -> None:
    known = analysed(ticker)
    found = list(sentences(known.document["report"]))
    assert len(found) > 10
    for sentence in found:
        assert is_borne_out(sentence, known), sentence


def test_a_sentence_that_is_none_would_be_noticed(analysed: Callable[..., Known]) -> None:
    known = analysed("AAPL")
    [rsi_line] = [sentence for sentence in sentences(known.document["report"]) if sentence.startswith("RSI")]
    assert not is_borne_out(re.sub(r"is \d+", "is 11", rsi_line), known)
    assert not is_borne_out("A close outside 95.00 to 105.00 would say that something has changed.", known)


def test_reports_differ_because_their_facts_do(analysed: Callable[..., Known]) -> None:
    told = {
        ticker: set(sentences(analysed(ticker).document["report"])) - WORDS for ticker in ("AAPL", "OLD", "UP", "^GSPC")
    }
    assert any("highest of 252 sessions." in sentence for sentence in told["UP"])
    assert any("Nobody has traded it" in sentence for sentence in told["OLD"])
    assert not any("beta" in sentence for sentence in told["^GSPC"])
    shared = set.intersection(*told.values())
    assert len(shared) <= 2, shared


@pytest.mark.parametrize("ticker", ["AAPL", "OLD", "^GSPC"])
def test_a_question_is_answered_from_facts_too(analysed: Callable[..., Known], ticker: str) -> None:
    known = analysed(ticker, "--question", "What is the risk, and can I trust the track record?")
    answered = [sentence for sentence in sentences(known.document["report"]) if "One week in twenty" in sentence]
    assert len(answered) == 2  # in answer, and among the risks
    assert "reasons, news and advice need a language model" in known.document["report"]


def test_without_the_index_a_report_does_without_the_comparison(
    analysed: Callable[..., Known], files: PriceFiles
) -> None:
    (files.folder / "^GSPC.csv").unlink()
    called = files("analyze")
    assert called.code == 0, called.err
    assert "the report does without a comparison with ^GSPC" in called.err
    assert "beta" not in called.document["report"]
    assert called.document["degraded"] == ["market history"]  # of its forecast
