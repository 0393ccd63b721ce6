"""Where `feature_store/` files of earlier releases look for what is in `stockops.adapters.feast` now."""

from stockops.adapters.feast.registry import WholeFileRegistryStore

__all__ = ["WholeFileRegistryStore"]
