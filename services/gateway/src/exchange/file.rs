//! Reads a table that came from outside: CSV in whatever encoding an office saved it in, or a workbook. Nothing is
//! believed: sizes are counted while unpacking, places of cells are checked before anything is laid out by them.

use std::io::{Cursor, Read as _};

use calamine::{Data, DataRef, Reader as _, Xlsx};
use common::{Error, Result};
use encoding_rs::{GB18030, UTF_8, UTF_16BE, UTF_16LE};

use super::sheet::meant;
use crate::error::{FILE_EMPTY, FILE_TOO_LONG, FILE_UNREADABLE, FILE_UNSAFE};

/// Columns at the most.
const COLUMNS: usize = 200;
/// Bytes of one cell at the most.
const CELL: usize = 32 * 1024;
/// Bytes that a workbook unpacks to at the most.
const UNPACKED: u64 = 128 * 1024 * 1024;
/// Files inside a workbook at the most.
const ENTRIES: usize = 1000;
/// Every workbook is a ZIP archive, and begins like one.
const ARCHIVE: &[u8] = b"PK\x03\x04";

/// One line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its number in the file, from 1.
    pub(crate) number: i32,
    /// Its cells.
    pub(crate) cells: Vec<String>,
}

/// A table that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sheet {
    /// What line 1 calls the columns.
    pub(crate) heading: Vec<String>,
    /// The lines below that hold anything.
    pub(crate) lines: Vec<Line>,
}

/// Reads a file of at most `longest` lines.
pub(crate) fn read(bytes: &[u8], longest: usize) -> Result<Sheet> {
    let mut sheet = if bytes.starts_with(ARCHIVE) { workbook(bytes, longest)? } else { text(bytes, longest)? };
    for cell in sheet.heading.iter_mut().chain(sheet.lines.iter_mut().flat_map(|line| &mut line.cells)) {
        let clean = meant(cell.trim());
        if clean.len() != cell.len() {
            *cell = clean.to_owned();
        }
    }
    while sheet.heading.last().is_some_and(String::is_empty) {
        sheet.heading.pop();
    }
    sheet.lines.retain(|line| line.cells.iter().any(|cell| !cell.is_empty()));
    if sheet.heading.is_empty() || sheet.lines.is_empty() {
        return Err(Error::new(FILE_EMPTY));
    }
    Ok(sheet)
}

fn unreadable(why: impl Into<anyhow::Error>) -> Error {
    Error::new(FILE_UNREADABLE).caused_by(why)
}

fn too_long(longest: usize) -> Error {
    Error::new(FILE_TOO_LONG).with("limit", longest)
}

/// UTF-8 or UTF-16 by its mark, UTF-8 by its form, else what Chinese offices save: GBK, whose superset GB 18030 is.
fn decoded(bytes: &[u8]) -> Result<String> {
    let encoding = match bytes {
        [0xFF, 0xFE, ..] => UTF_16LE,
        [0xFE, 0xFF, ..] => UTF_16BE,
        _ if std::str::from_utf8(bytes).is_ok() => UTF_8,
        _ => GB18030,
    };
    let (text, _, malformed) = encoding.decode(bytes);
    if malformed || text.contains('\0') {
        return Err(unreadable(anyhow::anyhow!("neither UTF-8 nor UTF-16 nor GBK")));
    }
    Ok(text.into_owned())
}

/// What stands between the cells: whichever of the usual ones the first line has most of.
fn separator(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |separator: u8| first.bytes().filter(|byte| *byte == separator).count();
    b",;\t".iter().copied().max_by_key(|separator| (count(*separator), *separator == b',')).unwrap_or(b',')
}

fn text(bytes: &[u8], longest: usize) -> Result<Sheet> {
    let text = decoded(bytes)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator(&text))
        .from_reader(text.as_bytes());
    let mut sheet = Sheet::default();
    let mut record = csv::StringRecord::new();
    // The reader counts a carriage return that ends a line to the next one, so lines are counted by their ends.
    let (mut number, mut counted) = (1, 0);
    while reader.read_record(&mut record).map_err(unreadable)? {
        let begin = record.position().map_or(0, csv::Position::byte);
        let begin = usize::try_from(begin).map_err(unreadable)?.min(text.len());
        // An empty line before the record belongs to nobody, its line ends count all the same.
        let blank = text.as_bytes()[begin..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let ends = text.as_bytes()[counted..begin + blank].iter().filter(|byte| **byte == b'\n').count();
        number += i32::try_from(ends).map_err(unreadable)?;
        counted = begin + blank;
        if record.len() > COLUMNS || record.iter().any(|cell| cell.len() > CELL) {
            return Err(unreadable(anyhow::anyhow!("line {number} is too wide")));
        }
        let cells: Vec<String> = record.iter().map(str::to_owned).collect();
        if sheet.heading.is_empty() {
            sheet.heading = cells;
        } else if sheet.lines.len() == longest {
            return Err(too_long(longest));
        } else {
            sheet.lines.push(Line { number, cells });
        }
    }
    Ok(sheet)
}

/// Unpacks every file of the archive into nothing and counts: what an archive says of its own size is not believed.
fn safe(bytes: &[u8]) -> Result<()> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    let refused = || Error::new(FILE_UNSAFE).with("limit", UNPACKED);
    if archive.len() > ENTRIES {
        return Err(refused());
    }
    let mut left = UNPACKED;
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(unreadable)?;
        let unpacked = std::io::copy(&mut file.take(left + 1), &mut std::io::sink()).map_err(unreadable)?;
        left = left.checked_sub(unpacked).ok_or_else(refused)?;
    }
    Ok(())
}

fn workbook(bytes: &[u8], longest: usize) -> Result<Sheet> {
    safe(bytes)?;
    let mut book = Xlsx::new(Cursor::new(bytes)).map_err(unreadable)?;
    let name = book.sheet_names().first().cloned().ok_or_else(|| Error::new(FILE_EMPTY))?;
    let mut reader = book.worksheet_cells_reader(&name).map_err(unreadable)?;
    let mut sheet = Sheet::default();
    let mut rows: std::collections::BTreeMap<u32, Vec<String>> = std::collections::BTreeMap::new();
    // Cell by cell: a sheet may claim any size for itself.
    while let Some(cell) = reader.next_cell().map_err(unreadable)? {
        let (row, column) = cell.get_position();
        let value = written(cell.get_value());
        if value.is_empty() {
            continue;
        }
        let place = usize::try_from(column).map_err(unreadable)?;
        if place >= COLUMNS || value.len() > CELL {
            return Err(unreadable(anyhow::anyhow!("row {} is too wide", row + 1)));
        }
        let cells = rows.entry(row).or_default();
        if cells.len() <= place {
            cells.resize(place + 1, String::new());
        }
        cells[place] = value;
        if rows.len() > longest + 1 {
            return Err(too_long(longest));
        }
    }
    for (row, cells) in rows {
        let number = i32::try_from(row + 1).map_err(unreadable)?;
        if sheet.heading.is_empty() {
            sheet.heading = cells;
        } else {
            sheet.lines.push(Line { number, cells });
        }
    }
    Ok(sheet)
}

/// A cell as somebody would type it: whole numbers without a point, days without a time.
fn written(value: &DataRef<'_>) -> String {
    match Data::from(value.clone()) {
        Data::Empty => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text,
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::Bool(flag) => flag.to_string(),
        Data::DateTime(at) => match at.to_ymd_hms_milli() {
            (year, month, day, 0, 0, 0, _) => format!("{year:04}-{month:02}-{day:02}"),
            (year, month, day, hour, minute, second, _) => {
                format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
            }
        },
        Data::Error(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::exchange::{cell::Cell, sheet};

    fn sheet_of(bytes: &[u8]) -> Sheet {
        read(bytes, 100).unwrap()
    }

    fn reason_of(bytes: &[u8]) -> &'static str {
        read(bytes, 100).unwrap_err().reason.name
    }

    #[test]
    fn every_office_encoding_and_separator_is_read() {
        let text = "姓名,电话\n李晓明,13800138000\n";
        let mut utf16: Vec<u8> = vec![0xFF, 0xFE];
        utf16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        let mut utf16_be: Vec<u8> = vec![0xFE, 0xFF];
        utf16_be.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        let marked = [sheet::MARK, text.as_bytes()].concat();
        let (gbk, _, _) = encoding_rs::GBK.encode(text);
        for bytes in [
            text.as_bytes(),
            &marked,
            &utf16,
            &utf16_be,
            &gbk,
            text.replace(',', ";").as_bytes(),
            text.replace(',', "\t").as_bytes(),
            text.replace('\n', "\r\n").as_bytes(),
        ] {
            let sheet = sheet_of(bytes);
            assert_eq!(sheet.heading, ["姓名", "电话"]);
            assert_eq!(sheet.lines, [Line { number: 2, cells: vec!["李晓明".into(), "13800138000".into()] }]);
        }
    }

    #[test]
    fn lines_keep_their_numbers_across_empty_lines_and_broken_cells() {
        let sheet = sheet_of(b"a,b\n1,\"two\nlines\"\n\n,\n'=3,4\n");
        let numbers: Vec<i32> = sheet.lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [2, 6]);
        assert_eq!(sheet.lines[1].cells, ["=3", "4"]);
    }

    #[test]
    fn a_workbook_is_read_as_somebody_would_type_it() {
        let mut book = rust_xlsxwriter::Workbook::new();
        let page = book.add_worksheet();
        page.write_string(0, 0, "phone").unwrap().write_string(0, 1, "day").unwrap();
        page.write_number(1, 0, 13_800_138_000.0).unwrap();
        let date = rust_xlsxwriter::ExcelDateTime::from_ymd(2026, 1, 2).unwrap();
        page.write_datetime_with_format(1, 1, &date, &rust_xlsxwriter::Format::new().set_num_format("yyyy-mm-dd"))
            .unwrap();
        page.write_string(4, 2, "far").unwrap();
        let sheet = sheet_of(&book.save_to_buffer().unwrap());
        assert_eq!(sheet.lines[0], Line { number: 2, cells: vec!["13800138000".into(), "2026-01-02".into()] });
        assert_eq!(sheet.lines[1].number, 5);
    }

    #[test]
    fn files_that_are_none_are_refused() {
        assert_eq!(reason_of(b""), "FILE_EMPTY");
        assert_eq!(reason_of(b"a,b\n"), "FILE_EMPTY");
        assert_eq!(reason_of(b"PK\x03\x04 no archive"), "FILE_UNREADABLE");
        assert_eq!(reason_of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\xff\xff"), "FILE_UNREADABLE");
        let long = format!("a\n{}", "1\n".repeat(101));
        assert_eq!(reason_of(long.as_bytes()), "FILE_TOO_LONG");
        let wide = format!("a\n{}", ",".repeat(300));
        assert_eq!(reason_of(wide.as_bytes()), "FILE_UNREADABLE");
        let rows: Vec<_> = (0..101).map(|row| vec![Cell::Number(row.to_string())]).collect();
        assert_eq!(reason_of(&sheet::workbook(&["a"], &rows).unwrap()), "FILE_TOO_LONG");
    }

    /// 200 MB of zeroes pack into 200 kB; the archive says they are ten bytes.
    #[test]
    fn a_bomb_is_refused_unread() {
        let mut packed = Cursor::new(Vec::new());
        let mut archive = zip::ZipWriter::new(&mut packed);
        archive.start_file("xl/worksheets/sheet1.xml", zip::write::SimpleFileOptions::default()).unwrap();
        let zeroes = vec![b' '; 1024 * 1024];
        for _ in 0..200 {
            archive.write_all(&zeroes).unwrap();
        }
        archive.finish().unwrap();
        let bytes = packed.into_inner();
        assert!(bytes.len() < 1024 * 1024);
        assert_eq!(reason_of(&bytes), "FILE_UNSAFE");
        let mut lying = bytes;
        for place in 0..lying.len() - 4 {
            if lying[place..place + 4] == (200_u32 * 1024 * 1024).to_le_bytes() {
                lying[place..place + 4].copy_from_slice(&10_u32.to_le_bytes());
            }
        }
        assert!(["FILE_UNSAFE", "FILE_UNREADABLE"].contains(&reason_of(&lying)));
    }

    /// One cell at the far corner must not lay out seventeen billion.
    #[test]
    fn a_far_corner_is_refused() {
        let mut book = rust_xlsxwriter::Workbook::new();
        let page = book.add_worksheet();
        page.write_string(0, 0, "a").unwrap();
        page.write_string(1_048_575, 16_383, "b").unwrap();
        assert_eq!(reason_of(&book.save_to_buffer().unwrap()), "FILE_UNREADABLE");
    }
}
