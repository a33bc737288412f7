//! Timers that survive restarts and fire once, with any number of replicas: a row set in the transaction of the
//! change that wants it, taken away in the transaction of what it does.

use std::{any::Any, collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use anyhow::anyhow;
use chrono::{DateTime, Utc};
use futures::{FutureExt as _, future::BoxFuture};
use sea_orm::{
    ActiveValue::Set, EntityTrait as _, QueryOrder as _, QuerySelect as _, entity::prelude::*, sea_query::OnConflict,
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, field};

use crate::{
    db::Tx,
    error::{Error, Result},
    service::{Call, Core},
    telemetry,
};

/// Rows of the table `timer`.
pub mod entity {
    use sea_orm::entity::prelude::*;

    /// One instant at which something is to happen.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "timer")]
    pub struct Model {
        /// What is to happen.
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        /// To which record. One timer per kind and record.
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject: String,
        /// When.
        pub due_at: DateTimeUtc,
        /// Not before this instant: later than `due_at` after a failed try.
        pub next_try_at: DateTimeUtc,
        /// Failed tries.
        pub tries: i32,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub use entity::Model as Timer;

/// What a timer does. It runs in the transaction that takes the timer away; it may schedule the next one.
pub type Handler = Arc<dyn for<'a> Fn(&'a Call, &'a Tx, &'a Timer) -> BoxFuture<'a, Result<()>> + Send + Sync>;

/// How often the table is looked at when nobody rings.
const LOOK: Duration = Duration::from_millis(250);
/// Timers taken at one look.
const BATCH: u64 = 100;
/// Longest pause between tries of a failing timer.
const LONGEST_PAUSE: chrono::Duration = chrono::Duration::minutes(10);

/// Sets the timer, or moves it when it is set already.
///
/// # Errors
///
/// When the database does not answer.
pub async fn schedule(tx: &Tx, kind: &'static str, subject: &str, due_at: DateTime<Utc>) -> Result<()> {
    use entity::Column;
    let row = entity::ActiveModel {
        kind: Set(kind.to_owned()),
        subject: Set(subject.to_owned()),
        due_at: Set(due_at),
        next_try_at: Set(due_at),
        tries: Set(0),
    };
    let moved = OnConflict::columns([Column::Kind, Column::Subject])
        .update_columns([Column::DueAt, Column::NextTryAt, Column::Tries])
        .to_owned();
    entity::Entity::insert(row).on_conflict(moved).exec_without_returning(tx).await?;
    tx.written.timer(due_at);
    Ok(())
}

/// Takes the timer away, if it is set.
///
/// # Errors
///
/// When the database does not answer.
pub async fn cancel(tx: &Tx, kind: &'static str, subject: &str) -> Result<()> {
    entity::Entity::delete_by_id((kind.to_owned(), subject.to_owned())).exec(tx).await?;
    Ok(())
}

/// When the timer is due, if it is set.
///
/// # Errors
///
/// When the database does not answer.
pub async fn due(on: &impl ConnectionTrait, kind: &'static str, subject: &str) -> Result<Option<DateTime<Utc>>> {
    let row = entity::Entity::find_by_id((kind.to_owned(), subject.to_owned())).one(on).await?;
    Ok(row.map(|timer| timer.due_at))
}

/// Fires due timers until the token is cancelled.
///
/// # Errors
///
/// Never: a failing timer is tried again later, a database that is down is asked again.
pub async fn run(core: Core, handlers: Vec<(&'static str, Handler)>, stop: CancellationToken) -> anyhow::Result<()> {
    let handlers: HashMap<_, _> = handlers.into_iter().collect();
    while !stop.is_cancelled() {
        match fire_due(&core, &handlers).await {
            Ok(fired) if fired as u64 >= BATCH => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, cause = ?error.cause(), "timers wait: the database does not answer"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = core.db.bells().timers(&core.clock, LOOK) => {}
        }
    }
    Ok(())
}

/// Fires what is due now and says how many were looked at. Tests call it by hand.
///
/// # Errors
///
/// When the database does not answer.
pub async fn fire_due(core: &Core, handlers: &HashMap<&'static str, Handler>) -> Result<usize> {
    use entity::Column;
    let now = core.clock.now();
    let due = entity::Entity::find()
        .filter(Column::NextTryAt.lte(now))
        .order_by_asc(Column::NextTryAt)
        .limit(BATCH)
        .all(core.db.read())
        .await?;
    for timer in &due {
        let Some((kind, handler)) = handlers.get_key_value(timer.kind.as_str()) else {
            tracing::error!(kind = timer.kind, "no handler for this kind of timer");
            postpone(core, timer).await?;
            continue;
        };
        let span =
            tracing::info_span!("timer", otel.name = kind, kind, subject = timer.subject, trace_id = field::Empty);
        telemetry::set_parent(&span, "");
        // A timer whose handler panics is a failing timer: it must not take the others, or the process, with it.
        let fired = AssertUnwindSafe(fire(core, kind, handler, timer)).catch_unwind().instrument(span).await;
        let panicked =
            |panic: Box<dyn Any + Send>| Err(Error::internal(anyhow!(telemetry::message(&*panic).to_owned())));
        if let Err(error) = fired.unwrap_or_else(panicked) {
            tracing::warn!(%error, cause = ?error.cause(), kind, subject = timer.subject, tries = timer.tries, "timer failed, will be tried again");
            postpone(core, timer).await?;
        }
    }
    Ok(due.len())
}

/// Whether a timer is due that has not failed before: somebody who waits for rest waits for it.
///
/// # Errors
///
/// When the database does not answer.
pub async fn overdue(core: &Core) -> Result<bool> {
    use entity::Column;
    let due = Column::NextTryAt.lte(core.clock.now());
    let first = entity::Entity::find().filter(due).filter(Column::Tries.eq(0)).one(core.db.read()).await?;
    Ok(first.is_some())
}

async fn fire(core: &Core, kind: &'static str, handler: &Handler, timer: &Timer) -> Result<()> {
    let tx = core.db.begin().await?;
    let taken = entity::Entity::delete_by_id((timer.kind.clone(), timer.subject.clone()))
        .filter(entity::Column::DueAt.eq(timer.due_at))
        .exec(&tx)
        .await?;
    // Another replica had it, or it was moved or cancelled meanwhile.
    if taken.rows_affected == 0 {
        return Ok(());
    }
    let call = Call::internal(core, core.service, kind);
    handler(&call, &tx, timer).await?;
    tx.commit().await?;
    Ok(())
}

async fn postpone(core: &Core, timer: &Timer) -> Result<()> {
    let pause = chrono::Duration::seconds(1_i64 << timer.tries.clamp(0, 10)).min(LONGEST_PAUSE);
    let tx = core.db.begin().await?;
    entity::Entity::update_many()
        .col_expr(entity::Column::NextTryAt, Expr::value(core.clock.now() + pause))
        .col_expr(entity::Column::Tries, Expr::value(timer.tries + 1))
        .filter(entity::Column::Kind.eq(timer.kind.clone()))
        .filter(entity::Column::Subject.eq(timer.subject.clone()))
        .filter(entity::Column::DueAt.eq(timer.due_at))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(())
}
