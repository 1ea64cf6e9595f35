"""States of the US: by name, by abbreviation, or by postal code where it stands as one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from head_ablation.prompts.matchers.matcher import SPACE, WORD_END, WORD_START, Matcher, Mention
from head_ablation.prompts.matchers.state_names import (
    ABBREVIATIONS,
    AMBIGUOUS_ABBREVIATIONS,
    CITIES,
    CITIES_ELSEWHERE,
    CODE_WORDS,
    STATES,
)

BEFORE = 60  # characters in front of a mention that tell what it is


def _name_pattern(name: str) -> str:
    """A name however it is spaced, with its compass point in short too: N. Carolina."""
    words = SPACE.join(re.escape(word) for word in name.split())
    short = {"North": r"(?:North|No?\.)", "South": r"(?:South|So?\.)", "West": r"(?:West|W\.)"}
    point, _, rest = words.partition(SPACE)
    return f"{short[point]}{SPACE}{rest}" if point in short else words


def _abbreviation_pattern(written: str) -> str:
    """Abbreviations separated by |, in small or in capital letters, without their last dot."""
    variants = [form for one in written.split("|") for form in dict.fromkeys([one, one.upper()])]
    return "|".join(rf"\.(?:{SPACE})?".join(re.escape(p.strip()) for p in one.split(".")) for one in variants)


def _short_pattern(code: str) -> str:
    """A state's postal code and its abbreviations."""
    tables = [table for table in (ABBREVIATIONS, AMBIGUOUS_ABBREVIATIONS) if code in table]
    return "|".join([code, *(_abbreviation_pattern(table[code]) for table in tables)])


def _any_of(patterns: Mapping[str, str]) -> str:
    """One pattern for all, longest name first; the group that matched is named by its code."""
    ordered = sorted(patterns.items(), key=lambda item: len(item[1]), reverse=True)
    first = "".join(sorted({code[0] for code in patterns}))  # looked at first, to be quick: codes begin as names do
    return f"(?=[{first}]){WORD_START}(?:{'|'.join(f'(?P<{code}>{pattern})' for code, pattern in ordered)})"


_NAMES = {code: _name_pattern(name) for code, name in STATES.items()}
_NAMES["DC"] = rf"{_NAMES['DC']}|Washington,?{SPACE}\(?(?:D\.?(?:{SPACE})?C\b|{_NAMES['DC']})"
_NAMES["NL"] += f"(?:{SPACE}and{SPACE}Labrador)?"
_NAME = re.compile(_any_of(_NAMES) + WORD_END, re.IGNORECASE)
_ABBREVIATION = re.compile(
    rf"(?<![.&]){_any_of({code: _abbreviation_pattern(a) for code, a in ABBREVIATIONS.items()})}\.{WORD_END}"
)
_CODE = re.compile(rf"(?<![.&]){_any_of({code: _short_pattern(code) for code in STATES})}{WORD_END}\.?")

# Not the state: Fort Washington, Lake Michigan, the Ohio River, Delaware County, the New York Stock Exchange.
_PLACE_BEFORE = re.compile(rf"\b(?:British|Fort|Ft\.|George|Lake|Mount|Mt\.|Port){SPACE}$", re.IGNORECASE)
_PLACE_AFTER = re.compile(
    rf"{SPACE}(?:Ave\.|Avenue|Blvd\.|Boulevard|County|River|Road|Stock{SPACE}Exchange|Street|Valley){WORD_END}",
    re.IGNORECASE,
)
_CITY_AFTER = re.compile(rf"{SPACE}City{WORD_END}", re.IGNORECASE)

# Where a code stands as one: alone, behind a label or a quotation mark, behind a city and a comma, before a ZIP code.
_OPENED = re.compile(r"(?:^\W*|[:=]\W*|[\"'\u201c\u2018{\[])$")
_CITY = re.compile(rf"(?P<city>[^\W\d_][\w.'\u2019-]*),(?:{SPACE})?$")
_CLOSED = re.compile(
    rf"\W*$|[\"'\u201d\u2019)\]}}]*[.,;:!?)\]}}|\"'\u201d\u2019](?=\W|$)|/|,?{SPACE}U\.?S\.?A?\.?{WORD_END}"
)
_ZIP = re.compile(
    rf"\.?,?{SPACE}(?:(?P<zip>\d{{5}})(?:-\d{{4}})?(?![,.]?\d){WORD_END}|[A-Z]\d[A-Z] ?\d[A-Z]\d{WORD_END})"
)
_CAPITALS = re.compile(rf"\W*[A-Z]{{2,}}{WORD_END}")

_STATES_WITH_CITY = {STATES[city]: [STATES[code] for code in codes.split()] for city, codes in CITIES.items()}
_LIST = re.compile(rf"{SPACE}(?:and|or){SPACE}|[,;/|&\n]")
_JOINED = re.compile(rf"\s*,(?:{SPACE})?(?:(?:and|or|&){SPACE})?|{SPACE}(?:and|or|&){SPACE}", re.IGNORECASE)
_IN = re.compile(rf"\s*,(?:{SPACE})?")
_COUNTRY = re.compile(r"(?:the )?(?:U\.?S\.?A?\.?|United States(?: of America)?|Canada)", re.IGNORECASE)


def _states(text: str) -> list[Mention]:
    """All states that a text mentions; of "Delaware, Ohio" the second, since it is a city there."""
    found = sorted([*_named(text), *_abbreviated(text), *_coded(text)], key=lambda mention: (mention[1], -mention[2]))
    mentions: list[Mention] = []
    for mention in found:
        if not mentions or mention[1] >= mentions[-1][2]:  # not the D.C. of "Washington, D.C." once more
            mentions.append(mention)
    return [mention for place, mention in enumerate(mentions) if not _is_city(text, mentions, place)]


def _mention(match: re.Match[str]) -> Mention:
    code = str(match.lastgroup)
    return (STATES[code], *match.span(code))


def _named(text: str) -> Iterator[Mention]:
    for match in _NAME.finditer(text):
        name, start, end = _mention(match)
        before = _PLACE_BEFORE.search(text, max(0, start - BEFORE), start)
        elsewhere = name in CITIES_ELSEWHERE and _CITY_AFTER.match(text, end)
        if not (before or elsewhere or _PLACE_AFTER.match(text, end)):
            yield name, start, end


def _abbreviated(text: str) -> Iterator[Mention]:
    return (_mention(match) for match in _ABBREVIATION.finditer(text))


def _coded(text: str) -> Iterator[Mention]:
    return (_mention(match) for match in _CODE.finditer(text) if _stands_as_code(text, match))


def _stands_as_code(text: str, match: re.Match[str]) -> bool:
    """Whether a postal code or an ambiguous abbreviation is one here: codes are words too (IN, OR, ME, Miss)."""
    code = match[str(match.lastgroup)]
    _, start, end = _mention(match)
    if found := _ZIP.match(text, end):
        return code not in CODE_WORDS or bool(re.match(CODE_WORDS[code], found["zip"] or "-"))
    has_dot = match.end() > end
    closed = has_dot or bool(_CLOSED.match(text, end))
    if _OPENED.search(text, max(0, start - BEFORE), start):
        return closed
    city = _CITY.search(text, max(0, start - BEFORE), start)
    if not city:
        return False
    if city["city"].isupper():  # THE REGISTRANT, IN ADDITION; THE COMPANY, OR, IF LATER
        return closed and not (code in CODE_WORDS and text.startswith(",", end))
    return closed or (code.isupper() and not _CAPITALS.match(text, end))


def _is_city(text: str, mentions: list[Mention], place: int) -> bool:
    """Whether a mention is a city of the state that follows it, and not one of a list of states."""
    if place + 1 == len(mentions):
        return False

    def joined(pattern: re.Pattern[str], first: int) -> bool:
        return bool(pattern.fullmatch(text, mentions[first][2], mentions[first + 1][1]))

    in_a_list = (place > 0 and joined(_JOINED, place - 1)) or (place + 2 < len(mentions) and joined(_JOINED, place + 1))
    has_city = mentions[place + 1][0] in _STATES_WITH_CITY.get(mentions[place][0], ())
    return has_city and joined(_IN, place) and not in_a_list


@dataclass(frozen=True, kw_only=True)
class StateMatcher(Matcher):
    """States; a gold entry may list several."""

    def gold_values(self, gold: str) -> list[str]:
        parts = self._parts(gold)
        found = [[value for value, _, _ in self.mentions(part)] for part, _ in parts]
        for (part, separator), values, following in zip(parts, found, [*found[1:], []], strict=True):
            is_city = separator == "," and following
            if not (values or is_city or _COUNTRY.fullmatch(part)):
                raise self.refusal(gold, f", where '{part}' is no state" if len(parts) > 1 else "")
        values = list(dict.fromkeys(value for part in found for value in part))
        if not values:
            raise self.refusal(gold)
        if len(values) == 2 == len(parts) and parts[0][1] == "," and values[1] in _STATES_WITH_CITY.get(values[0], ()):
            raise self.refusal(gold, f", a city or two states: write '{values[1]}' or '{'; '.join(values)}'")
        return values

    def _parts(self, gold: str) -> list[tuple[str, str]]:
        """The parts of a list, with the separator behind each; none inside "Washington, D.C."."""
        mentions = self.mentions(gold)
        cuts = [
            cut.span()
            for cut in _LIST.finditer(gold)
            if not any(start <= cut.start() < end for _, start, end in mentions)
        ]
        starts, ends = [0, *(end for _, end in cuts)], [*(start for start, _ in cuts), len(gold)]
        parts = [(gold[start:end].strip(), gold[end : end + 1]) for start, end in zip(starts, ends, strict=True)]
        return [(part, separator) for part, separator in parts if part]


US_STATE = StateMatcher(
    name="us_state",
    description="the first state of the answer's first line, by name, abbreviation or postal code, is the gold one",
    mentions=_states,
    expected="a US state, by name or postal code, or a list of them",
    version=2,
)
