//! Service points to messages and back.

use common::{
    convert::timestamp,
    error::{Error, Result},
};
use proto::aftercare::{common::v1 as shared, dispatch::v1 as api};

use super::{actor, attachment_messages, attachments, date};
use crate::domain::service_point::{Address, Contract, InspectionItem, RateLine, ServicePoint, State, Step};

/// The message of a state.
pub(crate) fn state(state: State) -> api::ServicePointState {
    match state {
        State::Applied => api::ServicePointState::Applied,
        State::Inspected => api::ServicePointState::Inspected,
        State::Approved => api::ServicePointState::Approved,
        State::Contracted => api::ServicePointState::Contracted,
        State::Active => api::ServicePointState::Active,
        State::Suspended => api::ServicePointState::Suspended,
        State::Terminated => api::ServicePointState::Terminated,
    }
}

/// The state of a filter; `None` filters nothing.
pub(crate) fn wanted_state(wanted: i32) -> Option<State> {
    State::ALL.into_iter().find(|known| i32::from(state(*known)) == wanted)
}

pub(crate) fn address(address: shared::Address) -> Address {
    Address {
        province: address.province,
        city: address.city,
        district: address.district,
        line: address.line,
        division_code: address.division_code,
        position: address.position.map(Into::into),
    }
}

pub(crate) fn inspection(items: Vec<api::InspectionItem>) -> Vec<InspectionItem> {
    items.into_iter().map(|line| InspectionItem { item: line.item, passed: line.passed, note: line.note }).collect()
}

/// A contract of a request.
///
/// # Errors
///
/// `INVALID_FIELDS` for a day that is none.
pub(crate) fn contract(contract: api::ServiceContract) -> Result<Contract> {
    let rates = contract.rates.into_iter().enumerate().map(|(index, line)| {
        let fee = line.fee.ok_or_else(|| Error::invalid(format!("contract.rates[{index}].fee"), "required"))?;
        Ok(RateLine {
            kind: line.kind,
            up_to_km: line.up_to_km,
            fee: fee.into(),
            night_percent: line.night_percent,
            holiday_percent: line.holiday_percent,
            parts_percent: line.parts_percent,
        })
    });
    Ok(Contract {
        number: contract.contract_number,
        territories: contract.territories,
        categories: contract.categories,
        capacity_per_day: contract.capacity_per_day,
        valid_from: date(&contract.valid_from, "contract.valid_from")?,
        valid_until: date(&contract.valid_until, "contract.valid_until")?,
        rates: rates.collect::<Result<_>>()?,
        documents: attachments(contract.documents),
    })
}

fn contract_message(contract: &Contract) -> api::ServiceContract {
    let rates = contract.rates.iter().map(|line| api::RateLine {
        kind: line.kind.clone(),
        up_to_km: line.up_to_km,
        fee: Some(line.fee.clone().into()),
        night_percent: line.night_percent,
        holiday_percent: line.holiday_percent,
        parts_percent: line.parts_percent,
    });
    api::ServiceContract {
        contract_number: contract.number.clone(),
        territories: contract.territories.clone(),
        categories: contract.categories.clone(),
        capacity_per_day: contract.capacity_per_day,
        valid_from: contract.valid_from.to_string(),
        valid_until: contract.valid_until.to_string(),
        rates: rates.collect(),
        documents: attachment_messages(&contract.documents),
    }
}

fn step(step: &Step) -> api::ServicePointStep {
    let checklist = step.papers.checklist.iter().map(|line| api::InspectionItem {
        item: line.item.clone(),
        passed: line.passed,
        note: line.note.clone(),
    });
    api::ServicePointStep {
        action: step.action.clone(),
        state: state(step.state).into(),
        at: Some(timestamp(step.at)),
        actor: Some(actor(&step.actor)),
        note: step.papers.note.clone(),
        checklist: checklist.collect(),
        documents: attachment_messages(&step.papers.documents),
    }
}

/// The message of a service point.
pub(crate) fn message(point: &ServicePoint) -> api::ServicePoint {
    api::ServicePoint {
        service_point_id: point.id.to_string(),
        number: point.number.clone(),
        etag: point.version.to_string(),
        create_time: Some(timestamp(point.created_at)),
        update_time: Some(timestamp(point.updated_at)),
        org_unit_id: point.org_unit_id.clone(),
        name: point.name.clone(),
        state: state(point.state).into(),
        contact_name: point.contact_name.clone(),
        contact_phone: point.contact_phone.clone(),
        address: Some(shared::Address {
            province: point.address.province.clone(),
            city: point.address.city.clone(),
            district: point.address.district.clone(),
            line: point.address.line.clone(),
            division_code: point.address.division_code.clone(),
            position: point.address.position.map(Into::into),
        }),
        time_zone: point.time_zone.clone(),
        contract: point.contract.as_ref().map(contract_message),
        steps: point.steps.iter().map(step).collect(),
    }
}
