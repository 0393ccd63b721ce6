"""`analyze`."""

from stockops.commands import views
from stockops.commands.options import (
    MAX_BEHIND,
    NO_CACHE,
    ON_MISSING,
    QUESTION,
    THREAD_ID,
    TICKER,
    TICKERS_FILE,
    command,
)
from stockops.commands.run import Run
from stockops.commands.wiring import analyst


@command(TICKER, TICKERS_FILE, QUESTION, THREAD_ID, ON_MISSING, NO_CACHE, MAX_BEHIND)
def analyze(run: Run) -> None:
    """Explain a forecast: outlook, news, risks, track record and a stance, in a report."""
    from stockops.agent.questions import clean

    question = clean(run.settings.question)
    analyses = analyst(run)
    run.each(lambda ticker: analyses.analyze(ticker, question), views.analysis)
