//! Which record an id field names. A field that nobody has said anything about fails the matrix.

use prost_reflect::{FieldDescriptor, Kind, MethodDescriptor};

/// What an id field of a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// A record of this kind, which the service that serves the RPC owns: it is looked up within the caller's reach.
    Record(&'static str),
    /// A filter of a list or a figure: what is beyond the caller's reach is not in the answer anyhow.
    Filter,
    /// A record of another service, kept as it was given: nothing is looked up and nothing comes back but what was sent.
    Elsewhere,
    /// No record: the caller's own word (request id), a person's account, a unit of the organisation, an uploaded file, a part
    /// of the record that the request is about.
    Nothing,
}

/// Who owns a kind, and the field by which a record of it says its id.
pub(crate) const KINDS: [(&str, &str, &str, &str); 22] = [
    ("customer", "intake", "ListCustomers", "customerId"),
    ("product", "intake", "ListProducts", "productId"),
    ("service_request", "intake", "ListServiceRequests", "serviceRequestId"),
    ("contact", "intake", "ListContacts", "contactId"),
    ("service_point", "dispatch", "ListServicePoints", "servicePointId"),
    ("technician", "dispatch", "ListTechnicians", "technicianId"),
    ("work_order", "dispatch", "ListWorkOrders", "workOrderId"),
    ("location", "parts-inventory", "ListLocations", "locationId"),
    ("transfer", "parts-inventory", "ListTransfers", "transferId"),
    ("reservation", "parts-inventory", "ListReservations", "reservationId"),
    ("supplementary_order", "parts-inventory", "ListSupplementaryOrders", "supplementaryOrderId"),
    ("return", "parts-inventory", "ListReturns", "returnId"),
    ("old_part_debt", "parts-inventory", "ListOldPartDebts", "oldPartDebtId"),
    ("stock_document", "parts-inventory", "", "stockDocumentId"),
    ("complaint", "complaint", "ListComplaints", "complaintId"),
    ("corrective_action", "complaint", "ListCorrectiveActions", "correctiveActionId"),
    ("regulator_case", "complaint", "ListRegulatorCases", "regulatorCaseId"),
    ("invitation", "survey", "ListInvitations", "invitationId"),
    ("response", "survey", "ListResponses", "responseId"),
    ("callback", "survey", "ListCallbacks", "callbackId"),
    ("follow_up", "survey", "ListFollowUps", "followUpId"),
    ("callback_agent", "survey", "ListCallbackAgents", "agentId"),
];

/// Catalogues: everybody's who may call at all.
const SHARED: [&str; 3] = ["article_id", "part_id", "questionnaire_id"];

/// Every field of a request that ends like an id.
pub(crate) fn id_fields(rpc: &MethodDescriptor) -> Vec<FieldDescriptor> {
    let is_id = |field: &FieldDescriptor| {
        matches!(field.kind(), Kind::String) && (field.name().ends_with("_id") || field.name().ends_with("_ids"))
    };
    rpc.input().fields().filter(is_id).collect()
}

/// What a field names. `None` when the field is new and nobody has said.
pub(crate) fn names(service: &str, rpc: &MethodDescriptor, field: &FieldDescriptor) -> Option<Names> {
    let (rpc, name) = (rpc.name(), field.name());
    let query = ["List", "GetScores", "GetClosedLoop", "GetComplaintFigures", "GetCustomerTimeline", "FindDuplicates"];
    let record = match (rpc, name) {
        // What a list needs to begin with is a record; its other ids are filters.
        ("ListCandidates", "work_order_id") => Some("work_order"),
        ("ListCustomerChanges", "customer_id") => Some("customer"),
        _ if query.iter().any(|query| rpc.starts_with(query)) => return Some(Names::Filter),
        ("CreateServiceRequest", "parent_id") | (_, "caused_by_id" | "duplicate_of_id") => Some("service_request"),
        ("CreateLocation", "parent_id") => Some("location"),
        (_, "merged_customer_id") => Some("customer"),
        (_, "near_location_id" | "from_location_id" | "to_location_id") => Some("location"),
        ("AssignCallback" | "SetCallbackAgent", "agent_id") => Some("callback_agent"),
        _ => {
            KINDS.iter().find(|(kind, owner, ..)| *owner == service && format!("{kind}_id") == name).map(|kind| kind.0)
        }
    };
    // An agent is made by being named: there is nobody to look up.
    if (rpc, name) == ("SetCallbackAgent", "agent_id") {
        return Some(Names::Nothing);
    }
    if let Some(kind) = record {
        return Some(Names::Record(kind));
    }
    if SHARED.contains(&name) {
        return Some(Names::Nothing);
    }
    match name {
        "request_id" | "org_unit_id" | "about_org_unit_id" | "owner_id" | "assignee_id" | "agent_id" | "partner_id"
        | "file_id" | "signature_file_id" | "absence_id" | "aggregate_id" => Some(Names::Nothing),
        // Wishes of a plan: a technician who does not exist is wished for in vain.
        "preferred_technician_ids" | "excluded_technician_ids" => Some(Names::Nothing),
        _ if KINDS.iter().any(|(kind, ..)| format!("{kind}_id") == name) => Some(Names::Elsewhere),
        "survey_response_id" => Some(Names::Elsewhere),
        _ => None,
    }
}
