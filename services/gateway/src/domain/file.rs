//! What a file is: its kind by its first bytes, never by its name or by what the sender says; and byte ranges.

use common::typed_id;

typed_id! {
    /// A file, and the upload that it comes from. All of its bits are random.
    FileId = "fl";
}

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Made anew from its pixels.
    Image,
    /// Kept as it came.
    Document,
    /// Kept as it came.
    Recording,
    /// Kept as it came.
    Video,
}

/// The kinds that are taken. Nothing that a browser would run is among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Jpeg,
    Png,
    Webp,
    Pdf,
    Mp3,
    M4a,
    Wav,
    Ogg,
    Mp4,
}

/// Bytes that [`Kind::sniff`] wants to see, when there are so many.
pub(crate) const HEAD: usize = 8192;

impl Kind {
    /// Every kind.
    pub(crate) const ALL: [Self; 9] =
        [Self::Jpeg, Self::Png, Self::Webp, Self::Pdf, Self::Mp3, Self::M4a, Self::Wav, Self::Ogg, Self::Mp4];

    /// The kind of a file by its beginning; `None` for what is not taken.
    pub(crate) fn sniff(head: &[u8]) -> Option<Self> {
        let at = |place: usize, bytes: &[u8]| head.get(place..).is_some_and(|rest| rest.starts_with(bytes));
        if at(0, &[0xff, 0xd8, 0xff]) {
            return Some(Self::Jpeg);
        }
        if at(0, b"\x89PNG\r\n\x1a\n") && at(12, b"IHDR") {
            return Some(Self::Png);
        }
        if at(0, b"RIFF") && at(8, b"WEBPVP8") {
            return Some(Self::Webp);
        }
        if at(0, b"RIFF") && at(8, b"WAVE") {
            return Some(Self::Wav);
        }
        if at(0, b"%PDF-1.") || at(0, b"%PDF-2.") {
            return Some(Self::Pdf);
        }
        if at(0, b"OggS\0") {
            return Some(Self::Ogg);
        }
        if at(4, b"ftyp") {
            let brand = head.get(8..12)?;
            return match brand {
                b"M4A " | b"M4B " => Some(Self::M4a),
                b"isom" | b"iso2" | b"iso4" | b"iso5" | b"iso6" | b"mp41" | b"mp42" | b"avc1" | b"MSNV" | b"3gp4"
                | b"3gp5" | b"3gp6" | b"dash" => Some(Self::Mp4),
                _ => None,
            };
        }
        is_mp3(head).then_some(Self::Mp3)
    }

    /// The kind that a media type names; `Err` for one that is not taken, `Ok(None)` for one that says nothing.
    pub(crate) fn declared(media_type: &str) -> Result<Option<Self>, ()> {
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "" | "application/octet-stream" | "binary/octet-stream" => Ok(None),
            "image/jpeg" | "image/jpg" | "image/pjpeg" => Ok(Some(Self::Jpeg)),
            "image/png" => Ok(Some(Self::Png)),
            "image/webp" => Ok(Some(Self::Webp)),
            "application/pdf" => Ok(Some(Self::Pdf)),
            "audio/mpeg" | "audio/mp3" => Ok(Some(Self::Mp3)),
            "audio/mp4" | "audio/m4a" | "audio/x-m4a" | "audio/aac" => Ok(Some(Self::M4a)),
            "audio/wav" | "audio/x-wav" | "audio/wave" => Ok(Some(Self::Wav)),
            "audio/ogg" | "application/ogg" | "audio/opus" => Ok(Some(Self::Ogg)),
            "video/mp4" => Ok(Some(Self::Mp4)),
            _ => Err(()),
        }
    }

    /// Whether a file of this kind may be what its sender said. Recorders write m4a with a video's brand.
    pub(crate) fn may_be(self, declared: Self) -> bool {
        self == declared || (self == Self::Mp4 && declared == Self::M4a)
    }

    /// The media type it is served with.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Pdf => "application/pdf",
            Self::Mp3 => "audio/mpeg",
            Self::M4a => "audio/mp4",
            Self::Wav => "audio/wav",
            Self::Ogg => "audio/ogg",
            Self::Mp4 => "video/mp4",
        }
    }

    /// The kind of a stored media type.
    pub(crate) fn parse(media_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.media_type() == media_type)
    }

    /// The ending of its name.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Pdf => "pdf",
            Self::Mp3 => "mp3",
            Self::M4a => "m4a",
            Self::Wav => "wav",
            Self::Ogg => "ogg",
            Self::Mp4 => "mp4",
        }
    }

    /// What is done with it.
    pub(crate) fn class(self) -> Class {
        match self {
            Self::Jpeg | Self::Png | Self::Webp => Class::Image,
            Self::Pdf => Class::Document,
            Self::Mp3 | Self::M4a | Self::Wav | Self::Ogg => Class::Recording,
            Self::Mp4 => Class::Video,
        }
    }
}

/// An ID3 tag, or two MPEG audio frames one behind the other.
fn is_mp3(head: &[u8]) -> bool {
    if head.starts_with(b"ID3") {
        return head.len() > 10 && head[3] <= 4 && head[6..10].iter().all(|byte| *byte < 0x80);
    }
    let Some(length) = mpeg_frame(head) else { return false };
    head.get(length..).is_some_and(|next| mpeg_frame(next).is_some())
}

/// Length of the MPEG layer III frame that begins here.
fn mpeg_frame(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(..4)?;
    let (version, layer) = (header[1] >> 3 & 3, header[1] >> 1 & 3);
    if header[0] != 0xff || header[1] & 0xe0 != 0xe0 || version == 1 || layer != 1 {
        return None;
    }
    let rates: [usize; 16] = if version == 3 {
        [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0]
    } else {
        [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0]
    };
    let sampling: [usize; 4] = match version {
        3 => [44_100, 48_000, 32_000, 0],
        2 => [22_050, 24_000, 16_000, 0],
        _ => [11_025, 12_000, 8_000, 0],
    };
    let rate = rates[usize::from(header[2] >> 4)] * 1000;
    let sampling = sampling[usize::from(header[2] >> 2 & 3)];
    if rate == 0 || sampling == 0 {
        return None;
    }
    let samples = if version == 3 { 144 } else { 72 };
    Some(samples * rate / sampling + usize::from(header[2] >> 1 & 1))
}

/// What a JPEG says of itself before its pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct JpegFrame {
    /// Whether it comes in several passes: then all of its coefficients are in memory at once.
    pub(crate) progressive: bool,
    /// Components, 1 to 4.
    pub(crate) components: u8,
    /// Width in pixels.
    pub(crate) width: u16,
    /// Height in pixels.
    pub(crate) height: u16,
}

/// Reads the frame header of a JPEG; `None` when there is none.
pub(crate) fn jpeg_frame(bytes: &[u8]) -> Option<JpegFrame> {
    let mut place = 2;
    loop {
        let marker = *bytes.get(place + 1)?;
        if bytes[place] != 0xff {
            return None;
        }
        match marker {
            // Filling before a marker.
            0xff => place += 1,
            0x01 | 0xd0..=0xd8 => place += 2,
            0xd9 | 0xda => return None,
            _ => {
                let length = usize::from(u16::from_be_bytes([*bytes.get(place + 2)?, *bytes.get(place + 3)?]));
                let frame = matches!(marker, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf);
                if frame {
                    let side =
                        |at: usize| Some(u16::from_be_bytes([*bytes.get(place + at)?, *bytes.get(place + at + 1)?]));
                    let progressive = matches!(marker, 0xc2 | 0xc6 | 0xca | 0xce);
                    let components = *bytes.get(place + 9)?;
                    return Some(JpegFrame { progressive, components, width: side(7)?, height: side(5)? });
                }
                if length < 2 {
                    return None;
                }
                place += 2 + length;
            }
        }
    }
}

/// What a `Range` header asks of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it: no range, one that we do not read, or several at once (a server may answer those with the whole).
    Whole,
    /// From the first to behind the last byte.
    Part(u64, u64),
    /// Nothing that the file has.
    Nothing,
}

/// Reads a `Range` header for a file of this size.
pub(crate) fn range(header: Option<&str>, size: u64) -> Wanted {
    let Some(wanted) = header.and_then(|text| text.trim().strip_prefix("bytes=")) else { return Wanted::Whole };
    let Some((first, last)) = wanted.split_once('-') else { return Wanted::Whole };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.len() <= 19 && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse::<u64>().ok() } else { None }
    };
    match (first.trim(), last.trim()) {
        ("", suffix) => match number(suffix) {
            Some(0) => Wanted::Nothing,
            Some(_) if size == 0 => Wanted::Nothing,
            Some(suffix) => Wanted::Part(size.saturating_sub(suffix), size),
            None => Wanted::Whole,
        },
        (first, "") => match number(first) {
            Some(first) if first < size => Wanted::Part(first, size),
            Some(_) => Wanted::Nothing,
            None => Wanted::Whole,
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last && first < size => Wanted::Part(first, size.min(last + 1)),
            (Some(first), Some(last)) if first <= last => Wanted::Nothing,
            _ => Wanted::Whole,
        },
    }
}

/// A name fit to be shown and kept: the last part of a path, without control characters or anything that means
/// something to a file system or a header; with the ending of what the file is.
pub(crate) fn clean_name(name: &str, kind: Kind) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last
        .chars()
        .filter(|letter| {
            !letter.is_control()
                && !"\"'<>|:*?;%$`&{}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}".contains(*letter)
        })
        .take(80)
        .collect();
    let stem = match kept.rsplit_once('.') {
        Some((stem, ending)) if ending.len() <= 5 => stem,
        _ => &kept,
    };
    let stem = stem.trim_matches([' ', '.']);
    format!("{}.{}", if stem.is_empty() { "file" } else { stem }, kind.ending())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        for (header, expected) in [
            (None, Wanted::Whole),
            (Some("bytes=0-0"), Wanted::Part(0, 1)),
            (Some("bytes=0-99"), Wanted::Part(0, 100)),
            (Some("bytes=0-1000"), Wanted::Part(0, 100)),
            (Some("bytes=99-"), Wanted::Part(99, 100)),
            (Some("bytes=-1"), Wanted::Part(99, 100)),
            (Some("bytes=-1000"), Wanted::Part(0, 100)),
            (Some("bytes=100-"), Wanted::Nothing),
            (Some("bytes=100-200"), Wanted::Nothing),
            (Some("bytes=-0"), Wanted::Nothing),
            (Some("bytes=5-4"), Wanted::Whole),
            (Some("bytes=a-b"), Wanted::Whole),
            (Some("bytes=-"), Wanted::Whole),
            (Some("bytes=0-1,5-6"), Wanted::Whole),
            (Some("items=0-1"), Wanted::Whole),
            (Some("bytes=99999999999999999999-"), Wanted::Whole),
            (Some("bytes=+1-2"), Wanted::Whole),
        ] {
            assert_eq!(range(header, 100), expected, "{header:?}");
        }
        assert_eq!(range(Some("bytes=0-"), 0), Wanted::Nothing);
        assert_eq!(range(Some("bytes=-5"), 0), Wanted::Nothing);
    }

    #[test]
    fn names_are_made_harmless() {
        for (name, expected) in [
            ("photo.jpeg", "photo.jpg"),
            ("../../etc/passwd", "passwd.jpg"),
            ("..\\..\\boot.ini", "boot.jpg"),
            ("a\r\nSet-Cookie: x=1.jpg", "aSet-Cookie x=1.jpg"),
            ("\u{202e}gpj.exe", "gpj.jpg"),
            ("x\".html", "x.jpg"),
            ("", "file.jpg"),
            ("...", "file.jpg"),
            ("维修照片.png", "维修照片.jpg"),
            ("shell.php.jpg", "shell.php.jpg"),
            ("nul\0.jpg", "nul.jpg"),
        ] {
            assert_eq!(clean_name(name, Kind::Jpeg), expected, "{name:?}");
        }
        assert!(clean_name(&"x".repeat(10_000), Kind::Pdf).len() < 100);
    }

    #[test]
    fn kinds_are_told_by_their_bytes() {
        let mut mp3 = vec![0xff, 0xfb, 0x90, 0x00];
        mp3.resize(417, 0);
        mp3.extend([0xff, 0xfb, 0x90, 0x00]);
        for (head, expected) in [
            (&b"\xff\xd8\xff\xe0"[..], Some(Kind::Jpeg)),
            (b"%PDF-1.7\n", Some(Kind::Pdf)),
            (b" %PDF-1.7\n", None),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(Kind::Webp)),
            (b"RIFF\0\0\0\0WAVEfmt ", Some(Kind::Wav)),
            (b"OggS\0\x02", Some(Kind::Ogg)),
            (b"\0\0\0\x20ftypisom", Some(Kind::Mp4)),
            (b"\0\0\0\x20ftypM4A ", Some(Kind::M4a)),
            (b"\0\0\0\x20ftypheic", None),
            (b"\0\0\0\x14ftypqt  ", None),
            (b"ID3\x04\0\0\0\0\x0f\x76\0", Some(Kind::Mp3)),
            (&mp3, Some(Kind::Mp3)),
            (&mp3[..300], None),
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\">", None),
            (b"<!doctype html><script>", None),
            (b"GIF89a", None),
            (b"PK\x03\x04", None),
            (b"MZ\x90", None),
            (b"\x7fELF", None),
            (b"", None),
        ] {
            assert_eq!(Kind::sniff(head), expected, "{head:?}");
        }
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.media_type()), Some(kind));
            assert_eq!(Kind::declared(kind.media_type()), Ok(Some(kind)));
        }
        assert_eq!(Kind::declared("image/svg+xml"), Err(()));
        assert_eq!(Kind::declared("text/html; charset=utf-8"), Err(()));
    }
}
