//! The honest ways in and out, broken connections among them.

use axum::body::Body;
use bytes::Bytes;
use chrono::Duration;
use common::{record::Actor, testing::Backend};
use http::StatusCode;
use rstest::rstest;

use super::{
    pictures::{jpeg, mp3, pdf, png},
    world::{CUSTOMER, ORDER, World, world},
};
use crate::{audit, files, store::audit::entity as trail};

/// A body that breaks after these bytes.
fn broken(bytes: &[u8]) -> Body {
    let parts = [Ok(Bytes::copy_from_slice(bytes)), Err(std::io::Error::other("the connection broke"))];
    Body::from_stream(futures::stream::iter(parts))
}

async fn begin(world: &World, who: &str, length: usize, query: &str) -> String {
    let headers = [("upload-length", &*length.to_string()), ("content-type", "application/octet-stream")];
    let answer = world.call(who, "POST", &format!("/v1/uploads{query}"), &headers, Body::empty()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
    answer.header("location").to_owned()
}

async fn offset(world: &World, who: &str, place: &str) -> usize {
    let answer = world.call(who, "HEAD", place, &[], Body::empty()).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.header("upload-offset").parse().unwrap()
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_file_goes_in_and_comes_out_whole_or_in_ranges(#[case] backend: Backend) {
    let world = world(backend).await;
    let sent = mp3(20);
    let answer = world.upload("te_1", "audio/mpeg", "?name=call.mp3&label=call", sent.clone()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
    let file = answer.json();
    let place = answer.header("location").to_owned();
    assert_eq!(place, format!("/v1/files/{}", file["fileId"].as_str().unwrap()));
    assert_eq!(
        (&file["mediaType"], &file["name"], &file["label"]),
        (&"audio/mpeg".into(), &"call.mp3".into(), &"call".into())
    );
    assert_eq!(file["sizeBytes"], sent.len().to_string());

    let got = world.get("te_1", &place, &[]).await;
    assert_eq!((got.status, &got.body[..]), (StatusCode::OK, &sent[..]));
    assert_eq!(got.header("content-type"), "audio/mpeg");
    assert_eq!(got.header("x-content-type-options"), "nosniff");
    assert!(got.header("content-disposition").starts_with("attachment;"));
    assert!(got.header("content-security-policy").contains("sandbox"));
    assert_eq!(got.header("content-length"), sent.len().to_string());
    let etag = got.header("etag").to_owned();

    let size = sent.len();
    for (range, from, to) in [
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=100-199".to_owned(), 100, 200),
        (format!("bytes={}-", size - 7), size - 7, size),
        ("bytes=-9".to_owned(), size - 9, size),
        (format!("bytes=5-{}", size * 2), 5, size),
    ] {
        let part = world.get("te_1", &place, &[("range", &range)]).await;
        assert_eq!((part.status, &part.body[..]), (StatusCode::PARTIAL_CONTENT, &sent[from..to]), "{range}");
        assert_eq!(part.header("content-range"), format!("bytes {from}-{}/{size}", to - 1));
    }
    for range in [format!("bytes={size}-"), "bytes=-0".to_owned(), "bytes=999999999-".to_owned()] {
        let refused = world.get("te_1", &place, &[("range", &range)]).await;
        assert_eq!(refused.status, StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        assert_eq!(refused.header("content-range"), format!("bytes */{size}"));
    }
    for range in ["bytes=9-5", "lines=1-2", "bytes=a-", "bytes=0-1,3-4", "bytes=", ""] {
        let whole = world.get("te_1", &place, &[("range", range)]).await;
        assert_eq!((whole.status, whole.body.len()), (StatusCode::OK, size), "{range}");
    }
    let other = world.get("te_1", &place, &[("range", "bytes=0-9"), ("if-range", "\"other\"")]).await;
    assert_eq!((other.status, other.body.len()), (StatusCode::OK, size));
    let same = world.get("te_1", &place, &[("range", "bytes=0-9"), ("if-range", &etag)]).await;
    assert_eq!((same.status, same.body.len()), (StatusCode::PARTIAL_CONTENT, 10));
    let known = world.get("te_1", &place, &[("if-none-match", &etag)]).await;
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let head = world.call("te_1", "HEAD", &place, &[], Body::empty()).await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (StatusCode::OK, &*size.to_string(), 0));

    let metadata = world.get("te_1", &format!("{place}/metadata"), &[]).await;
    assert_eq!(metadata.json(), file, "the RPC says the same");
    assert_eq!(world.get("te_1", &format!("{place}/thumbnail"), &[]).await.status, StatusCode::NOT_FOUND);
    let wrong = world.call("te_1", "PUT", &place, &[], Body::empty()).await;
    assert_eq!(wrong.status, StatusCode::NOT_FOUND, "{:?}", wrong.body);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_form_is_taken_too(#[case] backend: Backend) {
    let world = world(backend).await;
    let form = |file: &[u8], extra: &str| {
        let mut body = format!("--x\r\nContent-Disposition: form-data; name=\"label\"\r\n\r\nbefore\r\n{extra}--x\r\n")
            .into_bytes();
        body.extend(
            b"Content-Disposition: form-data; name=\"file\"; filename=\"../a.png\"\r\nContent-Type: image/png\r\n\r\n",
        );
        body.extend(file);
        body.extend(b"\r\n--x--\r\n");
        body
    };
    let answer = world.upload("te_1", "multipart/form-data; boundary=x", "", form(&png(40, 30), "")).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
    let file = answer.json();
    assert_eq!((&file["name"], &file["label"], &file["width"]), (&"a.png".into(), &"before".into(), &40.into()));
    let strange = "--x\r\nContent-Disposition: form-data; name=\"owner\"\r\n\r\nme\r\n";
    let refused = world.upload("te_1", "multipart/form-data; boundary=x", "", form(&png(40, 30), strange)).await;
    assert_eq!((refused.status, &*refused.reason()), (StatusCode::BAD_REQUEST, "INVALID_FIELDS"));
    for body in [b"--x--\r\n".to_vec(), b"".to_vec(), b"nonsense".to_vec()] {
        let refused = world.upload("te_1", "multipart/form-data; boundary=x", "", body).await;
        assert_eq!(refused.reason(), "INVALID_FIELDS");
    }
}

/// One upload, its connection broken at every 64 kB: it goes on at that byte, and nothing is lost or doubled.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_upload_cut_at_every_64_kb_goes_on(#[case] backend: Backend) {
    const CUT: usize = 64 * 1024;
    let world = world(backend).await;
    let mut sent = mp3(2500);
    sent.iter_mut().skip(2000).enumerate().for_each(|(place, byte)| *byte ^= u8::try_from(place % 251).unwrap());
    assert!(sent.len() > 1_000_000);
    let place = begin(&world, "te_1", sent.len(), "").await;
    let mut cuts = 0;
    loop {
        let here = offset(&world, "te_1", &place).await;
        assert_eq!(here, (cuts * CUT).min(sent.len()));
        let end = here + CUT;
        let at = here.to_string();
        let headers = [("upload-offset", &*at), ("content-type", "application/offset+octet-stream")];
        if end >= sent.len() {
            let answer = world.call("te_1", "PATCH", &place, &headers, Body::from(sent[here..].to_vec())).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
            break;
        }
        let answer = world.call("te_1", "PATCH", &place, &headers, broken(&sent[here..end])).await;
        assert_eq!((answer.status, answer.header("upload-offset")), (StatusCode::NO_CONTENT, &*end.to_string()));
        cuts += 1;
    }
    assert_eq!(cuts, sent.len() / CUT);
    // The last answer may get lost: asking again tells where the file is.
    let again = world.call("te_1", "HEAD", &place, &[], Body::empty()).await;
    let file = again.header("location").to_owned();
    assert_eq!(file, place.replace("uploads", "files"));
    assert_eq!(world.get("te_1", &file, &[]).await.body, sent);
    let left: Vec<_> = walk(world.folder.path());
    assert_eq!(left.len(), 1, "the pieces are gone: {left:?}");
}

/// Every file below a folder.
fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn pieces_come_in_order_from_one_sender(#[case] backend: Backend) {
    let world = world(backend).await;
    let sent = mp3(100);
    let place = begin(&world, "te_1", sent.len(), "").await;
    let add = |who: &'static str, at: usize, bytes: Vec<u8>| {
        let (world, place) = (&world, place.clone());
        async move {
            let at = at.to_string();
            world.call(who, "PATCH", &place, &[("upload-offset", &*at)], Body::from(bytes)).await
        }
    };
    assert_eq!(add("te_2", 0, sent.clone()).await.status, StatusCode::NOT_FOUND, "another's upload");
    let early = add("te_1", 10, sent[10..20].to_vec()).await;
    assert_eq!((early.status, &*early.reason()), (StatusCode::CONFLICT, "UPLOAD_OFFSET"));
    assert_eq!(early.header("upload-offset"), "0");
    // Odd places, a single byte among them.
    assert_eq!(add("te_1", 0, sent[..1].to_vec()).await.header("upload-offset"), "1");
    assert_eq!(add("te_1", 1, sent[1..1001].to_vec()).await.header("upload-offset"), "1001");
    // Two at one place: one is believed.
    let (one, two) =
        tokio::join!(add("te_1", 1001, sent[1001..5000].to_vec()), add("te_1", 1001, sent[1001..7000].to_vec()));
    let won: Vec<_> = [&one, &two].into_iter().filter(|answer| answer.status == StatusCode::NO_CONTENT).collect();
    assert_eq!(won.len(), 1, "{} {}", one.status, two.status);
    let here = offset(&world, "te_1", &place).await;
    assert_eq!(won[0].header("upload-offset"), here.to_string());
    // A silent sender is cut off, and what came stays.
    let silent = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::copy_from_slice(&sent[here..here + 100]))]);
    let silent = Body::from_stream(futures::StreamExt::chain(silent, futures::stream::pending()));
    let at = here.to_string();
    let cut = world.call("te_1", "PATCH", &place, &[("upload-offset", &*at)], silent).await;
    assert_eq!((cut.status, cut.header("upload-offset")), (StatusCode::NO_CONTENT, &*(here + 100).to_string()));
    let whole = add("te_1", here + 100, sent[here + 100..].to_vec()).await;
    assert_eq!(whole.status, StatusCode::CREATED, "{:?}", whole.body);
    assert_eq!(world.get("te_1", whole.header("location"), &[]).await.body, sent);

    let place = begin(&world, "te_1", 100, "").await;
    let long = world.call("te_1", "PATCH", &place, &[("upload-offset", "0")], Body::from(mp3(3))).await;
    assert_eq!((long.status, &*long.reason()), (StatusCode::PAYLOAD_TOO_LARGE, "FILE_TOO_LARGE"));
    let gone = world.call("te_1", "HEAD", &place, &[], Body::empty()).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    let place = begin(&world, "te_1", 100, "").await;
    assert_eq!(world.call("te_1", "DELETE", &place, &[], Body::empty()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.call("te_1", "HEAD", &place, &[], Body::empty()).await.status, StatusCode::NOT_FOUND);
    for (headers, reason) in [
        (vec![("upload-length", "200000001")], "FILE_TOO_LARGE"),
        (vec![("upload-length", "20000001"), ("content-type", "image/png")], "FILE_TOO_LARGE"),
        (vec![("upload-length", "10"), ("content-type", "image/svg+xml")], "FILE_TYPE_NOT_TAKEN"),
        (vec![("upload-length", "0")], "INVALID_FIELDS"),
        (vec![("upload-length", "-1")], "INVALID_FIELDS"),
        (vec![("upload-length", "1e3")], "INVALID_FIELDS"),
        (vec![], "INVALID_FIELDS"),
    ] {
        let refused = world.call("te_1", "POST", "/v1/uploads", &headers, Body::empty()).await;
        assert_eq!(refused.reason(), reason, "{headers:?}");
    }
    for _ in 0..5 {
        begin(&world, "te_1", 100, "").await;
    }
    let sixth = world.call("te_1", "POST", "/v1/uploads", &[("upload-length", "9")], Body::empty()).await;
    assert_eq!((sixth.status, &*sixth.reason()), (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_UPLOADS"));
    begin(&world, "te_2", 100, "").await;
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn who_sees_the_record_sees_its_files(#[case] backend: Backend) {
    let world = world(backend).await;
    let answer = world.upload("te_1", "image/jpeg", "", jpeg(40, 30)).await;
    let id = answer.json()["fileId"].as_str().unwrap().to_owned();
    let place = format!("/v1/files/{id}");
    for (who, status) in [("te_1", 200), ("te_2", 404), ("te_far", 404), ("te_1/agent", 404), ("boss/admin", 404)] {
        assert_eq!(world.get(who, &place, &[]).await.status, status, "{who}");
        assert_eq!(world.get(who, &format!("{place}/metadata"), &[]).await.status, status, "{who}");
        assert_eq!(world.get(who, &format!("{place}/thumbnail"), &[]).await.status, status, "{who}");
    }
    let attach = |who: &'static str, body: String| {
        let (world, path) = (&world, format!("{place}:attach"));
        async move { world.call(who, "POST", &path, &[("content-type", "application/json")], Body::from(body)).await }
    };
    let to = |kind: &str, order: &str| {
        format!("{{\"recordKind\":{kind:?},\"recordId\":{order:?},\"requestId\":\"r{order}{kind}\"}}")
    };
    let other = "wo_00000000000000000000000002";
    assert_eq!(attach("te_1", to("work_order", other)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(attach("te_1", to("moon", ORDER)).await.reason(), "UNKNOWN_RECORD_KIND");
    assert_eq!(attach("te_2", to("work_order", ORDER)).await.status, StatusCode::NOT_FOUND);
    let attached = attach("te_1", to("work_order", ORDER)).await;
    assert_eq!(attached.status, StatusCode::OK, "{:?}", attached.body);
    assert_eq!(attached.json()["recordId"], ORDER);
    assert_eq!(attach("te_1", to("work_order", ORDER)).await.json(), attached.json(), "a repeat");
    let twice = format!("{{\"recordKind\":\"work_order\",\"recordId\":{ORDER:?},\"requestId\":\"again\"}}");
    assert_eq!(attach("te_2", twice).await.reason(), "FILE_ATTACHED");
    for (who, status) in [("te_1", 200), ("te_2", 200), ("te_far", 404), ("boss/admin", 200)] {
        assert_eq!(world.get(who, &place, &[]).await.status, status, "{who}");
        let list = world.get(who, &format!("/v1/files?record_kind=work_order&record_id={ORDER}"), &[]).await;
        assert_eq!(list.status, status, "{who}");
        if status == 200 {
            assert_eq!(list.json()["files"][0]["fileId"], *id);
        }
    }
    let direct =
        world.upload("te_far", "image/jpeg", &format!("?record_kind=work_order&record_id={ORDER}"), jpeg(8, 8)).await;
    assert_eq!(direct.status, StatusCode::NOT_FOUND, "nobody puts files where they do not see");
    let direct =
        world.upload("te_2", "image/png", &format!("?record_kind=work_order&record_id={ORDER}"), png(8, 8)).await;
    assert_eq!(direct.json()["recordId"], ORDER);
    for path in ["/v1/files/fl_00000000000000000000000000", "/v1/files/..%2f..%2fetc%2fpasswd", "/v1/files/x"] {
        assert_eq!(world.get("boss/admin", path, &[]).await.status, StatusCode::NOT_FOUND, "{path}");
    }

    let delete = |who: &'static str, request_id: &str| {
        let body = format!("{{\"reason\":\"wrong picture\",\"requestId\":{request_id:?}}}");
        let (world, path) = (&world, format!("{place}:delete"));
        async move { world.call(who, "POST", &path, &[("content-type", "application/json")], Body::from(body)).await }
    };
    assert_eq!(delete("te_1", "d1").await.status, StatusCode::FORBIDDEN, "it is evidence now");
    assert_eq!(delete("boss/manager", "d2").await.status, StatusCode::OK);
    assert_eq!(world.get("te_1", &place, &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get("boss/admin", &place, &[]).await.status, StatusCode::NOT_FOUND);

    // Erasure takes the other one, with its bytes.
    let core = &world.bench.core;
    let tx = core.db.begin().await.unwrap();
    assert_eq!(files::erase(&tx, core, CUSTOMER).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert_eq!(files::left(core, CUSTOMER).await.unwrap(), 2);
    world.files.sweep().await.unwrap();
    assert_eq!(files::left(core, CUSTOMER).await.unwrap(), 0);
    assert_eq!(walk(world.folder.path()), Vec::<std::path::PathBuf>::new());

    // All of it stands in the trail.
    world.audit.flush().await.unwrap();
    let sources = common::config::Sources::new(&[crate::NAME]);
    let config = sources.load::<crate::Config>(crate::NAME, crate::DEFAULTS).unwrap().service.audit;
    audit::seal(core, &config).await.unwrap();
    use sea_orm::EntityTrait as _;
    let rows = trail::Entity::find().all(core.db.read()).await.unwrap();
    let count = |action: &str| rows.iter().filter(|row| row.action == action).count();
    assert_eq!((count("file.upload"), count("file.attach"), count("file.delete")), (2, 1, 1));
    assert_eq!(count("file.download"), 4, "one before, three behind the record");
    assert!(rows.iter().filter(|row| row.action == "file.delete").all(|row| row.customer_id == CUSTOMER));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_nobody_wants_goes_after_a_day(#[case] backend: Backend) {
    let world = world(backend).await;
    let loose = world.upload("te_1", "application/pdf", "", pdf()).await;
    let kept =
        world.upload("te_1", "application/pdf", &format!("?record_kind=work_order&record_id={ORDER}"), pdf()).await;
    let open = begin(&world, "te_1", 1000, "").await;
    let half = world.call("te_1", "PATCH", &open, &[("upload-offset", "0")], Body::from(mp3(2))).await;
    assert_eq!(half.status, StatusCode::NO_CONTENT, "{:?}", half.body);
    let cut = world.call("te_1", "POST", "/v1/files", &[("content-type", "audio/mpeg")], broken(&mp3(2))).await;
    assert_eq!(cut.reason(), "FILE_CUT");
    assert_eq!(walk(world.folder.path()).len(), 3, "what was cut off is gone at once");
    world.bench.core.clock.advance(Duration::hours(23));
    world.files.sweep().await.unwrap();
    assert_eq!(walk(world.folder.path()).len(), 3);
    world.bench.core.clock.advance(Duration::hours(2));
    world.files.sweep().await.unwrap();
    assert_eq!(walk(world.folder.path()).len(), 1);
    for (answer, status) in [(&loose, StatusCode::NOT_FOUND), (&kept, StatusCode::OK)] {
        assert_eq!(world.get("te_1", answer.header("location"), &[]).await.status, status);
    }
    assert_eq!(world.call("te_1", "HEAD", &open, &[], Body::empty()).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.files.upload_of("fl_0", &Actor::service("x")).await.unwrap_err().reason.name, "NOT_FOUND");
}

/// A report shows the photos of its visit: no record can name another's file and so show it.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_record_shows_the_pictures_of_its_own_files_only(#[case] backend: Backend) {
    let world = world(backend).await;
    let attached = format!("?record_kind=work_order&record_id={ORDER}");
    let photo = world.upload("te_1", "image/jpeg", &attached, jpeg(900, 600)).await.json();
    let paper = world.upload("te_1", "application/pdf", &attached, pdf()).await.json();
    let loose = world.upload("te_1", "image/jpeg", "", jpeg(900, 600)).await.json();
    let shown = async |file: &serde_json::Value, kind: &str, record: &str| {
        world.files.thumbnail_of(file["fileId"].as_str().unwrap_or("unknown"), kind, record).await.unwrap()
    };
    let picture = shown(&photo, "work_order", ORDER).await.unwrap();
    assert!(picture.starts_with(b"\xff\xd8") && picture.len() < 40_000, "a small picture");
    for (what, found) in [
        ("of another visit", shown(&photo, "work_order", "wo_other").await),
        ("of another kind of record", shown(&photo, "complaint", ORDER).await),
        ("no picture", shown(&paper, "work_order", ORDER).await),
        ("of no record", shown(&loose, "work_order", ORDER).await),
        ("not there", shown(&serde_json::Value::Null, "work_order", ORDER).await),
    ] {
        assert!(found.is_none(), "{what}");
    }
}
