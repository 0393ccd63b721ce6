"""Documents stored where others can write: decoded exactly as stored, or rejected."""

import json
import os
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockops import strict_json
from stockops.documents.backtest import BacktestSummary
from stockops.documents.encoding import as_json
from stockops.documents.failures import Problem
from stockops.documents.forecast import PredictionResult
from stockops.documents.reading import parsed
from stockops.documents.tasks import TaskOutcome
from stockops.pipelines import prediction_cache, tasks
from stockops.pipelines.tasks import Task

EXAMPLES = int(os.environ.get("TEST_FUZZ", "300"))
BAR: dict[str, Any] = {
    "date": "2024-07-01", "horizon": 1, "open": 431.4712, "high": 435.9, "low": 426.1, "close": 430.9,
    "volume": 19363795, "change": 0.0011, "close_80": [420.9, 441.1], "close_95": [414.4, 448.0],
    "high_80": [424.0, 445.0], "high_95": [421.0, 452.0], "low_80": [416.0, 436.0], "low_95": [409.0, 440.0],
    "extrapolated": False,
}  # fmt: skip
RISK = {"days": 1, "volatility_day": 0.015, "volatility_year": 0.24, "var_95": 0.024, "var_99": 0.04, "es_95": 0.035}
FORECAST: dict[str, Any] = {
    "schema": 1, "ticker": "AAPL", "source": "yahoo", "last_date": "2024-06-28", "last_close": 430.47,
    "currency": "USD", "model_version": "1d8b8e67824c", "trained_to": "2024-06-28", "model_age_sessions": 0,
    "data": {
        "source": "yahoo", "rows": 2148, "first": "2004-08-19", "last": "2024-06-28", "behind": 0, "untraded": 0,
        "currency": "USD", "calendar": "XNYS", "repairs": [],
    },
    "model_source": "yahoo", "strategy": "freeze", "ranges_from": "AAPL", "cached": False,
    "next_business_days": ["2024-07-01"],
    "predictions": {"next_day": BAR, "week": [BAR], "days": [BAR]},
    "risk": {"next_day": RISK, "week": RISK | {"days": 5}},
    "history": [{"date": "2024-06-28", "close": 430.47}], "features": {"source": "feast"}, "degraded": [],
    "cache": {"question": "0123", "made_at": "2024-06-28T21:00:00+00:00", "fresh_until": "2024-07-01T20:00:00+00:00"},
}  # fmt: skip
TASK = Task(
    task_id="AAPL", job="train-child", ticker="AAPL", status="running", here="host:0", log="logs/task-AAPL.log",
    queued_at="2024-06-28T20:00:00+00:00", started_at="2024-06-28T20:00:01+00:00", stage="child AAPL", epoch=3,
    epochs=10, result=TaskOutcome(model_version="1d8b8e67824c", location="outputs/AAPL"),
    error=Problem(kind="data", message="no prices", hint=""),
)  # fmt: skip
STORED = {"forecast": strict_json.signed(FORECAST), "task": strict_json.signed(as_json(TASK))}
UNCONSTRAINED = (
    "digest", "currency", "fresh_until", "stage", "result", "epoch", "epochs", "started_at", "error", "source",
    "strategy",
)  # fmt: skip
REPLACEMENTS: list[Any] = [1.0, -1, 0, None, "", "abc", [], {}, True, "2013-01-01", 1e308, "[" * 50, 10**400]


def decoded(kind: str, raw: bytes) -> object:
    return prediction_cache._decode(raw, "AAPL") if kind == "forecast" else tasks._decode(raw, "AAPL")


def entries(value: object) -> list[tuple[Any, Any]]:
    """Return every field and item of a document, as its container and its key."""
    if isinstance(value, dict):
        return [(value, key) for key in value] + [entry for inner in value.values() for entry in entries(inner)]
    if isinstance(value, list):
        return [(value, index) for index in range(len(value))] + [entry for inner in value for entry in entries(inner)]
    return []


@st.composite
def mutations(draw: st.DrawFn, raw: bytes) -> bytes:
    """Draw a mutation: a byte changed, the end cut off, or a value replaced, removed or added."""
    match draw(st.sampled_from(["byte", "cut", "value", "removed", "added"])):
        case "byte":
            position = draw(st.integers(0, len(raw) - 1))
            return raw[:position] + bytes([raw[position] ^ draw(st.integers(1, 255))]) + raw[position + 1 :]
        case "cut":
            return raw[: draw(st.integers(0, len(raw) - 1))]
        case "added":
            return json.dumps({**json.loads(raw), draw(st.text(max_size=5)): 1}).encode()
        case change:
            document = json.loads(raw)
            container, key = draw(st.sampled_from(entries(document)))
            if change == "removed":
                del container[key]
            else:
                container[key] = draw(st.sampled_from(REPLACEMENTS))
            return json.dumps(document).encode()


@pytest.mark.parametrize("kind", STORED)
def test_a_stored_document_is_decoded_unchanged(kind: str) -> None:
    found = decoded(kind, STORED[kind])
    assert found.document == FORECAST if isinstance(found, prediction_cache.CacheEntry) else found == TASK


@settings(deadline=None, max_examples=EXAMPLES)
@given(data=st.data(), kind=st.sampled_from(sorted(STORED)))
def test_a_fuzzed_document_is_rejected(data: st.DataObject, kind: str) -> None:
    raw = data.draw(mutations(STORED[kind]))
    found = decoded(kind, raw)
    unchanged = found == decoded(kind, STORED[kind]) and json.loads(raw) == json.loads(STORED[kind])
    assert found is None or unchanged  # whitespace replaced by other whitespace changes nothing


@settings(deadline=None, max_examples=EXAMPLES)
@given(data=st.data(), kind=st.sampled_from(sorted(STORED)))
def test_a_signed_document_with_a_value_of_the_wrong_type_is_rejected(data: st.DataObject, kind: str) -> None:
    document = json.loads(STORED[kind])
    container, key = data.draw(st.sampled_from(entries(document)))
    replacement = data.draw(st.sampled_from(REPLACEMENTS))
    unconstrained = key in UNCONSTRAINED or (kind == "task" and key in ("model_version", "location"))
    both_numbers = isinstance(container[key], (int, float)) and isinstance(replacement, (int, float))
    if unconstrained or both_numbers or container[key] is None or type(container[key]) is type(replacement):
        return  # may still be a valid document
    container[key] = replacement
    assert decoded(kind, strict_json.signed(document)) is None


@pytest.mark.parametrize(
    "raw",
    [b"", b"null", b"[]", b"{", b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b'{"digest": 1}', b"NaN", b'"\\ud800"'],
)
@pytest.mark.parametrize("kind", STORED)
def test_malformed_bytes_decode_to_none(kind: str, raw: bytes) -> None:
    assert decoded(kind, raw) is None


@pytest.mark.parametrize("text", ["1e999", "-1e999", "NaN", "Infinity", "[NaN]", "[" * 5_000, "9" * 5_000, ""])
def test_unusable_json_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no number|nested|Expecting|digits"):
        strict_json.read(text)


def test_digests_differ_by_document_and_accept_lone_surrogates() -> None:
    assert strict_json.digest({"a": 1}) == strict_json.digest({"a": 1}) != strict_json.digest({"a": 1.5})
    assert strict_json.digest("\ud800") != strict_json.digest("\ud801")
    assert strict_json.digest(datetime(2024, 6, 28, tzinfo=UTC)) != strict_json.digest(
        datetime(2024, 6, 29, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("value", "number"), [(1, 1.0), (1.5, 1.5), (True, None), ("1", None), (10**400, None), (1e999, None)]
)
def test_only_finite_numbers_are_read_as_numbers(value: object, number: float | None) -> None:
    assert strict_json.number(value) == number


SUMMARY: dict[str, Any] = {
    "start": "2020-01-02", "end": "2024-06-25", "origins": 1_127, "source": "csv", "refit": "never",
    "skill": {name: {"1": 0.01, "5": None} for name in ("Open", "High", "Low", "Close", "Volume")},
    "close_skill": None, "close_findings": {"1": "tied"}, "coverage": {"80": 0.8031}, "text": "AAPL",
}  # fmt: skip


@pytest.mark.parametrize("close", [0, -1.0, "430", None])
def test_an_invalid_last_close_is_rejected(close: object) -> None:
    assert parsed(FORECAST, PredictionResult).last_close == 430.47
    with pytest.raises(ValueError, match="last_close"):
        parsed({**FORECAST, "last_close": close}, PredictionResult)


@pytest.mark.parametrize(
    ("name", "value"),
    [("origins", "x"), ("skill", {"Close": {}}), ("skill", {"Close": 1}), ("coverage", 1), ("end", "2024-6-25")],
)
def test_a_malformed_backtest_summary_is_rejected(name: str, value: object) -> None:
    assert as_json(parsed(SUMMARY, BacktestSummary)) == SUMMARY
    with pytest.raises(ValueError, match=name):
        parsed({**SUMMARY, name: value}, BacktestSummary)
