"""`doctor`: what is up, what is down, and what to do about it."""

import typer

from stockops.commands import views
from stockops.commands.options import COMMON, command
from stockops.commands.run import Run


@command(common=COMMON)
def doctor(run: Run) -> None:
    """Try out every configured service and file; exit 0 unless something required is broken."""
    from stockops.checks import checks
    from stockops.pipelines import doctor as examination

    findings = examination.examine(checks(run.settings, run.services), run.settings.doctor_seconds)
    run.show(examination.document(findings), views.findings)
    if code := examination.verdict(findings):
        raise typer.Exit(code)
