//! Makes a customer file and names other files with the same phone.

use common::{error::Result, service::Call};
use proto::aftercare::intake::v1::{self as pb, CreateCustomerRequest};

use crate::{
    Context, convert,
    domain::{
        customer::{Consent, Customer, CustomerKind, Profile},
        values::Tier,
    },
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: CreateCustomerRequest) -> Result<pb::Customer> {
    let fields = request.clone();
    let mut profile = Profile {
        kind: convert::customer_kind(fields.kind).unwrap_or(CustomerKind::Person),
        name: fields.name,
        phones: convert::phones(fields.phones, ctx.rules.country)?,
        emails: fields.emails,
        addresses: fields.addresses.into_iter().map(convert::address).collect(),
        tier: convert::tier(fields.tier).unwrap_or(Tier::C),
        tags: fields.tags,
        language: if fields.language.is_empty() { ctx.rules.language.clone() } else { fields.language },
        contact_from: fields.contact_from,
        contact_until: fields.contact_until,
        consent: fields
            .consent
            .map(|consent| Consent { survey: consent.survey, marketing: consent.marketing })
            .unwrap_or_default(),
        birthday: convert::day(&fields.birthday, "birthday")?,
        source: fields.source,
        agent_id: fields.agent_id,
        notes: fields.notes,
    };
    profile.settle_phones()?;
    let division = profile.addresses.first().map_or("", |address| address.division_code.as_str());
    let customer = Customer {
        id: call.ids.make(call.now),
        version: 0,
        created_at: call.now,
        updated_at: call.now,
        org_unit_id: ctx.rules.org_units.responsible(division).id.clone(),
        partner_id: call.actor.partner_id.clone(),
        profile,
        merged_into: None,
    };
    let work = ctx.core.begin(call, &request).await?;
    let saved = store::customer::insert(&work, call, customer).await?;
    let alike = store::customer::with_phones(&*work, &saved).await?;
    work.commit_unless(request.validate_only, convert::customer(&saved, alike)).await
}
