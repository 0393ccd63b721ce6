"""Metrics end to end: totals of many processes, gateway or listener, a real Prometheus and its query language."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml

from stockops.adapters.prometheus.exposition import exposition
from stockops.adapters.prometheus.pushgateway import Pushgateway
from stockops.adapters.storage.redis_state import RedisState
from stockops.adapters.storage.sqlite_state import SqliteState
from stockops.monitoring.catalogue import CATALOGUE, Metric, Sample, count, observe
from stockops.ports import StateStore
from tests.integration import forked
from tests.integration.listening import serving
from tests.places import ROOT
from tests.servers import PrometheusServer, PushgatewayServer, RedisServer, http, needed, wait_until

DEPLOY = ROOT / "deploy"
LABELS = {"ticker": "^GSPC", "window": "20", "horizon": "1", "level": "80", "command": "predict-parent"}


def add(totals: dict[str, float], increments: dict[str, float]) -> None:
    """Add to totals as a state store does."""
    for key, amount in increments.items():
        totals[key] = totals.get(key, 0) + amount


def gauge(metric: Metric) -> Sample:
    """Return a sample of a gauge, with a label that Prometheus must not treat as a pattern."""
    return Sample(metric.name, {label: LABELS.get(label, "AAPL") for label in metric.labels}, 1.5)


GAUGES = [gauge(metric) for metric in CATALOGUE.values() if metric.type == "gauge"]


def busy(times: int) -> bytes:
    """Return an exposition with a sample of every metric and the totals after `times` forecasts and trainings."""
    totals: dict[str, float] = {}
    for _ in range(times):
        add(totals, count("prediction_total", type="child"))
        add(totals, observe("prediction_latency_seconds", 0.3, type="child"))
        add(totals, observe("training_duration_seconds", 90, task_id="AAPL"))
        add(totals, count("redis_cache_hit_total", 3, key="predict_child"))
        add(totals, count("redis_cache_miss_total", key="predict_child"))
    return exposition(totals, GAUGES)


@pytest.fixture(scope="module")
def listener() -> Iterator[str]:
    """A listener whose gauge grows with every scrape."""
    scrapes = iter(range(1, 1_000_000))
    with serving(lambda: exposition({}, [Sample("redis_keys_total", {}, next(scrapes))])) as url:
        yield url


@pytest.fixture(scope="module")
def prometheus(
    tmp_path_factory: pytest.TempPathFactory, gateway: PushgatewayServer, listener: str
) -> Iterator[PrometheusServer]:
    """A Prometheus with the shipped configuration, but the addresses of the tests and shorter intervals."""
    shipped = (DEPLOY / "prometheus.yml").read_text()
    for old, new in {
        "pushgateway:9091": f"127.0.0.1:{gateway.port}",
        "host.docker.internal:9464": listener.removeprefix("http://").removesuffix("/metrics"),
        "scrape_interval: 30s": "scrape_interval: 250ms",
        "evaluation_interval: 30s": "evaluation_interval: 250ms",
        "rules/*.yml": f"{DEPLOY}/rules/*.yml",
    }.items():
        assert old in shipped
        shipped = shipped.replace(old, new)
    running = PrometheusServer(tmp_path_factory.mktemp("prometheus"), shipped)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def watched(prometheus: PrometheusServer, gateway: PushgatewayServer) -> PrometheusServer:
    """A Prometheus that scraped two pushes of a home, the second with higher totals."""
    pushgateway = Pushgateway(gateway.url, "home of anna/1")
    for times in (2, 5):
        pushgateway.push(busy(times))
        pushed = f'prediction_total{{type="child",instance="home of anna/1"}} == {times}'
        wait_until(lambda pushed=pushed: bool(prometheus.query(pushed)), 10, pushed)  # type: ignore[misc]
    return prometheus


def value(server: PrometheusServer, expression: str) -> float:
    """Return the one value of an expression."""
    found = list(server.query(expression).values())
    assert len(found) == 1, f"{expression}: {found}"
    return found[0]


def test_pushed_metrics_are_queried_under_their_names_and_labels(watched: PrometheusServer) -> None:
    home = 'job="stockops",instance="home of anna/1"'
    assert value(watched, f'prediction_total{{{home},type="child"}}') == 5
    assert value(watched, f'redis_cache_hit_total{{{home},key="predict_child"}}') == 15
    assert value(watched, f'stockops_drift_score{{{home},ticker="^GSPC"}}') == 1.5
    assert value(watched, f'training_duration_seconds_sum{{{home},task_id="AAPL"}}') == 450
    assert value(watched, f'training_duration_seconds_bucket{{{home},le=~"64|64.0"}}') == 0
    assert value(watched, f'training_duration_seconds_bucket{{{home},le=~"128|128.0"}}') == 5


def test_quantiles_are_computed_from_the_buckets(watched: PrometheusServer) -> None:
    buckets = 'prediction_latency_seconds_bucket{type="child"}'
    assert 0.25 <= value(watched, f"histogram_quantile(0.5, sum by (le) ({buckets}))") <= 0.5


def test_prometheus_knows_type_and_help_of_every_metric(watched: PrometheusServer) -> None:
    known = http.get(f"{watched.url}/api/v1/metadata").json()["data"]
    for metric in CATALOGUE.values():
        assert {"type": metric.type, "help": metric.help, "unit": ""} in known[metric.name]


def test_every_scrape_of_a_listener_has_new_values(watched: PrometheusServer) -> None:
    keys = 'redis_keys_total{job="stockops",instance="listener"}'
    before = value(watched, keys)
    wait_until(lambda: value(watched, keys) > before + 1, 5, "two more scrapes")


def test_the_rules_are_loaded_and_evaluated_without_error(watched: PrometheusServer) -> None:
    def rules() -> list[dict[str, Any]]:
        groups = http.get(f"{watched.url}/api/v1/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    wait_until(lambda: all(rule["health"] != "unknown" for rule in rules()), 10, "rules evaluated")
    assert {rule["name"]: rule["health"] for rule in rules()} == dict.fromkeys(alerts(), "ok")


def test_an_alert_becomes_pending_after_a_push(watched: PrometheusServer, gateway: PushgatewayServer) -> None:
    drifted = [Sample("stockops_drift_returns_health", {"ticker": "MSFT"}, 2)]
    Pushgateway(gateway.url, "drifted").push(exposition({}, drifted))
    pending = 'ALERTS{alertname="StockopsDriftCritical",ticker="MSFT",severity="critical"}'
    wait_until(lambda: bool(watched.query(pending)), 10, pending)
    Pushgateway(gateway.url, "drifted").delete()


def alerts() -> list[str]:
    groups = yaml.safe_load((DEPLOY / "rules/stockops.yml").read_text())["groups"]
    return [rule["alert"] for group in groups for rule in group["rules"]]


def expressions() -> list[tuple[str, str]]:
    """Return title and expression of every query of the dashboard, its variables filled in."""
    board = json.loads((DEPLOY / "grafana/dashboards/stockops.json").read_text())
    filled = {"$instance": "home of anna/1", "$ticker": ".+"}
    found = []
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for name, text in filled.items():
                expression = expression.replace(name, text)
            found.append((panel["title"], expression))
    return found


@pytest.mark.parametrize(("title", "expression"), expressions())
def test_every_query_of_the_dashboard_returns_data(watched: PrometheusServer, title: str, expression: str) -> None:
    assert "$" not in expression
    assert watched.query(expression), f"nothing in {title}: {expression}"


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_metric_is_on_the_dashboard(name: str) -> None:
    names = {word for _, expression in expressions() for word in re.findall(r"\w+", expression)}
    assert {name, f"{name}_bucket"} & names


def promtool(*arguments: str, page: bytes = b"") -> tuple[int, str]:
    """Run promtool; return its exit code and output."""
    completed = subprocess.run([needed("promtool", "prometheus"), *arguments], input=page, capture_output=True)
    return completed.returncode, (completed.stdout + completed.stderr).decode()


def test_promtool_accepts_the_exposition() -> None:
    awkward = [Sample("stockops_drift_score", {"ticker": 'we"ird\\\n{x}=é'}, 1e-7)]
    code, output = promtool("check", "metrics", page=exposition({}, [*GAUGES, *awkward]))
    assert code in (0, 3), output  # 3: style only
    # The specification gives these names, which violate Prometheus's style.
    against_style = {"redis_keys_total", "system_ram_used_mb", "system_disk_used_mb"}
    assert {line.split()[0] for line in output.splitlines()} == against_style


def test_promtool_accepts_configuration_and_rules() -> None:
    code, output = promtool("check", "config", str(DEPLOY / "prometheus.yml"))
    assert code == 0, output
    assert f"{len(alerts())} rules found" in output


def test_every_alert_fires_when_it_should_and_not_before() -> None:
    tests = (DEPLOY / "rules/tests/stockops.yml").read_text()
    fires = {
        test["alertname"]
        for group in yaml.safe_load(tests)["tests"]
        for test in group["alert_rule_test"]
        if test.get("exp_alerts")
    }
    assert fires == set(alerts())
    code, output = promtool("test", "rules", str(DEPLOY / "rules/tests/stockops.yml"))
    assert code == 0, output


def test_alerts_query_existing_metrics() -> None:
    text = (DEPLOY / "rules/stockops.yml").read_text()
    queried = set(re.findall(r"\b((?:stockops|redis|push|training|prediction|system)_\w+)", text))
    assert queried - {"push_time_seconds"} <= set(CATALOGUE)


# Totals of many processes.

StoreFactory = Callable[[], StateStore]


@pytest.fixture(params=["embedded", "redis"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> StoreFactory:
    if request.param == "embedded":
        return partial(SqliteState, tmp_path / "state.db")
    running: RedisServer = request.getfixturevalue("redis_server")
    redis.Redis.from_url(running.url).flushdb()
    return partial(RedisState, running.url, 1.0)


def _increment(open_store: StoreFactory, seconds: float, times: int) -> None:
    store = open_store()
    for _ in range(times):
        store.add(
            {**count("prediction_total", type="child"), **observe("prediction_latency_seconds", seconds, type="child")}
        )


def test_increments_of_many_processes_are_complete_and_consistent(open_store: StoreFactory) -> None:
    calls = [(open_store, seconds, 60) for seconds in (0.02, 0.3, 3.0, 4000.0)]
    writers = forked.start_race(_increment, *calls)
    previous = 0.0
    while writers.is_alive():
        totals = open_store().totals()  # between two increments, never within one
        counted = totals.get('prediction_latency_seconds_count{type="child"}', 0)
        assert totals.get('prediction_latency_seconds_bucket{le="+Inf",type="child"}', 0) == counted
        assert totals.get('prediction_total{type="child"}', 0) == counted >= previous
        previous = counted
        time.sleep(0.01)
    assert writers.exitcode == 0
    page = exposition(open_store().totals(), []).decode()
    for line in (
        'prediction_total{type="child"} 240.0',
        'prediction_latency_seconds_bucket{le="0.01",type="child"} 0.0',
        'prediction_latency_seconds_bucket{le="0.025",type="child"} 60.0',
        'prediction_latency_seconds_bucket{le="0.5",type="child"} 120.0',
        'prediction_latency_seconds_bucket{le="1800.0",type="child"} 180.0',
        'prediction_latency_seconds_bucket{le="+Inf",type="child"} 240.0',
        'prediction_latency_seconds_count{type="child"} 240.0',
    ):
        assert f"\n{line}\n" in page
    total = float(re.search(r'prediction_latency_seconds_sum\{type="child"\} (\S+)', page)[1])  # type: ignore[index]
    assert total == pytest.approx(60 * 4003.32)
