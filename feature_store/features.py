"""The entity and the feature view, where Feast's own command line looks for them; defined in stockops."""

from stockops.adapters import feast_definitions

ticker = feast_definitions.entity()
stock_stats = feast_definitions.view(ticker)
