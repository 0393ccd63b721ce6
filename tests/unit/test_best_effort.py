import pytest

from stockops.best_effort import PAUSE_SECONDS, BestEffort
from stockops.errors import DataError, ServiceError


class Flaky:
    """A service that does what it is told."""

    needs = ("feast", "redis")

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.asked = 0

    def check(self) -> str:
        return "1.0"

    def answer(self) -> int:
        self.asked += 1
        if self.fails:
            raise ServiceError(f"{self.fails} is down", "start it", service=self.fails)
        return 42


def test_what_serves_is_returned_and_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    effort, service = BestEffort(), Flaky()
    assert effort.attempt(service, service.answer) == 42
    assert effort.degraded == ()
    assert caplog.text == ""


def test_an_outage_is_none_named_in_degraded_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    effort, service = BestEffort(lambda: now), Flaky(fails="redis")
    for _ in range(3):
        now += 2 * PAUSE_SECONDS
        assert effort.attempt(service, service.answer) is None
    assert service.asked == 3
    assert effort.degraded == ("redis",)
    assert [record.getMessage() for record in caplog.records] == ["redis is down; start it: going on without it"]


def test_a_service_that_failed_is_left_alone_for_a_minute_and_still_named() -> None:
    now = 0.0
    effort, service = BestEffort(lambda: now), Flaky(fails="redis")
    effort.attempt(service, service.answer)
    effort.begin()
    service.fails = ""
    now += PAUSE_SECONDS - 1
    assert effort.attempt(service, service.answer) is None
    assert service.asked == 1
    assert list(effort.degraded) == ["redis"]
    now += 2
    effort.begin()
    assert effort.attempt(service, service.answer) == 42
    assert effort.degraded == ()


def test_other_errors_are_no_outage() -> None:
    def wrong() -> int:
        raise DataError("too few rows")

    with pytest.raises(DataError):
        BestEffort().attempt(Flaky(), wrong)
    with pytest.raises(ZeroDivisionError):
        BestEffort().attempt(Flaky(), lambda: 1 // 0)
