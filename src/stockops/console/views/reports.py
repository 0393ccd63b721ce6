"""Reports on a terminal: the analyst's, and any that is shown as it was written."""

import json
from typing import TYPE_CHECKING

from stockops.records import Document

if TYPE_CHECKING:
    from rich.console import RenderableType


def analysis(document: Document) -> "RenderableType":
    """Show a report, and where it comes from if that is not plain."""
    from rich.console import Group
    from rich.markdown import Markdown

    notes = ["answered from the cache"] if document["cache"] == "hit" else []
    if document["degraded"]:
        notes.append(f"degraded: {', '.join(document['degraded'])}")
    return Group(Markdown(document["report"]), *notes)


def report(document: Document) -> "RenderableType":
    """Show a report as it was written."""
    from rich.json import JSON

    return JSON(json.dumps(document))
