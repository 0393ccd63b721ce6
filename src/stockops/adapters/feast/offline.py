"""Feast's offline store on a folder with one file per ticker. Import this after `feast_import.load`.

Feast's own store sorts the rows of all files to find the last one of each ticker: 50 tickers of 5,000 rows take three
seconds, 500 take four minutes. Each file is already sorted, so its last row is at its end.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

import dask.dataframe as dd
from feast import FileSource, RepoConfig
from feast.data_source import DataSource
from feast.infra.offline_stores.dask import DaskOfflineStore, DaskOfflineStoreConfig, DaskRetrievalJob
from feast.infra.offline_stores.offline_store import RetrievalJob

from stockops.adapters.feast.ticker_files import FeatureFiles


class TickerFilesOfflineStoreConfig(DaskOfflineStoreConfig):
    """No options of its own."""


class TickerFilesOfflineStore(DaskOfflineStore):
    """Feast's Dask store, except for the query of a materialisation."""

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> RetrievalJob:
        """Return the last row of each ticker between two times."""
        place = data_source.to_proto().file_options.uri
        files = FeatureFiles(Path(FileSource.get_uri_for_file_path(config.repo_path, place)))
        columns = [*join_key_columns, *feature_name_columns, timestamp_field]

        def found() -> Any:
            return dd.from_pandas(files.latest(start_date, end_date)[columns], npartitions=1)  # type: ignore[no-untyped-call]

        return DaskRetrievalJob(evaluation_function=found, full_feature_names=False, repo_path=str(config.repo_path))
