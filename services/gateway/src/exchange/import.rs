//! One import: the file is read, its headings are understood, and every line goes through the create RPC of its service
//! as whoever started the import. The request id of a line is made of job and line, so a line that is sent twice makes
//! one record. A dry run asks the same RPC only to check.

use std::collections::HashMap;

use common::{Error, Result, record::Actor};
use futures::{StreamExt as _, stream};
use prost_reflect::{DynamicMessage, MethodDescriptor};
use proto::aftercare::{
    dispatch::v1::{ListServicePointsRequest, dispatch_service_client::DispatchServiceClient},
    intake::v1::{ListCustomersRequest, intake_service_client::IntakeServiceClient},
};
use serde_json::json;
use tonic::Status;

use super::{
    columns::{Fault, Find, Layout, Made},
    file::{self, Line, Sheet},
    jobs::{Ended, Run},
    report, sheet,
};
use crate::{
    domain::exchange::{Imported, Job, Problem},
    error::{CELL_UNREADABLE, LINE_TWICE, REFERENCE_AMBIGUOUS, REFERENCE_UNKNOWN},
    rest::codec::DynamicCodec,
    service::Context,
    store::exchange::{self as store, Part},
};

/// Lines between two notes of progress.
const BATCH: usize = 50;
/// Lines of a batch that are on their way at once.
const AT_ONCE: usize = 4;
/// Problems that the job itself tells; its result tells all.
const TOLD: usize = 100;

/// What people call a record, and the record.
type Known = HashMap<(Find, String), Result<String, &'static str>>;

/// Runs until the end of the file.
pub(crate) async fn run(run: &mut Run<'_>, job: &Job, kind: Imported, dry_run: bool) -> Result<i64, Ended> {
    let ctx = run.ctx;
    let bytes = source(run, job).await?;
    let longest = ctx.config.exchange.lines_limit;
    let read = tokio::task::spawn_blocking(move || file::read(&bytes, longest)).await.map_err(Error::internal)?;
    let sheet = read?;
    let plan = ctx.exchange.plans.of(kind);
    let layout = match Layout::of(plan, &sheet.heading) {
        Ok(layout) => layout,
        Err(faults) => return Err(headings(run, job, faults).await?),
    };
    let method = ctx.exchange.rpc(layout.rpc(), &run.actor())?;
    let twice = twice(&layout, &sheet);
    let mut known = Known::new();
    let mut at = usize::try_from(run.progress.rows_done).unwrap_or_default();
    while at < sheet.lines.len() {
        run.check().await?;
        let batch = &sheet.lines[at..sheet.lines.len().min(at + BATCH)];
        let (mut ready, mut problems) = (Vec::new(), Vec::new());
        for line in batch {
            match prepared(run, &layout, &twice, line, &mut known).await? {
                Ok(request) => ready.push((line.number, request)),
                Err(faults) => {
                    let found = |fault| report::found(ctx, run.language, Some(&layout), line.number, fault);
                    problems.extend(faults.into_iter().map(found));
                }
            }
        }
        let target = Target { method: &method, service: plan.service.as_str(), job, dry_run };
        problems.extend(made(run, &layout, target, ready).await?);
        problems.sort_by_key(|problem| (problem.line, problem.column));
        at += batch.len();
        note(run, job, &sheet, at, problems).await?;
    }
    result(run, job).await
}

async fn source(run: &Run<'_>, job: &Job) -> Result<Vec<u8>, Ended> {
    let mut bytes = Vec::new();
    for place in 0.. {
        match store::piece_at(run.ctx.core.db.read(), job.id.as_str(), Part::Source, place).await? {
            Some(piece) => bytes.extend(piece),
            None => break,
        }
    }
    Ok(bytes)
}

/// A file whose headings are wrong fails as a whole; the job says all that is wrong with them.
async fn headings(run: &mut Run<'_>, job: &Job, faults: Vec<Fault>) -> Result<Ended, Ended> {
    let problems: Vec<Problem> =
        faults.into_iter().map(|fault| report::found(run.ctx, run.language, None, 1, fault)).collect();
    let first = problems.first().cloned().unwrap_or_default();
    let mut progress = run.progress.clone();
    progress.problems = problems.into_iter().take(TOLD).collect();
    let tx = run.ctx.core.db.begin().await?;
    store::note(&tx, &job.id, &progress).await?;
    tx.commit().await?;
    Ok(Ended::Failed(first.reason, first.text))
}

/// Lines that repeat, in a column that may hold a value once, what an earlier line holds: their places and that line.
fn twice(layout: &Layout<'_>, sheet: &Sheet) -> HashMap<i32, (usize, i32)> {
    let mut repeated = HashMap::new();
    for (place, _) in layout.columns.iter().enumerate().filter(|(_, column)| column.once) {
        let mut seen: HashMap<&str, i32> = HashMap::new();
        for line in &sheet.lines {
            let Some(value) = line.cells.get(place).filter(|value| !value.is_empty()) else { continue };
            match seen.get(value.as_str()) {
                Some(first) => {
                    repeated.insert(line.number, (place, *first));
                }
                None => {
                    seen.insert(value, line.number);
                }
            }
        }
    }
    repeated
}

/// The request of a line, with what it names looked up.
async fn prepared(
    run: &Run<'_>,
    layout: &Layout<'_>,
    twice: &HashMap<i32, (usize, i32)>,
    line: &Line,
    known: &mut Known,
) -> Result<Result<serde_json::Value, Vec<Fault>>, Ended> {
    if let Some((place, first)) = twice.get(&line.number) {
        let error = Error::new(LINE_TWICE).with("heading", layout.heading(*place)).with("line", first);
        return Ok(Err(vec![Fault { place: Some(*place), error }]));
    }
    let Made { mut request, wanted } = match layout.make(&line.cells) {
        Ok(made) => made,
        Err(faults) => return Ok(Err(faults)),
    };
    let mut faults = Vec::new();
    for (place, find, name, field) in wanted {
        let key = (find, name.clone());
        if !known.contains_key(&key) {
            let found = run.patiently(|| look_up(run, find, &name)).await?;
            known.insert(key.clone(), found);
        }
        match known.get(&key) {
            Some(Ok(id)) => {
                request.entry(field).or_insert_with(|| json!(id));
            }
            Some(Err(which)) => {
                let reason = if *which == REFERENCE_AMBIGUOUS.name { REFERENCE_AMBIGUOUS } else { REFERENCE_UNKNOWN };
                let error = Error::new(reason).with("heading", layout.heading(place));
                faults.push(Fault { place: Some(place), error });
            }
            None => {}
        }
    }
    Ok(if faults.is_empty() { Ok(serde_json::Value::Object(request)) } else { Err(faults) })
}

/// The one record that people call so.
async fn look_up(run: &Run<'_>, find: Find, name: &str) -> Result<Result<String, &'static str>, Status> {
    let core = &run.ctx.core;
    let way = |service| {
        core.way(service, &run.actor(), run.language).map_err(|error| common::rpc::status(core, run.language, error))
    };
    let ids: Vec<String> = match find {
        Find::CustomerByPhone => {
            let request = ListCustomersRequest { phone: name.to_owned(), page_size: 2, ..Default::default() };
            let answer = IntakeServiceClient::new(way("intake")?).list_customers(request).await;
            let found = match answer {
                Ok(answer) => answer.into_inner().customers,
                // What is no telephone number is nobody's.
                Err(status) if status.code() == tonic::Code::InvalidArgument => Vec::new(),
                Err(status) => return Err(status),
            };
            found.into_iter().map(|customer| customer.customer_id).collect()
        }
        Find::ServicePointByName => {
            let request = ListServicePointsRequest { text: name.to_owned(), page_size: 100, ..Default::default() };
            let answer = DispatchServiceClient::new(way("dispatch")?).list_service_points(request).await?;
            let points = answer.into_inner().service_points.into_iter();
            points
                .filter(|point| point.name == name || point.number == name)
                .map(|point| point.service_point_id)
                .collect()
        }
    };
    Ok(match &ids[..] {
        [] => Err(REFERENCE_UNKNOWN.name),
        [id] => Ok(id.clone()),
        _ => Err(REFERENCE_AMBIGUOUS.name),
    })
}

/// Where the lines go.
#[derive(Clone, Copy)]
struct Target<'t> {
    method: &'t MethodDescriptor,
    service: &'t str,
    job: &'t Job,
    dry_run: bool,
}

/// Sends the lines to their service, several at once, and gives back what it did not take.
async fn made(
    run: &Run<'_>,
    layout: &Layout<'_>,
    target: Target<'_>,
    ready: Vec<(i32, serde_json::Value)>,
) -> Result<Vec<Problem>, Ended> {
    let sent = stream::iter(ready).map(|(line, request)| send(run, layout, target, line, request));
    let results: Vec<Result<Vec<Problem>, Ended>> = sent.buffer_unordered(AT_ONCE).collect().await;
    let mut problems = Vec::new();
    for result in results {
        problems.extend(result?);
    }
    Ok(problems)
}

async fn send(
    run: &Run<'_>,
    layout: &Layout<'_>,
    target: Target<'_>,
    line: i32,
    mut request: serde_json::Value,
) -> Result<Vec<Problem>, Ended> {
    let Target { method, service, job, dry_run } = target;
    if dry_run {
        request["validate_only"] = json!(true);
    } else {
        request["request_id"] = json!(format!("{}/{line}", job.id));
    }
    let Ok(message) = DynamicMessage::deserialize(method.input(), request) else {
        let error = Error::new(CELL_UNREADABLE).with("heading", "").with("expected", "");
        return Ok(vec![report::found(run.ctx, run.language, Some(layout), line, Fault { place: None, error })]);
    };
    let answer = run.patiently(|| async {
        match create(run, method, service, message.clone()).await {
            // What the line is refused for is not for another try.
            Err(status) if !report::passes(&status) && !report::hopeless(&status) => Ok(Some(status)),
            Err(status) => Err(status),
            Ok(()) => Ok(None),
        }
    });
    Ok(answer.await?.map(|status| report::refused(layout, line, &status)).unwrap_or_default())
}

async fn create(
    run: &Run<'_>,
    method: &MethodDescriptor,
    service: &str,
    message: DynamicMessage,
) -> Result<(), Status> {
    let core = &run.ctx.core;
    let way = core.way(service, &run.actor(), run.language);
    let way = way.map_err(|error| common::rpc::status(core, run.language, error))?;
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let path = path.parse().map_err(|_| Status::internal("no path"))?;
    let mut client = tonic::client::Grpc::new(way);
    client.ready().await?;
    client.unary(tonic::Request::new(message), path, DynamicCodec(method.output())).await?;
    Ok(())
}

async fn note(run: &mut Run<'_>, job: &Job, sheet: &Sheet, at: usize, problems: Vec<Problem>) -> Result<(), Ended> {
    let mut progress = run.progress.clone();
    progress.rows_done = i64::try_from(at).unwrap_or_default();
    progress.rows_total = i64::try_from(sheet.lines.len()).unwrap_or_default();
    let bad: std::collections::BTreeSet<i32> = problems.iter().map(|problem| problem.line).collect();
    progress.rows_bad += i64::try_from(bad.len()).unwrap_or_default();
    let room = TOLD.saturating_sub(progress.problems.len());
    progress.problems.extend(problems.iter().take(room).cloned());
    let rows: Vec<_> = problems.iter().map(report::row).collect();
    let mut bytes = Vec::new();
    if progress.pieces == 0 {
        bytes.extend_from_slice(sheet::MARK);
        bytes.extend(sheet::csv_heading(&report::HEADING)?);
    }
    bytes.extend(sheet::csv_rows(&rows)?);
    progress.bytes += i64::try_from(bytes.len()).unwrap_or_default();
    run.write(&job.id, (Part::Result, bytes), progress).await
}

/// The list of bad lines is the result; a file without any has none.
async fn result(run: &mut Run<'_>, job: &Job) -> Result<i64, Ended> {
    if run.progress.rows_bad > 0 {
        return Ok(run.progress.bytes);
    }
    store::drop_pieces(run.ctx.core.db.write(), &job.id, Some(Part::Result)).await?;
    Ok(0)
}

/// Whether this role may make records of this kind at all; their services check it again for every line.
///
/// # Errors
///
/// `NOT_ALLOWED`.
pub(crate) fn may(ctx: &Context, kind: Imported, actor: &Actor) -> Result<()> {
    ctx.exchange.rpc(&ctx.exchange.plans.of(kind).rpc, actor).map(|_| ())
}
