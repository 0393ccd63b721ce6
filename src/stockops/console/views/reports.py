"""Reports on a terminal: the analyst's, and any document as JSON."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stockops.documents.analysis import AnalysisResult


def analysis(document: "AnalysisResult") -> "RenderableType":
    """Show a report, with a note if it was cached or is degraded."""
    from rich.console import Group
    from rich.markdown import Markdown

    notes = ["answered from the cache"] if document.cache == "hit" else []
    if document.degraded:
        notes.append(f"degraded: {', '.join(document.degraded)}")
    return Group(Markdown(document.report), *notes)


def report(document: object) -> "RenderableType":
    """Show a document as JSON."""
    from rich.json import JSON

    from stockops.documents.encoding import as_json

    return JSON(json.dumps(as_json(document)))
