//! Files as messages.

use common::convert::timestamp;
use proto::aftercare::{common::v1::Actor, gateway::v1::File};

use crate::store::file::entity;

/// A file.
pub(crate) fn message(row: entity::Model) -> File {
    File {
        file_id: row.id,
        media_type: row.media_type,
        size_bytes: row.size,
        sha256: row.digest,
        name: row.name,
        label: row.label,
        record_kind: row.record_kind,
        record_id: row.record_id,
        uploader: Some(Actor { id: row.uploader_id, role: row.uploader_role, org_unit_id: row.uploader_org_unit_id }),
        width: row.width,
        height: row.height,
        has_thumbnail: row.thumbnail,
        create_time: Some(timestamp(row.created_at)),
        attach_time: row.attached_at.map(timestamp),
    }
}
