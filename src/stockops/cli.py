"""The Typer application and its commands. Nothing heavy is imported before a command runs."""

import functools
import sys
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from stockops import __version__
from stockops.commands import analyze, backtest, cache, doctor, features, metrics, monitor, predict, show, status, train
from stockops.console import failures, terminal
from stockops.errors import ExitCode

_HELP = {"help_option_names": ["-h", "--help"]}


class _Commands(typer.core.TyperGroup):
    def get_params(self, ctx: Any) -> Any:
        """Make the help of Typer's completion option name the files that it edits."""
        params = super().get_params(ctx)
        for option in params:
            if isinstance(option, typer.core.TyperOption) and option.name == "install_completion":
                option.help = "Append completion to your shell's start-up file (~/.bashrc, ~/.zshrc, ...)."
        return params


# Plain help: rich would double the time of `--help`, and write colours to a pipe under GITHUB_ACTIONS.
app = typer.Typer(cls=_Commands, rich_markup_mode=None, context_settings=_HELP)
app.command("train-parent")(train.train_parent)
app.command("train-child")(train.train_child)
app.command("predict-parent")(predict.predict_parent)
app.command("predict-child")(predict.predict_child)
app.command("analyze")(analyze.analyze)
app.command("monitor-parent")(monitor.monitor_parent)
app.command("monitor-ticker")(monitor.monitor_ticker)
app.command("backtest")(backtest.backtest)
app.command("show")(show.show)
app.command("outputs")(show.outputs)
app.command("status")(status.status)
app.command("metrics")(metrics.metrics)
app.command("doctor")(doctor.doctor)
app.command("work", hidden=True)(status.work)

_cache = typer.Typer(rich_markup_mode=None, context_settings=_HELP, help="Cached forecasts and reports.")
_cache.command("list")(cache.list_entries)
_cache.command("show")(cache.show_entry)
_cache.command("clear")(cache.clear)
app.add_typer(_cache, name="cache")

_features = typer.Typer(rich_markup_mode=None, context_settings=_HELP, help="The feature store.")
_features.command("apply")(features.apply)
_features.command("materialize")(features.materialize)
_features.command("get")(features.get)
app.add_typer(_features, name="features")


@functools.cache
def _root() -> Any:
    """Return the command tree; a process that runs several command lines builds it once."""
    return typer.main.get_command(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"stockops {__version__}")
        raise typer.Exit


@app.callback()
def stockops(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Train, serve, analyse and monitor stock forecasts. Results go to stdout, talk to stderr."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command line (default: sys.argv) and return its exit code; never raises.

    An empty command line means `--help`.
    """
    words = sys.argv[1:] if arguments is None else arguments
    with terminal.ctrl_c():
        try:
            code = int(_root()(args=words or ["--help"], prog_name="stockops", standalone_mode=False) or 0)
        except KeyboardInterrupt:
            code = ExitCode.INTERRUPTED
        except Exception as exc:  # noqa: BLE001  the last handler: known errors exit with their code, the rest as bugs
            if not terminal.is_interrupted():
                failure = failures.describe(exc)
                terminal.fail(failure)
                terminal.show(failure.document, None)
                return failure.code
            code = ExitCode.INTERRUPTED
    if code == ExitCode.INTERRUPTED:  # Typer turns Ctrl-C into this code
        terminal.interrupted()
        return terminal.interrupted_code()
    return code
