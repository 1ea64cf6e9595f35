"""The line of an answer that is judged, without the wrapping that models put around it."""

from __future__ import annotations

import re

_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_THOUGHT_END = re.compile(r".*</(?:think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)  # the prompt had its start
_THOUGHT_CUT = re.compile(r"<(?:think|thinking|reasoning)>.*", re.DOTALL | re.IGNORECASE)  # cut off: nothing follows
_FENCE = re.compile(r"\s*(?:`{3,}|~{3,})[a-z]*\s*")  # opens or closes a block of code
_TAG = re.compile(r"</?[A-Za-z]+>")
_EMPHASIS = re.compile(r"[*`]+|(?<![^\W_])_+|_+(?![^\W_])")  # not the underscore inside inc_year
_LABEL = re.compile(r"\W*(?:the |my |final )*(?:answer|response)(?: is)?\W*", re.IGNORECASE)


def answer_line(generation: str) -> str:
    """The first line of a generation that says anything.

    Thought blocks, code fences, markdown's emphasis marks and simple tags are taken off, and a line that only announces
    the answer ("Answer:") is passed over. A thought that is cut off is no answer.
    """
    said = _THOUGHT_CUT.sub("", _THOUGHT_END.sub("", _THOUGHT.sub("", generation)))
    plain = (_EMPHASIS.sub("", _TAG.sub("", line)).strip() for line in said.split("\n") if not _FENCE.fullmatch(line))
    return next((line for line in plain if _says_something(line)), "")


def _says_something(line: str) -> bool:
    return any(character.isalnum() for character in line) and not _LABEL.fullmatch(line)
