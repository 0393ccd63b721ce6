import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from stockops.adapters.network.retries import RetryPolicy, Transient, retry_after
from stockops.errors import TryAgainError


def test_seconds_and_dates_are_read_and_anything_else_is_nothing() -> None:
    assert retry_after({"retry-after": "120"}) == 120
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert retry_after({"retry-after": soon}) == pytest.approx(90, abs=2)
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    for nothing in ({}, {"retry-after": "-5"}, {"retry-after": "soon"}, {"retry-after": "inf"}):
        assert retry_after(nothing) is None


def test_a_server_is_left_alone_as_long_as_it_asks() -> None:
    failures = iter([Transient("busy", 0.3)])

    def call() -> str:
        for failure in failures:
            raise failure
        return "done"

    started = time.monotonic()
    assert (
        RetryPolicy(attempts=2, first_wait_seconds=0.01, longest_wait_seconds=0.02).run("vendor", lambda _: call())
        == "done"
    )
    assert 0.3 <= time.monotonic() - started < 1


def test_one_that_asks_for_more_time_than_is_left_has_failed_at_once() -> None:
    calls = []

    def call() -> None:
        calls.append(1)
        raise Transient("busy", 120)

    started = time.monotonic()
    with pytest.raises(TryAgainError, match=r"busy; it asks to wait 120 s \(attempt 1 of 4\)"):
        RetryPolicy(total_seconds=5).run("vendor", lambda _: call())
    assert time.monotonic() - started < 1
    assert len(calls) == 1
