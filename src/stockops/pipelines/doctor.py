"""Runs every configured check at once: what is up, what is down, and how to fix it."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from stockops.documents.stores import CheckResult, DoctorResult
from stockops.errors import ExitCode, ServiceError, StockopsError, UsageError


@dataclass(frozen=True, slots=True)
class Check:
    """One check: `probe` returns version and location, or raises what a command would."""

    name: str
    probe: Callable[[], str]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check. `down`: commands do without it. `broken`: they cannot."""

    name: str
    state: Literal["up", "down", "broken"]
    detail: str
    hint: str
    latency_ms: int
    exit_code: ExitCode

    @property
    def result(self) -> CheckResult:
        """The finding as `doctor` prints it."""
        return CheckResult(
            name=self.name, state=self.state, detail=self.detail, hint=self.hint, latency_ms=self.latency_ms
        )


def examine(checks: Sequence[Check], seconds: float) -> list[Finding]:
    """Return the result of each check, in order; all run at once, and one still running after `seconds` has failed."""
    findings: dict[str, Finding] = {}
    bugs: list[Exception] = []

    def run(check: Check) -> None:
        try:
            findings[check.name] = _find(check)
        except Exception as exc:  # noqa: BLE001  a thread would only print it; raised in the caller instead
            bugs.append(exc)

    threads = [threading.Thread(target=run, args=(check,), daemon=True) for check in checks]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    for bug in bugs:
        raise bug
    late = ServiceError(f"no answer in {seconds:.0f} s", "is it overloaded, or is the network cut?")
    return [findings.get(check.name) or _failed(check, late, seconds) for check in checks]


def result(findings: Sequence[Finding]) -> DoctorResult:
    """Return what `doctor` prints."""
    return DoctorResult(ok=verdict(findings) == ExitCode.OK, checks=tuple(finding.result for finding in findings))


def verdict(findings: Sequence[Finding]) -> ExitCode:
    """Return the exit code: the highest of the broken checks, 0 if none is broken."""
    return max((finding.exit_code for finding in findings), default=ExitCode.OK)


def _find(check: Check) -> Finding:
    started = time.monotonic()
    try:
        detail = check.probe()
    except StockopsError as exc:
        return _failed(check, exc, time.monotonic() - started)
    return Finding(check.name, "up", detail, "", round((time.monotonic() - started) * 1000), ExitCode.OK)


def _failed(check: Check, failure: StockopsError, seconds: float) -> Finding:
    """Return a failed check. An invalid setting is always `broken`: every command rejects it."""
    broken = check.required or isinstance(failure, UsageError)
    code = failure.exit_code if broken else ExitCode.OK
    state: Literal["down", "broken"] = "broken" if broken else "down"
    return Finding(check.name, state, failure.message, failure.hint, round(seconds * 1000), code)
