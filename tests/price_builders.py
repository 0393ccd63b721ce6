"""Price files in the formats of vendors and spreadsheets, all built from one short history."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stockops.adapters.storage.model_files import ModelFiles
from stockops.documents.encoding import as_json, encoded
from stockops.documents.prices import DataSpan
from stockops.forecasting.checkpoint import Checkpoint, create, deserialize, serialize
from stockops.market import calendar
from stockops.market.ohlcv import PRICES
from stockops.records import PARENT, ModelRef
from tests.builders import bars, to_csv
from tests.integration.cli import Cli, Result

LAST = date(2024, 6, 28)  # a Friday
LENT_TO = date(2024, 6, 6)  # the last session of lent models: recent enough for no warning


def history(rows: int = 300, *, last: date = LAST, symbol: str = "AAPL", seed: int = 0) -> pd.DataFrame:
    """Return bars in cents and whole shares, unadjusted, that end on the day `last`, shape (rows, 5)."""
    days = calendar.of(symbol).sessions(last - timedelta(days=2 * rows), last)[-rows:]
    table = bars(rows, seed=seed).set_axis(pd.DatetimeIndex(days, name="Date"))
    return table.round(dict.fromkeys(PRICES, 2))


def dated(table: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Return the same bars on other dates: the last ones of `days`."""
    return table.set_axis(pd.DatetimeIndex(days[-len(table) :], name="Date"))


def before_split(table: pd.DataFrame, ratio: float, sessions: int) -> pd.DataFrame:
    """Return the bars as traded if shares were split `sessions` ago: higher prices and lower volumes before that."""
    earlier = np.arange(len(table)) < len(table) - sessions
    factor = np.where(earlier, ratio, 1.0)
    traded = table.copy()
    traded[list(PRICES)] = table[list(PRICES)].mul(factor, axis=0)
    traded["Volume"] = table["Volume"] / factor
    return traded


def halted(table: pd.DataFrame, sessions: int) -> pd.DataFrame:
    """Return the bars with trading halted in the last sessions: an unchanged close and no volume."""
    still = table.copy()
    last = table["Close"].iloc[-1 - sessions]
    still.iloc[-sessions:] = [last, last, last, last, 0.0]
    return still


def with_adjusted(table: pd.DataFrame, dividend: float = 0.01) -> pd.DataFrame:
    """Return the bars with an Adj Close, for a dividend of that share of the price paid halfway through."""
    factor = np.where(np.arange(len(table)) < len(table) // 2, 1 - dividend, 1.0)
    table = table.copy()
    table.insert(4, "Adj Close", table["Close"] * factor)
    return table


def newest_first(table: pd.DataFrame) -> str:
    """Return a CSV file with the last session first."""
    return to_csv(table[::-1])


def downloaded(table: pd.DataFrame, symbol: str) -> str:
    """Return what `yf.download(symbol).to_csv()` writes: three header rows."""
    names = ("Close", "High", "Low", "Open", "Volume")
    lines = [",".join(["Price", *names]), ",".join(["Ticker", *[symbol] * 5]), "Date" + "," * 5]
    return "\n".join(lines) + "\n" + to_csv(table[list(names)]).split("\n", 1)[1]


def of_nasdaq(table: pd.DataFrame) -> str:
    """Return a HistoricalData_*.csv as nasdaq.com writes it: dollar signs, American dates, newest first."""
    lines = ["Date,Close/Last,Volume,Open,High,Low"]
    for day, bar in table[::-1].iterrows():
        prices = [f"${bar[name]:.2f}" for name in ("Open", "High", "Low")]
        lines.append(f"{day:%m/%d/%Y},${bar['Close']:.2f},{bar['Volume']:.0f},{','.join(prices)}")
    return "\n".join(lines) + "\n"


def of_alpha_vantage(table: pd.DataFrame) -> str:
    """Return a CSV as Alpha Vantage writes it: lowercase names, newest first, Windows line endings."""
    header, rows = newest_first(table).split("\n", 1)
    return f"{header.lower().replace('date', 'timestamp')}\n{rows}".replace("\n", "\r\n")


def of_excel(table: pd.DataFrame) -> bytes:
    """Return what Excel may make of a CSV: a BOM, Windows line endings, empty lines and a line of commas."""
    lines = to_csv(table).splitlines()
    lines[5:5] = ["", ""]
    return ("\ufeff" + "\r\n".join([*lines, "", "," * 5, ""])).encode()


def hourly(table: pd.DataFrame) -> str:
    """Return the bars with each repeated seven times a day, at hourly timestamps."""
    stamps = [f"{day:%Y-%m-%d} {hour:02}:30:00-04:00" for day in table.index for hour in range(9, 16)]
    return table.loc[table.index.repeat(7)].set_axis(pd.Index(stamps, name="Date")).to_csv(lineterminator="\n")


def at_midnight(table: pd.DataFrame, zone: str) -> str:
    """Return the bars with timestamps at midnight in a time zone, written in UTC."""
    stamps = pd.DatetimeIndex(table.index).tz_localize(zone).tz_convert("UTC")
    return str(table.set_axis(stamps.rename("Date")).to_csv(lineterminator="\n"))


def lend(home: Path, ref: ModelRef, source: str, last: date) -> Checkpoint:
    """Rewrite a stored model as if trained on prices from another source that end on another day."""
    checkpoint = deserialize(ModelFiles(home, 60).read(ref, ref.checkpoint) or b"", ref, ref.ticker)
    return _store(home, ref, checkpoint, replace(checkpoint.card.data, source=source, last=last.isoformat()))


def _store(home: Path, ref: ModelRef, checkpoint: Checkpoint, data: DataSpan) -> Checkpoint:
    card = checkpoint.card
    lent = create(checkpoint.weights, replace(card, kind=ref.kind, ticker=ref.ticker, data=data))
    about = {"ticker": ref.ticker, "model_version": lent.version, "strategy": card.strategy, "data": as_json(data)}
    metrics = encoded({"schema": 1, **about, **as_json(card.metrics)})
    ModelFiles(home, 60).write(ref, {ref.checkpoint: serialize(lent), "metrics.json": metrics})
    return lent


class PriceFiles:
    """A CLI with a folder of price files, including the market's."""

    def __init__(self, cli: Cli) -> None:
        self.cli = cli
        self.folder = cli.home / "data"
        self.folder.mkdir()
        cli.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=str(self.folder), STOCKOPS_AS_OF="")
        self._models = {ref: lend(cli.home, ref, "csv", LENT_TO) for ref in (PARENT, ModelRef.of("AAPL"))}
        self.put(history(600, symbol="^GSPC", seed=7), "^GSPC.csv")

    def put(self, content: pd.DataFrame | str | bytes, name: str = "AAPL.csv") -> None:
        """Write a price file to the folder."""
        text = to_csv(content) if isinstance(content, pd.DataFrame) else content
        (self.folder / name).write_bytes(text.encode() if isinstance(text, str) else text)

    def lend_model(self, ticker: str) -> None:
        """Give a ticker the model of AAPL, for tests that do not check the predicted values."""
        model = self._models[ModelRef.of("AAPL")]
        _store(self.cli.home, ModelRef.of(ticker), model, model.card.data)

    def __call__(self, command: str, *options: str, ticker: str = "AAPL") -> Result:
        """Run a command on one ticker."""
        return self.cli(command, "--ticker", ticker, *options)

    def forecast(
        self, content: pd.DataFrame | str | bytes, *options: str, ticker: str = "AAPL"
    ) -> tuple[dict[str, Any], str]:
        """Return the forecast from a price file and what was printed on stderr."""
        self.put(content, f"{ticker}.csv")
        result = self("predict-child", "--no-cache", *options, ticker=ticker)
        assert result.code == 0, result.err
        return result.document, result.err

    def refusal(self, content: pd.DataFrame | str | bytes, *options: str, ticker: str = "AAPL") -> Result:
        """Return the result of a forecast from a price file that must be rejected."""
        self.put(content, f"{ticker}.csv")
        result = self("predict-child", *options, ticker=ticker)
        assert result.code == 3, result.out
        return result
