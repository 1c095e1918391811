"""Text tables as LaTeX, for a document that loads booktabs and longtable."""

from .text_table import TextTable

PACKAGES = r"% needs \usepackage{booktabs,longtable}"
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
    places = "".join("l" if words else "r" for words in table.are_words())
    head, *lines = (" & ".join(map(latex_text, line)) + r" \\" for line in (table.columns, *table.lines))
    notes = [f"{number}. {latex_text(note)}" for number, note in enumerate(table.notes, start=1)]
    below = [*notes, *map(latex_text, table.remarks)]
    parts = [
        PACKAGES,
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


def _sign(sign: str) -> str:
    if sign in _SPECIAL:
        return _SPECIAL[sign]
    return sign if " " <= sign <= "~" or "\xa1" <= sign <= "\xff" else f"{{[}}U+{ord(sign):04X}{{]}}"
