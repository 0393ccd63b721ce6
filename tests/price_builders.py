"""Price files as vendors and spreadsheets write them, all of one small history."""

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
LENT_TO = date(2024, 6, 6)  # the last session of lent models: near enough not to be worth a word


def history(rows: int = 300, *, last: date = LAST, symbol: str = "AAPL", seed: int = 0) -> pd.DataFrame:
    """Return bars as they were traded, in cents and whole shares, the last of them on that day, shape (rows, 5)."""
    days = calendar.of(symbol).sessions(last - timedelta(days=2 * rows), last)[-rows:]
    table = bars(rows, seed=seed).set_axis(pd.DatetimeIndex(days, name="Date"))
    return table.round(dict.fromkeys(PRICES, 2))


def dated(table: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Return the same bars on the last of other days."""
    return table.set_axis(pd.DatetimeIndex(days[-len(table) :], name="Date"))


def before_split(table: pd.DataFrame, ratio: float, sessions: int) -> pd.DataFrame:
    """Return the bars as they were traded if shares were split so many sessions ago: dearer, and fewer of them."""
    earlier = np.arange(len(table)) < len(table) - sessions
    factor = np.where(earlier, ratio, 1.0)
    traded = table.copy()
    traded[list(PRICES)] = table[list(PRICES)].mul(factor, axis=0)
    traded["Volume"] = table["Volume"] / factor
    return traded


def halted(table: pd.DataFrame, sessions: int) -> pd.DataFrame:
    """Return the bars with the last close and no volume in the last sessions."""
    still = table.copy()
    last = table["Close"].iloc[-1 - sessions]
    still.iloc[-sessions:] = [last, last, last, last, 0.0]
    return still


def with_adjusted(table: pd.DataFrame, dividend: float = 0.01) -> pd.DataFrame:
    """Return the bars with an Adj Close: a dividend of that share of the price was paid amid them."""
    factor = np.where(np.arange(len(table)) < len(table) // 2, 1 - dividend, 1.0)
    table = table.copy()
    table.insert(4, "Adj Close", table["Close"] * factor)
    return table


def newest_first(table: pd.DataFrame) -> str:
    """Return the lines of a CSV file, the last session first."""
    return to_csv(table[::-1])


def downloaded(table: pd.DataFrame, symbol: str) -> str:
    """Return what `yf.download(symbol).to_csv()` writes: three rows of header."""
    names = ("Close", "High", "Low", "Open", "Volume")
    lines = [",".join(["Price", *names]), ",".join(["Ticker", *[symbol] * 5]), "Date" + "," * 5]
    return "\n".join(lines) + "\n" + to_csv(table[list(names)]).split("\n", 1)[1]


def of_nasdaq(table: pd.DataFrame) -> str:
    """Return a HistoricalData_*.csv of nasdaq.com: dollar signs, American dates, newest first."""
    lines = ["Date,Close/Last,Volume,Open,High,Low"]
    for day, bar in table[::-1].iterrows():
        prices = [f"${bar[name]:.2f}" for name in ("Open", "High", "Low")]
        lines.append(f"{day:%m/%d/%Y},${bar['Close']:.2f},{bar['Volume']:.0f},{','.join(prices)}")
    return "\n".join(lines) + "\n"


def of_alpha_vantage(table: pd.DataFrame) -> str:
    """Return a CSV of Alpha Vantage: small letters, newest first, lines that end as in Windows."""
    header, rows = newest_first(table).split("\n", 1)
    return f"{header.lower().replace('date', 'timestamp')}\n{rows}".replace("\n", "\r\n")


def of_excel(table: pd.DataFrame) -> bytes:
    """Return what Excel may leave of a CSV: a BOM, Windows' line ends, empty lines and one of commas only."""
    lines = to_csv(table).splitlines()
    lines[5:5] = ["", ""]
    return ("\ufeff" + "\r\n".join([*lines, "", "," * 5, ""])).encode()


def hourly(table: pd.DataFrame) -> str:
    """Return the bars as if there were seven a day."""
    stamps = [f"{day:%Y-%m-%d} {hour:02}:30:00-04:00" for day in table.index for hour in range(9, 16)]
    return table.loc[table.index.repeat(7)].set_axis(pd.Index(stamps, name="Date")).to_csv(lineterminator="\n")


def at_midnight(table: pd.DataFrame, zone: str) -> str:
    """Return the bars stamped with the midnights of a zone, written in UTC."""
    stamps = pd.DatetimeIndex(table.index).tz_localize(zone).tz_convert("UTC")
    return str(table.set_axis(stamps.rename("Date")).to_csv(lineterminator="\n"))


def lend(home: Path, ref: ModelRef, source: str, last: date) -> Checkpoint:
    """Make the stored model of the samples one that was trained on prices of another source, to another day."""
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
    """A CLI on a folder of price files, the market's among them."""

    def __init__(self, cli: Cli) -> None:
        self.cli = cli
        self.folder = cli.home / "data"
        self.folder.mkdir()
        cli.setenv(STOCKOPS_SOURCE="csv", STOCKOPS_DATA_DIR=str(self.folder), STOCKOPS_AS_OF="")
        self._models = {ref: lend(cli.home, ref, "csv", LENT_TO) for ref in (PARENT, ModelRef.of("AAPL"))}
        self.put(history(600, symbol="^GSPC", seed=7), "^GSPC.csv")

    def put(self, content: pd.DataFrame | str | bytes, name: str = "AAPL.csv") -> None:
        """Write a file of the folder."""
        text = to_csv(content) if isinstance(content, pd.DataFrame) else content
        (self.folder / name).write_bytes(text.encode() if isinstance(text, str) else text)

    def lend_model(self, ticker: str) -> None:
        """Give a ticker the model of AAPL: any will do where it is not the numbers that are looked at."""
        model = self._models[ModelRef.of("AAPL")]
        _store(self.cli.home, ModelRef.of(ticker), model, model.card.data)

    def __call__(self, command: str, *options: str, ticker: str = "AAPL") -> Result:
        """Run a command on one ticker."""
        return self.cli(command, "--ticker", ticker, *options)

    def forecast(
        self, content: pd.DataFrame | str | bytes, *options: str, ticker: str = "AAPL"
    ) -> tuple[dict[str, Any], str]:
        """Return the forecast of a file and what was said about it."""
        self.put(content, f"{ticker}.csv")
        result = self("predict-child", "--no-cache", *options, ticker=ticker)
        assert result.code == 0, result.err
        return result.document, result.err

    def refusal(self, content: pd.DataFrame | str | bytes, *options: str, ticker: str = "AAPL") -> Result:
        """Return what came of a forecast of a file that cannot be or is not believed."""
        self.put(content, f"{ticker}.csv")
        result = self("predict-child", *options, ticker=ticker)
        assert result.code == 3, result.out
        return result
