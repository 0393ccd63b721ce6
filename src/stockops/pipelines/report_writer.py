"""Writes the prose: the language models in order, then fixed rules. An outage never becomes an opinion."""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stockops.agent import answer, offline, prompt
from stockops.agent.answer import AnswerError, LlmAnswer
from stockops.agent.facts import Facts
from stockops.agent.prompt import Message, Turn
from stockops.agent.rendering import Writer
from stockops.errors import ServiceError
from stockops.optional_services import OptionalServices
from stockops.ports import ChatModel, ChatModelSpec, GenerationProgress, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportWriter:
    """Writes reports. models: the configured chat models, in order of preference.

    seconds: time limit of one model, its repair included. total_seconds: time limit of all models together.
    """

    models: Sequence[ChatModelSpec]
    optional: OptionalServices
    progress: GenerationProgress
    seconds: float
    total_seconds: float
    now: Callable[[], float] = time.monotonic

    @property
    def first(self) -> str:
        """The writer when every service is up."""
        return next((str(Writer(model.name, model.model)) for model in self.models), offline.NAME)

    def write(self, facts: Facts, question: str | None, earlier: Sequence[Turn]) -> tuple[LlmAnswer, Writer]:
        """Return the first usable answer and its writer, falling back to the offline writer."""
        messages = prompt.messages(facts, question, earlier)
        until = self.now() + self.total_seconds
        for provider in self.models:
            model = provider.open()
            written = self.optional.attempt(model, functools.partial(self._ask, model, messages, until))
            if written is not None:
                return written
        return offline.write(facts, question), Writer(offline.NAME)

    def _ask(self, model: ChatModel, messages: list[Message], until: float) -> tuple[LlmAnswer, Writer]:
        """Return a model's answer, after one repair if needed; ServiceError if that does not help."""
        until = min(until, self.now() + self.seconds)
        with self.progress.writing(model.name) as on_text:

            def ask(talk: list[Message]) -> Reply:
                seconds = until - self.now()
                if seconds <= 0:
                    raise ServiceError(f"{model.name}: no time is left for it", service=model.name, alive=True)
                return model.complete(talk, answer.SCHEMA, seconds=seconds, on_text=on_text)

            reply = ask(messages)
            try:
                return answer.read(reply.text), Writer(model.name, reply.model)
            except AnswerError as exc:
                wrong = "it was cut off before its end, write less" if reply.cut else str(exc)
                repair = prompt.repair(reply.text, wrong)
            reply = ask(messages + repair)
            try:
                return answer.read(reply.text), Writer(model.name, reply.model)
            except AnswerError as exc:
                message = f"{model.name} gives no answer that can be used: {exc}"
                raise ServiceError(message, service=model.name, alive=True) from None
