//! What lists want to be told before they give anything: the record whose parts they are.

use harness::{Surface, accounts, eventually};
use prost_reflect::{DynamicMessage, MethodDescriptor, Value as Field};
use proto::aftercare::access::v1::Role;
use serde_json::json;

use crate::bad_input::{Case, text};

/// Ids of one of each, and the fields that name them.
pub(crate) struct Parents(Vec<(&'static str, &'static str, String)>);

impl Parents {
    /// Makes what is not there yet.
    pub(crate) async fn of(case: &Case) -> Self {
        let call = async |rpc: &str, request| {
            let answer = case.wire.call(Surface::Rest, rpc, &request, "en").await;
            answer.unwrap_or_else(|refused| panic!("{rpc} {request}: {refused:?}"))
        };
        let account = accounts::account(&case.platform, "parent", Role::Agent, "head-office", "").await.account_id;
        let endpoint =
            json!({ "url": "https://partner.example/hook", "kinds": ["work_order.*"], "partnerId": "partner-1" });
        let endpoint = text(&call("CreateEndpoint", endpoint).await, "endpointId");
        let plan = json!({ "planId": call("StartPlan", json!({ "seconds": 1 })).await["planId"] });
        eventually("the plan is made", async || {
            let plan = call("GetPlan", plan.clone()).await;
            if plan["state"] == "PLAN_STATE_READY" { Ok(()) } else { Err(plan.to_string()) }
        })
        .await;
        Self(vec![
            ("ListTimeline", "customer_id", case.customer()),
            ("ListCustomerChanges", "customer_id", case.customer()),
            ("GetCustomerTimeline", "customer_id", case.customer()),
            ("ListCandidates", "work_order_id", case.order.clone()),
            ("ListSlots", "work_order_id", case.order.clone()),
            ("ListFiles", "record_kind", "customer".to_owned()),
            ("ListFiles", "record_id", case.customer()),
            ("ListSessions", "account_id", account),
            ("ListDeliveries", "endpoint_id", endpoint),
            ("ComparePlan", "plan_id", text(&plan, "planId")),
        ])
    }

    /// A request that names the parent and says nothing else.
    pub(crate) fn request(&self, rpc: &MethodDescriptor) -> DynamicMessage {
        let mut message = DynamicMessage::new(rpc.input());
        for (_, field, id) in self.0.iter().filter(|(list, ..)| *list == rpc.name()) {
            message.set_field_by_name(field, Field::String(id.clone()));
        }
        message
    }
}
