"""Renders the report in Markdown: the facts in tables, the writer's answer as prose."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from stockops.agent import claims, evaluation, offline, sentences
from stockops.agent.answer import LlmAnswer
from stockops.agent.facts import BacktestFacts, Facts
from stockops.agent.markdown import link
from stockops.agent.markdown import quoted as literal
from stockops.agent.news import News
from stockops.agent.sentences import Sentence
from stockops.market.exchanges import quoted, written
from stockops.records import Recommendation

_MEANING = (
    "One week in five ends outside an 80 % range, one in twenty outside a 95 % range, if they hold what they promise."
)
DISCLAIMER = "*A model's forecast, not investment advice. Prices may leave every range given here.*"
OFFLINE = offline.NAME
_DIRECTIONS: dict[Recommendation, str] = {
    "BULLISH": "upward",
    "BEARISH": "downward",
    "NEUTRAL": "no clear direction",
}


@dataclass(frozen=True, slots=True)
class Writer:
    """Who wrote the prose: the provider as `analyze` names it, and its model ("" if it names none)."""

    provider: str
    model: str = ""

    def __str__(self) -> str:
        if self.provider == OFFLINE:
            return "rules, offline"
        return f"{self.provider} ({self.model})" if self.model else self.provider


def markdown(facts: Facts, answer: LlmAnswer, *, writer: Writer, question: str | None = None) -> str:
    """Return the whole report; ungrounded sentences of the answer are removed, and the report states how many."""
    known = facts.known
    text, dropped = claims.drop_ungrounded(answer.report, replace(known, quoted=f"{known.quoted} {question or ''}"))
    parts = [
        f"# {facts.ticker}: {_headline(facts, answer)}",
        f"**Market Stance:** {answer.recommendation} | **Confidence:** {answer.confidence}",
        *(f"**{warning}**" for warning in facts.warnings),
        *([] if evaluation.agrees(answer.recommendation, facts) else ["*The stance is not what the forecast says.*"]),
        *([f"> {literal(question)}"] if question else []),
        text or "*The writer left nothing that the facts bear out.*",
        *([_left_out(dropped)] if dropped else []),
        "## Price outlook",
        _outlook(facts),
        "## Where it stands",
        _standing(facts),
        "## News and sentiment",
        _news(facts.news, answer),
        "## Risks",
        _bullets(_risks(facts, writer)),
        "## Track record of the model",
        _record(facts),
        "---",
        f"*Data: {facts.ticker}, sessions to {facts.last_date}. Written by {literal(str(writer))}.*",
        DISCLAIMER,
    ]
    return "\n\n".join(parts) + "\n"


def _headline(facts: Facts, answer: LlmAnswer) -> str:
    return (
        f"{_DIRECTIONS[answer.recommendation]}; the model sees {facts.outlook_percent:+.2f} % by {facts.days[-1].date}"
    )


def _left_out(count: int) -> str:
    what = "sentence was" if count == 1 else "sentences were"
    return f"*{count} {what} left out: their numbers or dates stand in no fact.*"


def _outlook(facts: Facts) -> str:
    rows = [
        f"Last close {quoted(facts.last_price, facts.unit)} on {facts.last_date}.",
        "",
        "| session | close | change | 80 % range | 95 % range |",
        "|---|---:|---:|---:|---:|",
    ]
    for day in facts.days:
        ranges = (
            sentences.spanned(*found) for found in ((day.close_80, day.percent_80), (day.close_95, day.percent_95))
        )
        rows.append(f"| {day.date} | {written(day.close)} | {day.change_percent:+.2f} % | {' | '.join(ranges)} |")
    return "\n".join([*rows, "", _MEANING])


def _standing(facts: Facts) -> str:
    """Return the ticker's moves beside the market's as a table, followed by the rest of its context as bullets."""
    told = _bullets(sentence for sentence in sentences.standing(facts) if sentence.topic not in ("moves", "market"))
    context = facts.context
    if context is None:
        return told
    market = context.market_percent
    rows = [f"| over | {facts.ticker} |", "|---:|---:|"]
    if market:
        rows = [f"{rows[0]} {sentences.MARKET_NAME} |", f"{rows[1]}---:|"]
    for span, moved in context.returns_percent.items():
        beside = (f" {market[span]:+.2f} % |" if span in market else " - |") if market else ""
        rows.append(f"| {span} {'session' if span == 1 else 'sessions'} | {moved:+.2f} % |{beside}")
    return "\n".join([*rows, "", told])


def _bullets(found: Iterable[Sentence]) -> str:
    return "\n".join(f"- {sentence.text}" for sentence in found)


def _news(news: News, answer: LlmAnswer) -> str:
    if news.missing:
        return f"*No news: {news.missing}. Nothing here takes news into account.*"
    if not news.items:
        return "*No news of this ticker in the last week.*"
    sentiment = answer.news_sentiment or "not judged"
    lines = []
    for item in news.items:
        source = link(item.source or "source", item.url)
        lines.append(f"- {item.published:%Y-%m-%d}: «{literal(item.headline)}» ({source})")
    return "\n".join([f"Sentiment: {sentiment}.", "", *lines])


def _risks(facts: Facts, writer: Writer) -> Iterator[Sentence]:
    yield from sentences.risks(facts)
    yield from sentences.drift(facts)
    if not _beats_persistence(facts):
        yield Sentence("The model has not shown that it beats 'tomorrow = today' on Close.", "record")
    if facts.looks_back and writer.provider != OFFLINE:
        yield Sentence(f"This looks back to {facts.last_date}; its writer may know what came after.", "writer")


def _beats_persistence(facts: Facts) -> bool:
    return facts.backtest is not None and facts.backtest.finding == "better"


def _record(facts: Facts) -> str:
    if facts.backtest is not None:
        return _tested(facts.backtest)
    if facts.record is None:
        return "*Not known for this model.*"
    size = sentences.size(facts.record.skill_percent)
    return (
        f"Not tested on unseen sessions. On {facts.record.windows:,} windows held out of its training, the error on "
        f"open, high, low and close over five days was {size} than that of 'tomorrow = today'. Those windows "
        "overlap with windows it learned from: read it as the best case."
    )


def _tested(backtest: BacktestFacts) -> str:
    """Return a backtest's results one day and five days ahead."""
    others = "\n".join(
        f"- {name}: {sentences.against(backtest, name)}." for name in backtest.skill_percent if name != "Close"
    )
    return (
        f"Tested on {backtest.forecasts:,} forecasts from {backtest.start} to {backtest.end}, each by a model that had "
        f"not seen what came. The {sentences.of_close(backtest)}. {sentences.inside_ranges(backtest)}. Against the "
        f"best naive forecast of each:\n\n{others}"
    )
