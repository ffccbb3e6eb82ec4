#!/usr/bin/env python3
"""Draws what a program printed on a terminal as an SVG picture.

Usage: script -qec 'build/release/gantry run 2>/dev/null' /dev/null |
           docs/images/terminal_svg.py './dev run' '^Dry-run plan' >docs/images/run.svg

The first argument is the title; the second, which may be left out, is a pattern: the picture ends
before the first line that matches it. Colours are the terminal's own (SGR 1, 2, 30-37, 90-97).
"""
import re
import sys
from xml.sax.saxutils import escape

CELL_WIDTH = 8.4
LINE_HEIGHT = 18
MARGIN = 16
BAR = 34
COLUMNS = 80
COLOURS = {
    30: "#6e7681", 31: "#ff7b72", 32: "#7ee787", 33: "#e3b341",
    34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea", 37: "#f0f6fc",
}
SGR = re.compile(r"\x1b\[([0-9;]*)m")


class Ink:
    def __init__(self):
        self.reset()

    def reset(self):
        self.colour, self.bold, self.dim = None, False, False

    def take(self, codes):
        for code in [int(c or 0) for c in codes.split(";")]:
            if code == 0:
                self.reset()
            elif code == 1:
                self.bold = True
            elif code == 2:
                self.dim = True
            elif code == 22:
                self.bold = self.dim = False
            elif code == 39:
                self.colour = None
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.colour = COLOURS[30 + code % 10]

    def attributes(self):
        out = f' fill="{self.colour}"' if self.colour else ""
        out += ' font-weight="bold"' if self.bold else ""
        return out + (' opacity="0.6"' if self.dim else "")


def spans(line, ink):
    """The line as tspans, each placed at its own column; a colour may go on in the next line."""
    out, column = "", 0
    parts = SGR.split(line)
    for i, part in enumerate(parts):
        if i % 2 == 1:
            ink.take(part)
            continue
        for word in re.finditer(r"\S+(?: \S+)*", part):
            text = word.group()
            x = MARGIN + (column + word.start()) * CELL_WIDTH
            out += (f'<tspan x="{x:.1f}" textLength="{len(text) * CELL_WIDTH:.1f}"'
                    f'{ink.attributes()}>{escape(text)}</tspan>')
        column += len(part)
    return out


def main():
    title = sys.argv[1]
    end = re.compile(sys.argv[2]) if len(sys.argv) > 2 else None
    lines = []
    for line in sys.stdin.read().replace("\r\n", "\n").rstrip("\n").split("\n"):
        if end and end.search(SGR.sub("", line)):
            break
        lines.append(line)
    while lines and not lines[-1].strip():
        lines.pop()
    width = 2 * MARGIN + COLUMNS * CELL_WIDTH
    height = BAR + 2 * MARGIN + len(lines) * LINE_HEIGHT
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
          f'viewBox="0 0 {width:.0f} {height}" role="img">')
    print(f"<title>{escape(title)}</title>")
    print('<rect width="100%" height="100%" rx="8" fill="#0d1117"/>')
    for i, dot in enumerate(("#ff5f56", "#ffbd2e", "#27c93f")):
        print(f'<circle cx="{MARGIN + 4 + 18 * i}" cy="{BAR / 2 + 2:.0f}" r="5" fill="{dot}"/>')
    print('<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', '
          'monospace" font-size="14" fill="#c9d1d9">')
    print(f'<text x="50%" y="{BAR / 2 + 6:.0f}" text-anchor="middle" opacity="0.7">'
          f"{escape(title)}</text>")
    ink = Ink()
    for i, line in enumerate(lines):
        drawn = spans(line, ink)
        if drawn:
            y = BAR + MARGIN + (i + 0.75) * LINE_HEIGHT
            print(f'<text y="{y:.1f}">{drawn}</text>')
    print("</g>\n</svg>")


main()
