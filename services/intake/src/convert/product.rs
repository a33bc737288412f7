//! Products and what the warranty says about them.

use common::{convert::timestamp, record::Record as _};
use proto::aftercare::intake::v1 as pb;

use super::{address_value, attachment_values, day_text, verdict_value};
use crate::domain::{product::Product, warranty::Answer};

/// The product's message.
pub(crate) fn product(from: &Product) -> pb::Product {
    let plate = &from.plate;
    pb::Product {
        product_id: from.id.to_string(),
        etag: from.version.to_string(),
        create_time: Some(timestamp(from.created_at)),
        update_time: Some(timestamp(from.updated_at)),
        org_unit_id: from.org_unit_id.clone(),
        customer_id: from.customer_id.to_string(),
        model: plate.model.clone(),
        sku: plate.sku.clone(),
        category_code: plate.category_code.clone(),
        color_code: plate.color_code.clone(),
        serial_number: plate.serial_number.clone(),
        purchase_date: day_text(plate.purchase_date),
        purchase_channel: plate.purchase_channel.clone(),
        order_number: plate.order_number.clone(),
        store: plate.store.clone(),
        install_date: day_text(plate.install_date),
        install_address: plate.install_address.as_ref().map(address_value),
        maker: plate.maker.clone(),
        photos: attachment_values(&plate.photos),
        state: from.state().to_owned(),
        replaced_by_id: from.replaced_by.as_ref().map(ToString::to_string).unwrap_or_default(),
        replaces_id: from.replaces.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

/// The message of an answer.
pub(crate) fn warranty_answer(product_id: String, from: Answer) -> pb::WarrantyAnswer {
    pb::WarrantyAnswer {
        product_id,
        verdict: verdict_value(from.verdict),
        rule_id: from.rule.to_owned(),
        rule_version: from.version,
        start_event: from.start.map(|(event, _)| event.to_string()).unwrap_or_default(),
        start_date: day_text(from.start.map(|(_, day)| day)),
        months: i32::try_from(from.months).unwrap_or(i32::MAX),
        deductions: from
            .deductions
            .into_iter()
            .map(|one| pb::WarrantyDeduction {
                days: i32::try_from(one.days()).unwrap_or(i32::MAX),
                from: one.from.to_string(),
                until: one.until.to_string(),
                service_request_id: one.request_id,
            })
            .collect(),
        end_date: day_text(from.end),
        charged_reason: from.charged_reason.to_owned(),
        rights: from
            .rights
            .into_iter()
            .map(|one| pb::WarrantyRight {
                remedy: one.remedy.to_string(),
                rule_id: one.rule.to_owned(),
                until: day_text(one.until),
                payer: one.payer.to_string(),
            })
            .collect(),
        burden_of_proof_ours: from.burden_of_proof_ours,
        repeat_visit: from.repeats.is_some(),
        caused_by_id: from.repeats.unwrap_or_default(),
        alarms: from
            .alarms
            .into_iter()
            .map(|one| pb::WarrantyAlarm {
                rule_id: one.rule.to_owned(),
                after_days: i32::try_from(one.after_days).unwrap_or(i32::MAX),
                date: one.on.to_string(),
                reached: one.reached,
            })
            .collect(),
        regime: from.regime,
    }
}
