//! The letters: how wide they are, which there are, and where a line ends.

use std::{collections::HashMap, sync::LazyLock};

use skrifa::{
    FontRef, MetadataProvider as _,
    instance::{LocationRef, Size},
};
use unicode_linebreak::{BreakOpportunity, linebreaks};

/// Chinese and Latin letters. Its licence stands beside it.
pub(crate) static FONT: &[u8] = include_bytes!("../font/wqy-microhei.ttc");
/// The proportional face of the collection.
pub(crate) const FACE: u32 = 0;
/// Stands for letters that the font does not have.
const MISSING: char = '□';

/// A letter: its number in the font, and its width at size 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter {
    pub(crate) glyph: u32,
    pub(crate) width: f32,
}

/// All letters of the font, read once.
static LETTERS: LazyLock<Option<Letters>> = LazyLock::new(Letters::read);

/// The letters of the font.
#[derive(Debug)]
pub(crate) struct Letters(HashMap<char, Letter>);

impl Letters {
    pub(crate) fn all() -> Option<&'static Self> {
        LETTERS.as_ref()
    }

    fn read() -> Option<Self> {
        let font = FontRef::from_index(FONT, FACE).ok()?;
        let units = f32::from(font.metrics(Size::unscaled(), LocationRef::default()).units_per_em);
        let widths = font.glyph_metrics(Size::unscaled(), LocationRef::default());
        let letters = font.charmap().mappings().filter_map(|(code, glyph)| {
            let width = widths.advance_width(glyph)? / units;
            Some((char::from_u32(code)?, Letter { glyph: glyph.to_u32(), width }))
        });
        let letters: HashMap<_, _> = letters.filter(|(_, letter)| letter.glyph != 0).collect();
        letters.contains_key(&MISSING).then_some(Self(letters))
    }

    pub(crate) fn of(&self, letter: char) -> Option<Letter> {
        self.0.get(&letter).copied()
    }

    /// The text in letters that the font has: what it has not is shown as a frame, and what is not to be seen is left out.
    pub(crate) fn known(&self, text: &str) -> String {
        let seen = |letter: &char| {
            !letter.is_control() && !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
        };
        let spaces = text.chars().map(|letter| if letter == '\t' || letter == '\u{a0}' { ' ' } else { letter });
        spaces.filter(seen).map(|letter| if self.0.contains_key(&letter) { letter } else { MISSING }).collect()
    }

    /// How wide the text is on one line.
    pub(crate) fn width(&self, text: &str, size: f32) -> f32 {
        self.known(text).chars().filter_map(|letter| self.of(letter)).map(|letter| letter.width * size).sum()
    }

    /// The text in lines that are no wider than this. An empty text is one empty line.
    pub(crate) fn lines(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        let mut begin = 0;
        for (end, opportunity) in linebreaks(text) {
            let piece = &text[begin..end];
            begin = end;
            let seen = piece.trim_end();
            if !line.is_empty() && self.width(&line, size) + self.width(seen, size) > width {
                lines.push(std::mem::take(&mut line));
            }
            if self.width(seen, size) > width {
                self.split(seen, size, width, &mut line, &mut lines);
            } else {
                line.push_str(piece);
            }
            if opportunity == BreakOpportunity::Mandatory && end < text.len() {
                lines.push(std::mem::take(&mut line));
            }
        }
        lines.push(line);
        lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
    }

    /// What has no place to break and is wider than a line is broken anywhere.
    fn split(&self, piece: &str, size: f32, width: f32, line: &mut String, lines: &mut Vec<String>) {
        let mut used = self.width(line, size);
        for letter in piece.chars() {
            let wide = self.width(letter.encode_utf8(&mut [0; 4]), size);
            if used + wide > width && !line.is_empty() {
                lines.push(std::mem::take(line));
                used = 0.0;
            }
            line.push(letter);
            used += wide;
        }
    }
}
