//! Customers and the changes of their files.

use common::{convert::timestamp, error::Result};
use proto::aftercare::{common::v1::Actor, intake::v1 as pb};

use super::{address_value, customer_kind_value, day_text, tier_value};
use crate::{
    domain::customer::{Customer, Phone},
    phone,
    store::customer_change::Model,
};

/// The customer's message.
pub(crate) fn customer(from: &Customer, possible_duplicate_ids: Vec<String>) -> pb::Customer {
    let profile = &from.profile;
    pb::Customer {
        customer_id: from.id.to_string(),
        etag: from.version.to_string(),
        create_time: Some(timestamp(from.created_at)),
        update_time: Some(timestamp(from.updated_at)),
        org_unit_id: from.org_unit_id.clone(),
        kind: customer_kind_value(profile.kind),
        name: profile.name.clone(),
        phones: profile
            .phones
            .iter()
            .map(|phone| pb::Phone { number: phone.number.clone(), primary: phone.primary, label: phone.label.clone() })
            .collect(),
        emails: profile.emails.clone(),
        addresses: profile.addresses.iter().map(address_value).collect(),
        tier: tier_value(profile.tier),
        tags: profile.tags.clone(),
        language: profile.language.clone(),
        contact_from: profile.contact_from.clone(),
        contact_until: profile.contact_until.clone(),
        consent: Some(pb::Consent { survey: profile.consent.survey, marketing: profile.consent.marketing }),
        birthday: day_text(profile.birthday),
        source: profile.source.clone(),
        agent_id: profile.agent_id.clone(),
        notes: profile.notes.clone(),
        possible_duplicate_ids,
        merged_into_id: from.merged_into.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

/// Phones out of a message, in E.164.
///
/// # Errors
///
/// `INVALID_PHONE` naming the one at fault.
pub(crate) fn phones(from: Vec<pb::Phone>, country: phonenumber::country::Id) -> Result<Vec<Phone>> {
    let one = |(place, phone): (usize, pb::Phone)| {
        let number = phone::normalize(&phone.number, country, &format!("phones[{place}].number"))?;
        Ok(Phone { number, label: phone.label, primary: phone.primary })
    };
    from.into_iter().enumerate().map(one).collect()
}

/// The message of a change.
pub(crate) fn change(from: Model) -> pb::CustomerChange {
    pb::CustomerChange {
        field: from.field,
        old_value: from.old_value,
        new_value: from.new_value,
        actor: Some(Actor { id: from.actor_id, role: from.actor_role, org_unit_id: from.actor_org_unit_id }),
        at: Some(timestamp(from.at)),
        customer_version: from.version,
    }
}
