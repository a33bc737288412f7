//! What a service said of one line or one page: as a stable reason and a text, at its column where it names one.

use common::{Error, catalog::Language, rpc};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{
    cell::{Cell, Row},
    columns::{Fault, Layout},
};
use crate::{domain::exchange::Problem, service::Context};

/// Columns of the list of problems.
pub(crate) const HEADING: [&str; 5] = ["line", "column", "heading", "reason", "text"];

/// The stable reason and the text of a refusal.
pub(crate) fn reason(status: &Status) -> (String, String) {
    let details = status.get_error_details();
    let reason = details.error_info().map_or_else(|| "INTERNAL".to_owned(), |info| info.reason.clone());
    let text = details.localized_message().map_or_else(|| status.message().to_owned(), |text| text.message.clone());
    (reason, text)
}

/// Whether the same call may succeed later: then the line is not at fault.
pub(crate) fn passes(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Aborted | Code::Cancelled => true,
        // The peer broke off without an answer of its own.
        Code::Unknown => status.get_details_error_info().is_none(),
        _ => false,
    }
}

/// Whether no line of the file will do better: the caller has lost a right, or the service is broken.
pub(crate) fn hopeless(status: &Status) -> bool {
    match status.code() {
        Code::Unauthenticated | Code::Unimplemented | Code::Internal => true,
        Code::PermissionDenied => reason(status).0 == common::error::reason::NOT_ALLOWED.name,
        _ => false,
    }
}

/// The problems of a line that its service refused: one for each field at fault that has a column.
pub(crate) fn refused(layout: &Layout<'_>, line: i32, status: &Status) -> Vec<Problem> {
    let (reason, text) = reason(status);
    let details = status.get_error_details();
    let fields = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    if fields.is_empty() {
        return vec![problem(layout, line, None, (reason, text))];
    }
    fields
        .into_iter()
        .map(|field| {
            let place = layout.place_of(&field.field);
            problem(layout, line, place, (reason.clone(), format!("{text} ({})", field.description)))
        })
        .collect()
}

/// The problem of a fault that was found here.
pub(crate) fn found(
    ctx: &Context,
    language: Language,
    layout: Option<&Layout<'_>>,
    line: i32,
    fault: Fault,
) -> Problem {
    let Fault { place, error } = fault;
    let heading = match layout {
        Some(layout) => place.map_or("", |place| layout.heading(place)).to_owned(),
        None => error.facts.get("heading").cloned().unwrap_or_default(),
    };
    let (reason, text) = told(ctx, language, error);
    Problem { line, column: column(place), heading, reason, text }
}

/// An error of our own in words.
pub(crate) fn told(ctx: &Context, language: Language, error: Error) -> (String, String) {
    reason(&rpc::status_in(&ctx.core.catalog, language, error))
}

fn problem(layout: &Layout<'_>, line: i32, place: Option<usize>, (reason, text): (String, String)) -> Problem {
    let heading = place.map_or("", |place| layout.heading(place)).to_owned();
    Problem { line, column: column(place), heading, reason, text }
}

fn column(place: Option<usize>) -> i32 {
    place.and_then(|place| i32::try_from(place + 1).ok()).unwrap_or_default()
}

/// A problem as a row of the list of problems.
pub(crate) fn row(problem: &Problem) -> Row {
    let number = |number: i32| Cell::Number(number.to_string());
    let text = |text: &String| if text.is_empty() { Cell::Empty } else { Cell::Text(text.clone()) };
    vec![
        number(problem.line),
        if problem.column == 0 { Cell::Empty } else { number(problem.column) },
        text(&problem.heading),
        text(&problem.reason),
        text(&problem.text),
    ]
}
