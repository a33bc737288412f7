//! What is written is read again: text, pages and pictures.

use super::*;

fn about() -> About {
    About {
        title: "服务报告单".to_owned(),
        language: "zh-CN".to_owned(),
        date: DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
        foot: "WO-2026-000001".to_owned(),
    }
}

fn paper() -> Paper {
    Paper::new(about()).unwrap()
}

fn texts(paper: &Paper) -> Vec<Vec<String>> {
    let text = |item: &Item| match item {
        Item::Text { text, .. } => Some(text.clone()),
        Item::Rule { .. } | Item::Image { .. } | Item::Strokes { .. } => None,
    };
    paper.pages.iter().map(|page| page.iter().filter_map(text).collect()).collect()
}

#[test]
fn lines_end_where_both_languages_allow_it() {
    let letters = Letters::all().unwrap();
    let text = "洗衣机不排水，customer heard a loud noise。更换排水泵后试机正常";
    let lines = letters.lines(text, 10.0, 120.0);
    assert!(lines.len() > 2, "{lines:?}");
    for line in &lines {
        assert!(letters.width(line, 10.0) <= 120.0, "{line}");
        assert!(!line.starts_with(['，', '。']), "{line}");
    }
    // Words stay whole, and nothing is lost but the spaces at the ends of lines.
    assert!(lines.iter().any(|line| line.contains("customer")), "{lines:?}");
    assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
    assert_eq!(letters.lines("一\n\n二", 10.0, 120.0), ["一", "", "二"]);
    assert_eq!(letters.lines("", 10.0, 120.0), [""]);
    let long = "a".repeat(100);
    let lines = letters.lines(&long, 10.0, 120.0);
    assert_eq!(lines.concat(), long);
    assert!(lines.iter().all(|line| letters.width(line, 10.0) <= 120.0));
}

#[test]
fn what_the_font_does_not_have_is_a_frame() {
    let letters = Letters::all().unwrap();
    assert_eq!(letters.known("好\u{1f600}\u{0}\u{200d}a\tb"), "好□a b");
}

#[test]
fn a_table_goes_on_under_its_heading() {
    let mut paper = paper();
    let columns =
        [Column { title: "料号", share: 2.0, figures: false }, Column { title: "数量", share: 1.0, figures: true }];
    let rows: Vec<Vec<String>> = (0..120).map(|row| vec![format!("WM-{row}"), row.to_string()]).collect();
    paper.table(&columns, &rows);
    let pages = texts(&paper);
    assert!(pages.len() > 1);
    for page in &pages {
        assert_eq!(page[..2], ["料号", "数量"]);
    }
    let all: Vec<&String> = pages.iter().flatten().filter(|text| text.starts_with("WM-")).collect();
    assert_eq!(all.len(), 120, "every row once");
    for page in &paper.pages {
        for item in page {
            if let Item::Text { at, .. } = item {
                assert!(at.1 <= BOTTOM && at.0 >= MARGIN, "{item:?}");
            }
        }
    }
}

#[test]
fn a_heading_stands_above_something_on_its_page() {
    for lines in 0..70 {
        let mut paper = paper();
        for line in 0..lines {
            paper.text(&line.to_string());
        }
        paper.heading("照片");
        paper.pictures(vec![Picture { bytes: Vec::new(), caption: "前".to_owned() }]);
        paper.heading("空");
        let pages = texts(&paper);
        let headed = pages.iter().find(|page| page.contains(&"照片".to_owned())).unwrap();
        assert!(headed.contains(&"前".to_owned()), "{lines} lines before it");
        assert!(!pages.concat().contains(&"空".to_owned()), "over nothing");
    }
}

#[test]
fn what_is_longer_than_a_page_goes_on() {
    let mut paper = paper();
    let text: Vec<String> = (0..200).map(|line| format!("line-{line}")).collect();
    paper.heading("诊断");
    paper.facts([("内容", text.join("\n"))]);
    paper.table(&[Column { title: "项目", share: 1.0, figures: false }], &[vec![text.join("\n")]]);
    let pages = texts(&paper);
    assert!(pages.len() >= 4, "{}", pages.len());
    assert_eq!(pages.concat().iter().filter(|line| line.starts_with("line-199")).count(), 1, "as a line of its own");
    assert!(paper.pages.iter().flatten().all(|item| !matches!(item, Item::Text { at, .. } if at.1 > BOTTOM + 0.1)));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// People write anything: there is a document, and nothing stands beside the page.
    #[test]
    fn whatever_is_written_there_is_a_document(text in "\\PC{0,80}|(.|\n){0,80}", path in ".{0,40}") {
        let mut paper = Paper::new(About { title: text.clone(), foot: text.clone(), ..about() }).unwrap();
        paper.title(&text, "1");
        paper.heading(&text);
        paper.text(&text);
        paper.facts([("内容", text.clone())]);
        paper.table(&[Column { title: &text, share: 1.0, figures: true }, Column { title: "b", share: 3.0, figures: false }], &[vec![text.clone(), text.clone()]]);
        paper.signature(&path, &text);
        let right = |item: &Item| match item {
            Item::Text { at, size, text, .. } => at.0 + paper.letters.width(text, *size),
            Item::Rule { to, .. } => to.0,
            Item::Image { at, image } => at.0 + image.size.0,
            Item::Strokes { at, .. } => at.0,
        };
        for item in paper.pages.iter().flatten() {
            proptest::prop_assert!(right(item) <= PAGE.0 - MARGIN + 12.0, "{:?}", item);
        }
        proptest::prop_assert!(paper.finish().is_ok());
    }
}

#[test]
fn short_facts_stand_beside_each_other_and_empty_ones_are_left_out() {
    let mut paper = paper();
    let long = "长".repeat(80);
    paper.facts([("工单", "WO-1".to_owned()), ("空", String::new()), ("品类", "洗衣机".to_owned()), ("地址", long)]);
    let texts = texts(&paper).concat();
    assert!(!texts.contains(&"空".to_owned()));
    let at = |wanted: &str| {
        paper.pages[0].iter().find_map(|item| match item {
            Item::Text { at, text, .. } if text == wanted => Some(*at),
            Item::Text { .. } | Item::Rule { .. } | Item::Image { .. } | Item::Strokes { .. } => None,
        })
    };
    assert_eq!(at("工单").unwrap().1, at("品类").unwrap().1, "beside each other");
    assert!(at("地址").unwrap().1 > at("品类").unwrap().1);
}

#[test]
fn a_signature_fits_its_frame_and_nonsense_draws_nothing() {
    let strokes = Strokes::read("M 1000 1000 C 1100 900 1300 1200 1400 1000 L 1500 1100", SIGNATURE).unwrap();
    assert!(strokes.at((10.0, 20.0)).is_some());
    let bounds = strokes.bounds();
    let frame = kurbo::Rect::new(0.0, 0.0, SIGNATURE.0.into(), SIGNATURE.1.into()).inflate(0.01, 0.01);
    assert!(frame.contains_rect(bounds), "{bounds:?}");
    assert!(bounds.width() > 100.0, "as large as it can be: {bounds:?}");
    for nonsense in ["", "M 0 0", "javascript:alert(1)", "M 0 0 L 1e300 1e300", "M NaN 0 L 1 1", "M 0 0 L 1e-320 0"] {
        assert!(Strokes::read(nonsense, SIGNATURE).is_none(), "{nonsense}");
    }
    let mut paper = paper();
    paper.signature("nonsense", "客户");
    assert!(!paper.finish().unwrap().is_empty());
}

#[test]
fn the_same_content_makes_the_same_bytes_and_pictures_are_in_them() {
    let write = |pictures: Vec<Vec<u8>>| {
        let mut paper = paper();
        paper.title("服务报告单", "WO-2026-000001");
        paper.heading("照片");
        paper.text("维修前后 before and after 😀");
        let captioned = |bytes| Picture { bytes, caption: "前".to_owned() };
        paper.pictures(pictures.into_iter().map(captioned).collect());
        paper.signature("M 0 0 C 10 20 30 0 40 10", "客户签名");
        paper.finish().unwrap()
    };
    let without = write(vec![b"no picture".to_vec()]);
    assert!(without.starts_with(b"%PDF-1.7"));
    assert_eq!(without, write(vec![b"no picture".to_vec()]), "the same content");
    let conforms = b"<pdfaid:conformance>B</pdfaid:conformance>";
    assert!(without.windows(conforms.len()).any(|part| part == conforms), "it says that it is PDF/A");
    assert_eq!(images(&without), 0);
    let with = write(vec![jpeg(); 4]);
    assert_eq!(images(&with), 1, "the same picture is in the file once");
}

fn images(pdf: &[u8]) -> usize {
    let document = lopdf::Document::load_mem(pdf).unwrap();
    let image = |object: &lopdf::Object| {
        object.as_stream().is_ok_and(|stream| {
            stream.dict.get(b"Subtype").is_ok_and(|kind| kind.as_name().is_ok_and(|name| name == b"Image"))
        })
    };
    document.objects.values().filter(|object| image(object)).count()
}

/// A small photo.
fn jpeg() -> Vec<u8> {
    let mut bytes = Vec::new();
    let pixels = image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8 * 6, y as u8 * 8, 90]));
    image::codecs::jpeg::JpegEncoder::new(&mut bytes).encode_image(&pixels).unwrap();
    bytes
}
