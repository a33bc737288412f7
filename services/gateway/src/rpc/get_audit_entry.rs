//! Gives one entry of the audit trail, with the before and after of a change.

use std::{collections::BTreeSet, sync::LazyLock};

use common::{
    error::{Error, Result},
    id::Id as _,
    reach,
    service::Call,
};
use prost_reflect::DescriptorPool;
use proto::aftercare::gateway::v1::{AuditEntry, GetAuditEntryRequest};
use sea_orm::entity::prelude::*;

use crate::{
    audit, convert,
    domain::audit::{AuditEntryId, mask},
    service::Context,
    store::audit::{self as store, entity},
};

/// Names of the fields that the contract marks as personal, anywhere.
static PERSONAL: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap_or_default();
    let Some(personal) = pool.get_extension_by_name("aftercare.access.v1.personal") else { return BTreeSet::new() };
    let fields = pool.all_messages().flat_map(|message| message.fields().collect::<Vec<_>>());
    let marked = fields.filter(|field| field.options().get_extension(&personal).as_bool() == Some(true));
    marked.map(|field| field.name().to_owned()).collect()
});

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetAuditEntryRequest) -> Result<AuditEntry> {
    let id = AuditEntryId::parse(&request.audit_entry_id)?;
    let missing = || Error::not_found("audit_entry", &id);
    let on = &ctx.core.read(call);
    let select = reach::select::<entity::Entity>(on).filter(entity::Column::Id.eq(id.event()));
    let row = select.one(on).await?.ok_or_else(missing)?;
    let row = store::sealed(row);
    let (changes, json) = audit::ask_owner(ctx, call.language, &row).await;
    let mut entry = convert::audit::entry(row);
    entry.changes = changes.into();
    entry.changes_json = if json.is_empty() { json } else { mask::mask(&json, &PERSONAL) };
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_marks_personal_fields() {
        for name in ["name", "line", "birthday"] {
            assert!(PERSONAL.contains(name), "{name}");
        }
    }
}
