"""What commands print and write: a frozen record per document, in field order; `encoding` turns it into JSON.

Records are built by the pipelines, shown by `console.views` and parsed by `reading`. A field that a document may
lack is `absent()`: None, and not written. Days and moments are ISO 8601 strings, as in the document.
"""
