"""`doctor`: what is up, what is down, and how to fix it."""

import typer

from stockops.console.command_context import CommandContext
from stockops.console.options import COMMON, command
from stockops.console.views import stores as stores_view


@command(common=COMMON)
def doctor(context: CommandContext) -> None:
    """Check every configured service and file; exits 0 unless a required check fails."""
    from stockops.health_checks import checks
    from stockops.pipelines import doctor as examination

    findings = examination.examine(checks(context.settings, context.services), context.settings.doctor_seconds)
    context.show(examination.result(findings), stores_view.findings)
    if code := examination.verdict(findings):
        raise typer.Exit(code)
