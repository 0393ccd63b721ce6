"""Every option, defined once: its flag, its help, and its environment variable.

An option is named after a field of `Settings`, which validates it and holds its default; the flag only
carries what the user typed. So a command lists the options it takes and reads `context.settings`.
"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from stockops.console.command_context import CommandContext
from stockops.records import (
    Device,
    DriftOn,
    EngineName,
    FailOn,
    Level,
    OnMissing,
    PricePolicy,
    Refit,
    Source,
    Split,
    Strategy,
)


def _option(name: str, kind: Any, text: str, flag: str = "", env: str = "", **more: Any) -> inspect.Parameter:
    variable = env or f"STOCKOPS_{name.upper()}"
    names = [flag] if flag else [f"--{name.replace('_', '-')}"]
    default = False if kind is bool else None
    annotation = Annotated[  # type: ignore[valid-type]  # a type created at run time
        kind if kind is bool else kind | None,
        typer.Option(*names, help=f"{text} [env: {variable}]", show_default=False, **more),
    ]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


SOURCE = _option("source", Source, "Where prices come from. [default: yahoo]")
DATA_DIR = _option("data_dir", str, "Folder of <SYMBOL>.csv files for --source csv.", metavar="DIR")
AS_OF = _option("as_of", str, "Use only data up to the close of this day.", metavar="DATE")
JSON = _option("json_output", bool, "Print JSON on a terminal too.", flag="--json", env="STOCKOPS_JSON")
QUIET = _option("quiet", bool, "Log only errors.")
VERBOSE = _option("verbose", bool, "Log debug output and tracebacks.")
SEED = _option("seed", int, "Seed of every random choice. [default: 7]")
PRICES = _option("prices", PricePolicy, "Implausible bars: refuse (strict), repair what is certain, or trust.")
CALENDAR = _option(
    "calendar", str, "Trading calendar: a name, 24/7 or from-data; SYMBOL=NAME for one symbol.", metavar="NAME"
)
CURRENCY = _option("currency", str, "Currency of prices in files; SYMBOL=CODE for one symbol.", metavar="CODE")
MAX_BEHIND = _option("max_behind", int, "Sessions that a live history may lag. [default: 20]", metavar="N")
DEVICE = _option("device", Device, "Device that torch uses. [default: auto]")

START = _option("start", str, "First origin. [default: the last third of the history]", metavar="DATE")
END = _option("end", str, "Last origin. [default: the last session]", metavar="DATE")
REFIT = _option("refit", Refit, "Train once, before the start, or again each calendar year.")
BASELINES = _option(
    "baselines",
    str,
    "Compare with drift, har, garch, parent, scratch, freeze, fine_tune, AutoARIMA, AutoETS, AutoTheta; all; none.",
    metavar="NAMES",
)
FORECASTS = _option("forecasts", str, "Write every forecast to a CSV file.", metavar="FILE")

TICKER = _option("ticker", list[str], "Symbols, e.g. AAPL or BRK-B,^GSPC,7203.T; repeatable.", metavar="T")
ONE_TICKER = _option("ticker", list[str], "Symbol, e.g. AAPL, BRK-B, ^GSPC, 7203.T.", metavar="T")
TICKERS_FILE = _option("tickers_file", str, "File of symbols, one a line; - reads stdin.", metavar="FILE")
JOBS = _option("jobs", int, "Tickers worked on at once. [default: as the cores allow]", metavar="N")
ENGINE = _option("engine", EngineName, "Run on this machine or on a Ray cluster. [default: local]")
RAY_ADDRESS = _option("ray_address", str, "Head of the Ray cluster. [default: start one here]", metavar="HOST:PORT")
SKIP_FRESH = _option("skip_fresh", bool, "Skip models already trained on the current bars, parent and options.")
STRATEGY = _option(
    "strategy", Strategy, "What a child trains: its head (freeze) or all layers (fine_tune).", env="TRANSFER_STRATEGY"
)
UNIVERSE = _option("universe", str, "File of symbols to train the parent on beside ^GSPC.", metavar="FILE")
KEEP_TESTED = _option("keep_tested", bool, "With --universe: keep the tested ticker in it.")
SPLIT = _option("split", Split, "How the held-out fifth of the windows is chosen. [default: random]")
REPLACE = _option("replace", bool, "With --as-of: replace the model even if it was trained on later sessions.")
EPOCHS = _option("epochs", int, "Epochs. [default: 20 for the parent and 10 for a child]", metavar="N")
DAYS = _option("days", int, "Sessions to forecast, 1 to 63. [default: 5]", metavar="N")
ON_MISSING = _option("on_missing", OnMissing, "If the model is missing: train it now, in the background, or fail.")
NO_CACHE = _option("no_cache", bool, "Neither read nor write the cache.")
QUESTION = _option("question", str, "Question that the report should answer.", metavar="TEXT")
THREAD_ID = _option("thread_id", str, "Continue a conversation; it expires after a day.", metavar="ID")
FAIL_ON = _option("fail_on", Level, "Exit 6 at this health or worse.")
DRIFT_ON = _option("drift_on", DriftOn, "Which drift verdict counts. [default: returns]")
BACKTEST_FAIL_ON = _option(
    "backtest_fail_on", FailOn, "Exit 6 when Close is worse than persistence, or tied.", flag="--fail-on"
)
PUSH = _option("push", bool, "Push to the pushgateway at PUSHGATEWAY_URL.")
TEXTFILE = _option("textfile", str, "Write for node_exporter's textfile collector.", metavar="FILE")
LISTEN = _option("listen", str, "Serve /metrics for scraping.", metavar="HOST:PORT")
BACKGROUND = _option("background", bool, "Train in a worker that outlives this call; see `stockops status`.")
WAIT = _option("wait", bool, "Wait for the task to end and exit with its code.")
TIMEOUT = _option("timeout_seconds", float, "Longest wait of --wait. [default: none]", flag="--timeout", metavar="S")


def argument(name: str, kind: Any, *, optional: bool = False) -> inspect.Parameter:
    """Return a positional argument, which is not a setting: a command finds it in `context.given`."""
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=None if optional else inspect.Parameter.empty,
        annotation=Annotated[kind | None if optional else kind, typer.Argument(show_default=False)],
    )


def _typed(value: Any) -> bool:
    """Return whether the user typed an option; 0 counts as typed, although it equals False."""
    return not (value is None or value is False or value == [])


MANY = (TICKER, TICKERS_FILE, JOBS, ENGINE, RAY_ADDRESS)
COMMON = (SOURCE, DATA_DIR, AS_OF, PRICES, CALENDAR, CURRENCY, JSON, QUIET, VERBOSE, SEED, DEVICE)
LOCAL = (JSON, QUIET, VERBOSE)  # for commands that only read stored data


def command(
    *options: inspect.Parameter, common: tuple[inspect.Parameter, ...] = COMMON
) -> Callable[[Callable[[CommandContext], None]], Callable[..., None]]:
    """Return a decorator that makes a Typer command of a function: with these options and the common ones.

    Typer reads a signature, so the command gets one that lists them all.
    """

    def decorate(body: Callable[[CommandContext], None]) -> Callable[..., None]:
        parameters = [*options, *common]
        takes = frozenset(parameter.name for parameter in parameters)

        def wrapped(**flags: Any) -> None:
            typed = {name: value for name, value in flags.items() if _typed(value)}
            with CommandContext.start(body.__name__.replace("_", "-"), typed, takes) as context:
                body(context)

        wrapped.__name__ = body.__name__
        wrapped.__doc__ = body.__doc__
        wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return wrapped

    return decorate
