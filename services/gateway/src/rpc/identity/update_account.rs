//! Changes an account.

use common::{
    error::{Error, Result},
    id::Id as _,
    record::Role,
    service::Call,
    store,
};
use proto::aftercare::gateway::v1::{Account, UpdateAccountRequest};

use crate::{
    audit::{self, Entry},
    convert::{self, identity as messages},
    domain::identity::{AccountId, account::Patch},
    error::LAST_ADMIN,
    service::Context,
    store::identity::{account, credential},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UpdateAccountRequest) -> Result<Account> {
    let id = AccountId::parse(&request.account_id)?;
    let patch = patch(&request)?;
    let work = ctx.core.begin(call, &request).await?;
    let person = store::load::<account::entity::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &person)?;
    let was_admin = person.role == Role::Admin;
    let changed = person.update(patch, call.now)?;
    let person = account::save(&work, call, changed).await?;
    if was_admin && person.role != Role::Admin && account::active_admins(&*work).await? == 0 {
        return Err(Error::new(LAST_ADMIN));
    }
    let mut entry = Entry::new(&call.actor, "account.update", "account", id.as_str());
    entry.subject_version = person.version;
    entry.from_address.clone_from(&call.origin.address);
    audit::record(&work, &ctx.core, entry).await?;
    let credential = credential::of(&*work, &id).await?;
    work.commit(messages::account(&person, &credential)).await
}

fn patch(request: &UpdateAccountRequest) -> Result<Patch> {
    let mut patch = Patch::default();
    for path in convert::mask(request.update_mask.as_ref())? {
        match path.as_str() {
            "org_unit_id" => patch.org_unit_id = Some(request.org_unit_id.clone()),
            "email" => patch.email = Some(request.email.clone()),
            "display_name" => patch.display_name = Some(request.display_name.clone()),
            "person_id" => patch.person_id = Some(request.person_id.clone()),
            "partner_id" => patch.partner_id = Some(request.partner_id.clone()),
            "language" => patch.language = Some(request.language.clone()),
            "role" => {
                let role = messages::role(request.role)?;
                patch.role = Some(role.ok_or_else(|| Error::invalid("role", "required"))?);
            }
            unknown => return Err(convert::unknown_path(unknown)),
        }
    }
    Ok(patch)
}
