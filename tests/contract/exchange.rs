//! Exports and imports through the public door: every list as a table, long ones as jobs, files of every office as
//! records, and what goes wrong named by line and column.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use harness::{Faults, Platform, Shape, Surface, contract, world::World};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use prost_reflect::Kind;
use serde_json::{Value, json};

use crate::{bad_input::Case, parents::Parents, wire::public_rpcs};

const CSV: &str = "text/csv; charset=utf-8";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Somebody at the door, in plain HTTP.
struct Office {
    platform: Platform,
    headers: HeaderMap,
}

impl Office {
    async fn open() -> Self {
        Self::with(&[]).await
    }

    async fn with(terms: &[(&str, &str)]) -> Self {
        let platform = Platform::start_with(Shape::OneProcess, Surface::Rest, Faults::None, terms).await;
        Self::of(platform)
    }

    fn of(platform: Platform) -> Self {
        let headers = platform.person("admin", "boss").headers();
        Self { platform, headers }
    }

    fn as_role(&self, role: &str, id: &str) -> HeaderMap {
        self.platform.person(role, id).headers()
    }

    async fn send(
        &self,
        method: Method,
        target: &str,
        headers: &HeaderMap,
        body: impl Into<Bytes>,
    ) -> (StatusCode, HeaderMap, Bytes) {
        self.platform.door().raw(method, target, headers.clone(), body).await.expect("an answer")
    }

    async fn get(&self, target: &str) -> (StatusCode, HeaderMap, Bytes) {
        self.send(Method::GET, target, &self.headers, "").await
    }

    async fn json(&self, method: Method, target: &str, headers: &HeaderMap, body: impl Into<Bytes>) -> Value {
        let (status, _, body) = self.send(method, target, headers, body).await;
        assert!(status.is_success(), "{target}: {status} {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).expect("JSON")
    }

    async fn customer(&self, name: &str, phone: &str) -> String {
        let body = json!({ "name": name, "phones": [{ "number": phone }], "notes": "=HYPERLINK(\"http://evil\")" });
        let made = self.json(Method::POST, "/v1/customers", &self.headers, body.to_string()).await;
        made["customerId"].as_str().expect("an id").to_owned()
    }

    /// Uploads a file and waits for the job's end.
    async fn import(&self, target: &str, headers: &HeaderMap, body: impl Into<Bytes>) -> Value {
        let job = self.json(Method::POST, target, headers, body).await;
        self.ended(&job, headers).await
    }

    async fn ended(&self, job: &Value, headers: &HeaderMap) -> Value {
        let target = format!("/v1/jobs/{}", job["jobId"].as_str().expect("a job"));
        for _ in 0..600 {
            let job = self.json(Method::GET, &target, headers, "").await;
            if !["JOB_STATE_QUEUED", "JOB_STATE_RUNNING"].contains(&job["state"].as_str().unwrap_or_default()) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the job does not end: {job}");
    }

    async fn count(&self, list: &str) -> usize {
        let (_, _, body) = self.get(&format!("{list}?format=csv")).await;
        rows(&body).1.len()
    }
}

/// A CSV file as its heading and its rows by heading.
fn rows(body: &[u8]) -> (Vec<String>, Vec<BTreeMap<String, String>>) {
    let mut reader = csv::Reader::from_reader(body);
    let heading: Vec<String> = reader.headers().expect("a heading").iter().map(str::to_owned).collect();
    let rows = reader
        .records()
        .map(|row| heading.iter().cloned().zip(row.expect("a row").iter().map(str::to_owned)).collect())
        .collect();
    (heading, rows)
}

fn language(headers: &HeaderMap, language: &'static str) -> HeaderMap {
    let mut headers = headers.clone();
    headers.insert(http::header::ACCEPT_LANGUAGE, HeaderValue::from_static(language));
    headers
}

/// Every list of the contract answers as CSV and as a workbook, with its columns.
#[tokio::test(flavor = "multi_thread")]
async fn every_list_is_a_table() {
    let case = Case::open().await;
    let parents = Parents::of(&case).await;
    let office = Office::of(case.platform);
    let mut lists = 0;
    for rpc in public_rpcs().into_iter().filter(|rpc| rpc.name().starts_with("List")) {
        let items = rpc.output().fields().find(|field| field.is_list() && matches!(field.kind(), Kind::Message(_)));
        assert!(items.is_some(), "{} has no items", rpc.full_name());
        let message = parents.request(&rpc);
        if rpc.name() == "ListCandidates" {
            // It wants a window as well; its suite is dispatch's.
            continue;
        }
        let call = contract::rest(&rpc, &message).expect("a target");
        if call.method != Method::GET {
            // A search with a body, not a list at an address.
            continue;
        }
        let target = call.target;
        let joint = if target.contains('?') { '&' } else { '?' };
        for (format, kind) in [("csv", CSV), ("xlsx", XLSX)] {
            let (status, headers, body) = office.get(&format!("{target}{joint}format={format}")).await;
            assert_eq!(status, 200, "{target} {}", String::from_utf8_lossy(&body));
            assert_eq!(headers["content-type"], kind, "{target}");
            assert!(headers["content-disposition"].to_str().expect("text").contains(&format!(".{format}")));
            match format {
                "csv" => assert!(!rows(&body).0.is_empty(), "{target}"),
                _ => assert!(body.starts_with(b"PK"), "{target}"),
            }
        }
        lists += 1;
    }
    assert!(lists >= 30, "only {lists} lists");
    office.platform.stop().await;
}

/// More rows than a page, each once; nothing in a cell that a spreadsheet would run; the mark only when it is wanted.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_has_every_row_once_and_nothing_that_runs() {
    let office = Office::open().await;
    let lines: String = (0..1203).map(|n| format!("Customer {n},+86138{n:08}\n")).collect();
    let done =
        office.import("/v1/imports?kind=IMPORT_KIND_CUSTOMERS", &office.headers, format!("name,phone\n{lines}")).await;
    assert_eq!((done["state"].as_str(), done["rowsDone"].as_str()), (Some("JOB_STATE_DONE"), Some("1203")), "{done}");
    office.customer("=cmd|' /C calc'!A0", "+8613900139000").await;

    let (_, _, body) = office.get("/v1/customers?format=csv").await;
    let (heading, found) = rows(&body);
    assert_eq!(&heading[..3], ["customer_id", "etag", "create_time"]);
    assert_eq!(found.len(), 1204);
    let ids: std::collections::BTreeSet<_> = found.iter().map(|row| &row["customer_id"]).collect();
    assert_eq!(ids.len(), 1204);
    let evil = found.iter().find(|row| row["name"].contains("cmd")).expect("the row");
    assert_eq!(evil["name"], "'=cmd|' /C calc'!A0");
    assert_eq!(evil["notes"], "'=HYPERLINK(\"http://evil\")");
    for row in &found {
        for (column, cell) in row {
            let runs = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
            assert!(!runs, "{column}: {cell}");
        }
    }
    assert!(!body.starts_with(b"\xEF\xBB\xBF"));
    let (_, _, marked) = office.get("/v1/customers?format=csv&byte_order_mark=true&text=cmd").await;
    assert!(marked.starts_with(b"\xEF\xBB\xBF"));
    assert_eq!(rows(&marked[3..]).1.len(), 1, "the filter holds");

    // The type that the caller accepts is enough.
    let mut headers = office.headers.clone();
    headers.insert(http::header::ACCEPT, HeaderValue::from_static("text/csv"));
    let (_, answered, _) = office.send(Method::GET, "/v1/customers?text=cmd", &headers, "").await;
    assert_eq!(answered["content-type"], CSV);

    for (target, reason) in [
        ("/v1/customers?format=pdf", "INVALID_FIELDS"),
        ("/v1/customers?format=csv&order_by=shoe_size", "INVALID_ORDER"),
        ("/v1/customers?format=csv&shoe=9", "UNKNOWN_FIELD"),
    ] {
        let (status, _, body) = office.get(target).await;
        assert!(status.is_client_error() && String::from_utf8_lossy(&body).contains(reason), "{target}: {status}");
    }
    office.platform.stop().await;
}

/// A job makes the same table, in both forms; its address is its owner's, and ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_makes_the_same_table() {
    let office = Office::with(&[("gateway", "[exchange]\nresult_kept = \"3s\"\n")]).await;
    for n in 0..7 {
        office.customer(&format!("Customer {n}"), &format!("+861380013800{n}")).await;
    }
    let start =
        |format: &str| json!({ "path": "/v1/customers", "query": "order_by=name", "format": format }).to_string();
    for (format, kind) in [("SHEET_FORMAT_CSV", CSV), ("SHEET_FORMAT_XLSX", XLSX)] {
        let job = office.json(Method::POST, "/v1/exports", &office.headers, start(format)).await;
        let job = office.ended(&job, &office.headers).await;
        assert_eq!((job["state"].as_str(), job["rowsDone"].as_str()), (Some("JOB_STATE_DONE"), Some("7")), "{job}");
        let address = job["resultUrl"].as_str().expect("an address").to_owned();
        let (status, headers, body) = office.send(Method::GET, &address, &HeaderMap::new(), "").await;
        assert_eq!((status, headers["content-type"].to_str().expect("text")), (StatusCode::OK, kind));
        assert_eq!(body.len().to_string(), job["resultBytes"].as_str().expect("a size"));
        if format == "SHEET_FORMAT_CSV" {
            let (_, _, direct) = office.get("/v1/customers?order_by=name&format=csv").await;
            assert_eq!(body, direct);
        }
        // Another address, another person.
        let forged = format!("{}0", &address[..address.len() - 1]);
        let (status, ..) = office.send(Method::GET, &forged, &HeaderMap::new(), "").await;
        assert!(status == StatusCode::NOT_FOUND || forged == address);
        let target = format!("/v1/jobs/{}", job["jobId"].as_str().expect("an id"));
        let (status, ..) = office.send(Method::GET, &target, &office.as_role("agent", "somebody-else"), "").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        // Its end comes.
        harness::eventually("the result is gone", async || {
            let (status, ..) = office.send(Method::GET, &address, &HeaderMap::new(), "").await;
            if status == StatusCode::NOT_FOUND { Ok(()) } else { Err(status) }
        })
        .await;
    }
    for (body, reason) in [
        (json!({ "path": "/v1/shoes" }), "NO_LIST"),
        (json!({ "path": "/v1/customers/cu_1" }), "NO_LIST"),
        (json!({ "path": "/v1/customers", "query": "order_by=shoe" }), "INVALID_ORDER"),
        (json!({ "path": "/v1/customers", "query": "shoe=9" }), "UNKNOWN_FIELD"),
    ] {
        let (status, _, answer) = office.send(Method::POST, "/v1/exports", &office.headers, body.to_string()).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(status.is_client_error() && answer.contains(reason), "{body}: {status} {answer}");
    }
    // A list that the role may not see.
    let warehouse = office.as_role("warehouse", "w1");
    let (status, ..) =
        office.send(Method::POST, "/v1/exports", &warehouse, json!({ "path": "/v1/complaints" }).to_string()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    office.platform.stop().await;
}

/// Every bad line is named with its column, its reason and a text in the caller's language; a dry run writes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_names_every_bad_line_and_writes_nothing() {
    let office = Office::open().await;
    let file = "姓名,电话,生日,等级,邮箱\n\
        李晓明,13800138000,1990-05-17,A,li@example.com\n\
        ,13800138001,,,\n\
        王芳,13800138002,五月,B,\n\
        赵刚,13800138003,,Z,\n\
        陈静,not a phone,,,\n\
        刘洋,13800138005,,,no-address\n\
        周杰,13800138006; 021-64381234,2000/1/2,会员,a@b.cn; c@d.cn\n";
    let (gbk, _, _) = encoding_rs::GBK.encode(file);
    let chinese = language(&office.headers, "zh-CN");
    for (dry_run, made) in [(true, 0), (false, 2)] {
        let target = format!("/v1/imports?kind=IMPORT_KIND_CUSTOMERS&dryRun={dry_run}&fileName=customers.csv");
        let job = office.import(&target, &chinese, gbk.to_vec()).await;
        assert_eq!(job["state"], "JOB_STATE_DONE", "{job}");
        assert_eq!((job["rowsDone"].as_str(), job["rowsBad"].as_str()), (Some("7"), Some("5")), "{job}");
        let problems: Vec<_> = job["problems"]
            .as_array()
            .expect("problems")
            .iter()
            .map(|problem| {
                (
                    problem["line"].as_i64(),
                    problem["column"].as_i64(),
                    problem["heading"].as_str(),
                    problem["reason"].as_str(),
                )
            })
            .collect();
        let at = |line, column, heading, reason| (Some(line), Some(column), Some(heading), Some(reason));
        assert_eq!(
            problems,
            [
                at(3, 1, "姓名", "CELL_MISSING"),
                at(4, 3, "生日", "CELL_UNREADABLE"),
                at(5, 4, "等级", "CELL_UNREADABLE"),
                at(6, 2, "电话", "INVALID_PHONE"),
                at(7, 5, "邮箱", "INVALID_FIELDS"),
            ]
        );
        for problem in job["problems"].as_array().expect("problems") {
            let text = problem["text"].as_str().expect("a text");
            assert!(text.chars().any(|letter| ('\u{4e00}'..'\u{9fff}').contains(&letter)), "{text}");
        }
        let report = job["resultUrl"].as_str().expect("the list of bad lines");
        let (_, _, body) = office.send(Method::GET, report, &HeaderMap::new(), "").await;
        let (heading, listed) = rows(&body[3..]);
        assert_eq!(heading, ["line", "column", "heading", "reason", "text"]);
        assert_eq!(listed.len(), 5);
        assert_eq!(office.count("/v1/customers").await, made, "dry_run={dry_run}");
    }
    let (_, _, body) = office.get("/v1/customers?format=csv&text=周杰").await;
    let row = &rows(&body).1[0];
    assert_eq!(row["phones.number"], "'+8613800138006; +862164381234");
    assert_eq!((row["birthday"].as_str(), row["tier"].as_str()), ("2000-01-02", "CUSTOMER_TIER_A"));
    office.platform.stop().await;
}

/// Products find their customers by telephone; parts and technicians come from workbooks; templates import as they are.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_imported() {
    let office = Office::open().await;
    World::make(&office.platform).await;
    office.customer("李晓明", "+8613800138000").await;
    office.customer("甲", "+8613700137000").await;
    office.customer("乙", "+8613700137000").await;

    let products = "客户电话,型号,品类,序列号\n13800138000,WM-80S,appliance.washer,SN-1\n\
        13800138000,WM-80S,appliance.washer,SN-1\n13600136000,WM-80S,appliance.washer,SN-2\n\
        13700137000,WM-80S,appliance.washer,SN-3\n";
    let job = office.import("/v1/imports?kind=IMPORT_KIND_PRODUCTS", &office.headers, products).await;
    let reasons: Vec<_> = job["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .map(|one| one["reason"].as_str().expect("a reason"))
        .collect();
    assert_eq!(reasons, ["LINE_TWICE", "REFERENCE_UNKNOWN", "REFERENCE_AMBIGUOUS"], "{job}");

    let parts = "sku,name,unit,kind,tracking,payer,price,models\nPUMP-77,排水泵,pcs,备件,数量,客户,\"1,290.50\",WM-80S; WM-90S\n";
    let before = office.count("/v1/parts").await;
    let job = office.import("/v1/imports?kind=IMPORT_KIND_PARTS", &office.headers, parts).await;
    assert_eq!((job["state"].as_str(), job["rowsBad"].as_str()), (Some("JOB_STATE_DONE"), Some("0")), "{job}");
    assert_eq!(office.count("/v1/parts").await, before + 1);
    let (_, _, body) = office.get("/v1/parts?format=csv&sku=PUMP-77").await;
    let part = &rows(&body).1[0];
    assert_eq!((part["price.minor_units"].as_str(), part["models"].as_str()), ("129050", "WM-80S; WM-90S"));
    // The same file again: its lines are refused by the service itself, and nothing doubles.
    let job = office.import("/v1/imports?kind=IMPORT_KIND_PARTS", &office.headers, parts).await;
    assert_eq!(job["problems"][0]["reason"], "SKU_TAKEN", "{job}");

    let points = office.json(Method::GET, "/v1/service-points?page_size=1", &office.headers, "").await;
    let point = points["servicePoints"][0]["name"].as_str().expect("a service point").to_owned();
    let technicians =
        format!("网点,姓名,电话,技能\n{point},王师傅,+8613900139123,appliance.washer:3\n没有的网点,赵师傅,,\n");
    let job = office.import("/v1/imports?kind=IMPORT_KIND_TECHNICIANS", &office.headers, technicians).await;
    assert_eq!((job["rowsDone"].as_str(), job["rowsBad"].as_str()), (Some("2"), Some("1")), "{job}");
    assert_eq!(job["problems"][0]["reason"], "REFERENCE_UNKNOWN");

    for kind in ["CUSTOMERS", "PRODUCTS", "PARTS", "TECHNICIANS"] {
        for (tongue, headers) in [("en", office.headers.clone()), ("zh", language(&office.headers, "zh-CN"))] {
            for format in ["CSV", "XLSX"] {
                let target = format!("/v1/import-templates/IMPORT_KIND_{kind}?format=SHEET_FORMAT_{format}");
                let (status, _, template) = office.send(Method::GET, &target, &headers, "").await;
                assert_eq!(status, 200, "{target} {tongue}");
                let target = format!("/v1/imports?kind=IMPORT_KIND_{kind}&dryRun=true");
                let job = office.import(&target, &headers, template).await;
                // The example may name a record that is not here; its headings and cells are understood.
                let understood = job["state"] == "JOB_STATE_DONE"
                    && job["problems"].as_array().is_none_or(|problems| {
                        problems.iter().all(|one| {
                            ["REFERENCE_UNKNOWN", "SKU_TAKEN"].contains(&one["reason"].as_str().unwrap_or_default())
                        })
                    });
                assert!(understood, "{kind} {tongue} {format}: {job}");
            }
        }
    }
    office.platform.stop().await;
}

/// Files that are none, headings that mean nothing, too many jobs, roles that may not.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_imported_is_refused() {
    let office = Office::with(&[("gateway", "[exchange]\nlines_limit = 3\nfile_limit = 4000\nopen_jobs = 2\n")]).await;
    let target = "/v1/imports?kind=IMPORT_KIND_CUSTOMERS";
    for (file, reason) in [
        ("name,shoe,name,Name\nx,9,y,z\n", "COLUMN_UNKNOWN"),
        ("phone\n13800138000\n", "COLUMN_MISSING"),
        ("name,姓名\na,b\n", "COLUMN_TWICE"),
        ("name\n", "FILE_EMPTY"),
        ("name\n1\n2\n3\n4\n", "FILE_TOO_LONG"),
        ("PK\u{3}\u{4} but no archive", "FILE_UNREADABLE"),
    ] {
        let job = office.import(target, &office.headers, file).await;
        assert_eq!(
            (job["state"].as_str(), job["failureReason"].as_str()),
            (Some("JOB_STATE_FAILED"), Some(reason)),
            "{job}"
        );
        assert!(!job["failureText"].as_str().expect("a text").is_empty());
    }
    let (status, _, body) = office.send(Method::POST, target, &office.headers, "").await;
    assert_eq!(status, 400, "{}", String::from_utf8_lossy(&body));
    let (status, ..) = office.send(Method::POST, target, &office.headers, "x".repeat(5000)).await;
    assert_eq!(status, 413);
    let (status, ..) = office.send(Method::POST, target, &office.as_role("warehouse", "w"), "name\nx\n").await;
    assert_eq!(status, 403);
    assert_eq!(office.count("/v1/customers").await, 0);

    // The same call again is the same job.
    let mut headers = office.headers.clone();
    headers.insert(HeaderName::from_static("idempotency-key"), HeaderValue::from_static("once"));
    let first = office.json(Method::POST, target, &headers, "name\nOnly\n").await;
    let again = office.json(Method::POST, target, &headers, "name\nOnly\n").await;
    assert_eq!(first["jobId"], again["jobId"]);
    office.ended(&first, &office.headers).await;
    assert_eq!(office.count("/v1/customers").await, 1);
    office.platform.stop().await;
}

/// What was cancelled is over, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_cancelled() {
    let office = Office::with(&[("gateway", "[exchange]\nworkers = 1\n")]).await;
    let lines: String = (0..4000).map(|n| format!("Customer {n}\n")).collect();
    let target = "/v1/imports?kind=IMPORT_KIND_CUSTOMERS";
    let job = office.json(Method::POST, target, &office.headers, format!("name\n{lines}")).await;
    let cancel = format!("/v1/jobs/{}:cancel", job["jobId"].as_str().expect("an id"));
    let cancelled = office.json(Method::POST, &cancel, &office.headers, "{}").await;
    assert_eq!(cancelled["state"], "JOB_STATE_CANCELLED");
    let (status, ..) = office.send(Method::POST, &cancel, &office.headers, "{}").await;
    assert_eq!(status, 400);
    let listed = office.json(Method::GET, "/v1/jobs?state=JOB_STATE_CANCELLED", &office.headers, "").await;
    assert_eq!(listed["jobs"][0]["jobId"], job["jobId"]);
    // The worker is free for the next one.
    let next = office.import(target, &office.headers, "name\nNext\n").await;
    assert_eq!(next["state"], "JOB_STATE_DONE");
    assert!(office.count("/v1/customers").await < 4001);
    let path = format!("/v1/jobs/{}", job["jobId"].as_str().expect("an id"));
    let kept = office.json(Method::GET, &path, &office.headers, "").await;
    assert_eq!(kept["state"], "JOB_STATE_CANCELLED");
    office.platform.stop().await;
}
