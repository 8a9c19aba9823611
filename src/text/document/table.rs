//! The one way a table is written into a section: a Markdown table.

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
