//! Tables as files: CSV by RFC 4180, and workbooks.

use std::io::{Read as _, Seek as _, SeekFrom};

use common::{Error, Result};
use rust_xlsxwriter::{Format, Workbook};

use super::cell::{Cell, Row};

/// What tells spreadsheets that a text is UTF-8.
pub(crate) const MARK: &[u8] = b"\xEF\xBB\xBF";
/// Rows of one sheet of a workbook.
const SHEET_ROWS: u32 = 1_048_576;
/// Letters of one cell of a workbook.
const CELL_LETTERS: usize = 32_767;
/// Stands at the end of a text that is too long for a cell of a workbook.
const CUT: &str = "… [CSV has all of it]";

/// The form of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    /// Comma-separated values, with a byte order mark or without.
    Csv { mark: bool },
    /// A workbook.
    Xlsx,
}

impl Form {
    /// Its media type.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Csv { .. } => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// The end of its file name.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Csv { .. } => "csv",
            Self::Xlsx => "xlsx",
        }
    }
}

/// A text that no spreadsheet takes for a formula: what begins like one gets an apostrophe, which a spreadsheet hides and
/// an import takes away.
pub(crate) fn harmless(text: &str) -> std::borrow::Cow<'_, str> {
    if is_like_formula(text) { format!("'{text}").into() } else { text.into() }
}

/// Whether a spreadsheet would read it as a formula, or as a text whose beginning it throws away.
fn is_like_formula(text: &str) -> bool {
    matches!(text.chars().next(), Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'))
}

/// The text before [`harmless`].
pub(crate) fn meant(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if is_like_formula(rest) => rest,
        Some(_) | None => text,
    }
}

/// One line of names.
pub(crate) fn csv_heading(names: &[&str]) -> Result<Vec<u8>> {
    csv(std::iter::once(names.iter().map(|name| harmless(name).into_owned())))
}

/// Lines of rows.
pub(crate) fn csv_rows(rows: &[Row]) -> Result<Vec<u8>> {
    csv(rows.iter().map(|row| {
        row.iter().map(|cell| match cell {
            Cell::Text(text) => harmless(text).into_owned(),
            Cell::Empty | Cell::Number(_) | Cell::Flag(_) => cell.text().to_owned(),
        })
    }))
}

fn csv<R: Iterator<Item = String>>(lines: impl Iterator<Item = R>) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for line in lines {
        writer.write_record(line.map(String::into_bytes)).map_err(Error::internal)?;
    }
    writer.into_inner().map_err(|error| Error::internal(error.into_error()))
}

/// A workbook that is written row by row; memory does not grow with it.
pub(crate) struct Book {
    workbook: Workbook,
    names: Vec<String>,
    bold: Format,
    row: u32,
}

impl Book {
    /// An empty one with these columns.
    pub(crate) fn new(names: &[&str]) -> Result<Self> {
        let mut book = Self {
            workbook: Workbook::new(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            bold: Format::new().set_bold(),
            row: 0,
        };
        book.sheet()?;
        Ok(book)
    }

    /// Begins a sheet with its heading.
    fn sheet(&mut self) -> Result<()> {
        let sheet = self.workbook.add_worksheet_with_constant_memory().map_err(Error::internal)?;
        for (place, name) in (0..).zip(&self.names) {
            sheet.write_string_with_format(0, place, name, &self.bold).map_err(Error::internal)?;
        }
        sheet.set_freeze_panes(1, 0).map_err(Error::internal)?;
        self.row = 1;
        Ok(())
    }

    /// Adds rows; a full sheet is followed by another.
    pub(crate) fn add(&mut self, rows: &[Row]) -> Result<()> {
        for row in rows {
            if self.row == SHEET_ROWS {
                self.sheet()?;
            }
            let at = self.row;
            let last = self.workbook.worksheets().len().saturating_sub(1);
            let sheet = self.workbook.worksheet_from_index(last).map_err(Error::internal)?;
            for (place, cell) in (0..).zip(row) {
                let written = match cell {
                    Cell::Empty => continue,
                    Cell::Flag(flag) => sheet.write_boolean(at, place, *flag),
                    Cell::Number(text) => match exact(text) {
                        Some(number) => sheet.write_number(at, place, number),
                        None => sheet.write_string(at, place, text),
                    },
                    Cell::Text(text) => sheet.write_string(at, place, fitting(text)),
                };
                written.map_err(Error::internal)?;
            }
            self.row += 1;
        }
        Ok(())
    }

    /// The finished file in a temporary place, at its beginning.
    pub(crate) fn finish(mut self) -> Result<std::fs::File> {
        let mut file = tempfile::tempfile().map_err(Error::internal)?;
        self.workbook.save_to_writer(&mut file).map_err(Error::internal)?;
        file.seek(SeekFrom::Start(0)).map_err(Error::internal)?;
        Ok(file)
    }
}

/// A whole small workbook.
pub(crate) fn workbook(names: &[&str], rows: &[Row]) -> Result<Vec<u8>> {
    let mut book = Book::new(names)?;
    book.add(rows)?;
    let mut bytes = Vec::new();
    book.finish()?.read_to_end(&mut bytes).map_err(Error::internal)?;
    Ok(bytes)
}

/// The number, when a spreadsheet can hold every digit of it.
fn exact(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    (number.is_finite() && text.trim_start_matches('-').len() <= 15).then_some(number)
}

fn fitting(text: &str) -> String {
    // Workbooks count letters of UTF-16.
    if text.encode_utf16().count() <= CELL_LETTERS {
        return text.to_owned();
    }
    let mut room = CELL_LETTERS - CUT.encode_utf16().count();
    let kept: String = text
        .chars()
        .take_while(|letter| {
            let fits = letter.len_utf16() <= room;
            room = room.saturating_sub(letter.len_utf16());
            fits
        })
        .collect();
    kept + CUT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn what_looks_like_a_formula_is_harmless_and_comes_back() {
        for evil in
            ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "+8613800138000"]
        {
            let written = harmless(evil).into_owned();
            assert_eq!(written, format!("'{evil}"));
            assert_eq!(meant(&written), evil);
        }
        for plain in ["", "a=b", "张三", "'quoted'", "1-2", "（=1）"] {
            assert_eq!(harmless(plain), plain);
            assert_eq!(meant(plain), plain);
        }
    }

    #[test]
    fn csv_keeps_commas_quotes_and_lines() {
        let rows = [vec![text("a,b"), text("say \"hi\""), text("two\nlines"), Cell::Number("-5".into()), Cell::Empty]];
        let written = String::from_utf8(csv_rows(&rows).unwrap()).unwrap();
        assert_eq!(written, "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",-5,\r\n");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(written.as_bytes());
        let back: Vec<String> = reader.records().next().unwrap().unwrap().iter().map(str::to_owned).collect();
        assert_eq!(back, ["a,b", "say \"hi\"", "two\nlines", "-5", ""]);
    }

    #[test]
    fn a_workbook_is_read_back_by_another_program() {
        use calamine::{Data, Reader as _};
        let long = "长".repeat(40_000);
        let rows = [
            vec![text("=1+1"), Cell::Number("42".into()), Cell::Flag(true)],
            vec![text(&long), Cell::Number("9007199254740993".into()), Cell::Empty],
        ];
        let bytes = workbook(&["a", "b", "c"], &rows).unwrap();
        let mut book = calamine::Xlsx::new(std::io::Cursor::new(bytes)).unwrap();
        let range = book.worksheet_range_at(0).unwrap().unwrap();
        assert_eq!(range.get((0, 0)), Some(&Data::String("a".into())));
        assert_eq!(range.get((1, 0)), Some(&Data::String("=1+1".into())));
        assert_eq!(range.get((1, 1)), Some(&Data::Float(42.0)));
        assert_eq!(range.get((1, 2)), Some(&Data::Bool(true)));
        let Some(Data::String(cut)) = range.get((2, 0)) else { panic!("no text") };
        assert!(cut.ends_with(CUT) && cut.encode_utf16().count() == CELL_LETTERS);
        assert_eq!(range.get((2, 1)), Some(&Data::String("9007199254740993".into())));
    }
}
