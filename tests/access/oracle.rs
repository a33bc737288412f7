//! Whose a record is, by what it says of itself and of its case: the other side of every finder.

use std::collections::BTreeSet;

use common::record::Role;
use prost_reflect::MethodDescriptor;
use proto::Access;
use serde_json::Value;

use crate::{
    caller::{Caller, sees_unit},
    world::{Record, World},
};

/// The access rule of an RPC.
pub(crate) fn rule(rpc: &MethodDescriptor) -> &'static Access {
    let name = rpc.name().chars().enumerate().fold(String::new(), |mut snake, (at, letter)| {
        if letter.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
        snake
    });
    let path = format!("{}/{name}", rpc.parent_service().full_name());
    proto::access(&path).unwrap_or_else(|| panic!("no rule of {path}"))
}

/// Whether the rule names the caller's role.
pub(crate) fn allowed(rpc: &MethodDescriptor, caller: &Caller) -> bool {
    let name = format!("ROLE_{}", caller.actor.role.as_str().to_uppercase());
    let rule = rule(rpc);
    rule.public || rule.roles.iter().any(|role| role.as_str_name() == name)
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// Whether the caller's role may ask for a record of this kind by its id.
fn may_get(caller: &Caller, kind: &str) -> bool {
    let path = match kind {
        "customer" => "aftercare.intake.v1.IntakeService/get_customer",
        other => panic!("nobody has said how a {other} is asked for"),
    };
    let role = format!("ROLE_{}", caller.actor.role.as_str().to_uppercase());
    proto::access(path).is_some_and(|rule| rule.roles.iter().any(|named| named.as_str_name() == role))
}

/// The cases whose visits a technician has.
fn cases(world: &World, technician: &str) -> BTreeSet<String> {
    let mine = |record: &&Record| record.kind == "work_order" && holder(&record.json) == technician;
    world.records.iter().filter(mine).map(|record| text(&record.json, "serviceRequestId").to_owned()).collect()
}

/// Who has a work order now.
pub(crate) fn holder(order: &Value) -> &str {
    text(&order["assignment"], "technicianId")
}

/// Whether a caller sees a record. The caller's role is one that may call at all.
pub(crate) fn sees(world: &World, caller: &Caller, record: &Record) -> bool {
    let (actor, json) = (&caller.actor, &record.json);
    // What is one's own is one's own, an administrator's too.
    match record.kind {
        "job" => return text(json, "creatorId") == actor.account_id,
        "session" | "own_account" => {
            return actor.role == Role::Admin || text(json, "accountId") == actor.account_id;
        }
        "file" if text(json, "recordId").is_empty() => return text(&json["uploader"], "id") == actor.id,
        "file" => {
            let about = world.find("customer", text(json, "recordId"));
            return may_get(caller, "customer") && about.is_some_and(|about| sees(world, caller, about));
        }
        "partner" => return actor.role == Role::Admin || record.id == actor.partner_id,
        "endpoint" | "delivery" => {
            return actor.role == Role::Admin
                || (!actor.partner_id.is_empty() && text(json, "partnerId") == actor.partner_id);
        }
        "notification" => {
            let case = world.find("service_request", text(json, "serviceRequestId"));
            let unit = case.map_or("", |case| text(&case.json, "orgUnitId"));
            return sees_unit(actor, unit);
        }
        "client" => return actor.role == Role::Admin,
        "audit_entry" => return actor.role == Role::Admin || sees_unit(actor, text(&json["actor"], "orgUnitId")),
        _ => {}
    }
    match actor.role {
        Role::Admin | Role::Service => true,
        Role::Technician => technician_sees(world, &actor.id, &actor.org_unit_id, record),
        Role::Partner => partner_sees(world, &actor.partner_id, record),
        Role::CustomerLink => {
            let about = actor.link.as_ref().map_or("", |link| &link.record_id);
            let customer = world.find("service_request", about).map(|case| text(&case.json, "customerId"));
            match record.kind {
                "service_request" => about == record.id,
                "customer" | "product" => customer == Some(text(json, "customerId")),
                _ => false,
            }
        }
        Role::Manager
        | Role::Supervisor
        | Role::Agent
        | Role::Dispatcher
        | Role::Warehouse
        | Role::Quality
        | Role::Finance => {
            let at = |end: &str| {
                world
                    .find("location", text(json, end))
                    .is_some_and(|there| sees_unit(actor, text(&there.json, "orgUnitId")))
            };
            sees_unit(actor, text(json, "orgUnitId"))
                || (record.kind == "transfer" && (at("fromLocationId") || at("toLocationId")))
        }
    }
}

fn technician_sees(world: &World, me: &str, unit: &str, record: &Record) -> bool {
    let json = &record.json;
    let of_case = |json: &Value| cases(world, me).contains(text(json, "serviceRequestId"));
    let of_customer = |customer: &str| {
        let mine = cases(world, me);
        let is = |one: &&Record| one.kind == "service_request" && text(&one.json, "customerId") == customer;
        world.records.iter().filter(is).any(|one| mine.contains(&one.id))
    };
    let van = |id: &str| world.find("location", id).is_some_and(|there| text(&there.json, "technicianId") == me);
    match record.kind {
        "work_order" => holder(json) == me,
        "technician" => record.id == me,
        "service_point" => {
            world.find("technician", me).is_some_and(|own| text(&own.json, "servicePointId") == record.id)
        }
        "service_request" | "reservation" | "supplementary_order" | "return" => of_case(json),
        "customer" | "product" | "contact" => of_customer(text(json, "customerId")),
        "location" => {
            let whose = text(json, "technicianId");
            whose == me || (whose.is_empty() && !unit.is_empty() && text(json, "orgUnitId") == unit)
        }
        "stock_document" => text(json, "technicianId") == me || van(text(json, "locationId")),
        "transfer" => van(text(json, "fromLocationId")) || van(text(json, "toLocationId")),
        "old_part_debt" => text(json, "technicianId") == me,
        "account" => text(json, "personId") == me,
        "org_unit" | "partner" | "link" | "plan" | "slot_hold" | "complaint" | "corrective_action"
        | "regulator_case" | "invitation" | "response" | "callback" | "follow_up" | "callback_agent" => false,
        other => panic!("nobody has said which {other} a technician sees"),
    }
}

fn partner_sees(world: &World, me: &str, record: &Record) -> bool {
    let json = &record.json;
    let case = |id: &str| world.find("service_request", id).is_some_and(|case| text(&case.json, "partnerId") == me);
    let customer = |id: &str| world.partners_customers.iter().any(|(partner, own)| partner == me && own == id);
    match record.kind {
        "customer" | "product" | "contact" => customer(text(json, "customerId")),
        "service_request" => text(json, "partnerId") == me,
        "work_order" | "reservation" | "supplementary_order" | "return" => case(text(json, "serviceRequestId")),
        "complaint" => {
            let about = json["serviceRequestIds"][0].as_str().unwrap_or_default();
            world.partners_complaints.iter().any(|(partner, own)| partner == me && *own == record.id) || case(about)
        }
        "regulator_case" => world
            .find("complaint", text(json, "complaintId"))
            .is_some_and(|complaint| partner_sees(world, me, complaint)),
        "corrective_action" | "service_point" | "technician" | "location" | "account" | "org_unit" | "link"
        | "plan" | "slot_hold" | "transfer" | "old_part_debt" | "stock_document" | "invitation" | "response"
        | "callback" | "follow_up" | "callback_agent" => false,
        other => panic!("nobody has said which {other} a partner sees"),
    }
}
