"""The names of states: in full, as postal codes, and as they are abbreviated in older filings."""

from __future__ import annotations


def _table(entries: str) -> dict[str, str]:
    """First word -> the rest, of entries separated by semicolons."""
    return dict(entry.split(" ", 1) for entry in entries.split("; "))


STATES = _table(
    "AL Alabama; AK Alaska; AZ Arizona; AR Arkansas; CA California; CO Colorado; CT Connecticut; DE "
    "Delaware; FL Florida; GA Georgia; HI Hawaii; ID Idaho; IL Illinois; IN Indiana; IA Iowa; KS Kansas; "
    "KY Kentucky; LA Louisiana; ME Maine; MD Maryland; MA Massachusetts; MI Michigan; MN Minnesota; MS "
    "Mississippi; MO Missouri; MT Montana; NE Nebraska; NV Nevada; NH New Hampshire; NJ New Jersey; NM "
    "New Mexico; NY New York; NC North Carolina; ND North Dakota; OH Ohio; OK Oklahoma; OR Oregon; PA "
    "Pennsylvania; RI Rhode Island; SC South Carolina; SD South Dakota; TN Tennessee; TX Texas; UT Utah; "
    "VT Vermont; VA Virginia; WA Washington; WV West Virginia; WI Wisconsin; WY Wyoming; DC District of "
    "Columbia; PR Puerto Rico; VI Virgin Islands; GU Guam; AB Alberta; BC British Columbia; MB Manitoba; "
    "NB New Brunswick; NL Newfoundland; NS Nova Scotia; ON Ontario; PE Prince Edward Island; QC Quebec; "
    "SK Saskatchewan"
)
"""Postal code -> name: states, federal district, three territories, and the provinces some 10-K filers name."""

ABBREVIATIONS = _table(
    "AL Ala; AZ Ariz; CA Calif; CO Colo; CT Conn; DE Del; FL Fla; KS Kans; MI Mich; MN Minn; MT Mont; NE "
    "Nebr; NH N.H; NJ N.J; NM N. Mex; NY N.Y; ND N. Dak; OK Okla; OR Oreg; PA Penna; RI R.I; SD S. Dak; "
    "TN Tenn; TX Tex; WV W. Va; WI Wis|Wisc; WY Wyo; AB Alta; SK Sask"
)
"""Postal code -> abbreviations that mean nothing else, without their last dot."""

AMBIGUOUS_ABBREVIATIONS = _table(
    "AR Ark; CA Cal; DC D.C; GA Ga; HI Haw; IL Ill; IN Ind; KS Kan; KY Ky; LA La; ME Me; MD Md; MA Mass; "
    "MS Miss; MO Mo; NE Neb; NV Nev; NC N.C; ND N.D; NM N.M; OR Ore; PA Pa|Penn; SC S.C; SD S.D; VT Vt; "
    "VA Va; WA Wash; PR P.R; VI V.I; BC B.C; MB Man; NB N.B; NS N.S; NL Nfld; ON Ont; PE P.E.I; QC "
    "Que|P.Q"
)
"""Postal code -> abbreviations that are words, initials, or short for other things too."""

CODE_WORDS = {"IN": "4[67]", "OR": "97", "ME": "0[34]", "ON": "(?!)", "OK": "7[34]", "OH": "4[345]", "HI": "96"}
"""Postal codes that are English words -> how the state's ZIP codes begin; Ontario has none."""

CITIES = _table(
    "AL NY; AB MN VA; CA KY MD MO PA; DE OH; FL MA NY; GA VT; IN PA; IA LA; KS IL OK; LA MO; ME NY; MI "
    "ND; MT WI; NV IA MO; NB NJ; OH IL; ON CA NY OR; OR IL MO OH WI; VA IL MN; WY DE IA IL MI MN OH PA; "
    "WA AR CT DC GA IA IL IN KS KY LA MA MD ME MI MO MS NC NE NH NJ NY OH OK PA TX UT VA VT WI WV"
)
"""Postal code -> those of other states that have a city named as this state."""

CITIES_ELSEWHERE = ("Arkansas", "Colorado", "Kansas", "Michigan", "Missouri", "Nevada", "Virginia")
"""The states whose name with "City" behind it is a city in another state."""
