//! Which record an id field names. A field that nobody has said anything about fails the matrix.

use std::collections::BTreeSet;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};

/// What an id field of a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// A record of this kind, which is looked up within the caller's reach.
    Record(&'static str),
    /// A filter of a list or a figure: what is beyond the caller's reach is not in the answer.
    Filter(&'static str),
    /// A record of another service, or an account, kept as it was given: whether there is such a record makes no difference.
    Kept(&'static str),
    /// A catalogue's: everybody's who may call at all.
    Shared,
    /// No record: the caller's own word (request id, trace), a part of the record that the request is about.
    Word,
}

/// Who owns a kind, the list of it, and the field by which a record of it says its id. Without a list the world keeps what
/// it made.
pub(crate) const KINDS: [(&str, &str, &str, &str); 34] = [
    ("customer", "intake", "ListCustomers", "customerId"),
    ("product", "intake", "ListProducts", "productId"),
    ("service_request", "intake", "ListServiceRequests", "serviceRequestId"),
    ("contact", "intake", "ListContacts", "contactId"),
    ("service_point", "dispatch", "ListServicePoints", "servicePointId"),
    ("technician", "dispatch", "ListTechnicians", "technicianId"),
    ("work_order", "dispatch", "ListWorkOrders", "workOrderId"),
    ("plan", "dispatch", "ListPlans", "planId"),
    ("slot_hold", "dispatch", "", "slotHoldId"),
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
    ("account", "gateway", "ListAccounts", "accountId"),
    ("client", "gateway", "ListClients", "clientId"),
    ("link", "gateway", "ListLinks", "linkId"),
    ("endpoint", "gateway", "ListEndpoints", "endpointId"),
    ("delivery", "gateway", "", "deliveryId"),
    ("session", "gateway", "", "sessionId"),
    ("file", "gateway", "", "fileId"),
    ("job", "gateway", "", "jobId"),
    ("notification", "gateway", "ListNotifications", "notificationId"),
    ("audit_entry", "gateway", "ListAuditEntries", "auditEntryId"),
];

/// What has no table of its own, and is named all the same.
pub(crate) const BESIDE: [&str; 3] = ["org_unit", "partner", "own_account"];

/// An id field of a request, wherever it stands.
#[derive(Clone, Debug)]
pub(crate) struct IdField {
    /// From the request down to the field.
    pub(crate) path: Vec<FieldDescriptor>,
}

impl IdField {
    /// Its own name.
    pub(crate) fn name(&self) -> &str {
        self.path.last().map_or("", FieldDescriptor::name)
    }

    /// `photos.file_id`.
    pub(crate) fn dotted(&self) -> String {
        self.path.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".")
    }
}

/// Every field of a request that ends like an id: of the request itself, of messages in it, of lists and filters.
pub(crate) fn id_fields(rpc: &MethodDescriptor) -> Vec<IdField> {
    let mut found = Vec::new();
    below(&rpc.input(), &[], &mut BTreeSet::new(), &mut found);
    found
}

fn below(
    message: &MessageDescriptor,
    path: &[FieldDescriptor],
    above: &mut BTreeSet<String>,
    found: &mut Vec<IdField>,
) {
    if !message.full_name().starts_with("aftercare.") || !above.insert(message.full_name().to_owned()) {
        return;
    }
    for field in message.fields() {
        let path: Vec<_> = path.iter().cloned().chain([field.clone()]).collect();
        match field.kind() {
            Kind::String if field.name().ends_with("_id") || field.name().ends_with("_ids") => {
                found.push(IdField { path });
            }
            Kind::Message(inner) => below(&inner, &path, above, found),
            _ => {}
        }
    }
    above.remove(message.full_name());
}

/// RPCs whose ids, but those named before, say what is to be in the answer.
const QUERIES: [&str; 7] =
    ["List", "GetScores", "GetClosedLoop", "GetComplaintFigures", "GetBoard", "FindDuplicates", "Watch"];

/// What a field names. `None` when the field is new and nobody has said.
pub(crate) fn names(service: &str, rpc: &MethodDescriptor, field: &IdField) -> Option<Names> {
    let (rpc, name) = (rpc.name(), field.name());
    let nested = field.path.len() > 1;
    let record = match (rpc, name) {
        (_, "request_id" | "trace_id" | "absence_id" | "aggregate_id" | "event_id" | "subject_id") => {
            return Some(Names::Word);
        }
        // What a list needs to begin with is a record; its other ids are filters.
        ("ListCandidates" | "ListSlots", "work_order_id") => Some("work_order"),
        ("ListCustomerChanges", "customer_id") => Some("customer"),
        ("ListDeliveries", "endpoint_id") => Some("endpoint"),
        ("ListSessions", "account_id") => return Some(Names::Filter("own_account")),
        ("DisableTotp", "account_id") => Some("own_account"),
        ("ListFiles" | "AttachFile" | "Unmask", "record_id") => Some("customer"),
        ("CreateLink", "record_id") => Some("service_request"),
        ("GetCustomerTimeline" | "StartErasure" | "StartPersonalDataExport", "customer_id") => Some("customer"),
        ("GetPreferences" | "UpdatePreferences", "person_id") => Some("customer"),
        ("WatchPlan", "plan_id") => Some("plan"),
        // A job that is only described, and a plan that is only wished for.
        ("ListSlots" | "HoldSlot", "org_unit_id" | "service_request_id") => return Some(Names::Kept(kind_of(name)?)),
        ("StartPlan" | "RepairPlan", "service_point_id" | "technician_ids" | "work_order_ids") => {
            return Some(Names::Kept(kind_of(name)?));
        }
        ("GetCustomerTimeline", "service_request_id") => return Some(Names::Filter("service_request")),
        _ if QUERIES.iter().any(|query| rpc.starts_with(query)) => {
            return Some(match (rpc, kind_of(name)) {
                (_, Some(kind)) => Names::Filter(kind),
                (_, None) if SHARED.contains(&name) => Names::Shared,
                _ => return None,
            });
        }
        ("CreateServiceRequest", "parent_id") | (_, "caused_by_id" | "duplicate_of_id") => Some("service_request"),
        ("CreateLocation", "parent_id") => Some("location"),
        (_, "merged_customer_id") => Some("customer"),
        (_, "near_location_id" | "from_location_id" | "to_location_id") => Some("location"),
        (_, "crew_technician_ids") => Some("technician"),
        // An agent is made by being named: there is nobody to look up.
        ("SetCallbackAgent", "agent_id") => return Some(Names::Kept("callback_agent")),
        ("AssignCallback", "agent_id") => Some("callback_agent"),
        _ if nested => None,
        _ => {
            let own = |kind: &&(&str, &str, &str, &str)| kind.1 == service && format!("{}_id", kind.0) == name;
            KINDS.iter().find(own).map(|kind| kind.0)
        }
    };
    if let Some(kind) = record {
        return Some(Names::Record(kind));
    }
    if SHARED.contains(&name) {
        return Some(Names::Shared);
    }
    kind_of(name).map(Names::Kept)
}

/// Catalogues.
const SHARED: [&str; 3] = ["article_id", "part_id", "questionnaire_id"];

/// The kind that a field of this name is about, whoever owns it.
fn kind_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "org_unit_id" | "about_org_unit_id" => "org_unit",
        "partner_id" => "partner",
        "owner_id" | "assignee_id" | "agent_id" | "actor_id" => "account",
        "file_id" | "signature_file_id" => "file",
        "case_id" => "service_request",
        "record_id" | "record_ids" | "recipient_id" => "customer",
        "person_id" | "preferred_technician_ids" | "excluded_technician_ids" | "technician_ids" => "technician",
        "work_order_ids" => "work_order",
        "parent_id" | "from_location_id" | "to_location_id" => "location",
        "document_id" => "stock_document",
        "survey_response_id" => "response",
        _ => KINDS.iter().find(|(kind, ..)| format!("{kind}_id") == name)?.0,
    })
}
