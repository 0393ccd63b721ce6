"""The metric catalogue, what a call adds to the totals, and their exposition for Prometheus."""

import itertools
import math
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from stockops.adapters.prometheus.exposition import exposition
from stockops.monitoring.catalogue import CATALOGUE, HEALTH, Sample, count, health, observe, series
from stockops.pipelines.prediction_cache import HIT, MISS

SPECIFIED = {
    "system_cpu_percent": ("gauge", ()),
    "system_ram_used_mb": ("gauge", ()),
    "system_disk_used_mb": ("gauge", ()),
    "redis_up": ("gauge", ()),
    "redis_keys_total": ("gauge", ()),
    "training_status": ("gauge", ("task_id",)),
    "training_mse_last": ("gauge", ()),
    "training_duration_seconds": ("histogram", ("task_id",)),
    "prediction_total": ("counter", ("type",)),
    "prediction_latency_seconds": ("histogram", ("type",)),
    "redis_cache_hit_total": ("counter", ("key",)),
    "redis_cache_miss_total": ("counter", ("key",)),
}


def read(page: bytes) -> dict[str, float]:
    """Return the samples of an exposition by their series, as the official Prometheus client reads them."""
    families = text_string_to_metric_families(page.decode())
    return {series(sample.name, sample.labels): sample.value for family in families for sample in family.samples}


@pytest.mark.parametrize("name", SPECIFIED)
def test_the_specified_metrics_keep_their_names_types_and_labels(name: str) -> None:
    assert (CATALOGUE[name].type, CATALOGUE[name].labels) == SPECIFIED[name]


def test_training_durations_have_exponential_buckets_from_a_second_to_nine_hours() -> None:
    buckets = CATALOGUE["training_duration_seconds"].buckets
    assert buckets[0] == 1
    assert 9 * 3600 <= buckets[-1] < 10 * 3600
    assert {later / earlier for earlier, later in itertools.pairwise(buckets)} == {2}


def test_cache_totals_keep_the_names_from_before_the_catalogue() -> None:
    assert HIT == {'redis_cache_hit_total{key="predict_child"}': 1}
    assert MISS == {'redis_cache_miss_total{key="predict_child"}': 1}


def test_an_observation_counts_in_every_bucket_up_to_infinity() -> None:
    increments = observe("training_duration_seconds", 4, task_id="AAPL")
    assert increments['training_duration_seconds_sum{task_id="AAPL"}'] == 4
    assert increments['training_duration_seconds_count{task_id="AAPL"}'] == 1
    assert 'training_duration_seconds_bucket{le="2.0",task_id="AAPL"}' not in increments
    for bound in ("4.0", "32768.0", "+Inf"):
        assert increments[f'training_duration_seconds_bucket{{le="{bound}",task_id="AAPL"}}'] == 1
    assert len(increments) == 14 + 1 + 2  # 4 s to 32,768 s, +Inf, sum and count


def test_a_training_longer_than_every_bucket_is_still_counted() -> None:
    page = read(exposition(observe("training_duration_seconds", 100_000, task_id="parent"), []))
    assert page['training_duration_seconds_bucket{le="32768.0",task_id="parent"}'] == 0
    assert page['training_duration_seconds_count{task_id="parent"}'] == 1
    assert page['training_duration_seconds_sum{task_id="parent"}'] == 100_000


@given(st.lists(st.floats(min_value=0, max_value=1e5), max_size=20))
def test_each_bucket_counts_the_values_up_to_its_bound(values: list[float]) -> None:
    totals: Counter[str] = Counter()
    for value in values:
        totals.update(observe("prediction_latency_seconds", value, type="child"))
    page = read(exposition(totals, []))
    for bound in CATALOGUE["prediction_latency_seconds"].buckets:
        key = series("prediction_latency_seconds_bucket", {"type": "child", "le": repr(bound)})
        assert page[key] == sum(value <= bound for value in values)
    assert page['prediction_latency_seconds_count{type="child"}'] == len(values)
    assert page['prediction_latency_seconds_sum{type="child"}'] == pytest.approx(sum(values))


@given(st.text(st.characters(codec="utf-8")), st.floats(allow_nan=False, allow_infinity=False))
def test_any_label_value_is_exposed_unchanged(value: str, number: float) -> None:
    totals = count("prediction_total", 3, type=value) | observe("training_duration_seconds", 1, task_id=value)
    page = exposition(totals, [Sample("stockops_drift_score", {"ticker": value}, number)]).decode()
    lines = page.split("\n")
    for name, label, expected in (
        ("prediction_total", "type", 3),
        ("training_duration_seconds_count", "task_id", 1),
        ("stockops_drift_score", "ticker", number),
    ):
        [line] = [line for line in lines if line.startswith(series(name, {label: value}) + " ")]
        assert float(line.rsplit(" ", 1)[1]) == expected


def test_every_metric_is_exposed_before_anything_happens() -> None:
    page = exposition({}, []).decode()
    for metric in CATALOGUE.values():
        assert f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.type}\n" in page


def test_counters_start_at_zero_so_that_a_rate_sees_the_first_forecast() -> None:
    before = read(exposition({}, []))
    assert before['prediction_total{type="child"}'] == 0
    assert before['prediction_total{type="parent"}'] == 0
    assert [before[series] for series in (*HIT, *MISS)] == [0, 0]
    assert before['prediction_latency_seconds_count{type="child"}'] == 0


def test_invalid_totals_are_ignored(caplog: pytest.LogCaptureFixture) -> None:
    invalid: dict[str, float] = {
        "hits": 1,
        "not a series": 1,
        "": 1,
        "# HELP prediction_total": 1,
        "prediction_total 4\nredis_up": 1,
        'prediction_total{type="child"': 1,
        "prediction_total": 1,  # missing its label
        'prediction_total{type="child",host="a"}': 1,
        "redis_up": 1,  # a gauge is not a total
        'prediction_total{type="nan"}': math.nan,
    }
    assert exposition(invalid, []) == exposition({}, [])
    assert "ignoring an invalid total in the state store: 'not a series'" in caplog.text


def test_buckets_never_decrease_if_an_earlier_release_had_others() -> None:
    totals = observe("prediction_latency_seconds", 0.3, type="child")
    del totals['prediction_latency_seconds_bucket{le="1.0",type="child"}']
    page = read(exposition(totals, []))
    assert page['prediction_latency_seconds_bucket{le="1.0",type="child"}'] == 1


def test_the_last_sample_of_a_gauge_counts_and_nan_is_ignored() -> None:
    gauges = [
        Sample("stockops_drift_score", {"ticker": "A"}, 1),
        Sample("stockops_drift_score", {"ticker": "A"}, 2),
        Sample("stockops_drift_score", {"ticker": "B"}, math.nan),
    ]
    page = read(exposition({}, gauges))
    assert {key: value for key, value in page.items() if "drift" in key} == {'stockops_drift_score{ticker="A"}': 2}


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("stockops_typo", {}),
        ("stockops_drift_score", {}),
        ("stockops_drift_score", {"ticker": "A", "x": "y"}),
        ("prediction_total", {"type": "child"}),
    ],
)
def test_a_sample_outside_the_catalogue_is_rejected(name: str, labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"catalogue|labels"):
        Sample(name, labels, 1)


@pytest.mark.parametrize("amount", [-1, math.nan, math.inf])
def test_a_total_can_only_grow(amount: float) -> None:
    with pytest.raises(ValueError, match="cannot grow by"):
        count("prediction_total", amount, type="child")
    with pytest.raises(ValueError, match="cannot grow by"):
        observe("prediction_latency_seconds", amount, type="child")


def test_health_texts_map_to_numbers() -> None:
    texts = ("Healthy", "Degraded (Warning)", "Critical (Drift Detected)", "healthy", "degraded", "critical")
    assert [health(text) for text in texts] == [0, 1, 2, 0, 1, 2]
    assert set(HEALTH.values()) == {0, 1, 2}


def test_the_default_registry_of_this_process_is_untouched() -> None:
    before = generate_latest(REGISTRY)
    page = exposition(count("prediction_total", type="child"), [])
    assert b"process_" not in page
    assert b"python_info" not in page
    assert b"prediction_total" not in before + generate_latest(REGISTRY)


def test_the_catalogue_imports_no_library() -> None:
    code = (
        "import sys, stockops.monitoring.catalogue;"
        "print({'prometheus_client', 'pandas', 'numpy', 'httpx'} & sys.modules.keys())"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
