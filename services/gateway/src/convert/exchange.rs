//! Jobs as messages.

use common::convert::timestamp;
use proto::aftercare::gateway::v1::{self as pb, ImportKind, JobKind, JobState, SheetFormat};

use crate::{
    domain::exchange::{Format, Imported, Problem, State, Task},
    exchange::download,
    store::exchange::Found,
};

/// A job.
pub(crate) fn job(found: &Found) -> pb::Job {
    let Found { job, progress, .. } = found;
    let mut message = pb::Job {
        job_id: job.id.to_string(),
        etag: job.version.to_string(),
        create_time: Some(timestamp(job.created_at)),
        update_time: Some(timestamp(job.updated_at)),
        org_unit_id: job.owner.actor().org_unit_id,
        creator_id: job.owner.key().to_owned(),
        rows_done: progress.rows_done,
        rows_total: progress.rows_total,
        rows_bad: progress.rows_bad,
        problems: progress.problems.iter().map(problem).collect(),
        ..Default::default()
    };
    match &job.task {
        Task::Export { path, query, format } => {
            message.set_kind(JobKind::Export);
            message.path.clone_from(path);
            message.query.clone_from(query);
            message.set_format(match format {
                Format::Csv | Format::CsvMarked => SheetFormat::Csv,
                Format::Xlsx => SheetFormat::Xlsx,
            });
        }
        Task::Import { kind, dry_run, file_name } => {
            message.set_kind(JobKind::Import);
            message.set_import_kind(import_kind(*kind));
            message.dry_run = *dry_run;
            message.file_name.clone_from(file_name);
        }
        Task::PersonalData { customer_id } => {
            message.set_kind(JobKind::PersonalData);
            message.customer_id.clone_from(customer_id);
        }
        Task::Erasure { customer_id, .. } => {
            message.set_kind(JobKind::Erasure);
            message.customer_id.clone_from(customer_id);
        }
        Task::Replay => message.set_kind(JobKind::ErasureReplay),
    }
    match &job.state {
        State::Queued => message.set_state(JobState::Queued),
        State::Running => message.set_state(JobState::Running),
        State::Done { expires_at, bytes } => {
            message.set_state(JobState::Done);
            message.expire_time = Some(timestamp(*expires_at));
            message.result_bytes = *bytes;
            if *bytes > 0 {
                message.result_url = download::address(found);
            }
        }
        State::Failed { reason, text, expires_at } => {
            message.set_state(JobState::Failed);
            message.failure_reason.clone_from(reason);
            message.failure_text.clone_from(text);
            message.expire_time = Some(timestamp(*expires_at));
        }
        State::Cancelled { expires_at } => {
            message.set_state(JobState::Cancelled);
            message.expire_time = Some(timestamp(*expires_at));
        }
        State::Expired => message.set_state(JobState::Expired),
    }
    message
}

fn problem(problem: &Problem) -> pb::ImportProblem {
    pb::ImportProblem {
        line: problem.line,
        column: problem.column,
        heading: problem.heading.clone(),
        reason: problem.reason.clone(),
        text: problem.text.clone(),
    }
}

fn import_kind(kind: Imported) -> ImportKind {
    match kind {
        Imported::Customers => ImportKind::Customers,
        Imported::Products => ImportKind::Products,
        Imported::Parts => ImportKind::Parts,
        Imported::Technicians => ImportKind::Technicians,
    }
}

/// What is to be imported; the contract's rules refuse what is none.
pub(crate) fn imported(kind: ImportKind) -> Option<Imported> {
    match kind {
        ImportKind::Unspecified => None,
        ImportKind::Customers => Some(Imported::Customers),
        ImportKind::Products => Some(Imported::Products),
        ImportKind::Parts => Some(Imported::Parts),
        ImportKind::Technicians => Some(Imported::Technicians),
    }
}

/// The name lists filter by; `None` filters nothing.
pub(crate) fn state_name(state: JobState) -> Option<&'static str> {
    match state {
        JobState::Unspecified => None,
        JobState::Queued => Some("queued"),
        JobState::Running => Some("running"),
        JobState::Done => Some("done"),
        JobState::Failed => Some("failed"),
        JobState::Cancelled => Some("cancelled"),
        JobState::Expired => Some("expired"),
    }
}

/// The name lists filter by; `None` filters nothing.
pub(crate) fn kind_name(kind: JobKind) -> Option<&'static str> {
    match kind {
        JobKind::Unspecified => None,
        JobKind::Export => Some("export"),
        JobKind::Import => Some("import"),
        JobKind::PersonalData => Some("personal_data"),
        JobKind::Erasure => Some("erasure"),
        JobKind::ErasureReplay => Some("erasure_replay"),
    }
}
