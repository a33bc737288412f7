//! Rows of files and uploads. The bytes are elsewhere (`files::storage`).

use chrono::{DateTime, Utc};
use common::{
    db::{Db, Tx, guarded},
    error::Result,
    store::set,
};
use sea_orm::{EntityTrait as _, QueryOrder as _, QuerySelect as _, entity::prelude::*};

/// The table `file`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// A file that is whole and was looked at.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "file")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub media_type: String,
        pub size: i64,
        pub digest: String,
        pub name: String,
        pub label: String,
        pub record_kind: String,
        pub record_id: String,
        pub customer_id: String,
        pub uploader_id: String,
        pub uploader_role: String,
        pub uploader_org_unit_id: String,
        pub width: i32,
        pub height: i32,
        pub thumbnail: bool,
        pub created_at: DateTimeUtc,
        pub attached_at: Option<DateTimeUtc>,
        pub deleted_at: Option<DateTimeUtc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl common::reach::Owned for entity::Entity {
    /// A file is seen by who sees its record: its owner is asked as the caller.
    fn within(_: &common::reach::Reach) -> sea_orm::Condition {
        common::reach::shared()
    }
}

/// The table `upload`.
pub(crate) mod upload {
    use sea_orm::entity::prelude::*;

    /// A file on its way.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "upload")]
    pub struct Model {
        /// Also the id of the file that it becomes.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// Bytes in all; empty when the sender did not say.
        pub length: Option<i64>,
        /// Bytes here.
        pub received: i64,
        pub declared: String,
        pub name: String,
        pub label: String,
        pub record_kind: String,
        pub record_id: String,
        pub customer_id: String,
        pub uploader_id: String,
        pub uploader_role: String,
        pub uploader_org_unit_id: String,
        pub created_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `upload_part`.
pub(crate) mod part {
    use sea_orm::entity::prelude::*;

    /// Some bytes of an upload.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "upload_part")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub upload_id: String,
        /// Where they begin.
        #[sea_orm(primary_key, auto_increment = false)]
        pub place: i64,
        pub length: i64,
        pub key: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The file of that id, unless it was deleted.
pub(crate) async fn find(on: &impl ConnectionTrait, id: &str) -> Result<Option<entity::Model>> {
    Ok(entity::Entity::find_by_id(id).filter(entity::Column::DeletedAt.is_null()).one(on).await?)
}

/// The upload of that id.
pub(crate) async fn find_upload(on: &impl ConnectionTrait, id: &str) -> Result<Option<upload::Model>> {
    Ok(upload::Entity::find_by_id(id).one(on).await?)
}

/// Uploads of somebody that are not whole yet.
pub(crate) async fn open_uploads(on: &impl ConnectionTrait, uploader_id: &str) -> Result<u64> {
    Ok(upload::Entity::find().filter(upload::Column::UploaderId.eq(uploader_id)).count(on).await?)
}

/// Adds an upload.
pub(crate) async fn begin(db: &Db, row: upload::Model) -> Result<()> {
    let row: upload::ActiveModel = row.into();
    upload::Entity::insert(row.reset_all()).exec_without_returning(db.write()).await?;
    Ok(())
}

/// Adds a part at the place where the upload ends. Who comes second at one place is refused: `CONFLICT`.
pub(crate) async fn add_part(tx: &Tx, row: part::Model) -> Result<()> {
    let (id, place, length) = (row.upload_id.clone(), row.place, row.length);
    let moved = upload::Entity::update_many()
        .col_expr(upload::Column::Received, Expr::value(place + length))
        .filter(upload::Column::Id.eq(id))
        .filter(upload::Column::Received.eq(place))
        .exec(tx)
        .await?;
    guarded(moved.rows_affected)?;
    let row: part::ActiveModel = row.into();
    part::Entity::insert(row.reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// The parts of an upload, in order.
pub(crate) async fn parts(on: &impl ConnectionTrait, upload_id: &str) -> Result<Vec<part::Model>> {
    let parts = part::Entity::find().filter(part::Column::UploadId.eq(upload_id));
    Ok(parts.order_by_asc(part::Column::Place).all(on).await?)
}

/// Takes an upload and its parts away. Who comes second is told by `CONFLICT`.
pub(crate) async fn end(tx: &Tx, upload_id: &str) -> Result<()> {
    guarded(upload::Entity::delete_by_id(upload_id).exec(tx).await?.rows_affected)?;
    part::Entity::delete_many().filter(part::Column::UploadId.eq(upload_id)).exec(tx).await?;
    Ok(())
}

/// Adds a file.
pub(crate) async fn insert(tx: &Tx, row: entity::Model) -> Result<()> {
    let row: entity::ActiveModel = row.into();
    entity::Entity::insert(row.reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Attaches a file that is attached to nothing.
pub(crate) async fn attach(
    tx: &Tx,
    id: &str,
    (kind, record_id, customer_id): (&str, &str, &str),
    label: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let row = entity::ActiveModel {
        record_kind: set(kind.to_owned()),
        record_id: set(record_id.to_owned()),
        customer_id: set(customer_id.to_owned()),
        label: set(label.to_owned()),
        attached_at: set(Some(now)),
        ..Default::default()
    };
    let written = entity::Entity::update_many()
        .set(row)
        .filter(entity::Column::Id.eq(id))
        .filter(entity::Column::AttachedAt.is_null())
        .filter(entity::Column::DeletedAt.is_null())
        .exec(tx)
        .await?;
    guarded(written.rows_affected)
}

/// Marks files as deleted: from now on nobody finds them, and soon their bytes are gone. Says how many that were.
pub(crate) async fn mark_deleted(
    tx: &impl ConnectionTrait,
    which: impl sea_orm::sea_query::IntoCondition,
    now: DateTime<Utc>,
) -> Result<u64> {
    let marked = entity::Entity::update_many()
        .col_expr(entity::Column::DeletedAt, Expr::value(Some(now)))
        .col_expr(entity::Column::Name, Expr::value(""))
        .filter(entity::Column::DeletedAt.is_null())
        .filter(which)
        .exec(tx)
        .await?;
    Ok(marked.rows_affected)
}

/// Files that were deleted and whose bytes may still be there.
pub(crate) async fn deleted(db: &Db, limit: u64) -> Result<Vec<String>> {
    let ids = entity::Entity::find().select_only().column(entity::Column::Id);
    Ok(ids.filter(entity::Column::DeletedAt.is_not_null()).limit(limit).into_tuple().all(db.read()).await?)
}

/// Takes away the row of a file whose bytes are gone.
pub(crate) async fn forget(db: &Db, id: &str) -> Result<()> {
    let gone = entity::Entity::delete_by_id(id).filter(entity::Column::DeletedAt.is_not_null());
    gone.exec(db.write()).await?;
    Ok(())
}

/// Uploads that nobody went on with since `before`.
pub(crate) async fn stale_uploads(db: &Db, before: DateTime<Utc>, limit: u64) -> Result<Vec<String>> {
    let ids = upload::Entity::find().select_only().column(upload::Column::Id);
    Ok(ids.filter(upload::Column::CreatedAt.lt(before)).limit(limit).into_tuple().all(db.read()).await?)
}
