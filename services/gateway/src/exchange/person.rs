//! What all services know of one customer, collected in one archive; and all of them made to forget one. Both run as jobs:
//! a service that does not answer is asked again, a restart goes on, and what gave up stands there for somebody to see.

use std::io::{Cursor, Write as _};

use common::{
    Error, Result,
    record::{Actor, Record as _},
};
use proto::aftercare::common::v1::{
    ErasePersonalDataRequest, ErasureReceipt, FindPersonalDataRequest, PersonalData,
    privacy_service_client::PrivacyServiceClient,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tonic::Status;
use zip::{ZipWriter, write::SimpleFileOptions};

use super::jobs::{Ended, Run};
use crate::{
    audit::{self, Entry},
    domain::exchange::Job,
    error::{CUSTOMER_HAS_OPEN_CASES, CUSTOMER_MUST_BE_KEPT},
    service::Context,
    store::exchange::{self as store, Part},
};

/// Every service of the platform; one that is missing makes the work fail, not shorter.
const SERVICES: [&str; 6] = ["intake", "dispatch", "parts-inventory", "complaint", "survey", "gateway"];
/// The service that knows under which ids a customer is kept.
const OWNER: &str = "intake";
/// Bytes of one piece of an archive.
const PIECE: usize = 256 * 1024;
/// Largest answer of one service.
const LARGEST: usize = 256 * 1024 * 1024;

/// Collects everything; the result is the archive.
pub(crate) async fn collect(run: &mut Run<'_>, job: &Job, customer_id: &str) -> Result<i64, Ended> {
    let mut found: Vec<(&str, PersonalData)> = Vec::new();
    let subjects = subjects(run, customer_id).await?;
    for service in SERVICES {
        for subject in &subjects {
            run.check().await?;
            let data = run.patiently(|| find(run.ctx, service, subject)).await?;
            match found.iter_mut().find(|(name, _)| *name == service) {
                Some((_, there)) => {
                    for record in data.records {
                        if !there.records.contains(&record) {
                            there.records.push(record);
                        }
                    }
                }
                None => found.push((service, data)),
            }
        }
    }
    let archive = archive(customer_id, &run.ctx.core.clock.now().to_rfc3339(), &found)?;
    write(run, job, archive).await
}

/// Makes every service forget; the result is the certificate.
pub(crate) async fn forget(run: &mut Run<'_>, job: &Job, customer_id: &str, reason: &str) -> Result<i64, Ended> {
    let ctx = run.ctx;
    // What began is finished, whatever has come up since; before that everything is looked at once more.
    if run.progress.rows_done == 0 {
        let against = run.patiently(|| against(ctx, customer_id)).await?;
        if let Some(error) = against {
            return Err(error.into());
        }
    }
    let subjects = subjects(run, customer_id).await?;
    let mut receipts = Vec::new();
    for service in SERVICES {
        for subject in &subjects {
            run.check().await?;
            let receipt = run.patiently(|| erase(ctx, service, subject, false)).await?;
            receipts.push(json!({
                "service": service,
                "subject_id": subject,
                "records": receipt.kinds.iter().map(|kind| json!({
                    "kind": kind.kind, "kept": kind.records, "blanked": kind.blanked
                })).collect::<Vec<_>>(),
            }));
        }
        let mut progress = run.progress.clone();
        progress.rows_done += 1;
        progress.rows_total = i64::try_from(SERVICES.len()).unwrap_or_default();
        run.note(&job.id, progress).await?;
    }
    // Files last: who still saw a record a moment ago saw them through it.
    let tx = ctx.core.db.begin().await?;
    let mut files = 0;
    for subject in &subjects {
        files += crate::files::erase(&tx, &ctx.core, subject).await?;
    }
    tx.commit().await?;
    let records = [json!({"kind": "file", "kept": 0, "blanked": files})];
    receipts.push(json!({"service": crate::NAME, "subject_id": customer_id, "records": records}));
    let certificate = json!({
        "certificate": "erasure of personal data",
        "customer_id": customer_id,
        "subject_ids": subjects,
        "reason": reason,
        "job_id": job.id(),
        "ordered_by": job.owner.key(),
        "done_at": ctx.core.clock.now().to_rfc3339(),
        "receipts": receipts,
    });
    let bytes = serde_json::to_vec_pretty(&certificate).map_err(Error::internal)?;
    let digest = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let tx = ctx.core.db.begin().await?;
    let entry = Entry::new(&job.owner.actor(), "erase", "customer", customer_id).customer(customer_id).digest(&digest);
    audit::record(&tx, &ctx.core, entry).await?;
    tx.commit().await?;
    write(run, job, bytes).await
}

/// What stands against an erasure, if anything: something open, or something that must be kept.
///
/// # Errors
///
/// When a service does not answer.
pub(crate) async fn against(ctx: &Context, customer_id: &str) -> Result<Option<Error>, Status> {
    let now = ctx.core.clock.now();
    for service in SERVICES {
        let receipt = erase(ctx, service, customer_id, true).await?;
        for kind in receipt.kinds {
            if kind.open > 0 {
                let error =
                    Error::new(CUSTOMER_HAS_OPEN_CASES).with("record_kind", &kind.kind).with("count", kind.open);
                return Ok(Some(error));
            }
            let days = ctx.config.privacy.kept_days.get(&kind.kind).copied().unwrap_or_default();
            let last = chrono::DateTime::from_timestamp(kind.last_change_seconds, 0).unwrap_or_default();
            let until = last + chrono::Duration::days(days);
            if kind.records > 0 && days > 0 && now < until {
                let error = Error::new(CUSTOMER_MUST_BE_KEPT)
                    .with("record_kind", &kind.kind)
                    .with("until", until.format("%Y-%m-%d"));
                return Ok(Some(error));
            }
        }
    }
    Ok(None)
}

/// Runs all erasures again: after a backup was put back, what it brought back is forgotten once more.
pub(crate) async fn replay(run: &mut Run<'_>, job: &Job) -> Result<i64, Ended> {
    let ctx = run.ctx;
    let forgotten = common::privacy::forgotten(&ctx.core.db).await?;
    let mut at = usize::try_from(run.progress.rows_done).unwrap_or_default();
    while let Some(subject) = forgotten.get(at) {
        for service in SERVICES {
            run.check().await?;
            run.patiently(|| erase(ctx, service, subject, false)).await?;
        }
        at += 1;
        let mut progress = run.progress.clone();
        progress.rows_done = i64::try_from(at).unwrap_or_default();
        progress.rows_total = i64::try_from(forgotten.len()).unwrap_or_default();
        run.note(&job.id, progress).await?;
    }
    Ok(0)
}

async fn subjects(run: &Run<'_>, customer_id: &str) -> Result<Vec<String>, Ended> {
    let receipt = run.patiently(|| erase(run.ctx, OWNER, customer_id, true)).await?;
    Ok(receipt.subject_ids)
}

fn client(ctx: &Context, service: &str) -> Result<PrivacyServiceClient<common::peers::Way>, Status> {
    let language = common::catalog::Language::English;
    let way = ctx.core.way(service, &Actor::service(crate::NAME), language);
    let way = way.map_err(|error| common::rpc::status(&ctx.core, language, error))?;
    Ok(PrivacyServiceClient::new(way).max_decoding_message_size(LARGEST))
}

async fn find(ctx: &Context, service: &str, subject: &str) -> Result<PersonalData, Status> {
    let request = FindPersonalDataRequest { subject_id: subject.to_owned() };
    Ok(client(ctx, service)?.find_personal_data(request).await?.into_inner())
}

async fn erase(ctx: &Context, service: &str, subject: &str, check_only: bool) -> Result<ErasureReceipt, Status> {
    let request = ErasePersonalDataRequest { subject_id: subject.to_owned(), check_only, request_id: String::new() };
    Ok(client(ctx, service)?.erase_personal_data(request).await?.into_inner())
}

async fn write(run: &mut Run<'_>, job: &Job, bytes: Vec<u8>) -> Result<i64, Ended> {
    let db = &run.ctx.core.db;
    // A try that broke off may have left pieces.
    store::drop_pieces(db.write(), &job.id, Some(Part::Result)).await?;
    for (place, piece) in (0..).zip(bytes.chunks(PIECE)) {
        run.check().await?;
        store::add_piece(run.ctx.core.db.write(), &job.id, Part::Result, place, piece.to_vec()).await?;
    }
    Ok(i64::try_from(bytes.len()).unwrap_or_default())
}

/// An index for people and the data for programs.
fn archive(customer_id: &str, at: &str, found: &[(&str, PersonalData)]) -> Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    archive.start_file("index.html", options).map_err(Error::internal)?;
    archive.write_all(index(customer_id, at, found).as_bytes()).map_err(Error::internal)?;
    archive.start_file("data.json", options).map_err(Error::internal)?;
    let data = serde_json::to_vec_pretty(&data(customer_id, at, found)).map_err(Error::internal)?;
    archive.write_all(&data).map_err(Error::internal)?;
    Ok(archive.finish().map_err(Error::internal)?.into_inner())
}

fn data(customer_id: &str, at: &str, found: &[(&str, PersonalData)]) -> Value {
    let services = found.iter().map(|(service, data)| {
        let records: Vec<Value> = data
            .records
            .iter()
            .map(|record| {
                let data: Value = serde_json::from_str(&record.data).unwrap_or_else(|_| json!(record.data));
                json!({ "kind": record.kind, "id": record.record_id, "data": data })
            })
            .collect();
        ((*service).to_owned(), json!(records))
    });
    json!({ "customer_id": customer_id, "collected_at": at, "services": services.collect::<serde_json::Map<_, _>>() })
}

fn index(customer_id: &str, at: &str, found: &[(&str, PersonalData)]) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Personal data · 个人信息</title>\
         <style>body{{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}}\
         table{{border-collapse:collapse;margin:0 0 1.5em}}td{{border:1px solid #ccc;padding:2px 8px;vertical-align:top}}</style>\
         <h1>Personal data · 个人信息</h1><p>{}<br>{}</p>\
         <p>Everything kept about this customer, by service. The same for programs: data.json.<br>\
         各服务保存的全部个人信息。供程序读取的数据见 data.json。</p>",
        escaped(customer_id),
        escaped(at)
    );
    for (service, data) in found.iter().filter(|(_, data)| !data.records.is_empty()) {
        page.push_str(&format!("<h2>{}</h2>", escaped(service)));
        for record in &data.records {
            page.push_str(&format!("<h3>{} {}</h3><table>", escaped(&record.kind), escaped(&record.record_id)));
            let value = serde_json::from_str(&record.data).unwrap_or_else(|_| json!(record.data));
            lines(&value, "", &mut page);
            page.push_str("</table>");
        }
    }
    page
}

/// One line for every value that says something.
fn lines(value: &Value, above: &str, page: &mut String) {
    let below = |name: &str| if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
    match value {
        Value::Null => {}
        Value::Object(object) => object.iter().for_each(|(name, inner)| lines(inner, &below(name), page)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(place, inner)| lines(inner, &below(&(place + 1).to_string()), page));
        }
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => page.push_str(&format!("<tr><td>{}<td>{}", escaped(above), escaped(text))),
        Value::Bool(_) | Value::Number(_) => page.push_str(&format!("<tr><td>{}<td>{value}", escaped(above))),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use proto::aftercare::common::v1::PersonalRecord;

    use super::*;

    #[test]
    fn an_archive_is_read_by_people_and_by_programs() {
        let record = PersonalRecord {
            kind: "customer".into(),
            record_id: "cu_1".into(),
            data: json!({ "name": "<b>张三", "phones": [{ "number": "+86138" }], "notes": "" }).to_string(),
        };
        let data = PersonalData { subject_ids: vec!["cu_1".into()], records: vec![record] };
        let bytes = archive("cu_1", "2026-03-02", &[("intake", data)]).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut page = String::new();
        archive.by_name("index.html").unwrap().read_to_string(&mut page).unwrap();
        assert!(page.contains("<td>name<td>&lt;b&gt;张三") && page.contains("<td>phones.1.number<td>+86138"), "{page}");
        assert!(!page.contains("notes"));
        let json: Value = serde_json::from_reader(archive.by_name("data.json").unwrap()).unwrap();
        assert_eq!(json["services"]["intake"][0]["data"]["name"], "<b>张三");
    }
}
