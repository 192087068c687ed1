//! Columns of text, as wide as they need to be.

use super::paint::is_obeyed;

/// Rows under a heading; empty columns at the end of a line leave no blanks.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new<const N: usize>(heading: [&str; N]) -> Self {
        Self::with_heading(heading.map(str::to_owned).to_vec())
    }

    pub fn with_heading(heading: Vec<String>) -> Self {
        Table { rows: vec![heading] }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| one_line(&cell)).collect());
    }

    pub fn render(&self) -> String {
        self.lines(&self.widths()).concat()
    }

    /// The rows without the heading, lined up with what was shown before: `widths` grow as needed.
    pub fn render_below(&self, widths: &mut Vec<usize>) -> String {
        let own = self.widths();
        widths.resize(widths.len().max(own.len()), 0);
        widths.iter_mut().zip(own).for_each(|(width, own)| *width = own.max(*width));
        self.lines(widths)[1..].concat()
    }

    pub fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        (0..columns).map(width).collect()
    }

    fn lines(&self, widths: &[usize]) -> Vec<String> {
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}   "));
            cells.collect::<String>().trim_end().to_owned() + "\n"
        };
        self.rows.iter().map(line).collect()
    }
}

/// What stands in one cell stays on one line, and moves no cursor.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if is_obeyed(letter) { ' ' } else { letter }).collect()
}

/// At most `limit` characters, the last one an ellipsis if something was cut.
pub fn shorten(text: &str, limit: usize) -> String {
    let line = one_line(text);
    if line.chars().count() <= limit {
        return line;
    }
    line.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(["NAME", "STATE", "AGE"]);
        table.row(["checkout".to_owned(), "ready".to_owned(), "3m".to_owned()]);
        table.row(["größe".to_owned(), "a\nb\u{1b}[2J".to_owned(), String::new()]);
        assert_eq!(table.render(), "NAME       STATE     AGE\ncheckout   ready     3m\ngröße      a b [2J\n");
    }

    #[test]
    fn rows_that_come_later_line_up() {
        let row = |name: &str| {
            let mut table = Table::new(["NAME", "STATE"]);
            table.row([name.to_owned(), "ready".to_owned()]);
            table
        };
        let mut widths = row("checkout").widths();
        assert_eq!(row("a").render_below(&mut widths), "a          ready\n");
        assert_eq!(row("a-long-name").render_below(&mut widths), "a-long-name   ready\n");
        assert_eq!(row("a").render_below(&mut widths), "a             ready\n");
    }

    #[test]
    fn shortening() {
        assert_eq!(shorten("SELECT 1", 8), "SELECT 1");
        assert_eq!(shorten("SELECT 12", 8), "SELECT …");
    }
}
