//! Images are made anew from their pixels: whatever else came with them (places, names, programs, other files) does not
//! get through. What decoding takes in memory is known before it begins.

use std::io::Cursor;

use common::error::{Error, Result};
use image::{
    DynamicImage, ImageDecoder as _, ImageEncoder as _, ImageFormat, ImageReader,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType, PngEncoder},
    },
};

use crate::{
    domain::file::{Kind, jpeg_frame},
    error::{FILE_DAMAGED, IMAGE_TOO_LARGE},
};

/// Longest edge of what is kept, in pixels: enough to read a serial plate.
const EDGE: u32 = 3600;
/// Longest edge of a thumbnail.
const THUMB: u32 = 320;
/// Quality of what is kept.
const QUALITY: u8 = 85;
/// Largest width or height that is looked at.
const LONGEST_SIDE: u32 = 30_000;

/// What an image may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Pixels at the most.
    pub(crate) pixels: u64,
    /// Bytes of memory that decoding may take at the most.
    pub(crate) memory: u64,
}

/// An image made anew.
#[derive(Debug)]
pub(crate) struct Picture {
    /// What it is now.
    pub(crate) kind: Kind,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// A small one of the same kind.
    pub(crate) thumbnail: Vec<u8>,
    /// Width in pixels, upright.
    pub(crate) width: u32,
    /// Height in pixels, upright.
    pub(crate) height: u32,
}

/// Makes an image anew. Blocks: run it where that harms nobody.
///
/// # Errors
///
/// `FILE_DAMAGED` when it cannot be read, `IMAGE_TOO_LARGE` when it would take too much.
pub(crate) fn remake(kind: Kind, bytes: Vec<u8>, bounds: Bounds) -> Result<Picture> {
    let format = match kind {
        Kind::Jpeg => ImageFormat::Jpeg,
        Kind::Png => ImageFormat::Png,
        Kind::Webp => ImageFormat::WebP,
        Kind::Pdf | Kind::Mp3 | Kind::M4a | Kind::Wav | Kind::Ogg | Kind::Mp4 => {
            return Err(Error::internal(anyhow::anyhow!("{kind:?} is no image")));
        }
    };
    let held = bytes.len() as u64;
    let per_pixel = passes(kind, &bytes, bounds)?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(bounds.memory);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    let memory = decoder.total_bytes().saturating_add(pixels.saturating_mul(per_pixel)).saturating_add(held);
    if pixels == 0 {
        return Err(Error::new(FILE_DAMAGED));
    }
    if pixels > bounds.pixels || memory > bounds.memory {
        return Err(too_large(pixels, bounds));
    }
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    if width.max(height) > EDGE {
        // The box filter of thumbnails: the finer ones hold the picture as floats, four times as large.
        image = image.thumbnail(EDGE, EDGE);
    }
    image.apply_orientation(orientation);
    let kind = if kind == Kind::Png || image.color().has_alpha() { Kind::Png } else { Kind::Jpeg };
    let thumbnail = encode(image.thumbnail(THUMB, THUMB), kind)?;
    let (width, height) = (image.width(), image.height());
    Ok(Picture { kind, bytes: encode(image, kind)?, thumbnail, width, height })
}

/// Bytes per pixel that decoding takes beside the pixels. A JPEG that is too large, or is cut off and has no end, is refused
/// before a decoder sees it.
fn passes(kind: Kind, bytes: &[u8], bounds: Bounds) -> Result<u64> {
    match kind {
        Kind::Jpeg => {
            let frame = jpeg_frame(bytes).ok_or_else(|| Error::new(FILE_DAMAGED))?;
            let per_pixel = if frame.progressive { 2 * u64::from(frame.components) } else { 0 };
            let pixels = u64::from(frame.width) * u64::from(frame.height);
            let memory = pixels.saturating_mul(u64::from(frame.components) + per_pixel);
            if pixels > bounds.pixels || memory > bounds.memory {
                return Err(too_large(pixels, bounds));
            }
            if !bytes.windows(2).rev().any(|pair| pair == [0xff, 0xd9]) {
                return Err(Error::new(FILE_DAMAGED));
            }
            Ok(per_pixel)
        }
        // Its decoder holds a frame of its own beside the pixels.
        Kind::Webp => Ok(4),
        Kind::Png | Kind::Pdf | Kind::Mp3 | Kind::M4a | Kind::Wav | Kind::Ogg | Kind::Mp4 => Ok(0),
    }
}

fn too_large(pixels: u64, bounds: Bounds) -> Error {
    Error::new(IMAGE_TOO_LARGE).with("pixels", pixels).with("limit", bounds.pixels)
}

fn damaged(error: image::ImageError) -> Error {
    match error {
        image::ImageError::Limits(_) => Error::new(IMAGE_TOO_LARGE).with("pixels", "?").with("limit", "?"),
        _ => Error::new(FILE_DAMAGED),
    }
    .caused_by(error)
}

/// Only the pixels are written: an encoder that is given nothing else has nothing else to write.
fn encode(image: DynamicImage, kind: Kind) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let written = if kind == Kind::Png {
        let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive);
        let (width, height) = (image.width(), image.height());
        if image.color().has_alpha() {
            let rgba = image.into_rgba8();
            encoder.write_image(&rgba, width, height, image::ExtendedColorType::Rgba8)
        } else if image.color().has_color() {
            let rgb = image.into_rgb8();
            encoder.write_image(&rgb, width, height, image::ExtendedColorType::Rgb8)
        } else {
            let gray = image.into_luma8();
            encoder.write_image(&gray, width, height, image::ExtendedColorType::L8)
        }
    } else {
        JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(&image.into_rgb8())
    };
    written.map_err(Error::internal)?;
    Ok(bytes)
}
