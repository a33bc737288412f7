//! Documents for people, as PDF/A-2b: what is kept for years must look then as it does now, so the letters are in the file.
//! A [`Paper`] is written from top to bottom and knows headings, text, facts, tables, pictures and signatures; it breaks
//! lines after Unicode's rules (UAX #14) and pages where the next row does not fit. The same content makes the same bytes.
//!
//! Coordinates and lengths are points (1/72 inch), from the upper left corner of an A4 page.

mod draw;
mod letters;
mod strokes;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use crate::{
    draw::{Colour, Image, Item},
    letters::Letters,
    strokes::Strokes,
};

const PAGE: (f32, f32) = (595.28, 841.89);
const MARGIN: f32 = 48.0;
const WIDTH: f32 = PAGE.0 - 2.0 * MARGIN;
/// Where the last row may end: below it stands the number of the page.
const BOTTOM: f32 = PAGE.1 - MARGIN - 12.0;
/// From one line of text to the next, for letters of size 1.
const LEADING: f32 = 1.45;
/// Height of a section's heading, with what is free above and below it.
const HEADING: f32 = 32.0;
const BODY: f32 = 9.5;
const SMALL: f32 = 8.0;
/// Between two columns.
const GAP: f32 = 10.0;
/// Pictures that stand beside each other.
const IN_A_ROW: usize = 3;
/// Height of a picture at the most.
const PICTURE: f32 = 130.0;
/// What a signature is drawn into.
const SIGNATURE: (f32, f32) = (170.0, 60.0);

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    /// The font in this crate cannot be read.
    #[error("the font cannot be read")]
    Font,
    /// The document cannot be written; what is wrong with it.
    #[error("the document cannot be written: {0}")]
    Written(String),
}

/// What the document says about itself.
#[derive(Clone, Debug)]
pub struct About {
    /// Title.
    pub title: String,
    /// Language, for example "zh-CN".
    pub language: String,
    /// When what it tells happened: not when it was printed, so that it is always the same.
    pub date: DateTime<Utc>,
    /// Stands at the foot of every page, for example a number.
    pub foot: String,
}

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// Heading.
    pub title: &'a str,
    /// Its part of the width, compared with the others'.
    pub share: f32,
    /// Whether it holds figures, which stand to the right.
    pub figures: bool,
}

/// A picture with its caption.
#[derive(Clone, Debug)]
pub struct Picture {
    /// JPEG or PNG.
    pub bytes: Vec<u8>,
    /// What stands below it.
    pub caption: String,
}

/// A document that is being written.
#[derive(Debug)]
pub struct Paper {
    about: About,
    letters: &'static Letters,
    pages: Vec<Vec<Item>>,
    /// Where the next row begins.
    y: f32,
    /// The heading that goes above the next row: it never stands alone at the foot of a page.
    heading: Option<String>,
}

impl Paper {
    /// An empty document.
    ///
    /// # Errors
    ///
    /// [`PaperError::Font`].
    pub fn new(about: About) -> Result<Self, PaperError> {
        Ok(Self {
            about,
            letters: Letters::all().ok_or(PaperError::Font)?,
            pages: vec![Vec::new()],
            y: MARGIN,
            heading: None,
        })
    }

    /// The title, with something smaller at its right.
    pub fn title(&mut self, text: &str, beside: &str) {
        let width = self.letters.width(beside, BODY);
        let top = self.y;
        self.lines(text, 18.0, Colour::Strong, MARGIN, WIDTH - width - GAP);
        self.put(beside, BODY, Colour::Weak, PAGE.0 - MARGIN - width, top + 18.0);
        self.y += 4.0;
        self.rule(Colour::Strong);
        self.y += 8.0;
    }

    /// The heading of a section. Without anything behind it there is none.
    pub fn heading(&mut self, text: &str) {
        self.heading = Some(text.to_owned());
    }

    /// Text. Its own line breaks are kept.
    pub fn text(&mut self, text: &str) {
        self.lines(text, BODY, Colour::Text, MARGIN, WIDTH);
        self.y += 3.0;
    }

    /// What is called what: two pairs in a row, where both are short. Pairs without a value are left out.
    pub fn facts<'a>(&mut self, facts: impl IntoIterator<Item = (&'a str, String)>) {
        let half = (WIDTH - GAP) / 2.0;
        let label = half * 0.32;
        let mut left: Option<(&str, String)> = None;
        for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
            let short = self.letters.lines(&value, BODY, half - label).len() == 1;
            match left.take() {
                Some(before) if short => self.pairs(&[before, (name, value)], half, label),
                Some(before) => {
                    self.pairs(&[before], half, label);
                    self.pairs(&[(name, value)], WIDTH, label);
                }
                None if short => left = Some((name, value)),
                None => self.pairs(&[(name, value)], WIDTH, label),
            }
        }
        if let Some(before) = left {
            self.pairs(&[before], half, label);
        }
        self.y += 3.0;
    }

    /// A table. Its heading stands on every page that it goes over; a cell is one paragraph.
    pub fn table(&mut self, columns: &[Column<'_>], rows: &[Vec<String>]) {
        let gaps = GAP * columns.len().saturating_sub(1) as f32;
        let shares: f32 = columns.iter().map(|column| column.share).sum();
        let widths: Vec<f32> = columns.iter().map(|column| (WIDTH - gaps) * column.share / shares).collect();
        let titles: Vec<String> = columns.iter().map(|column| column.title.to_owned()).collect();
        let height = self.height(&titles, &widths, SMALL);
        self.make_room(height + 2.0 * BODY * LEADING);
        self.row(columns, &widths, &titles, SMALL, Colour::Weak);
        for row in rows {
            let page = self.pages.len();
            let row: Vec<String> = row.iter().map(|cell| cell.replace(['\n', '\r'], " ")).collect();
            let height = self.height(&row, &widths, BODY);
            self.make_room(height);
            if self.pages.len() > page {
                self.row(columns, &widths, &titles, SMALL, Colour::Weak);
            }
            self.row(columns, &widths, &row, BODY, Colour::Text);
        }
        self.y += 3.0;
    }

    /// Pictures, three beside each other. Those that cannot be read leave an empty frame: that there was one is said.
    pub fn pictures(&mut self, pictures: Vec<Picture>) {
        let width = (WIDTH - GAP * (IN_A_ROW - 1) as f32) / IN_A_ROW as f32;
        let mut pictures = pictures.into_iter().peekable();
        while pictures.peek().is_some() {
            let row: Vec<_> = pictures
                .by_ref()
                .take(IN_A_ROW)
                .map(|picture| (Image::read(picture.bytes, width, PICTURE), picture.caption))
                .collect();
            let high = row.iter().map(|(image, _)| image.size.1).fold(0.0, f32::max);
            self.make_room(high + SMALL * LEADING * 2.0);
            let top = self.y;
            let mut low = top;
            for (place, (image, caption)) in row.into_iter().enumerate() {
                let x = MARGIN + (width + GAP) * place as f32;
                self.page().push(Item::Image { at: (x, top), image });
                self.y = top + high;
                for line in self.letters.lines(&caption, SMALL, width).into_iter().take(2) {
                    self.y += SMALL * LEADING;
                    let at = self.y;
                    self.put(&line, SMALL, Colour::Weak, x, at - 0.3 * SMALL);
                }
                low = low.max(self.y);
            }
            self.y = low + 6.0;
        }
    }

    /// A signature: the strokes as SVG path data. One that cannot be read leaves an empty frame.
    pub fn signature(&mut self, path: &str, caption: &str) {
        let strokes = Strokes::read(path, SIGNATURE);
        self.framed(caption, strokes.map(|strokes| move |at| Item::Strokes { at, strokes }));
    }

    /// A signature that is a picture.
    pub fn signed_picture(&mut self, bytes: Vec<u8>, caption: &str) {
        let image = Image::read(bytes, SIGNATURE.0, SIGNATURE.1);
        self.framed(caption, Some(move |at| Item::Image { at, image }));
    }

    /// The finished document.
    ///
    /// # Errors
    ///
    /// [`PaperError::Written`].
    pub fn finish(self) -> Result<Vec<u8>, PaperError> {
        draw::document(&self.about, self.letters, self.pages)
    }

    fn framed(&mut self, caption: &str, drawn: Option<impl FnOnce((f32, f32)) -> Item>) {
        self.make_room(SIGNATURE.1 + 2.0 * SMALL * LEADING);
        let at = (MARGIN, self.y);
        if let Some(drawn) = drawn {
            let item = drawn(at);
            self.page().push(item);
        }
        self.y += SIGNATURE.1 + 2.0;
        let y = self.y;
        self.page().push(Item::Rule { from: (MARGIN, y), to: (MARGIN + SIGNATURE.0, y), colour: Colour::Line });
        self.lines(caption, SMALL, Colour::Weak, MARGIN, WIDTH);
    }

    fn pairs(&mut self, pairs: &[(&str, String)], width: f32, label: f32) {
        let columns: Vec<f32> = pairs.iter().flat_map(|_| [label - GAP, width - label]).collect();
        let cells: Vec<String> = pairs.iter().flat_map(|(name, value)| [(*name).to_owned(), value.clone()]).collect();
        let height = self.height(&cells, &columns, BODY);
        if height > BOTTOM - MARGIN - HEADING {
            // Longer than a page: it goes on over as many as it needs.
            for (name, value) in pairs {
                self.lines(name, BODY, Colour::Weak, MARGIN, WIDTH);
                self.text(value);
            }
            return;
        }
        self.make_room(height);
        let (top, mut x) = (self.y, MARGIN);
        for (place, (cell, column)) in cells.iter().zip(&columns).enumerate() {
            self.y = top;
            let colour = if place % 2 == 0 { Colour::Weak } else { Colour::Text };
            self.lines(cell, BODY, colour, x, *column);
            x += column + GAP;
        }
        self.y = top + height;
    }

    fn row(&mut self, columns: &[Column<'_>], widths: &[f32], cells: &[String], size: f32, colour: Colour) {
        let (top, mut x) = (self.y, MARGIN);
        let height = self.height(cells, widths, size);
        for ((column, width), cell) in columns.iter().zip(widths).zip(cells) {
            self.y = top;
            if column.figures {
                let free = (*width - self.letters.width(cell, size)).max(0.0);
                self.lines(cell, size, colour, x + free, *width - free + 1.0);
            } else {
                self.lines(cell, size, colour, x, *width);
            }
            x += width + GAP;
        }
        self.y = top + height + 1.5;
        self.rule(Colour::Faint);
        self.y += 1.5;
    }

    fn height(&self, cells: &[String], widths: &[f32], size: f32) -> f32 {
        let lines = cells.iter().zip(widths).map(|(cell, width)| self.letters.lines(cell, size, *width).len());
        lines.max().unwrap_or(1) as f32 * size * LEADING
    }

    /// Writes text line by line, on the next page where this one ends.
    fn lines(&mut self, text: &str, size: f32, colour: Colour, x: f32, width: f32) {
        for line in self.letters.lines(text, size, width) {
            self.make_room(size * LEADING);
            self.y += size * LEADING;
            // The line's letters stand above its foot.
            let y = self.y - 0.35 * size;
            self.put(&line, size, colour, x, y);
        }
    }

    fn put(&mut self, text: &str, size: f32, colour: Colour, x: f32, y: f32) {
        let text = self.letters.known(text);
        self.page().push(Item::Text { at: (x, y), size, colour, text });
    }

    fn rule(&mut self, colour: Colour) {
        let y = self.y;
        self.page().push(Item::Rule { from: (MARGIN, y), to: (PAGE.0 - MARGIN, y), colour });
    }

    /// Begins a new page when so much does not fit on this one, and writes the heading that waits.
    fn make_room(&mut self, height: f32) {
        let heading = self.heading.take();
        let above = if heading.is_some() { HEADING } else { 0.0 };
        // A row that just fits is not torn apart by how its lines add up.
        if self.y + above + height > BOTTOM + 0.1 && self.y > MARGIN {
            self.pages.push(Vec::new());
            self.y = MARGIN;
        }
        if let Some(heading) = heading {
            self.y += 8.0;
            self.lines(&heading, 11.5, Colour::Strong, MARGIN, WIDTH);
            self.y += 1.0;
            self.rule(Colour::Line);
            self.y += 4.0;
        }
    }

    fn page(&mut self) -> &mut Vec<Item> {
        if self.pages.is_empty() {
            self.pages.push(Vec::new());
        }
        let last = self.pages.len() - 1;
        &mut self.pages[last]
    }
}
