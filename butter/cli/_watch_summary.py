"""``butter watch --summary``: how often each thing happened to each path."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from butter.cli._output import printable
from butter.cli._watch import json_fields
from butter.cli._watch_output import quoted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from butter.cli._watch import Line
    from butter.cli._watch_output import Output

#: what says of which type the file is, and not what happened to it
OF_DIRECTORIES = {"ISDIR", "ONDIR"}


class Summary:
    """Counts lines, and shows the counts at the end."""

    def __init__(self, output: Output, options: argparse.Namespace) -> None:
        self._output = output
        self._options = options
        #: the counts of each path, by flag; None is what has no path
        self._counts: dict[bytes | None, dict[str, int]] = {}

    def lines(self, lines: Sequence[Line]) -> None:
        """Count *lines*."""
        for line in lines:
            counts = self._counts.setdefault(line.path, {})
            for flag in line.flags:
                if flag not in OF_DIRECTORIES:
                    counts[flag] = counts.get(flag, 0) + 1

    def end(self) -> None:
        """Write the counts, those of the path with the most at the top."""
        rows = [(sum(counts.values()), path, counts) for path, counts in self._counts.items()]
        rows.sort(key=lambda row: (-row[0], row[1] or b""))
        if self._options.json:
            import json

            texts = []
            for total, path, counts in rows:
                fields: dict[str, object] = {"path": None}
                fields.update({} if path is None else json_fields("path", path))
                texts.append(json.dumps({**fields, "total": total, "counts": counts}))
        else:
            texts = self._table(rows)
        end = "\0" if self._options.null else "\n"
        self._output.write("".join(text + end for text in texts))

    def _table(self, rows: list[tuple[int, bytes | None, dict[str, int]]]) -> list[str]:
        totals: dict[str, int] = {}
        for _, _, counts in rows:
            for flag, count in counts.items():
                totals[flag] = totals.get(flag, 0) + count
        shown = os.fsdecode if self._options.null else printable
        flags = sorted(totals, key=lambda flag: (-totals[flag], flag))
        table = [["total", *flags, "path"]]
        for total, path, counts in rows:
            words = "-" if path is None else shown(path)
            table.append([str(total), *(str(counts.get(flag, 0)) for flag in flags), words])
        if self._options.csv:
            return [",".join(map(quoted, row)) for row in table]
        widths = [max(len(row[column]) for row in table) for column in range(len(flags) + 1)]
        return ["  ".join([*(field.rjust(width) for field, width in zip(row, widths)), row[-1]]) for row in table]
