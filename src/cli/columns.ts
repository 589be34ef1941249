/** Text in columns. Widths are counted before colours are added: escape codes take no room on the screen. */

export interface Cell {
  readonly text: string;
  readonly painted: string;
}

export function cell(text: string, painted: string = text): Cell {
  return { text, painted };
}

/** Rows with every column as wide as its widest cell; a column that is empty in all rows is left out. */
export function columns(rows: readonly (readonly Cell[])[], gap = '  '): string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, at) => Math.max(0, ...rows.map((row) => row[at]?.text.length ?? 0)));
  return rows.map((row) => {
    let line = '';
    let isFirst = true;
    row.forEach(({ text, painted }, at) => {
      const width = widths[at] ?? 0;
      if (width === 0) return;
      line += `${isFirst ? '' : gap}${painted}${' '.repeat(width - text.length)}`;
      isFirst = false;
    });
    return line.trimEnd();
  });
}
