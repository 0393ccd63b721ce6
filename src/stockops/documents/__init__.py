"""What commands print and write: a frozen record a document, in the order of its fields; `encoding` makes JSON of it.

Records are built by the pipelines, shown by `console.views` and read back by `reading`. A field that a document may
lack is `absent()`: None, and not written. Days and moments are ISO 8601 texts, as in the document.
"""
