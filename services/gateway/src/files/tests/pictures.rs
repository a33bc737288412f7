//! Pictures and other files for the tests, made byte by byte where no encoder would.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

/// A small picture with a red upper left corner.
pub(super) fn picture(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, y| {
        if x < width / 2 && y < height / 2 { Rgb([220, 20, 20]) } else { Rgb([20, 20, 220]) }
    })
    .into()
}

pub(super) fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn jpeg(width: u32, height: u32) -> Vec<u8> {
    encoded(&picture(width, height), ImageFormat::Jpeg)
}

pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    encoded(&picture(width, height), ImageFormat::Png)
}

pub(super) fn webp(width: u32, height: u32) -> Vec<u8> {
    encoded(&picture(width, height), ImageFormat::WebP)
}

pub(super) fn glass() -> Vec<u8> {
    let image: DynamicImage =
        RgbaImage::from_fn(40, 30, |x, _| Rgba([10, 200, 10, if x < 20 { 0 } else { 255 }])).into();
    encoded(&image, ImageFormat::WebP)
}

/// What marks the places in the metadata of the tests: must never come out again.
pub(super) const SECRET: &[u8] = b"SECRET-PLACE";

/// A TIFF block with an orientation, a GPS directory (31 degrees north) and a text.
pub(super) fn tiff(orientation: u16) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0".to_vec();
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        let mut bytes = Vec::new();
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value.to_le_bytes());
        bytes
    };
    // Three entries at 8, text behind them at 50, the GPS directory at 62.
    tiff.extend(3_u16.to_le_bytes());
    tiff.extend(entry(0x010e, 2, SECRET.len() as u32, 50));
    tiff.extend(entry(0x0112, 3, 1, u32::from(orientation)));
    tiff.extend(entry(0x8825, 4, 1, 62));
    tiff.extend(0_u32.to_le_bytes());
    assert_eq!(tiff.len(), 50);
    tiff.extend(SECRET);
    tiff.extend(2_u16.to_le_bytes());
    tiff.extend(entry(0x0001, 2, 2, u32::from(b'N')));
    tiff.extend(entry(0x0002, 5, 3, 92));
    tiff.extend(0_u32.to_le_bytes());
    for part in [31_u32, 1, 14, 1, 2026, 100] {
        tiff.extend(part.to_le_bytes());
    }
    tiff
}

/// A JPEG with a segment put in behind its beginning.
pub(super) fn with_segment(jpeg: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let mut out = jpeg[..2].to_vec();
    out.extend([0xff, marker]);
    out.extend(u16::try_from(body.len() + 2).unwrap().to_be_bytes());
    out.extend(body);
    out.extend(&jpeg[2..]);
    out
}

pub(super) fn exif_jpeg(width: u32, height: u32, orientation: u16) -> Vec<u8> {
    with_segment(&jpeg(width, height), 0xe1, &[b"Exif\0\0".as_slice(), &tiff(orientation)].concat())
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

pub(super) fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let named = [name.as_slice(), body].concat();
    let length = u32::try_from(body.len()).unwrap();
    [length.to_be_bytes().as_slice(), &named, &crc(&named).to_be_bytes()].concat()
}

/// A PNG with chunks put in behind its header.
pub(super) fn with_chunks(png: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    [&png[..33], &chunks.concat(), &png[33..]].concat()
}

/// A PNG that says to be so large, with no more than a few bytes of pixels.
pub(super) fn png_header(width: u32, height: u32, depth: u8, colour: u8, pixels: &[u8]) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([depth, colour, 0, 0, 0]);
    let parts = [chunk(b"IHDR", &header), chunk(b"IDAT", pixels), chunk(b"IEND", &[])];
    [b"\x89PNG\r\n\x1a\n".as_slice(), &parts.concat()].concat()
}

/// A JPEG's frame header of that size, one or three components, with nothing behind it.
pub(super) fn jpeg_header(width: u16, height: u16, marker: u8) -> Vec<u8> {
    let mut frame = vec![8];
    frame.extend(height.to_be_bytes());
    frame.extend(width.to_be_bytes());
    frame.extend([3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
    let mut out = with_segment(&[0xff, 0xd8], marker, &frame);
    out.extend([0xff, 0xd9]);
    out
}

pub(super) fn riff(form: &[u8; 4], chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = form.to_vec();
    for (name, bytes) in chunks {
        body.extend(*name);
        body.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
        body.extend(bytes);
        body.resize(body.len() + bytes.len() % 2, 0);
    }
    [b"RIFF".as_slice(), &u32::try_from(body.len()).unwrap().to_le_bytes(), &body].concat()
}

/// A WebP of the extended form with EXIF and XMP.
pub(super) fn exif_webp() -> Vec<u8> {
    let plain = webp(40, 30);
    let mut extended = vec![0b0000_1100, 0, 0, 0];
    extended.extend(&39_u32.to_le_bytes()[..3]);
    extended.extend(&29_u32.to_le_bytes()[..3]);
    let pixels = plain[20..20 + u32::from_le_bytes(plain[16..20].try_into().unwrap()) as usize].to_vec();
    riff(b"WEBP", &[(b"VP8X", extended), (b"VP8L", pixels), (b"EXIF", tiff(1)), (b"XMP ", SECRET.to_vec())])
}

pub(super) fn pdf() -> Vec<u8> {
    b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n".to_vec()
}

pub(super) fn mp3(frames: usize) -> Vec<u8> {
    let mut frame = vec![0xff, 0xfb, 0x90, 0x00];
    frame.resize(417, 0);
    frame.repeat(frames)
}

pub(super) fn wav() -> Vec<u8> {
    riff(
        b"WAVE",
        &[(b"fmt ", vec![1, 0, 1, 0, 0x40, 0x1f, 0, 0, 0x40, 0x1f, 0, 0, 1, 0, 8, 0]), (b"data", vec![128; 64])],
    )
}

pub(super) fn mp4(brand: &[u8; 4]) -> Vec<u8> {
    let mut out = vec![0, 0, 0, 20];
    out.extend(b"ftyp");
    out.extend(brand);
    out.extend([0, 0, 2, 0]);
    out.extend(brand);
    out.extend([0, 0, 0, 8]);
    out.extend(b"mdat");
    out
}

pub(super) const SVG: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
pub(super) const HTML: &[u8] = b"<!doctype html><script>alert(1)</script>";
pub(super) const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\0\0virus.exePK\x05\x06";
