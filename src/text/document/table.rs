//! The one way a table is written into a section: a Markdown table.

/// The most columns or rows that one cell may span.
const WIDEST: usize = 100;

/// `rows` as a Markdown table. The first row is the header when `header`; a header-less table has no rule in it.
pub fn render(header: bool, rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (i, row) in rows.iter().enumerate() {
        push_row(&mut text, row.iter().map(|cell| super::line(cell).replace('|', "\\|")));
        if header && i == 0 {
            push_row(&mut text, row.iter().map(|_| "---".to_string()));
        }
    }
    text
}

fn push_row(text: &mut String, cells: impl Iterator<Item = String>) {
    text.push('|');
    for cell in cells {
        text.push(' ');
        text.push_str(&cell);
        text.push_str(" |");
    }
    text.push('\n');
}

/// Whether `line` is the rule between a Markdown table's header and its rows.
pub fn is_rule(line: &str) -> bool {
    line.starts_with('|') && line.contains('-') && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '))
}

/// Whether a row could name columns: several cells, none of them empty and none a bare number.
pub fn names_columns(row: &[String]) -> bool {
    let number = |cell: &str| cell.chars().any(char::is_numeric) && !cell.chars().any(char::is_alphabetic);
    row.len() > 1 && row.iter().all(|cell| !cell.trim().is_empty() && !number(cell))
}

#[derive(Default)]
struct Cell {
    text: String,
    wide: usize,
    high: usize,
    /// It says again what the cell above says.
    repeats: bool,
}

/// A table on its way in, cell by cell; cells may span others.
#[derive(Default)]
pub struct Grid {
    rows: Vec<Vec<Cell>>,
    #[cfg(feature = "office")]
    named: bool,
}

impl Grid {
    /// A row begins.
    pub fn row(&mut self) {
        self.rows.push(Vec::new());
    }

    /// A cell begins that spans `wide` columns and `high` rows.
    pub fn cell(&mut self, wide: usize, high: usize) {
        if self.rows.is_empty() {
            self.row();
        }
        let cell = Cell { wide: wide.clamp(1, WIDEST), high: high.clamp(1, WIDEST), ..Cell::default() };
        if let Some(row) = self.rows.last_mut() {
            row.push(cell);
        }
    }

    /// The cell in hand says `text`, too.
    pub fn text(&mut self, text: &str) {
        self.last(|cell| {
            cell.text.push(' ');
            cell.text.push_str(text);
        });
    }

    fn last(&mut self, change: impl FnOnce(&mut Cell)) {
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
            change(cell);
        }
    }

    /// Whether there is no first row, or nothing in it.
    pub fn begins_empty(&self) -> bool {
        self.rows.first().is_none_or(|row| row.iter().all(|cell| cell.text.trim().is_empty()))
    }

    /// What each cell says, once.
    pub fn said(self) -> impl Iterator<Item = String> {
        self.rows.into_iter().flatten().map(|cell| cell.text)
    }

    /// The rows with every cell in each place it spans.
    pub fn unfolded(self) -> Vec<Vec<String>> {
        let mut table: Vec<Vec<String>> = Vec::new();
        // By column: how many rows a cell from above still takes, and what it says.
        let mut above: Vec<(usize, String)> = Vec::new();
        for row in self.rows {
            let mut cells: Vec<String> = Vec::new();
            let mut new: Vec<(usize, String)> = Vec::new();
            let held = |cells: &mut Vec<String>, new: &mut Vec<(usize, String)>| {
                while let Some((rows, text)) = above.get(cells.len()).filter(|(rows, _)| *rows > 0) {
                    new.push((rows - 1, text.clone()));
                    cells.push(text.clone());
                }
            };
            for cell in row {
                held(&mut cells, &mut new);
                let before = table.last().and_then(|above| above.get(cells.len())).filter(|_| cell.repeats);
                let text = before.cloned().unwrap_or_else(|| super::line(&cell.text));
                for _ in 0..cell.wide {
                    cells.push(text.clone());
                    new.push((cell.high - 1, text.clone()));
                }
            }
            held(&mut cells, &mut new);
            above = new;
            if cells.iter().any(|cell| !cell.is_empty()) {
                table.push(cells);
            }
        }
        table
    }
}

/// What only documents of offices ask for.
#[cfg(feature = "office")]
impl Grid {
    /// The cell in hand spans `wide` columns.
    pub fn widen(&mut self, wide: usize) {
        self.last(|cell| cell.wide = wide.clamp(1, WIDEST));
    }

    /// The cell in hand goes on with the one above it.
    pub fn repeat(&mut self) {
        self.last(|cell| cell.repeats = true);
    }

    /// The first row names the columns.
    pub fn expect_names(&mut self) {
        self.named = true;
    }

    /// The row in hand names the columns, if it is the first.
    pub fn name(&mut self) {
        self.named |= self.rows.len() == 1;
    }

    /// The table as text: one column is no table, but a frame around text.
    pub fn render(self) -> String {
        let named = self.named;
        let rows = self.unfolded();
        if rows.iter().all(|row| row.len() == 1) {
            return rows.concat().join("\n\n");
        }
        let names = rows.len() > 1 && rows.first().is_some_and(|row| named || names_columns(row));
        render(names, &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_in_every_place_they_span() {
        let mut grid = Grid::default();
        for row in
            [&[("Shop", 1, 1), ("Day", 1, 1), ("Hours", 1, 1)][..], &[("North", 1, 2), ("Mon", 1, 1), ("9", 1, 1)]]
        {
            grid.row();
            for (text, wide, high) in row {
                grid.cell(*wide, *high);
                grid.text(text);
            }
        }
        grid.row();
        grid.cell(2, 1);
        grid.text("closed");
        assert_eq!(grid.unfolded()[2], ["North", "closed", "closed"]);
    }
}
