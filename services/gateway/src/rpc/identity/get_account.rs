//! Gives an account.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::gateway::v1::{Account, GetAccountRequest};

use crate::{
    convert::identity as convert,
    domain::identity::AccountId,
    service::Context,
    store::identity::{account, credential},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetAccountRequest) -> Result<Account> {
    let id = AccountId::parse(&request.account_id)?;
    let on = ctx.core.db.read();
    let person = store::load::<account::entity::Entity>(&ctx.core.read(call), id.as_str()).await?;
    Ok(convert::account(&person, &credential::of(on, &id).await?))
}
