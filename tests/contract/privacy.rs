//! Personal data through the public door: a marked word in every field that may hold one, an archive that holds all of
//! them, an erasure after which no database holds any, and nothing that brings one back.

use std::{collections::BTreeSet, io::Read as _, path::Path};

use common::{
    privacy,
    record::{Actor, Role},
    service::Definition,
    testing::{Backend, bench},
};
use harness::{Faults, Platform, Shape, Surface, eventually};
use http::{HeaderMap, Method, StatusCode};
use proto::aftercare::{
    common::v1::ErasureReceipt,
    intake::v1::{CreateCustomerRequest, Phone, intake_service_client::IntakeServiceClient},
};
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, Statement};
use serde_json::{Value, json};

use crate::wire::Wire;

const DATABASES: [&str; 6] = ["intake", "dispatch", "parts_inventory", "complaint", "survey", "gateway"];

/// Marked words, each somewhere else.
#[derive(Default)]
struct Canaries(Vec<String>);

impl Canaries {
    fn text(&mut self) -> String {
        self.mark(|n| format!("金丝雀 {n:03} 号"))
    }

    fn phone(&mut self) -> String {
        self.mark(|n| format!("+86138777{n:05}"))
    }

    fn email(&mut self) -> String {
        self.mark(|n| format!("canary-{n:03}@example.com"))
    }

    fn mark(&mut self, make: impl Fn(usize) -> String) -> String {
        let word = make(self.0.len());
        self.0.push(word.clone());
        word
    }
}

struct Shop {
    platform: Platform,
    wire: Wire,
    headers: HeaderMap,
    canaries: Canaries,
}

impl Shop {
    async fn open() -> Self {
        let platform = Platform::start(Shape::OneProcess, Surface::Rest, Faults::None).await;
        let wire = Wire::to(&platform);
        let headers = platform.person("admin", "boss").headers();
        Self { platform, wire, headers, canaries: Canaries::default() }
    }

    async fn call(&self, rpc: &str, request: Value) -> Value {
        let answer = self.wire.call(Surface::Rest, rpc, &request, "en").await;
        answer.unwrap_or_else(|refused| panic!("{rpc} {request}: {refused:?}"))
    }

    fn address(&mut self) -> Value {
        json!({ "province": "上海市", "city": "上海市", "district": "徐汇区", "line": self.canaries.text(),
            "divisionCode": "310104", "position": { "latitude": 31.19, "longitude": 121.44 } })
    }

    /// A customer with everything that a customer can have.
    async fn customer(&mut self) -> String {
        let (phone, email) = (self.canaries.phone(), self.canaries.email());
        let request = json!({ "requestId": "make-customer", "name": self.canaries.text(), "phones": [{ "number": phone }],
            "emails": [email], "addresses": [self.address()], "tags": [self.canaries.text()],
            "birthday": "1987-06-05", "notes": self.canaries.text(), "source": self.canaries.text() });
        let made = self.call("CreateCustomer", request).await;
        text(&made, "customerId")
    }

    async fn live(&mut self, customer: &str) -> (String, String) {
        let address = self.address();
        let product = json!({ "requestId": "make-product", "customerId": customer, "model": "WM-80S",
            "categoryCode": "appliance.washer", "installAddress": address, "orderNumber": self.canaries.text() });
        let product = text(&self.call("CreateProduct", product).await, "productId");
        let change = json!({ "customerId": customer, "etag": "1", "requestId": "change-customer", "updateMask": "name,notes",
            "name": self.canaries.text(), "notes": self.canaries.text() });
        self.call("UpdateCustomer", change).await;
        let address = self.address();
        let (phone, words) = (self.canaries.phone(), self.canaries.text());
        let request = json!({ "requestId": "make-request", "customerId": customer, "productId": product,
            "kind": "REQUEST_KIND_REPAIR", "channel": "CHANNEL_HOTLINE", "contactName": self.canaries.text(),
            "contactPhone": phone, "description": words, "address": address });
        let request = text(&self.call("CreateServiceRequest", request).await, "serviceRequestId");
        let contact = json!({ "requestId": "make-contact", "customerId": customer, "serviceRequestId": request,
            "direction": "CONTACT_DIRECTION_INBOUND", "channel": "phone", "spokenTo": self.canaries.text(),
            "summary": self.canaries.text(), "recordingLink": self.canaries.text() });
        self.call("RecordContact", contact).await;
        let (name, phone) = (self.canaries.text(), self.canaries.phone());
        let complaint = json!({ "requestId": "make-complaint", "channel": "COMPLAINT_CHANNEL_HOTLINE",
            "subject": "COMPLAINT_SUBJECT_SERVICE_ATTITUDE", "severity": "SEVERITY_NORMAL", "customerId": customer,
            "complainantName": name, "complainantPhone": phone, "description": self.canaries.text(),
            "wanted": self.canaries.text() });
        let complaint = text(&self.call("ReceiveComplaint", complaint).await, "complaintId");
        (request, complaint)
    }

    async fn send(&self, method: Method, target: &str, body: &str) -> (StatusCode, Vec<u8>) {
        let sent = self.platform.door().raw(method, target, self.headers.clone(), body.to_owned()).await;
        let (status, _, body) = sent.expect("an answer");
        (status, body.to_vec())
    }

    async fn ended(&self, job: Value) -> Value {
        // A job is shown to whoever started it.
        let target = format!("/v1/jobs/{}", text(&job, "jobId"));
        eventually("the job ends", async || {
            let (_, body) = self.send(Method::GET, &target, "").await;
            let job: Value = serde_json::from_slice(&body).expect("JSON");
            let running =
                ["JOB_STATE_QUEUED", "JOB_STATE_RUNNING"].contains(&job["state"].as_str().unwrap_or_default());
            if running { Err(job.to_string()) } else { Ok(job) }
        })
        .await
    }

    async fn database(&self, name: &str) -> DatabaseConnection {
        let folder: &Path = self.platform.folder();
        let file = [name.to_owned(), name.replace('_', "-")]
            .into_iter()
            .map(|name| folder.join(format!("{name}.db")))
            .find(|file| file.exists())
            .unwrap_or_else(|| panic!("no database of {name}"));
        Database::connect(format!("sqlite://{}", file.display())).await.expect("it opens")
    }

    /// All that stands in all tables of all databases, and the words of it that are marked.
    async fn left(&self) -> BTreeSet<String> {
        let mut left = BTreeSet::new();
        let mut tables = 0;
        for name in DATABASES {
            let db = self.database(name).await;
            let backend = db.get_database_backend();
            let ask = async |sql: String| db.query_all_raw(Statement::from_string(backend, sql)).await.expect("rows");
            for table in ask("SELECT name FROM sqlite_master WHERE type = 'table'".to_owned()).await {
                let table: String = table.try_get_by_index(0).expect("a name");
                let columns = ask(format!("SELECT name FROM pragma_table_info('{table}')")).await;
                let columns: Vec<String> =
                    columns.iter().map(|column| column.try_get_by_index::<String>(0).expect("a name")).collect();
                tables += 1;
                for column in columns {
                    // As bytes: what is no text holds words all the same.
                    let rows = ask(format!(
                        "SELECT CAST(\"{column}\" AS BLOB) FROM \"{table}\" WHERE \"{column}\" IS NOT NULL"
                    ));
                    for row in rows.await {
                        let bytes: Vec<u8> = row.try_get_by_index(0).expect("bytes");
                        for canary in &self.canaries.0 {
                            if holds(&bytes, canary) {
                                left.insert(format!("{name}.{table}.{column}: {canary}"));
                            }
                        }
                    }
                }
            }
        }
        assert!(tables > 60, "only {tables} tables");
        left
    }
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_given_everything_and_then_forgotten() {
    let mut shop = Shop::open().await;
    let customer = shop.customer().await;
    let (request, complaint) = shop.live(&customer).await;
    assert!(shop.canaries.0.len() >= 22, "{} canaries", shop.canaries.0.len());
    let before = shop.left().await;
    let seen: BTreeSet<&str> = before.iter().filter_map(|one| one.split_once(": ")).map(|(_, word)| word).collect();
    assert_eq!(seen.len(), shop.canaries.0.len(), "every canary is somewhere: {before:?}");

    // Everything is given.
    let target = format!("/v1/customers/{customer}:export-personal-data");
    let (status, body) = shop.send(Method::POST, &target, "{}").await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let job = shop.ended(serde_json::from_slice(&body).expect("a job")).await;
    assert_eq!(job["state"], "JOB_STATE_DONE", "{job}");
    let (status, archive) = shop.send(Method::GET, &text(&job, "resultUrl"), "").await;
    assert_eq!(status, 200);
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(archive)).expect("an archive");
    for file in ["data.json", "index.html"] {
        let mut content = String::new();
        archive.by_name(file).expect("the file").read_to_string(&mut content).expect("text");
        let missing: Vec<_> = shop.canaries.0.iter().filter(|word| !content.contains(word.as_str())).collect();
        assert!(missing.is_empty(), "{file} lacks {missing:?}");
    }

    // Refused while something is open.
    let target = format!("/v1/customers/{customer}:erase");
    let reason = json!({ "reason": "asked for by letter" }).to_string();
    let (status, body) = shop.send(Method::POST, &target, &reason).await;
    let refusal = String::from_utf8_lossy(&body).into_owned();
    assert!(status == StatusCode::BAD_REQUEST && refusal.contains("CUSTOMER_HAS_OPEN_CASES"), "{status} {refusal}");
    let why = shop.canaries.text();
    shop.call("CancelServiceRequest", json!({ "serviceRequestId": request, "reason": why })).await;
    let (status, body) = shop.send(Method::POST, &target, &reason).await;
    assert!(status == StatusCode::BAD_REQUEST, "the complaint is open: {}", String::from_utf8_lossy(&body));
    // The long way to its end has journeys of its own.
    let db = shop.database("complaint").await;
    db.execute_unprepared("UPDATE complaint SET state = 'archived'").await.expect("the complaint is closed");

    // Forgotten.
    let (status, body) = shop.send(Method::POST, &target, &reason).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let job = shop.ended(serde_json::from_slice(&body).expect("a job")).await;
    assert_eq!(job["state"], "JOB_STATE_DONE", "{job}");
    let (_, certificate) = shop.send(Method::GET, &text(&job, "resultUrl"), "").await;
    let certificate: Value = serde_json::from_slice(&certificate).expect("JSON");
    assert_eq!(certificate["customer_id"], customer.as_str());
    let receipts = certificate["receipts"].as_array().expect("receipts");
    let signed: BTreeSet<_> = receipts.iter().map(|receipt| text(receipt, "service").replace('-', "_")).collect();
    assert_eq!(signed, DATABASES.map(str::to_owned).into(), "{certificate}");
    // The archive that was made before still lies there until it expires; it is the only one.
    let left: Vec<_> = shop.left().await.into_iter().filter(|one| !one.starts_with("gateway.exchange_piece")).collect();
    assert_eq!(left, Vec::<String>::new());

    // The records are there, for their numbers, and can be read.
    let got = shop.call("GetCustomer", json!({ "customerId": customer })).await;
    assert_eq!((got["name"].as_str(), got["phones"].as_array().map(Vec::len)), (Some(""), Some(0)));
    let got = shop.call("GetServiceRequest", json!({ "serviceRequestId": request })).await;
    assert_eq!((got["contactPhone"].as_str(), got["state"].as_str()), (Some(""), Some("REQUEST_STATE_CANCELLED")));
    shop.call("GetComplaint", json!({ "complaintId": complaint })).await;
    shop.call("ListCustomerChanges", json!({ "customerId": customer })).await;
    shop.call("GetCustomerTimeline", json!({ "customerId": customer })).await;

    // A repeat of an old call is a repeat still, and says nothing any more.
    let again = shop
        .wire
        .call(Surface::Rest, "CreateCustomer", &json!({ "requestId": "make-customer", "name": "x" }), "en")
        .await;
    assert_eq!(again.expect_err("another body").reason, "REQUEST_ID_REUSED");

    // Old events once more, and a second erasure: nothing comes back.
    for name in DATABASES {
        let db = shop.database(name).await;
        db.execute_unprepared("UPDATE outbox SET published_at = NULL").await.expect("the outbox begins again");
    }
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let left: Vec<_> = shop.left().await.into_iter().filter(|one| !one.starts_with("gateway.exchange_piece")).collect();
    assert_eq!(left, Vec::<String>::new(), "after old events");
    shop.platform.stop().await;
}

/// The places of a service exist as they are written, on both databases.
async fn places_exist<D: Definition>(backend: Backend) -> usize {
    let bench = bench::<D>(backend, "").await;
    let nobody = "cu_00000000000000000000000000";
    let found = privacy::find(&bench.core.db, D::PERSONAL, nobody).await.expect("every place can be read");
    assert_eq!(found.records.len(), 0);
    let receipt = privacy::erase(&bench.core, D::PERSONAL, nobody, false).await.expect("every place can be blanked");
    assert_eq!(receipt.kinds.len(), D::PERSONAL.len() + 3, "{}: {receipt:?}", D::NAME);
    assert_eq!(privacy::forgotten(&bench.core.db).await.expect("the list"), [nobody]);
    D::PERSONAL.len()
}

#[rstest::rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn every_place_exists(#[case] backend: Backend) {
    let places = places_exist::<intake::Intake>(backend).await
        + places_exist::<dispatch::Dispatch>(backend).await
        + places_exist::<parts_inventory::PartsInventory>(backend).await
        + places_exist::<complaint::Complaint>(backend).await
        + places_exist::<survey::Survey>(backend).await;
    assert!(places >= 15, "only {places} places");
}

/// One customer in one service, given and forgotten, on both databases; what a late writer brings is blanked by the sweep.
#[rstest::rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn one_service_forgets(#[case] backend: Backend) {
    let bench = bench::<intake::Intake>(backend, "").await;
    let token = bench
        .core
        .identity
        .sign(&Actor::new("boss", Role::Admin, "head-office").everywhere(), common::clock::Clock::system().now());
    let mut request = tonic::Request::new(CreateCustomerRequest {
        request_id: "once".into(),
        name: "金丝雀".into(),
        notes: "金丝雀 二".into(),
        phones: vec![Phone { number: "+8613877700001".into(), ..Phone::default() }],
        ..CreateCustomerRequest::default()
    });
    let token = token.expect("a token").parse().expect("metadata");
    request.metadata_mut().insert(common::auth::IDENTITY, token);
    let made = IntakeServiceClient::new(bench.service.routes.clone()).create_customer(request).await;
    let id = made.expect("a customer").into_inner().customer_id;

    let places = intake::Intake::PERSONAL;
    let found = privacy::find(&bench.core.db, places, &id).await.expect("found");
    let said: String = found.records.iter().map(|record| record.data.as_str()).collect();
    assert!(["金丝雀 二", "+8613877700001"].iter().all(|word| said.contains(word)), "{said}");

    let checked = privacy::erase(&bench.core, places, &id, true).await.expect("checked");
    let blanked = |receipt: &ErasureReceipt| receipt.kinds.iter().map(|kind| kind.blanked).sum::<i32>();
    let erased = privacy::erase(&bench.core, places, &id, false).await.expect("erased");
    assert_eq!(blanked(&checked), blanked(&erased));
    assert!(blanked(&erased) >= 3, "{erased:?}");
    let again = privacy::erase(&bench.core, places, &id, false).await.expect("erased again");
    assert_eq!(blanked(&again), 0, "{again:?}");

    let late = format!("UPDATE customer SET name = '金丝雀 三' WHERE id = '{id}'");
    bench.core.db.write().execute_unprepared(&late).await.expect("a late writer");
    privacy::sweep(&bench.core, places).await.expect("swept");
    let found = privacy::find(&bench.core.db, places, &id).await.expect("found");
    let said: String = found.records.iter().map(|record| record.data.as_str()).collect();
    assert!(!said.contains("金丝雀") && !said.contains("+86138777"), "{said}");
}
