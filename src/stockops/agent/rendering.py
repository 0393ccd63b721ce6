"""The report in Markdown: what the facts say in tables of ours, what a writer made of them in prose."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from stockops.agent import claims, evaluation, offline
from stockops.agent.answer import Answer
from stockops.agent.facts import Facts, Tested
from stockops.agent.news import News, NewsItem
from stockops.market.exchanges import quoted, written
from stockops.records import Recommendation

DISCLAIMER = "*A model's forecast, not investment advice. Prices may leave every range given here.*"
OFFLINE = offline.NAME
_HEALTHY = "Healthy"
_DIRECTIONS: dict[Recommendation, str] = {
    "BULLISH": "upward",
    "BEARISH": "downward",
    "NEUTRAL": "no clear direction",
}


@dataclass(frozen=True, slots=True)
class Writer:
    """Who wrote the prose: provider as `analyze` names it, and its model ("" where it names none)."""

    provider: str
    model: str = ""

    def __str__(self) -> str:
        if self.provider == OFFLINE:
            return "rules, offline"
        return f"{self.provider} ({self.model})" if self.model else self.provider


def markdown(facts: Facts, answer: Answer, *, writer: Writer, question: str | None = None) -> str:
    """Return the whole report; sentences of the answer with claims that stand in no fact are left out, and said."""
    known = facts.known
    text, dropped = claims.grounded(answer.report, replace(known, quoted=f"{known.quoted} {question or ''}"))
    parts = [
        f"# {facts.ticker}: {_headline(facts, answer)}",
        f"**Market Stance:** {answer.recommendation} | **Confidence:** {answer.confidence}",
        *([f"**{facts.stale}**"] if facts.stale else []),
        *([] if evaluation.agrees(answer.recommendation, facts) else ["*The stance is not what the forecast says.*"]),
        *([f"> {inert(question)}"] if question else []),
        text or "*The writer left nothing that the facts bear out.*",
        *([_left_out(dropped)] if dropped else []),
        "## Price outlook",
        _outlook(facts),
        "## News and sentiment",
        _news(facts.news, answer),
        "## Risks",
        "\n".join(f"- {risk}" for risk in _risks(facts, writer)),
        "## Track record of the model",
        _record(facts),
        "---",
        f"*Data: {facts.ticker}, sessions to {facts.last_date}. Written by {inert(str(writer))}.*",
        DISCLAIMER,
    ]
    return "\n\n".join(parts) + "\n"


def inert(text: str) -> str:
    """Return a stranger's text without what Markdown would act on."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{letter}" if letter in "\\`*_[]#|!" else letter for letter in plain)


def _headline(facts: Facts, answer: Answer) -> str:
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
        ranges = (f"{written(low)} to {written(high)}" for low, high in (day.close_80, day.close_95))
        rows.append(f"| {day.date} | {written(day.close)} | {day.change_percent:+.2f} % | {' | '.join(ranges)} |")
    return "\n".join(rows)


def _news(news: News, answer: Answer) -> str:
    if news.missing:
        return f"*No news: {news.missing}. Nothing here takes news into account.*"
    if not news.items:
        return "*No news of this ticker in the last week.*"
    sentiment = answer.news_sentiment or "not judged"
    lines = [f"- {item.published:%Y-%m-%d}: «{inert(item.headline)}» ({_link(item)})" for item in news.items]
    return "\n".join([f"Sentiment: {sentiment}.", "", *lines])


def _link(item: NewsItem) -> str:
    name = inert(item.source) or "source"
    return f"[{name}]({item.url})" if item.url else name


def _risks(facts: Facts, writer: Writer) -> Iterator[str]:
    low, high = (written(bound) for bound in facts.days[-1].close_95)
    yield f"One case in twenty ends outside {low} to {high} by {facts.days[-1].date}."
    if facts.volatility_percent is not None:
        yield f"Volatility over the last {len(facts.closes)} sessions is {facts.volatility_percent:.1f} % a year."
    if facts.drift is not None and facts.drift.get("health") != _HEALTHY:
        yield f"The data have drifted from what they were: {inert(str(facts.drift.get('health')))}."
    if not _beats_persistence(facts):
        yield "The model has not shown that it beats «tomorrow = today»."
    if facts.looks_back and writer.provider != OFFLINE:
        yield f"This looks back to {facts.last_date}; its writer may know what came after."


def _beats_persistence(facts: Facts) -> bool:
    if facts.backtest is not None:
        return facts.backtest.finding == "better"
    return facts.record is not None and facts.record.skill_percent > 0


def _record(facts: Facts) -> str:
    if facts.backtest is not None:
        return _tested(facts.backtest)
    if facts.record is None:
        return "*Not known for this model.*"
    skill = facts.record.skill_percent
    return (
        f"On {facts.record.windows:,} windows held out of its training, the model's error on prices was "
        f"{_against(skill)} than that of «tomorrow = today». Those windows overlap with the ones it "
        "learned from: read it as the best case."
    )


def _tested(backtest: Tested) -> str:
    """Say what a backtest found; what chance may have brought is called a tie."""
    found = {
        "tied": "On closes it tied with «tomorrow = today»",
        "better": "On closes it beat «tomorrow = today» beyond chance",
        "worse": "On closes it was beaten by «tomorrow = today» beyond chance",
    }[backtest.finding]
    closes = ", ".join(
        f"an error {_against(skill)} {days} {'day' if days == '1' else 'days'} ahead"
        for days, skill in backtest.close_percent.items()
    )
    others = ", ".join(f"{name} {_against(skill)}" for name, skill in backtest.next_day_percent.items())
    inside = " and ".join(
        f"{share:.1f} % of closes fell into their {level} % range" for level, share in backtest.coverage_percent.items()
    )
    return (
        f"Tested on {backtest.forecasts:,} forecasts from {backtest.start} to {backtest.end}, each by a model that had "
        f"not seen what came. {found}: {closes}. Errors one day ahead against the best naive forecast: {others}. "
        f"{inside}."
    )


def _against(skill: float) -> str:
    return f"{abs(skill):.1f} % {'smaller' if skill >= 0 else 'larger'}"
