//! `/t/<token>.ics`: the next visit of a link as a calendar file, after RFC 5545.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use common::{catalog::Language, error::Kind};
use http::{HeaderMap, StatusCode, header};
use proto::aftercare::{common::v1::TimeWindow, dispatch::v1::WorkOrder};

use crate::{door::Door, linked_page, links};

/// Octets of a line at the most.
const LINE: usize = 75;

/// The handler. A file that is not there looks like a link that does not hold.
pub(crate) async fn file(State(door): State<Arc<Door>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let missing = || StatusCode::NOT_FOUND.into_response();
    let (Some(token), Some(authority)) = (name.strip_suffix(".ics"), door.entrance.authority()) else {
        return missing();
    };
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("zh-CN");
    let language = Language::negotiate(accepted);
    let visit = async {
        let link = links::open(authority, token).await?;
        let visits = linked_page::records(&authority.core, language, &link).await?.1;
        Ok::<_, common::Error>(visits.into_iter().find_map(|order| Some((linked_page::window(&order)?, order))))
    };
    let now = authority.core.clock.now();
    match visit.await {
        Ok(Some((window, order))) => match calendar(&order, &window, language, now) {
            Some(text) => {
                let kind = (header::CONTENT_TYPE, "text/calendar; charset=utf-8");
                let name = (header::CONTENT_DISPOSITION, "attachment; filename=\"visit.ics\"");
                ([kind, name, (header::CACHE_CONTROL, "no-store")], text).into_response()
            }
            None => missing(),
        },
        Ok(None) => missing(),
        Err(error) if error.kind() == Kind::NotFound => missing(),
        Err(error) => {
            tracing::warn!(%error, "a calendar file could not be made");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

fn calendar(order: &WorkOrder, window: &TimeWindow, language: Language, now: DateTime<Utc>) -> Option<String> {
    let at = |at: Option<&prost_types::Timestamp>| at.and_then(|at| DateTime::from_timestamp(at.seconds, 0)).map(stamp);
    let title = match language {
        Language::Chinese => format!("上门服务 {}", order.number),
        Language::English => format!("Service visit {}", order.number),
    };
    // The version counts up with every change: a moved visit replaces the one that was saved before.
    let sequence: u32 = order.etag.parse().unwrap_or_default();
    let lines = [
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Aftercare//EN".to_owned(),
        "METHOD:PUBLISH".to_owned(),
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{}@aftercare", order.work_order_id),
        format!("SEQUENCE:{sequence}"),
        format!("DTSTAMP:{}", stamp(now)),
        format!("DTSTART:{}", at(window.start.as_ref())?),
        format!("DTEND:{}", at(window.end.as_ref())?),
        format!("SUMMARY:{}", escaped(&title)),
        "END:VEVENT".to_owned(),
        "END:VCALENDAR".to_owned(),
    ];
    Some(lines.iter().map(|line| folded(line)).collect())
}

fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,").replace('\n', "\\n")
}

/// A line in pieces of 75 octets, no letter torn apart, each with its end.
fn folded(line: &str) -> String {
    let (mut out, mut length) = (String::new(), 0);
    for letter in line.chars() {
        if length + letter.len_utf8() > LINE {
            out.push_str("\r\n ");
            length = 1;
        }
        out.push(letter);
        length += letter.len_utf8();
    }
    out + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_is_an_event() {
        let order = WorkOrder {
            work_order_id: "wo_1".to_owned(),
            number: "WO-2026-1;x".to_owned(),
            etag: "7".to_owned(),
            ..Default::default()
        };
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let window = TimeWindow { start: at(1_772_416_800), end: at(1_772_427_600) };
        let text = calendar(&order, &window, Language::English, DateTime::UNIX_EPOCH).unwrap();
        for line in [
            "UID:wo_1@aftercare\r\n",
            "SEQUENCE:7\r\n",
            "DTSTART:20260302T020000Z\r\n",
            "DTEND:20260302T050000Z\r\n",
            "SUMMARY:Service visit WO-2026-1\\;x\r\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert!(
            calendar(&order, &TimeWindow { start: None, end: None }, Language::English, DateTime::UNIX_EPOCH).is_none()
        );
    }

    #[test]
    fn long_lines_are_folded_between_letters() {
        let folded = folded(&"洗".repeat(60));
        assert!(folded.split("\r\n").all(|line| line.len() <= 75));
        assert_eq!(folded.replace("\r\n ", "").trim_end(), "洗".repeat(60));
    }
}
