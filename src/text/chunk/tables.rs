//! Finds the Markdown tables in a text, so that a table that is cut keeps its header.

use crate::text::document::table::is_rule;

/// Where a table stands in a text, in bytes: `start..body` is the header with its rule, `body..end` the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    pub start: usize,
    pub body: usize,
    pub end: usize,
}

/// The tables of `text`, in order.
pub fn find(text: &str) -> Vec<Table> {
    let mut tables = Vec::new();
    let mut open: Option<Table> = None;
    let mut before = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let is_row = line.starts_with('|');
        match &mut open {
            Some(table) if is_row => table.end = end,
            Some(_) => tables.extend(open.take()),
            None => {
                let start = before.filter(|_| is_rule(line.trim_end()));
                open = start.map(|start| Table { start, body: end, end });
            }
        }
        before = is_row.then_some(at);
        at = end;
    }
    tables.extend(open);
    tables
}

/// The table that `at` lies within.
pub fn around(tables: &[Table], at: usize) -> Option<&Table> {
    tables.get(tables.partition_point(|table| table.end <= at)).filter(|table| table.start < at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found() {
        let text = "Prices:\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |\n\nEnd. | no\n| x |\ny\n";
        let tables = find(text);
        assert_eq!(tables.len(), 1);
        let table = tables[0];
        assert_eq!(&text[table.start..table.body], "| a | b |\n| --- | --- |\n");
        assert_eq!(&text[table.body..table.end], "| 1 | 2 |\n| 3 | 4 |\n");
        assert_eq!(around(&tables, table.start), None);
        assert_eq!(around(&tables, table.body), Some(&table));
        assert_eq!(around(&tables, table.end), None);
    }
}
