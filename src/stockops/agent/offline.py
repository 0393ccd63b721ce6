"""The writer of last resort: rules over the same facts. It says what it is, and claims only what it knows."""

from stockops.agent.answer import Answer
from stockops.agent.facts import Facts
from stockops.market.exchanges import quoted, written
from stockops.records import Recommendation

NAME = "offline"
_TOO_FEW = "Too few closes are known to say how it moved lately."
_CLEAR = 0.5  # of half the 80 % range: below that a forecast change is lost in what is usual


def write(facts: Facts, question: str | None = None) -> Answer:
    """Return the analysis that the facts alone allow."""
    parts = [_outlook(facts), _lately(facts), _turn(facts), _self()]
    if question:
        parts.insert(0, "Your question needs a language model, and none served; this is what the facts say.")
    # Never more than Low: a rule has read no news, and held-out windows that overlap prove little.
    return Answer(report="\n\n".join(parts), recommendation=stance(facts), confidence="Low")


def stance(facts: Facts) -> Recommendation:
    """Return what the forecast alone says: NEUTRAL where its change is small beside what is usual."""
    if abs(facts.outlook_percent) < _CLEAR * facts.half_width_percent:
        return "NEUTRAL"
    return "BULLISH" if facts.outlook_percent > 0 else "BEARISH"


def _outlook(facts: Facts) -> str:
    last, change = facts.days[-1], facts.outlook_percent
    low, high = (written(bound) for bound in last.close_80)
    weight = (
        "That change is small beside the range: the forecast sees no direction."
        if stance(facts) == "NEUTRAL"
        else "That change is large beside the range: the forecast sees a direction."
    )
    return (
        f"From a last close of {quoted(facts.last_price, facts.unit)} the model sees {facts.ticker} at "
        f"{written(last.close)} on {last.date}, {change:+.2f} %. In four of five cases it expects a close between "
        f"{low} and {high}, {facts.half_width_percent:.2f} % to either side. {weight}"
    )


def _lately(facts: Facts) -> str:
    moves = ", ".join(f"{value:+.2f} % over {span}" for span, value in facts.returns_percent.items())
    if not moves:
        untraded = len(facts.closes) > 1
        return "Nobody has traded it lately, so its last closes say nothing of how it moves." if untraded else _TOO_FEW
    text = f"It moved {moves}. {_place(facts)}"
    if facts.volatility_percent is not None:
        text += f" Its daily moves make a volatility of {facts.volatility_percent:.1f} % a year."
    return text


def _place(facts: Facts) -> str:
    closes = [close for _, close in facts.closes]
    low, high = min(closes), max(closes)
    where = "at the top of" if closes[-1] == high else "at the bottom of" if closes[-1] == low else "within"
    return f"The last close stands {where} its {len(closes)}-session range of {written(low)} to {written(high)}."


def _turn(facts: Facts) -> str:
    """What would have to happen for the stance to be another one."""
    low, high = (written(bound) for bound in facts.days[-1].close_80)
    return f"A close outside {low} to {high} by {facts.days[-1].date} would say that something has changed."


def _self() -> str:
    return "*Written by rules from the facts below; no language model had a part in it, and news is not judged.*"
