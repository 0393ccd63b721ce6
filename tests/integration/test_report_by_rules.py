"""Every sentence of a report by rules is a definition, or a fact recomputed here from the prices."""

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

LAST_SESSION = "2024-06-28"  # the last session of every history
NUMBER = r"([+-]?[\d,]+(?:\.\d+)?)"
DEFINITIONS = {
    "One week in five ends outside an 80 % range, one in twenty outside a 95 % range, if they hold what they promise.",
    "Written by rules from the facts below; no language model had a part in it, and news is not judged.",
    "No news: news is switched off.",
    "Nothing here takes news into account.",
    "A model's forecast, not investment advice.",
    "Prices may leave every range given here.",
    "Written by rules, offline.",
    "Those windows overlap with windows it learned from: read it as the best case.",
    "Against the best naive forecast of each:",
}  # definitions, labels and notes on how the report was written
BACKTEST = {
    "start": "2020-01-02", "end": "2024-06-25", "origins": 1_127, "close_findings": {"1": "tied", "5": "tied"},
    "skill": {
        "Close": {"1": 0.0012, "5": -0.0118}, "Volume": {"1": 0.101, "5": -0.091},
        "Open": {"1": 0.012, "5": -0.003}, "High": {"1": 0.21, "5": -0.04}, "Low": {"1": 0.19, "5": -0.03},
    },
    "coverage": {"80": 0.8031, "95": 0.9496}, "source": "csv", "refit": "never", "close_skill": -0.0053, "text": "",
}  # fmt: skip


@dataclass
class Evidence:
    """The basis of the checks: the document of `analyze`, the bars, and the index's bars on the same days."""

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


def rounds_to(text: str, value: float) -> bool:
    """Return whether a number in the text is the rounded value."""
    digits = len(text.partition(".")[2])
    return abs(float(text.replace(",", "")) - value) <= 0.51 * 10.0**-digits


def range_matches(evidence: Evidence, level: str, *found: str) -> bool:
    bounds = evidence.day[f"close_{level}"]
    values = [*bounds, *(100 * (bound / evidence.last - 1) for bound in bounds)]
    return all(rounds_to(text, value) for text, value in zip(found, values, strict=True))


def beta(evidence: Evidence, slope: str, correlation: str, count: str) -> bool:
    both = pd.concat([evidence.bars["Close"], evidence.market["Close"]], axis=1, join="inner").iloc[-253:]
    own, index = np.diff(np.log(both.to_numpy()), axis=0).T
    fitted = float(np.polyfit(index, own, 1)[0])
    return (
        rounds_to(slope, fitted)
        and rounds_to(correlation, float(np.corrcoef(own, index)[0, 1]))
        and int(count) == len(own)
    )


def volatility(evidence: Evidence, count: str, figure: str) -> bool:
    steps = np.diff(np.log(evidence.bars["Close"].iloc[-30:]))
    return count == "30" and rounds_to(figure, 100 * float(steps.std(ddof=1)) * 252**0.5)


def losses(span: str) -> Callable[..., bool]:
    """Return a check of a sentence against the document's risk for a span."""

    def compare(evidence: Evidence, *found: str) -> bool:
        risk = evidence.document["risk"][span]
        return all(
            rounds_to(text, 100 * risk[name]) for text, name in zip(found, ("var_95", "es_95", "var_99"), strict=True)
        )

    return compare


def outlook(evidence: Evidence, last: str, close: str, day: str, change: str) -> bool:
    forecast = evidence.day
    return (
        rounds_to(last, evidence.last)
        and rounds_to(close, forecast["close"])
        and day == forecast["date"]
        and rounds_to(change, 100 * forecast["change"])
    )


def small(evidence: Evidence, size: str, direction: str) -> bool:
    low, high = evidence.day["close_80"]
    is_small = abs(evidence.day["close"] - evidence.last) < (high - low) / 4
    return (size, direction) == (("small", "no direction") if is_small else ("large", "a direction"))


def averages(evidence: Evidence, *found: str) -> bool:
    parts = [found[i : i + 4] for i in range(0, len(found), 4) if found[i] is not None]
    for distance, side, count, average in parts:
        mean = float(evidence.bars["Close"].iloc[-int(count) :].mean())
        percent = 100 * (evidence.last / mean - 1)
        if not (rounds_to(average, mean) and rounds_to(distance, abs(percent)) and (side == "above") == (percent >= 0)):
            return False
    return True


def market(evidence: Evidence, long: str | None, *found: str | None) -> bool:
    spans = (5, 252) if long else (5,)
    values = [moved(span) for moved in (evidence.moved, evidence.market_moved) for span in spans]
    return all(rounds_to(text, value) for text, value in zip(filter(None, found), values, strict=True))


def span_of_the_backtest(evidence: Evidence, *found: str) -> bool:
    return found == ("1,127", "2020-01-02", "2024-06-25")


FACTS: dict[str, Callable[..., bool]] = {
    r"From a last close of %s(?: \w+)? the model sees \S+ at %s on (\S+), %s %%\.": outlook,
    r"The 80 %% range of \S+ is %s to %s: %s %% to %s %%\.": (
        lambda evidence, *found: range_matches(evidence, "80", *found)
    ),
    r"One week in twenty ends outside %s to %s: %s %% to %s %%, if the 95 %% range holds what it promises\.": (
        lambda evidence, *found: range_matches(evidence, "95", *found)
    ),
    r"The change is (\w+) beside that range: the forecast sees (.+)\.": small,
    r"Last close %s(?: \w+)? on (\S+)\.": (
        lambda evidence, last, day: rounds_to(last, evidence.last) and day == LAST_SESSION
    ),
    r"The last close is the highest of 252 sessions\.": lambda evidence: evidence.last == evidence.year().max(),
    r"The last close is the lowest of 252 sessions\.": lambda evidence: evidence.last == evidence.year().min(),
    r"The last close is %s %% below the highest of 252 sessions, %s, and %s %% above the lowest, %s\.": (
        lambda evidence, below, high, above, low: rounds_to(high, evidence.year().max())
        and rounds_to(low, evidence.year().min())
        and rounds_to(below, 100 * (1 - evidence.last / evidence.year().max()))
        and rounds_to(above, 100 * (evidence.last / evidence.year().min() - 1))
    ),
    r"It stands %s %% (above|below) the average of (\d+) sessions, %s"
    r"(?: and %s %% (above|below) the average of (\d+) sessions, %s)?\.": averages,
    r"RSI over 14 sessions is %s(?: \((?:above 70, called overbought|below 30, called oversold)\))?\.": (
        lambda evidence, value: rounds_to(value, float(rsi(evidence.bars["Close"]).iloc[-1]))
    ),
    r"Volume in the last session was %s times the median of the 252 sessions before\.": (
        lambda evidence, ratio: rounds_to(
            ratio, float(evidence.bars["Volume"].iloc[-1] / evidence.bars["Volume"].iloc[-253:-1].median())
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
        lambda evidence, figure: rounds_to(figure, 100 * evidence.document["risk"]["next_day"]["volatility_year"])
    ),
    r"Its daily moves of the last (\d+) closes make a volatility of %s %% a year\.": volatility,
    r"This forecast is not tested on unseen sessions: run stockops backtest --ticker \S+\.": (
        lambda evidence: evidence.document["ticker"] != "AAPL"  # the only one with a backtest here
    ),
    r"The model has not shown that it beats 'tomorrow = today' on Close\.": lambda evidence: True,
    r"There was no trade in the last (\d+) sessions\.": (
        lambda evidence, count: int(count) == int((evidence.bars["Volume"] == 0).sum())
    ),
    r"Nobody has traded it lately, so its last closes say nothing of how it moves\.": (
        lambda evidence: bool((evidence.bars["Volume"].iloc[-2:] == 0).all())
    ),
    r"Its own history is short: the ranges are calibrated on \^GSPC\.": (
        lambda evidence: evidence.document["ticker"] != "^GSPC"
    ),
    r"Not tested on unseen sessions\.": lambda evidence: evidence.document["ticker"] != "AAPL",
    r"On (\d+) windows held out of its training, the error on open, high, low and close over five days was %s %% "
    r"(?:smaller|larger) than that of 'tomorrow = today'\.": lambda evidence, windows, skill: int(windows) > 50,
    r"Data: (\S+), sessions to (\S+)\.": (
        lambda evidence, ticker, day: ticker.replace("\\", "") == evidence.document["ticker"] and day == LAST_SESSION
    ),
    r"Tested on %s forecasts from (\S+) to (\S+), each by a model that had not seen what came\.": span_of_the_backtest,
    r"(?:In the backtest of 2020-01-02 to 2024-06-25 t|T)he forecast of Close ties with 'tomorrow = today': an error "
    r"%s %% smaller 1 day ahead, an error %s %% larger 5 days ahead\.": (
        lambda evidence, day, week: (day, week) == ("0.1", "1.2")
    ),
    **{
        rf"{name}: an error %s %% smaller 1 day ahead, an error %s %% larger 5 days ahead\.": (
            lambda evidence, day, week, expected=expected: (day, week) == expected
        )
        for name, expected in {
            "Volume": ("10.1", "9.1"), "Open": ("1.2", "0.3"), "High": ("21.0", "4.0"), "Low": ("19.0", "3.0"),
        }.items()
    },
    r"(?:There )?%s %% of closes were inside their 80 %% range and %s %% of closes were inside their 95 %% range\.": (
        lambda evidence, inner, outer: (inner, outer) == ("80.3", "95.0")
    ),
}  # fmt: skip


def sentences(report: str) -> Iterator[str]:
    """Yield the sentences of a report outside headings and tables."""
    for line in report.splitlines():
        text = line.strip().removeprefix("- ").strip("*")
        if text and not line.startswith(("#", "|", "---", "**Market")):
            yield from re.split(r"(?<=\.)\s+(?=[A-Z\d])(?!\d+ sessions)", text)


def is_supported(sentence: str, evidence: Evidence) -> bool:
    """Return whether a sentence is a definition, or a fact that the prices support."""
    if sentence in DEFINITIONS:
        return True
    for pattern, holds in FACTS.items():
        count = pattern.count("%s")
        if match := re.fullmatch(pattern % ((NUMBER,) * count), sentence):
            return holds(evidence, *match.groups())
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
def analyse(files: PriceFiles) -> Callable[..., Evidence]:
    for ticker, table in TABLES.items():
        files.put(table, f"{ticker}.csv")
        if ticker not in ("AAPL", "^GSPC"):
            files.lend_model(ticker)
    files.cli.setenv(STOCKOPS_NEWS="off")
    metadata = {"method": METHOD, "strategy": "freeze", "source": "csv", "ticker": "AAPL", "end": LENT_TO.isoformat()}
    report = files.cli.home / "outputs/AAPL/backtest/latest_backtest.json"
    report.parent.mkdir()
    report.write_text(json.dumps(metadata | {"summary": BACKTEST}))

    def run(ticker: str, *options: str) -> Evidence:
        result = files("analyze", *options, ticker=ticker)
        assert result.code == 0, result.err
        return Evidence(result.document, TABLES[ticker], TABLES["^GSPC"])

    return run


@pytest.mark.parametrize("ticker", TABLES)
def test_every_sentence_is_a_fact_or_a_definition(analyse: Callable[..., Evidence], ticker: str) -> None:
    evidence = analyse(ticker)
    found = list(sentences(evidence.document["report"]))
    assert len(found) > 10
    for sentence in found:
        assert is_supported(sentence, evidence), sentence


def test_an_unsupported_sentence_is_detected(analyse: Callable[..., Evidence]) -> None:
    evidence = analyse("AAPL")
    [rsi_line] = [sentence for sentence in sentences(evidence.document["report"]) if sentence.startswith("RSI")]
    assert not is_supported(re.sub(r"is \d+", "is 11", rsi_line), evidence)
    assert not is_supported("A close outside 95.00 to 105.00 would say that something has changed.", evidence)


def test_reports_differ_because_their_facts_differ(analyse: Callable[..., Evidence]) -> None:
    reports = {
        ticker: set(sentences(analyse(ticker).document["report"])) - DEFINITIONS
        for ticker in ("AAPL", "OLD", "UP", "^GSPC")
    }
    assert any("highest of 252 sessions." in sentence for sentence in reports["UP"])
    assert any("Nobody has traded it" in sentence for sentence in reports["OLD"])
    assert not any("beta" in sentence for sentence in reports["^GSPC"])
    shared = set.intersection(*reports.values())
    assert len(shared) <= 2, shared


@pytest.mark.parametrize("ticker", ["AAPL", "OLD", "^GSPC"])
def test_a_question_is_answered_from_facts(analyse: Callable[..., Evidence], ticker: str) -> None:
    evidence = analyse(ticker, "--question", "What is the risk, and can I trust the track record?")
    answered = [sentence for sentence in sentences(evidence.document["report"]) if "One week in twenty" in sentence]
    assert len(answered) == 2  # in the answer, and among the risks
    assert "reasons, news and advice need a language model" in evidence.document["report"]


def test_a_report_without_the_index_omits_the_comparison(analyse: Callable[..., Evidence], files: PriceFiles) -> None:
    (files.folder / "^GSPC.csv").unlink()
    result = files("analyze")
    assert result.code == 0, result.err
    assert "the report does without a comparison with ^GSPC" in result.err
    assert "beta" not in result.document["report"]
    assert result.document["degraded"] == ["market history"]  # of its forecast
