"""What a language model answered: validated, its stance taken from its fields and never from its prose."""

import itertools
import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from stockops.records import Confidence, Recommendation, Sentiment

_MOST = 20_000  # characters of prose; more is a model that does not stop
_MOST_BRACES = 500  # that are looked at; talk has a few
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|<?https?://\S+")
_STANCE = re.compile(r"^.*\*{0,2}market stance\*{0,2}\s*:.*$", re.IGNORECASE | re.MULTILINE)


class AnswerError(ValueError):
    """An answer that cannot be used; the text says what is wrong, for the model to repair."""


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _capital(value: object) -> object:
    return value.strip().capitalize() if isinstance(value, str) else value


class Answer(BaseModel):
    """The prose of an analysis and the stance that was chosen with it."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    report: str = Field(min_length=1, description="prose in Markdown")
    recommendation: Annotated[Recommendation, BeforeValidator(_upper)]
    confidence: Annotated[Confidence, BeforeValidator(_capital)]
    news_sentiment: Annotated[Sentiment | None, BeforeValidator(_capital)] = None


SCHEMA = Answer.model_json_schema() | {"additionalProperties": False}


def read(raw: str) -> Answer:
    """Return the answer in what a model sent; AnswerError when a field is missing or holds something else.

    Thoughts (`<think>`), code fences and talk round the JSON are passed over, braces in that talk too.
    """
    problems: list[ValidationError] = []
    for fields in _objects(raw):
        try:
            answer = Answer.model_validate(fields)
        except ValidationError as exc:
            problems.append(exc)
            continue
        report = _tidy(answer.report)
        if not report:
            raise AnswerError("`report` says nothing")
        return answer.model_copy(update={"report": report})
    if not problems:
        raise AnswerError("the answer must be one JSON object with report, recommendation and confidence")
    nearest = min(problems, key=lambda exc: exc.error_count())
    problem = nearest.errors(include_url=False, include_input=False)[0]
    raise AnswerError(f"`{'.'.join(map(str, problem['loc']))}`: {problem['msg']}")


def is_one(raw: str) -> bool:
    """Tell whether a text holds an answer."""
    try:
        read(raw)
    except AnswerError:
        return False
    return True


def _objects(raw: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a text: all of it, then whatever begins with a brace outside of thoughts."""
    decoder = json.JSONDecoder(strict=False)
    spoken = without_thoughts(raw)
    starts = [(spoken, brace.start()) for brace in itertools.islice(re.finditer(r"\{", spoken), _MOST_BRACES)]
    for text, start in [(raw.strip(), 0), *starts]:
        try:
            fields, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(fields, dict):
            yield fields


def without_thoughts(raw: str) -> str:
    """Return the text after what a model thought aloud, closed or cut short."""
    text = re.sub(r"<think>.*?</think>", "", raw, flags=re.DOTALL | re.IGNORECASE)
    text = re.sub(r"^.*</think>", "", text, flags=re.DOTALL | re.IGNORECASE)  # its beginning went elsewhere
    return re.sub(r"<think>.*$", "", text, flags=re.DOTALL | re.IGNORECASE).strip()


def _tidy(text: str) -> str:
    """Return prose that fits into a report: no thoughts, stance, links or HTML of its own, no heading above ours.

    Nor any letter that cannot be seen: a terminal would obey some of them.
    """
    plain = _STANCE.sub("", without_thoughts(text))[:_MOST]
    plain = "".join(letter for letter in plain if letter == "\n" or not unicodedata.category(letter).startswith("C"))
    plain = _LINK.sub(lambda link: link[1] or "", plain).replace("<", "&lt;")
    plain = re.sub(r"^#{1,2}\s", "### ", plain, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", plain).strip()
