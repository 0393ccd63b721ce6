"""Parses and validates a language model's answer; the stance comes from its fields, never from its prose."""

import itertools
import json
import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from stockops.agent import markdown
from stockops.records import Confidence, Recommendation, Sentiment

_MOST = 20_000  # characters of prose; a model that exceeds this is not going to stop
_MOST_BRACES = 500  # opening braces tried as the start of JSON; ordinary prose has only a few
_THOUGHT = re.compile(r"<(/?)think>", re.IGNORECASE)
_STANCE = re.compile(r"^[^\n]*\bmarket stance\b\*{0,2}[ \t]{0,9}:[^\n]*$", re.IGNORECASE | re.MULTILINE)


class AnswerError(ValueError):
    """An unusable answer; the message says what is wrong, so that the model can repair it."""


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _capital(value: object) -> object:
    return value.strip().capitalize() if isinstance(value, str) else value


class LlmAnswer(BaseModel):
    """The prose of an analysis and the stance that was chosen with it."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    report: str = Field(min_length=1, description="prose in Markdown")
    recommendation: Annotated[Recommendation, BeforeValidator(_upper)]
    confidence: Annotated[Confidence, BeforeValidator(_capital)]
    news_sentiment: Annotated[Sentiment | None, BeforeValidator(_capital)] = None


SCHEMA = LlmAnswer.model_json_schema() | {"additionalProperties": False}


def read(raw: str) -> LlmAnswer:
    """Return the answer in a model's output; raises AnswerError if a field is missing or invalid.

    Reasoning (`<think>`), code fences and text around the JSON are ignored, even if that text contains braces.
    """
    problems: list[ValidationError] = []
    for fields in _objects(raw):
        try:
            answer = LlmAnswer.model_validate(fields)
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
    """Return whether a text contains a valid answer."""
    try:
        read(raw)
    except AnswerError:
        return False
    return True


def _objects(raw: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in a text: the whole text first, then from each opening brace outside the reasoning."""
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
    """Return the text without a model's `<think>` blocks, whether closed or cut short."""
    spoken: list[str] = []
    begin, thinks = 0, False
    for tag in _THOUGHT.finditer(raw):
        if tag[1]:  # a closing tag; its opening tag may be missing
            spoken = spoken if thinks else []
            begin, thinks = tag.end(), False
        elif not thinks:
            spoken.append(raw[begin : tag.start()])
            thinks = True
    return "".join(spoken if thinks else [*spoken, raw[begin:]]).strip()


def _tidy(text: str) -> str:
    """Return prose that fits into a report (`markdown.prose`), without reasoning or a stance line."""
    plain = markdown.prose(_STANCE.sub("", without_thoughts(text)[:_MOST]))
    return re.sub(r"\n{3,}", "\n\n", plain).strip()
