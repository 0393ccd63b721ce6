"""Feast itself, for one home: registry, online store, materialisation. Import this after `feast_import.load`."""

import contextlib
import copy
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from feast import FeatureStore, RepoConfig
from pydantic import SecretStr

from stockops.adapters.feast.definitions import DIGEST, PLACES, VIEW, entity, view
from stockops.adapters.feast.registry import DamagedRegistryError
from stockops.adapters.feast.ticker_files import TICKER
from stockops.market.features import FEATURES
from stockops.records import FeatureVector

if TYPE_CHECKING:
    import pandas as pd

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Repository:
    """Feast's data in a folder; opening it creates an empty registry if there is none."""

    def __init__(self, folder: Path, redis_url: str, timeout_seconds: float) -> None:
        places = copy.deepcopy(PLACES)
        places["online_store"] |= {"redis_url": SecretStr(redis_url), "timeout_seconds": timeout_seconds}
        self._folder = folder
        self._config = RepoConfig(repo_path=folder, **places)
        self._store = self._opened()

    def is_current(self) -> bool:
        """Return whether the registered definitions, by whatever process, match `definitions`."""
        self._refresh()
        tags = {DIGEST: view(entity()).tags[DIGEST]}
        return bool(self._store.registry.list_feature_views(self._config.project, tags=tags))

    def mend(self) -> None:
        """Move a damaged registry aside; everything in it can be registered and materialised again."""
        try:
            self._refresh()
        except DamagedRegistryError as exc:
            exc.path.replace(exc.path.with_suffix(".damaged"))
            self._store = self._opened()

    def apply(self) -> None:
        """Register the definitions."""
        of = entity()
        with _quietly():
            self._store.apply([of, view(of)])

    def put(self, rows: "pd.DataFrame") -> None:
        """Write rows online."""
        with _quietly():
            self._store.write_to_online_store(VIEW, df=rows)

    def get(self, ticker: str) -> FeatureVector | None:
        """Return a ticker's vector; None if there is none, or if not all features are registered."""
        if not self._serves():
            return None
        with _quietly():
            answer = self._store.get_online_features([f"{VIEW}:{name}" for name in FEATURES], [{TICKER: ticker}])
        found = answer.to_dict(include_event_timestamps=True)  # in no order
        values = {name: found[name][0] for name in FEATURES}
        if None in values.values():
            return None
        return FeatureVector(ticker, datetime.fromtimestamp(found[f"{FEATURES[0]}__ts"][0], UTC), values)

    def materialize(self, until: datetime) -> None:
        """Write the latest row of every ticker, up to `until`, online from the Parquet files."""
        with _quietly():
            self._store.materialize(_BEGINNING, until, [VIEW])

    def _refresh(self) -> None:
        """Read the registry as it is now; one that was removed meanwhile is created empty."""
        try:
            self._store.registry.refresh(self._config.project)
        except FileNotFoundError:
            self._store = self._opened()

    def _opened(self) -> FeatureStore:
        return FeatureStore(repo_path=str(self._folder), config=self._config)

    def _serves(self) -> bool:
        views = self._store.registry.list_feature_views(self._config.project, allow_cache=True)
        return any(one.name == VIEW and set(FEATURES) <= {field.name for field in one.features} for one in views)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep Feast's output off stdout, which is for results, and warnings meant for its authors off stderr."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
