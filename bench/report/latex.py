"""Text tables as LaTeX, for a document that loads booktabs and longtable."""

from .text_table import TextTable

PACKAGES = r"% needs \usepackage[T1]{fontenc} and \usepackage{textcomp,booktabs,longtable}"
NARROW = 24
"""Signs up to which a column of words is as wide as its longest cell."""
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "[": r"{[}",  # after a line's end it would be read as a distance
    "]": r"{]}",
    "-": r"{-}",  # of two, no dash is made
    "–": r"\textendash{}",
    "×": r"\texttimes{}",
    "±": r"\textpm{}",
}


def latex_text(text: str) -> str:
    """Return text that LaTeX prints as it stands; signs beyond Latin letters by their code points."""
    return "".join(map(_sign, " ".join(text.split())))


def latex_table(table: TextTable) -> str:
    """Return heading, table, notes and remarks; the table breaks over pages."""
    places = "".join(_places(table))
    head, *lines = (" & ".join(map(latex_text, line)) + r" \\" for line in (table.columns, *table.lines))
    notes = [f"{number}. {latex_text(note)}" for number, note in enumerate(table.notes, start=1)]
    below = [*notes, *map(latex_text, table.remarks)]
    parts = [
        PACKAGES,
        *([rf"\par\noindent {latex_text(table.text)}"] if table.text else []),
        rf"\begin{{longtable}}{{{places}}}",
        rf"\caption{{{latex_text(table.heading)}}} \\",
        r"\toprule",
        head,
        r"\midrule",
        r"\endhead",
        *lines,
        r"\bottomrule",
        r"\end{longtable}",
        *(rf"\par\noindent {{\footnotesize {sentence}}}" for sentence in below),
    ]
    return "\n".join(parts) + "\n"


def _places(table: TextTable) -> list[str]:
    """Return the columns' kinds: numbers right, words left; columns of long words share the width."""
    longest = [max(map(len, column)) for column in zip(table.columns, *table.lines, strict=True)]
    wide = [words and length > NARROW for words, length in zip(table.are_words(), longest, strict=True)]
    share = 0.9 / max(1, sum(wide))
    paragraph = rf"p{{{share:.2f}\textwidth}}"
    return [
        paragraph if is_wide else "l" if words else "r"
        for is_wide, words in zip(wide, table.are_words(), strict=True)
    ]


def _sign(sign: str) -> str:
    if sign in _SPECIAL:
        return _SPECIAL[sign]
    return sign if " " <= sign <= "~" or "\xa1" <= sign <= "\xff" else f"{{[}}U+{ord(sign):04X}{{]}}"
