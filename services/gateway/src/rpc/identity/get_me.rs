//! Says who calls and what they see.

use common::{error::Result, id::Id as _, reach::named, record::Units, service::Call};
use proto::aftercare::gateway::v1::{GetMeRequest, Me};

use crate::{
    convert::identity as convert,
    domain::identity::AccountId,
    service::Context,
    store::identity::{account, credential},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, _request: GetMeRequest) -> Result<Me> {
    let actor = &call.actor;
    let on = ctx.core.db.read();
    let account = match AccountId::parse(&actor.account_id) {
        Ok(id) => account::find(on, &id).await?,
        Err(_) => None,
    };
    let account = match account {
        Some(found) => Some(convert::account(&found, &credential::of(on, &found.id).await?)),
        None => None,
    };
    let (all_org_units, org_unit_ids) = match &actor.units {
        Units::All => (true, Vec::new()),
        Units::Of(units) => (false, units.clone()),
    };
    Ok(Me {
        account,
        session_id: call.origin.session_id.clone(),
        actor_id: actor.id.clone(),
        role: named(actor.role).into(),
        org_unit_id: actor.org_unit_id.clone(),
        all_org_units,
        org_unit_ids,
        partner_id: actor.partner_id.clone(),
    })
}
