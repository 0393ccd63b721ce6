"""Where things lie, for tests in whatever folder."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"  # real histories and cases; not there in a clone
