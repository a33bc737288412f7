//! Hostile files: each is refused for its reason, or comes out as nothing but what it shows.

use std::collections::BTreeMap;

use common::testing::Backend;
use http::StatusCode;
use image::{GenericImageView, ImageFormat, Rgb};
use rstest::rstest;

use super::{
    pictures::{
        HTML, SECRET, SVG, ZIP, chunk, exif_jpeg, exif_webp, glass, jpeg, jpeg_header, mp3, mp4, pdf, png, png_header,
        riff, tiff, wav, webp, with_chunks, with_segment,
    },
    world::{World, world},
};

/// What is to become of a file.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// Refused for one of these reasons.
    Refused(&'static [&'static str]),
    /// Made anew, this large.
    Picture(ImageFormat, u32, u32),
    /// Kept as it came, under this type.
    Kept(&'static str),
}

use Fate::{Kept, Picture, Refused};

const TYPE: Fate = Refused(&["FILE_TYPE_NOT_TAKEN"]);
const MISMATCH: Fate = Refused(&["FILE_TYPE_MISMATCH"]);
const DAMAGED: Fate = Refused(&["FILE_DAMAGED"]);
const LARGE: Fate = Refused(&["IMAGE_TOO_LARGE"]);
/// Too large or broken: which is seen first is the decoder's business.
const NEITHER: Fate = Refused(&["IMAGE_TOO_LARGE", "FILE_DAMAGED"]);

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn cut(bytes: &[u8], share: usize) -> Vec<u8> {
    bytes[..bytes.len() * share / 100].to_vec()
}

/// Name, what the sender says it is, its bytes, and what is to become of it.
fn files() -> Vec<(&'static str, &'static str, Vec<u8>, Fate)> {
    let (photo, drawing, web) = (jpeg(40, 30), png(40, 30), webp(40, 30));
    let shown = Picture(ImageFormat::Jpeg, 40, 30);
    let drawn = Picture(ImageFormat::Png, 40, 30);
    let text = |bytes: &[u8]| chunk(b"tEXt", &joined(&[b"Comment\0", bytes]));
    let octets = "application/octet-stream";
    let pixels = |bytes: &[u8]| {
        joined(&[b"\x78\x01\x01", &(bytes.len() as u16).to_le_bytes(), &(!(bytes.len() as u16)).to_le_bytes(), bytes])
    };
    let mut all = vec![
        // What a browser would run.
        ("svg with a script", "image/svg+xml", SVG.to_vec(), TYPE),
        ("svg said to be a png", "image/png", SVG.to_vec(), TYPE),
        ("svg said to be nothing", octets, SVG.to_vec(), TYPE),
        ("svg behind a declaration", octets, joined(&[b"<?xml version=\"1.0\"?>", SVG]), TYPE),
        ("html", "text/html", HTML.to_vec(), TYPE),
        ("html said to be a jpeg", "image/jpeg", HTML.to_vec(), TYPE),
        ("html behind a byte order mark", octets, joined(&[b"\xef\xbb\xbf", HTML]), TYPE),
        ("html behind blanks", octets, joined(&[&[b' '; 600], HTML]), TYPE),
        ("xhtml", "application/xhtml+xml", HTML.to_vec(), TYPE),
        ("javascript", "text/javascript", b"alert(1)".to_vec(), TYPE),
        ("a comment that is a gif", octets, b"GIF89a/*\x01\0*/=1;alert(1)".to_vec(), TYPE),
        ("a gif", "image/gif", b"GIF89a\x01\0\x01\0\x80\0\0".to_vec(), TYPE),
        ("a bitmap", "image/bmp", b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0".to_vec(), TYPE),
        ("a tiff", "image/tiff", tiff(1), TYPE),
        ("a heic", octets, mp4(b"heic"), TYPE),
        ("an avif", octets, mp4(b"avif"), TYPE),
        ("a zip", "application/zip", ZIP.to_vec(), TYPE),
        ("a zip said to be a pdf", "application/pdf", ZIP.to_vec(), TYPE),
        ("a program", octets, b"MZ\x90\0\x03\0\0\0PE\0\0".to_vec(), TYPE),
        ("an elf", octets, b"\x7fELF\x02\x01\x01".to_vec(), TYPE),
        ("a script", octets, b"#!/bin/sh\nrm -rf /\n".to_vec(), TYPE),
        ("php", octets, b"<?php system($_GET['c']);".to_vec(), TYPE),
        ("postscript", octets, b"%!PS-Adobe-3.0\n".to_vec(), TYPE),
        ("flash", octets, b"FWS\x09\0\0\0\0".to_vec(), TYPE),
        ("nothing", octets, Vec::new(), DAMAGED),
        ("one byte", octets, vec![0xff], TYPE),
        ("zeroes", octets, vec![0; 9000], TYPE),
        // What is not what it says.
        ("a png said to be a jpeg", "image/jpeg", drawing.clone(), MISMATCH),
        ("a jpeg said to be a png", "image/png", photo.clone(), MISMATCH),
        ("a jpeg said to be a pdf", "application/pdf", photo.clone(), MISMATCH),
        ("a pdf said to be a jpeg", "image/jpeg", pdf(), MISMATCH),
        ("a wav said to be an mp3", "audio/mpeg", wav(), MISMATCH),
        ("a webp said to be a wav", "audio/wav", web.clone(), MISMATCH),
        ("a jpeg said to be nothing", octets, photo.clone(), shown),
        // Two things at once.
        ("a zip behind a jpeg", "image/jpeg", joined(&[&photo, ZIP]), shown),
        ("html behind a jpeg", "image/jpeg", joined(&[&photo, HTML]), shown),
        ("html in a jpeg's comment", "image/jpeg", with_segment(&photo, 0xfe, HTML), shown),
        ("php in a jpeg's comment", "image/jpeg", with_segment(&photo, 0xfe, b"<?php system('id');"), shown),
        ("a jpeg in a jpeg", "image/jpeg", with_segment(&photo, 0xe2, &jpeg(16, 16)), shown),
        ("a zip behind a png", "image/png", joined(&[&drawing, ZIP]), drawn),
        ("html in a png's text", "image/png", with_chunks(&drawing, &[text(HTML)]), drawn),
        ("svg behind a png", "image/png", joined(&[&drawing, SVG]), drawn),
        ("a script behind a webp", "image/webp", joined(&[&web, HTML]), shown),
        ("html behind a pdf", "application/pdf", joined(&[&pdf(), HTML]), Kept("application/pdf")),
        ("a zip behind a pdf", "application/pdf", joined(&[&pdf(), ZIP]), Kept("application/pdf")),
        (
            "a pdf with a script",
            "application/pdf",
            joined(&[b"%PDF-1.4\n1 0 obj<</S/JavaScript/JS(app.alert\\(1\\))>>endobj\n%%EOF\n"]),
            Kept("application/pdf"),
        ),
        ("a pdf behind html", octets, joined(&[HTML, &pdf()]), TYPE),
        ("html behind a recording", "audio/mpeg", joined(&[&mp3(3), HTML]), Kept("audio/mpeg")),
        (
            "html in a recording's tag",
            "audio/mpeg",
            joined(&[b"ID3\x03\0\0\0\0\0\x28", HTML, &mp3(2)]),
            Kept("audio/mpeg"),
        ),
        ("html in a wav", "audio/wav", riff(b"WAVE", &[(b"LIST", HTML.to_vec())]), Kept("audio/wav")),
        ("html in a film", "video/mp4", joined(&[&mp4(b"isom"), HTML]), Kept("video/mp4")),
        ("a film said to be a recording", "audio/mp4", mp4(b"mp42"), Kept("video/mp4")),
        // Places, names, and more of what nobody should get.
        ("a photo with its place", "image/jpeg", exif_jpeg(40, 30, 1), shown),
        ("a photo on its side, with its place", "image/jpeg", exif_jpeg(40, 30, 6), Picture(ImageFormat::Jpeg, 30, 40)),
        ("a photo mirrored on its side", "image/jpeg", exif_jpeg(40, 30, 5), Picture(ImageFormat::Jpeg, 30, 40)),
        ("a photo upside down", "image/jpeg", exif_jpeg(40, 30, 3), shown),
        ("a photo with a senseless orientation", "image/jpeg", exif_jpeg(40, 30, 99), shown),
        (
            "a photo with XMP",
            "image/jpeg",
            with_segment(&photo, 0xe1, &joined(&[b"http://ns.adobe.com/xap/1.0/\0", SECRET])),
            shown,
        ),
        (
            "a photo with IPTC",
            "image/jpeg",
            with_segment(&photo, 0xed, &joined(&[b"Photoshop 3.0\x008BIM", SECRET])),
            shown,
        ),
        (
            "a photo with a colour profile",
            "image/jpeg",
            with_segment(&photo, 0xe2, &joined(&[b"ICC_PROFILE\0\x01\x01", SECRET])),
            shown,
        ),
        ("a png with its place", "image/png", with_chunks(&drawing, &[chunk(b"eXIf", &tiff(1)), text(SECRET)]), drawn),
        ("a png with an own chunk", "image/png", with_chunks(&drawing, &[chunk(b"prVt", SECRET)]), drawn),
        ("a webp with its place", "image/webp", exif_webp(), shown),
        ("a webp one can look through", "image/webp", glass(), Picture(ImageFormat::Png, 40, 30)),
        ("64 kB of metadata", "image/jpeg", with_segment(&photo, 0xe1, &vec![b'A'; 65_000]), shown),
        (
            "6 MB of metadata",
            "image/jpeg",
            (0..100).fold(photo.clone(), |all, _| with_segment(&all, 0xe1, &vec![b'A'; 65_000])),
            shown,
        ),
        ("5 MB of text in a png", "image/png", with_chunks(&drawing, &[text(&vec![b'A'; 5_000_000])]), drawn),
        // Bombs.
        ("a png of 50,000 x 50,000", "image/png", png_header(50_000, 50_000, 8, 2, &pixels(&[0; 50])), LARGE),
        ("a jpeg of 50,000 x 50,000", "image/jpeg", jpeg_header(50_000, 50_000, 0xc0), LARGE),
        ("a jpeg of 65,500 x 1", "image/jpeg", jpeg_header(65_500, 1, 0xc0), NEITHER),
        ("a png of 2^31 x 1", "image/png", png_header(0x7fff_ffff, 1, 1, 0, &pixels(&[0; 50])), NEITHER),
        (
            "a png of 30,000 x 30,000 in one bit",
            "image/png",
            png_header(30_000, 30_000, 1, 0, &pixels(&[0; 50])),
            LARGE,
        ),
        ("a png of 9,000 x 9,000 in 16 bits", "image/png", png_header(9_000, 9_000, 16, 6, &pixels(&[0; 50])), LARGE),
        ("a progressive jpeg of 6,000 x 4,000", "image/jpeg", jpeg_header(6_000, 4_000, 0xc2), LARGE),
        ("a png without pixels", "image/png", png_header(0, 0, 8, 2, &pixels(&[])), DAMAGED),
        (
            "a webp of 16,383 x 16,383",
            "image/webp",
            {
                let mut bytes = web.clone();
                bytes[21..25].copy_from_slice(&[0xfe, 0xff, 0xff, 0x0f]);
                bytes
            },
            NEITHER,
        ),
        (
            "a png whose pixels are a bomb's beginning",
            "image/png",
            png_header(4_000, 4_000, 8, 2, &pixels(&[0; 200])),
            DAMAGED,
        ),
        // Broken ones.
        ("a jpeg without its end", "image/jpeg", cut(&photo, 60), DAMAGED),
        ("half a png", "image/png", cut(&drawing, 50), DAMAGED),
        ("half a webp", "image/webp", cut(&web, 50), DAMAGED),
        ("a jpeg of three bytes", "image/jpeg", vec![0xff, 0xd8, 0xff], DAMAGED),
        ("a png of its header", "image/png", drawing[..33].to_vec(), DAMAGED),
        (
            "a jpeg whose segment is longer than the file",
            "image/jpeg",
            vec![0xff, 0xd8, 0xff, 0xe1, 0xff, 0xff, 0, 0],
            DAMAGED,
        ),
        ("a jpeg whose segment has no length", "image/jpeg", vec![0xff, 0xd8, 0xff, 0xe1, 0, 0, 0xff, 0xd9], DAMAGED),
        ("a pdf without its end", "application/pdf", b"%PDF-1.7\n1 0 obj".to_vec(), DAMAGED),
        (
            "a png with a wrong sum",
            "image/png",
            {
                let mut bytes = drawing.clone();
                bytes[29] ^= 0xff;
                bytes
            },
            DAMAGED,
        ),
        ("an mp3 of one frame", "audio/mpeg", mp3(1), TYPE),
    ];
    // What the honest send.
    all.extend([
        ("a wav", "audio/x-wav", wav(), Kept("audio/wav")),
        ("an ogg", "audio/ogg", b"OggS\0\x02\0\0\0\0\0\0\0\0".to_vec(), Kept("audio/ogg")),
        ("an m4a", "audio/x-m4a", mp4(b"M4A "), Kept("audio/mp4")),
    ]);
    all
}

/// Bytes that must never be in what is served as a picture.
fn clean(bytes: &[u8]) -> Result<(), String> {
    let marks: [&[u8]; 9] =
        [SECRET, b"Exif", b"GPS", b"<script", b"<svg", b"<?php", b"PK\x03\x04", b"ICC_PROFILE", b"AAAAAAAA"];
    match marks.into_iter().find(|mark| bytes.windows(mark.len()).any(|window| window == *mark)) {
        Some(mark) => Err(String::from_utf8_lossy(mark).into_owned()),
        None => Ok(()),
    }
}

async fn judge(world: &World, name: &str, said: &str, bytes: Vec<u8>, fate: Fate) -> Result<(), String> {
    let sent = bytes.clone();
    let query = "?name=..%2F..%2Fx.html%00.jpg";
    let answer = world.upload("te_1", said, query, bytes).await;
    if let Refused(reasons) = fate {
        let reason = answer.reason();
        let client = answer.status.is_client_error();
        return if client && reasons.contains(&&*reason) {
            Ok(())
        } else {
            Err(format!("{name}: {} {reason}", answer.status))
        };
    }
    if answer.status != StatusCode::CREATED {
        return Err(format!("{name}: {} {}", answer.status, answer.reason()));
    }
    let place = answer.header("location").to_owned();
    let got = world.get("te_1", &place, &[]).await;
    let media_type = got.header("content-type").to_owned();
    let harmless = got.header("content-disposition").starts_with("attachment;")
        && !got.header("content-disposition").contains("html\"")
        && got.header("x-content-type-options") == "nosniff"
        && got.header("content-security-policy").contains("sandbox");
    let id = place.rsplit('_').next().unwrap_or_default();
    if got.status != StatusCode::OK || !harmless || id.len() != 26 {
        return Err(format!("{name}: {} {:?}", got.status, got.headers));
    }
    match fate {
        Refused(_) => Ok(()),
        Kept(expected) if media_type == expected && got.body == sent => Ok(()),
        Kept(_) => Err(format!("{name}: served as {media_type}")),
        Picture(format, width, height) => {
            let thumbnail = world.get("te_1", &format!("{place}/thumbnail"), &[]).await.body;
            for bytes in [&got.body, &thumbnail] {
                clean(bytes).map_err(|mark| format!("{name}: {mark} came through"))?;
            }
            let image =
                image::load_from_memory_with_format(&got.body, format).map_err(|error| format!("{name}: {error}"))?;
            let right = (image.width(), image.height()) == (width, height) && media_type == format.to_mime_type();
            if right { Ok(()) } else { Err(format!("{name}: {}x{} {media_type}", image.width(), image.height())) }
        }
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn nothing_hostile_gets_through(#[case] backend: Backend) {
    let world = world(backend).await;
    let files = files();
    assert!(files.len() >= 60, "{} files", files.len());
    let mut wrong = Vec::new();
    let mut fates = BTreeMap::<&str, usize>::new();
    for (name, said, bytes, fate) in files {
        let kind = match fate {
            Refused(_) => "refused",
            Picture(..) => "made anew",
            Kept(_) => "kept",
        };
        *fates.entry(kind).or_default() += 1;
        if let Err(fault) = judge(&world, name, said, bytes, fate).await {
            wrong.push(fault);
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(fates.values().all(|count| *count > 5), "{fates:?}");
}

#[tokio::test]
async fn a_photo_on_its_side_stands_up() {
    let world = world(Backend::Sqlite).await;
    // The red corner, and where it is once the photo is upright.
    for (orientation, x, y) in
        [(1, 2, 2), (2, 37, 2), (3, 37, 27), (4, 2, 27), (5, 2, 2), (6, 27, 2), (7, 27, 37), (8, 2, 37)]
    {
        let answer = world.upload("te_1", "image/jpeg", "", exif_jpeg(40, 30, orientation)).await;
        let got = world.get("te_1", answer.header("location"), &[]).await;
        let image = image::load_from_memory(&got.body).unwrap();
        let Rgb([red, _, blue]) = image.to_rgb8().get_pixel(x, y).to_owned();
        assert!(red > 150 && blue < 100, "orientation {orientation}: {red} {blue}");
    }
}

/// A picture that takes no memory of its own.
struct Wide(u32, u32);

impl GenericImageView for Wide {
    type Pixel = Rgb<u8>;

    fn dimensions(&self) -> (u32, u32) {
        (self.0, self.1)
    }

    fn get_pixel(&self, x: u32, y: u32) -> Rgb<u8> {
        Rgb([u8::try_from(x % 251).unwrap(), u8::try_from(y % 251).unwrap(), 99])
    }
}

#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// The largest photo that is taken, several at once, and the bombs: memory stays within what one photo may take.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn memory_stays_bounded() {
    let world = world(Backend::Sqlite).await;
    let mut large = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut large, 50).encode_image(&Wide(5000, 4000)).unwrap();
    // The peak from here on.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak();
    let sent = (0..3).map(|_| world.upload("te_1", "image/jpeg", "", large.clone()));
    for answer in futures::future::join_all(sent).await {
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        assert_eq!((&answer.json()["width"], &answer.json()["height"]), (&3600.into(), &2880.into()));
    }
    for (name, said, bytes, fate) in files().into_iter().filter(|(name, ..)| name.contains(" x ")) {
        judge(&world, name, said, bytes, fate).await.unwrap();
    }
    let grown = peak() - before;
    assert!(grown <= 128 << 20, "{} MiB", grown >> 20);
}
