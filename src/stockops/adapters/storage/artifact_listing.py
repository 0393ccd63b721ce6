"""The contents of `outputs/`: artifacts by ticker and category, and the latest report of each kind."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stockops import strict_json
from stockops.adapters.storage import regular_files
from stockops.adapters.storage.regular_files import NotAFileError
from stockops.documents.stores import Artifacts, OutputFile, Outputs
from stockops.errors import DataError
from stockops.records import MARKET, Document, ModelRef, ReportKind

_CATEGORIES = {
    "models": ("*_model.pt", "*_model.json"),
    "scalers": ("*_scaler.pkl",),
    "metrics": ("*_metrics.json",),
    "forecasts": ("*_forecast.json",),
    "plots": ("*.png",),
    "analyses": ("analysis/*.json", "analysis/*.md"),
    "drift": ("drift/*.json", "drift/*.png"),
    "eval": ("agent_eval/*.json",),
    "performance": ("performance/*.json",),
    "backtest": ("backtest/*.json", "backtest/*.png"),
}
_REPORTS = {
    "analysis": "analysis/latest_report.json",
    "drift": "drift/latest_drift.json",
    "eval": "agent_eval/latest_eval.json",
    "performance": "performance/latest_performance.json",
    "backtest": "backtest/latest_backtest.json",
}
_CURES = {"metrics": "train", "forecast": "predict"}


@dataclass(frozen=True, slots=True)
class ArtifactListing:
    """Read-only view of what other commands wrote."""

    home: Path

    def listing(self, ticker: str | None, now: datetime) -> Outputs:
        """Return what `outputs` prints; raise DataError if the given ticker has no artifacts."""
        today = self._of_tickers(self._outputs, ticker, now)
        days = {folder.name: self._of_tickers(folder, ticker, now) for folder in sorted(self._apart.glob("*/"))}
        apart = {day: found for day, found in days.items() if found}
        if ticker and not (today or apart):
            raise DataError(f"no artifacts of {ticker} under outputs/", f"run: {ModelRef.of(ticker).command}")
        return Outputs(outputs=today, as_of=apart)

    def _of_tickers(self, root: Path, ticker: str | None, now: datetime) -> Artifacts:
        """Return the artifacts below a folder by ticker; those in `parent` belong to the index."""
        folders = [_folder(root, ticker)] if ticker else sorted(root.glob("*/"))
        found = {
            MARKET if folder.name == "parent" else folder.name: self._categories(folder, now)
            for folder in folders
            if folder not in (self._apart, root / MARKET)
        }
        return {name: parts for name, parts in found.items() if parts}

    def report(self, kind: ReportKind, ticker: str) -> Document:
        """Return the latest report of a ticker as written; raise DataError if it is missing or damaged."""
        name = _REPORTS.get(kind, f"{ticker}_{kind}.json")
        path = _folder(self._outputs, ticker) / name
        try:
            document = strict_json.read(regular_files.read(path))
        except FileNotFoundError:
            raise DataError(f"no {kind} report of {ticker} yet", self._cure(kind, ticker)) from None
        except NotAFileError as exc:
            cure = f"move it away; {self._cure(kind, ticker)}"
            raise DataError(f"{path.relative_to(self.home)} {exc}", cure) from None
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise DataError(f"{path.relative_to(self.home)} is damaged", self._cure(kind, ticker))
        return document

    @property
    def _outputs(self) -> Path:
        return self.home / "outputs"

    @property
    def _apart(self) -> Path:
        return self._outputs / "as_of"

    def _categories(self, folder: Path, now: datetime) -> dict[str, tuple[OutputFile, ...]]:
        found = {
            category: tuple(self._entry(path, now) for pattern in patterns for path in sorted(folder.glob(pattern)))
            for category, patterns in _CATEGORIES.items()
        }
        return {category: entries for category, entries in found.items() if entries}

    def _entry(self, path: Path, now: datetime) -> OutputFile:
        stat = path.lstat() if path.is_symlink() and not path.exists() else path.stat()  # a dangling link
        age = max(0, round(now.timestamp() - stat.st_mtime))
        return OutputFile(path=path.relative_to(self.home).as_posix(), bytes=stat.st_size, age_seconds=age)

    @staticmethod
    def _cure(kind: ReportKind, ticker: str) -> str:
        if kind in ("analysis", "backtest"):
            return f"run: stockops {'analyze' if kind == 'analysis' else kind} --ticker {ticker}"
        if kind not in _CURES:
            return f"run: stockops monitor-{'parent' if ticker == MARKET else f'ticker --ticker {ticker}'}"
        command = "parent" if ticker == MARKET else f"child --ticker {ticker}"
        return f"run: stockops {_CURES[kind]}-{command}"


def _folder(root: Path, ticker: str) -> Path:
    return root / ("parent" if ticker == MARKET else ticker)
