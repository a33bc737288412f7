//! Changes a customer file; every change is kept.

use common::{
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::intake::v1::{self as pb, UpdateCustomerRequest};

use crate::{
    Context, convert,
    domain::customer::{Consent, Profile},
    store,
};

const FIELDS: &[&str] = &[
    "kind",
    "name",
    "phones",
    "emails",
    "addresses",
    "tier",
    "tags",
    "language",
    "contact_from",
    "contact_until",
    "consent",
    "birthday",
    "source",
    "agent_id",
    "notes",
];

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UpdateCustomerRequest) -> Result<pb::Customer> {
    let id = store::customer::id(&request.customer_id)?;
    let paths = convert::paths(request.update_mask.as_ref(), FIELDS)?;
    let work = ctx.core.begin(call, &request).await?;
    let loaded = store::customer::load(&*work, &id).await?;
    call.check_etag(&request.etag, &loaded)?;
    let profile = apply(ctx, loaded.profile.clone(), &request, &paths)?;
    let (changed, changes) = loaded.update(profile)?;
    let saved = store::customer::save(&work, call, changed, &changes).await?;
    let alike = store::customer::with_phones(&*work, &saved).await?;
    work.commit(convert::customer(&saved, alike)).await
}

fn apply(ctx: &Context, mut profile: Profile, request: &UpdateCustomerRequest, paths: &[&str]) -> Result<Profile> {
    let from = request.clone();
    for path in paths {
        match *path {
            "kind" => {
                profile.kind =
                    convert::customer_kind(from.kind).ok_or_else(|| Error::invalid("kind", "enum.not_in"))?;
            }
            "name" => profile.name.clone_from(&from.name),
            "phones" => profile.phones = convert::phones(from.phones.clone(), ctx.rules.country)?,
            "emails" => profile.emails.clone_from(&from.emails),
            "addresses" => profile.addresses = from.addresses.iter().cloned().map(convert::address).collect(),
            "tier" => profile.tier = convert::tier(from.tier).ok_or_else(|| Error::invalid("tier", "enum.not_in"))?,
            "tags" => profile.tags.clone_from(&from.tags),
            "language" => profile.language.clone_from(&from.language),
            "contact_from" => profile.contact_from.clone_from(&from.contact_from),
            "contact_until" => profile.contact_until.clone_from(&from.contact_until),
            "consent" => {
                let consent = from.consent.unwrap_or_default();
                profile.consent = Consent { survey: consent.survey, marketing: consent.marketing };
            }
            "birthday" => profile.birthday = convert::day(&from.birthday, "birthday")?,
            "source" => profile.source.clone_from(&from.source),
            "agent_id" => profile.agent_id.clone_from(&from.agent_id),
            "notes" => profile.notes.clone_from(&from.notes),
            other => return Err(Error::invalid(format!("update_mask.{other}"), "known_field")),
        }
    }
    Ok(profile)
}
