"""Palettes that the colour-blind can tell apart, and the widths that journals print. No matplotlib is imported here."""

PALETTES = {
    # seaborn's "colorblind", without its yellow and pink, which are faint on white
    "colorblind": ("#0173b2", "#de8f05", "#029e73", "#56b4e9", "#d55e00", "#cc78bc", "#ca9161"),
    # Okabe and Ito 2008, Color Universal Design, without its yellow
    "okabe_ito": ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#000000"),
    # Paul Tol, Colour Schemes (SRON/EPS/TN/09-002), "bright" without its grey and yellow
    "tol_bright": ("#4477aa", "#ee6677", "#228833", "#aa3377", "#66ccee"),
    "grey": ("#000000", "#999999", "#555555", "#c4c4c4"),
}
"""Name -> colours, in the order in which they are taken. Marks differ too, so that nothing rests on colour alone."""

WIDTHS = {"column": 3.25, "page": 6.75}
"""Name -> inches: one column and the full width of a two-column page."""

CONTROLS = ("shared", "each")
"""One control for all methods of a panel whose controls agree, or each method's own."""
