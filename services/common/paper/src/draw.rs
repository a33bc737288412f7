//! The finished pages as PDF.

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use krilla::{
    Document, SerializeSettings,
    color::rgb,
    configure::{Archival, ConfigurationBuilder},
    geom::{PathBuilder, Point, Rect, Size, Transform},
    metadata::{self, Metadata},
    num::NormalizedF32,
    page::PageSettings,
    paint::{Fill, LineCap, LineJoin, Stroke},
    surface::Surface,
    text::{Font, GlyphId, KrillaGlyph},
};

use crate::{
    About, MARGIN, PAGE, PaperError, SMALL,
    letters::{FACE, FONT, Letters},
    strokes::Strokes,
};

/// What stands on a page.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// Letters, all of which the font has; `at` is where their line begins.
    Text {
        at: (f32, f32),
        size: f32,
        colour: Colour,
        text: String,
    },
    Rule {
        from: (f32, f32),
        to: (f32, f32),
        colour: Colour,
    },
    Image {
        at: (f32, f32),
        image: Image,
    },
    Strokes {
        at: (f32, f32),
        strokes: Strokes,
    },
}

/// What something is, said by its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Strong,
    Text,
    Weak,
    Line,
    Faint,
}

impl Colour {
    fn paint(self) -> rgb::Color {
        let (red, green, blue) = match self {
            Self::Strong => (0x12, 0x3a, 0x5e),
            Self::Text => (0x1c, 0x1c, 0x1c),
            Self::Weak => (0x60, 0x66, 0x6d),
            Self::Line => (0xa9, 0xb4, 0xbf),
            Self::Faint => (0xe3, 0xe7, 0xea),
        };
        rgb::Color::new(red, green, blue)
    }
}

/// A picture in the size in which it is drawn; without one there is a frame.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    image: Option<krilla::image::Image>,
    pub(crate) size: (f32, f32),
}

impl Image {
    /// JPEG or PNG, as large as it can be in this width and height.
    pub(crate) fn read(bytes: Vec<u8>, width: f32, height: f32) -> Self {
        let image = if bytes.starts_with(b"\x89PNG") {
            krilla::image::Image::from_png(bytes.into(), false)
        } else {
            krilla::image::Image::from_jpeg(bytes.into(), false)
        };
        let image = image.ok().filter(|image| image.size().0 > 0 && image.size().1 > 0);
        let size = image.as_ref().map_or((width, height / 2.0), |image| {
            let (wide, high) = (image.size().0 as f32, image.size().1 as f32);
            let scale = (width / wide).min(height / high);
            (wide * scale, high * scale)
        });
        Self { image, size }
    }
}

/// Writes all pages.
pub(crate) fn document(about: &About, letters: &Letters, pages: Vec<Vec<Item>>) -> Result<Vec<u8>, PaperError> {
    let written = |error: &dyn std::fmt::Debug| PaperError::Written(format!("{error:?}"));
    let font = Font::new(FONT.into(), FACE).ok_or(PaperError::Font)?;
    let kept = ConfigurationBuilder::new().with_archival_validator(Archival::A2_B).finish();
    let configuration = kept.map_err(|error| written(&error))?;
    let mut document = Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    document.set_metadata(
        Metadata::new()
            .title(about.title.clone())
            .language(about.language.clone())
            .creator("Aftercare".to_owned())
            .creation_date(date(about.date)),
    );
    let all = pages.len();
    let size = Size::from_wh(PAGE.0, PAGE.1).ok_or_else(|| written(&"no page"))?;
    for (number, items) in pages.into_iter().enumerate() {
        let mut page = document.start_page_with(PageSettings::new(size));
        let mut surface = page.surface();
        let mut pen = Pen { surface: &mut surface, letters, font: &font };
        for item in items {
            pen.draw(item);
        }
        let y = PAGE.1 - MARGIN + SMALL;
        let count = format!("{} / {all}", number + 1);
        let right = PAGE.0 - MARGIN - letters.width(&count, SMALL);
        for (x, text) in [(MARGIN, letters.known(&about.foot)), (right, count)] {
            pen.draw(Item::Text { at: (x, y), size: SMALL, colour: Colour::Weak, text });
        }
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|error| written(&error))
}

struct Pen<'a, 'b> {
    surface: &'a mut Surface<'b>,
    letters: &'a Letters,
    font: &'a Font,
}

impl Pen<'_, '_> {
    fn draw(&mut self, item: Item) {
        match item {
            Item::Text { at, size, colour, text } => self.text(at, size, colour, &text),
            Item::Rule { from, to, colour } => {
                let mut path = PathBuilder::new();
                path.move_to(from.0, from.1);
                path.line_to(to.0, to.1);
                self.stroke(path.finish(), colour, 0.6);
            }
            Item::Strokes { at, strokes } => self.stroke(strokes.at(at), Colour::Text, 1.1),
            Item::Image { at, image } => self.image(at, image),
        }
    }

    fn text(&mut self, at: (f32, f32), size: f32, colour: Colour, text: &str) {
        let glyphs: Vec<KrillaGlyph> = text
            .char_indices()
            .filter_map(|(begin, letter)| {
                let found = self.letters.of(letter)?;
                Some(KrillaGlyph {
                    glyph_id: GlyphId::new(found.glyph),
                    text_range: begin..begin + letter.len_utf8(),
                    x_advance: found.width,
                    x_offset: 0.0,
                    y_offset: 0.0,
                    y_advance: 0.0,
                    location: None,
                })
            })
            .collect();
        if glyphs.is_empty() {
            return;
        }
        self.surface.set_stroke(None);
        self.surface.set_fill(Some(Fill { paint: colour.paint().into(), ..Fill::default() }));
        self.surface.draw_glyphs(Point::from_xy(at.0, at.1), &glyphs, self.font.clone(), text, size, false);
    }

    fn stroke(&mut self, path: Option<krilla::geom::Path>, colour: Colour, width: f32) {
        let Some(path) = path else { return };
        self.surface.set_fill(None);
        self.surface.set_stroke(Some(Stroke {
            paint: colour.paint().into(),
            width,
            miter_limit: 4.0,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            opacity: NormalizedF32::ONE,
            dash: None,
        }));
        self.surface.draw_path(&path);
    }

    fn image(&mut self, at: (f32, f32), image: Image) {
        let Some((drawn, size)) = image.image.zip(Size::from_wh(image.size.0, image.size.1)) else {
            let mut frame = PathBuilder::new();
            if let Some(edges) = Rect::from_xywh(at.0, at.1, image.size.0, image.size.1) {
                frame.push_rect(edges);
            }
            return self.stroke(frame.finish(), Colour::Line, 0.6);
        };
        self.surface.push_transform(&Transform::from_translate(at.0, at.1));
        self.surface.draw_image(drawn, size);
        self.surface.pop();
    }
}

fn date(at: DateTime<Utc>) -> metadata::DateTime {
    let year = u16::try_from(at.year()).unwrap_or_default();
    let part = |value: u32| u8::try_from(value).unwrap_or_default();
    metadata::DateTime::new(year)
        .month(part(at.month()))
        .day(part(at.day()))
        .hour(part(at.hour()))
        .minute(part(at.minute()))
        .second(part(at.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}
