"""Text of a user in a Markdown page: shown as it is, never read as a tag, a link, a cell's end or a new line."""

from __future__ import annotations

import re
import unicodedata

ESCAPES = ((re.compile(r"&(?=#?\w+;)"), "&amp;"), (re.compile("<"), "&lt;"), (re.compile(r"\](?=\(|\[|:)"), r"\\]"))


def plain(text: object) -> str:
    """The text for a line or a table's cell of a Markdown page; control characters become `\ufffd`."""
    line = " ".join(str(text).split())
    line = "".join("\ufffd" if unicodedata.category(character) in ("Cc", "Cs") else character for character in line)
    for pattern, escaped in ESCAPES:
        line = pattern.sub(escaped, line)
    return line.replace("|", r"\|")
