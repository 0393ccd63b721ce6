"""Where `feature_store/` files of earlier releases look for what is in `stockops.adapters.feast` now."""

from stockops.adapters.feast.definitions import entity, view

__all__ = ["entity", "view"]
