"""`analyze`."""

from stockops.app.factories import analyst
from stockops.console.command_context import CommandContext
from stockops.console.options import (
    MAX_BEHIND,
    NO_CACHE,
    ON_MISSING,
    QUESTION,
    THREAD_ID,
    TICKER,
    TICKERS_FILE,
    command,
)
from stockops.console.views import reports as reports_view


@command(TICKER, TICKERS_FILE, QUESTION, THREAD_ID, ON_MISSING, NO_CACHE, MAX_BEHIND)
def analyze(context: CommandContext) -> None:
    """Explain a forecast in a report: outlook, news, risks, track record, stance."""
    from stockops.agent.questions import clean

    question = clean(context.settings.question)
    analyses = analyst(context)
    context.run_serial(lambda ticker: analyses.analyze(ticker, question), reports_view.analysis)
