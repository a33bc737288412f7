//! Rows of jobs and of the pieces they read and make. Pieces lie in the database: any replica goes on where another
//! stopped, and what is written is written together with how far it is.

use common::{
    db::{Tx, guarded},
    error::{Error, Result},
    reach::{Owned, Owner, Reach, Scoped},
    record::{Changed, Record as _},
    service::Call,
    store::{self, Table, set},
};
use proto::aftercare::common::v1::RecordEvent;
use sea_orm::{Condition, QueryOrder as _, QuerySelect as _, entity::prelude::*};

use crate::domain::exchange::{Job, JobId, Progress, State};

/// The table `exchange_job`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// A job; the body is the truth, the progress stands beside it.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "exchange_job")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub version: i64,
        pub kind: String,
        pub state: String,
        pub owner_id: String,
        pub secret: String,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        #[sea_orm(column_type = "JsonBinary", nullable)]
        pub progress: Option<Json>,
        #[sea_orm(column_type = "JsonBinary")]
        pub body: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `exchange_piece`.
pub(crate) mod piece {
    use sea_orm::entity::prelude::*;

    /// A piece of a file.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "exchange_piece")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub job_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub part: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub place: i32,
        pub bytes: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What a piece belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The file that is imported.
    Source,
    /// Rows of a workbook that is written when all are there.
    Rows,
    /// What can be fetched.
    Result,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Rows => "rows",
            Self::Result => "result",
        }
    }
}

/// A job is its owner's, whatever records the owner sees.
impl Owned for entity::Entity {
    fn within(reach: &Reach) -> Condition {
        Owner::only_account(entity::Column::OwnerId).within(reach)
    }
}

impl Table for entity::Entity {
    type Record = Job;
    const ID: entity::Column = entity::Column::Id;
    const VERSION: entity::Column = entity::Column::Version;

    /// Progress and secret have their own statements: they stand beside the record.
    fn row(job: &Job) -> Result<entity::ActiveModel> {
        Ok(entity::ActiveModel {
            id: set(job.id.to_string()),
            version: set(job.version),
            kind: set(job.task.name().to_owned()),
            state: set(job.state.name().to_owned()),
            owner_id: set(job.owner.key().to_owned()),
            created_at: set(job.created_at),
            updated_at: set(job.updated_at),
            body: set(store::body(job)?),
            ..Default::default()
        })
    }

    fn record(row: entity::Model) -> Result<Job> {
        store::from_body(row.body)
    }
}

/// A job with what stands beside it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) job: Job,
    pub(crate) progress: Progress,
    /// What the address of its result must hold.
    pub(crate) secret: String,
}

/// A row with all that stands in it.
pub(crate) fn found(row: entity::Model) -> Result<Found> {
    let progress = match row.progress.clone() {
        Some(json) => serde_json::from_value(json).map_err(Error::internal)?,
        None => Progress::default(),
    };
    let secret = row.secret.clone();
    Ok(Found { job: entity::Entity::record(row)?, progress, secret })
}

/// The job of that id, whoever's it is.
pub(crate) async fn find(on: &impl ConnectionTrait, id: &str) -> Result<Option<Found>> {
    entity::Entity::find_by_id(id.to_owned()).one(on).await?.map(found).transpose()
}

/// The job of that id, if it is the caller's own; another's looks like none.
pub(crate) async fn load(on: &impl Scoped, id: &JobId) -> Result<Found> {
    let own = entity::Entity::find_by_id(id.as_str()).filter(entity::Entity::within(on.reach()));
    own.one(on).await?.map(found).transpose()?.ok_or_else(|| Error::not_found(Job::KIND, id))
}

fn event(changed: &Changed<Job>) -> RecordEvent {
    RecordEvent {
        record_id: changed.record.id.to_string(),
        action: changed.action.to_owned(),
        state: changed.record.state().to_owned(),
    }
}

/// Adds a job.
pub(crate) async fn insert(tx: &Tx, call: &Call, job: Job, secret: String) -> Result<Found> {
    let event = event(&Changed::new(job.clone(), "create", "", ""));
    let job = store::insert::<entity::Entity, _>(tx, call, job, "create", "", &event).await?;
    let written = entity::Entity::update_many()
        .col_expr(entity::Column::Secret, Expr::value(secret.clone()))
        .filter(entity::Column::Id.eq(job.id.as_str()))
        .exec(tx)
        .await?;
    guarded(written.rows_affected)?;
    Ok(Found { job, progress: Progress::default(), secret })
}

/// Saves a change.
pub(crate) async fn save(tx: &Tx, call: &Call, changed: Changed<Job>) -> Result<Job> {
    let event = event(&changed);
    store::save::<entity::Entity, _>(tx, call, changed, &event).await
}

/// Notes how far a running job is. `CONFLICT` when it does not run any more.
pub(crate) async fn note(tx: &Tx, id: &JobId, progress: &Progress) -> Result<()> {
    let json = serde_json::to_value(progress).map_err(Error::internal)?;
    let written = entity::Entity::update_many()
        .col_expr(entity::Column::Progress, Expr::value(json))
        .filter(entity::Column::Id.eq(id.as_str()))
        .filter(entity::Column::State.eq(State::Running.name()))
        .exec(tx)
        .await?;
    guarded(written.rows_affected)
}

/// Forgets the details of how far an ended job came.
pub(crate) async fn blank(tx: &Tx, id: &JobId) -> Result<()> {
    let json = serde_json::to_value(Progress::default()).map_err(Error::internal)?;
    entity::Entity::update_many()
        .col_expr(entity::Column::Progress, Expr::value(json))
        .filter(entity::Column::Id.eq(id.as_str()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Jobs that wait or run, oldest first.
pub(crate) async fn open(on: &impl ConnectionTrait) -> Result<Vec<String>> {
    let states = [State::Queued.name(), State::Running.name()];
    let rows = entity::Entity::find()
        .select_only()
        .column(entity::Column::Id)
        .filter(entity::Column::State.is_in(states))
        .order_by_asc(entity::Column::CreatedAt)
        .order_by_asc(entity::Column::Id)
        .limit(50)
        .into_tuple()
        .all(on)
        .await?;
    Ok(rows)
}

/// How many jobs of a person wait or run.
pub(crate) async fn open_of(on: &impl ConnectionTrait, owner: &str) -> Result<u64> {
    let states = [State::Queued.name(), State::Running.name()];
    let open = entity::Entity::find()
        .filter(entity::Column::OwnerId.eq(owner))
        .filter(entity::Column::State.is_in(states))
        .count(on)
        .await?;
    Ok(open)
}

/// Adds a piece.
pub(crate) async fn add_piece(
    on: &impl ConnectionTrait,
    id: &JobId,
    part: Part,
    place: i32,
    bytes: Vec<u8>,
) -> Result<()> {
    let row = piece::ActiveModel {
        job_id: set(id.to_string()),
        part: set(part.name().to_owned()),
        place: set(place),
        bytes: set(bytes),
    };
    piece::Entity::insert(row).exec_without_returning(on).await?;
    Ok(())
}

/// One piece.
pub(crate) async fn piece_at(on: &impl ConnectionTrait, id: &str, part: Part, place: i32) -> Result<Option<Vec<u8>>> {
    let key = (id.to_owned(), part.name().to_owned(), place);
    Ok(piece::Entity::find_by_id(key).one(on).await?.map(|piece| piece.bytes))
}

/// Deletes pieces of one part, or all of them.
pub(crate) async fn drop_pieces(on: &impl ConnectionTrait, id: &JobId, part: Option<Part>) -> Result<()> {
    let mut delete = piece::Entity::delete_many().filter(piece::Column::JobId.eq(id.as_str()));
    if let Some(part) = part {
        delete = delete.filter(piece::Column::Part.eq(part.name()));
    }
    delete.exec(on).await?;
    Ok(())
}
