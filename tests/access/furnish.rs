//! What the world of the matrix has beside the demo company: records of every kind in two regions and of two partners, and
//! an account for every caller.

use std::collections::BTreeSet;

use common::record::Role;
use harness::contract;
use http::{HeaderValue, Method, header};
use proto::aftercare::gateway::v1::{SignInRequest, identity_service_client::IdentityServiceClient};
use serde_json::{Value, json};

use crate::{
    oracle::{holder, text},
    world::{Record, World, rpc},
};

/// What accounts are called that nobody comes with.
pub(crate) const SPARE: &str = "spare";
/// The password of everybody.
const PASSWORD: &str = "correct horse battery";

impl World {
    /// What the demo company does not do by itself, once in a region.
    pub(crate) async fn furnish(&mut self, region: &str) {
        let id = |value: &Value, name: &str| value[name].clone();
        let order = self.pick("work_order", region, |order| !holder(order).is_empty());
        let technician = holder(&order).to_owned();
        let case = id(&order, "serviceRequestId");
        let request = self.pick("service_request", region, |request| request["serviceRequestId"] == case);
        let customer = id(&request, "customerId");
        let store = self.pick("location", region, |place| text(place, "kind") == "LOCATION_KIND_REGIONAL");
        let van = self.pick("location", region, |place| text(place, "technicianId") == technician);
        let part = self.list(self.caller("admin"), "parts-inventory", "ListParts").await.expect("parts");
        let sku = id(&part[0], "sku");
        let lines = json!([{ "sku": sku, "quantityMilli": "1000" }]);
        let parts = "parts-inventory";
        let ship = json!({ "fromLocationId": store["locationId"], "toLocationId": van["locationId"], "condition": "STOCK_CONDITION_GOOD",
            "lines": lines, "signatureFileId": "file" });
        self.act("admin", parts, "ShipTransfer", ship).await;
        let issue = json!({ "locationId": store["locationId"], "lines": lines, "workOrderId": order["workOrderId"],
            "technicianId": technician, "signatureFileId": "file" });
        let document = self.act("admin", parts, "IssueStock", issue).await;
        self.keep("stock_document", "stockDocumentId", document);
        let supplement = json!({ "orgUnitId": region, "workOrderId": order["workOrderId"], "serviceRequestId": case,
            "customerId": customer, "lines": lines, "locationId": store["locationId"], "reason": "damaged",
            "responsibility": "RESPONSIBILITY_PRODUCTION" });
        self.act("admin", parts, "RequestSupplementaryOrder", supplement).await;
        let back = json!({ "orgUnitId": region, "wish": "RETURN_WISH_EXCHANGE", "serviceRequestId": case,
            "customerId": customer, "sku": sku, "reason": "defective" });
        self.act("admin", parts, "OpenReturn", back).await;
        let contact = json!({ "customerId": customer, "serviceRequestId": case, "direction": "CONTACT_DIRECTION_OUTBOUND",
            "channel": "phone", "spokenTo": "李晓明", "summary": "asked for another day" });
        self.act("admin", "intake", "RecordContact", contact).await;
        let complaint = self.complain("admin", region, &customer, &case).await;
        let cause = format!("access.{}", region.replace('-', "_"));
        let action = json!({ "causeCode": cause, "problem": "again", "orgUnitId": region, "complaintId": complaint });
        self.act("admin", "complaint", "OpenCorrectiveAction", action).await;
        let regulator = json!({ "complaintId": complaint, "authority": "12315", "externalNumber": region });
        self.act("admin", "complaint", "OpenRegulatorCase", regulator).await;
        let agent = json!({ "agentId": format!("agent-{region}"), "orgUnitId": region, "available": true });
        self.act("admin", "survey", "SetCallbackAgent", agent).await;
        self.asked(region).await;
    }

    /// A customer who is asked by telephone, and one who answers and is not content, if the demo has left one to answer.
    async fn asked(&self, region: &str) {
        let here = |one: &&Record| one.kind == "invitation" && text(&one.json, "orgUnitId") == region;
        let (mut called, mut unhappy) = (false, false);
        for invitation in self.records.iter().filter(here) {
            if !unhappy && text(&invitation.json, "state") == "INVITATION_STATE_SENT" {
                unhappy = self.complains(text(&invitation.json, "linkPath")).await;
                continue;
            }
            if !called {
                called = self.try_act("OpenCallback", json!({ "invitationId": invitation.id })).await.is_some();
            }
        }
        assert!(called, "nobody in {region} can be asked by telephone");
    }

    async fn complains(&self, path: &str) -> bool {
        let Some(token) = path.strip_prefix("/s/") else { return false };
        let Some(page) = self.try_act("GetSurveyByToken", json!({ "token": token })).await else { return false };
        let questions = page["questions"].as_array().cloned().unwrap_or_default();
        let required = questions.iter().filter(|question| question["required"] == json!(true));
        let lowest = |question: &Value| if text(question, "kind") == "QUESTION_KIND_NPS" { 0 } else { 1 };
        let answers: Vec<_> = required
            .map(|question| {
                json!({ "questionKey": question["key"], "score": lowest(question),
                "optionKeys": question["options"].as_array().into_iter().flatten().take(1)
                    .map(|option| option["key"].clone()).collect::<Vec<_>>() })
            })
            .collect();
        self.try_act("SubmitAnswers", json!({ "token": token, "answers": answers })).await.is_some()
    }

    /// Asks survey for something that may be refused.
    async fn try_act(&self, name: &str, request: Value) -> Option<Value> {
        let rpc = rpc("survey", name);
        let request = contract::from_json(rpc.input(), request).expect("a request");
        let answer = self.wire.direct(self.caller("admin"), &rpc, &request).await.ok()?;
        Some(contract::json(&answer).expect("JSON"))
    }

    async fn complain(&self, who: &str, region: &str, customer: &Value, case: &Value) -> Value {
        let complaint = json!({ "channel": "COMPLAINT_CHANNEL_HOTLINE", "subject": "COMPLAINT_SUBJECT_INSTALLATION",
            "severity": "SEVERITY_NORMAL", "customerId": customer, "serviceRequestId": case, "orgUnitId": region,
            "complainantName": "李晓明", "complainantPhone": "+8613800138000", "description": "it leaks" });
        self.act(who, "complaint", "ReceiveComplaint", complaint).await["complaintId"].clone()
    }

    /// What a partner's call centre enters.
    pub(crate) async fn partner(&mut self, who: &str) {
        let partner = self.caller(who).actor.partner_id.clone();
        let customer = json!({ "name": "欧阳明珠", "kind": "CUSTOMER_KIND_PERSON", "language": "zh-CN",
            "phones": [{ "number": format!("+86139{:08}", 10_000_000 + partner.len() + self.partners_customers.len()), "primary": true }],
            "addresses": [{ "province": "上海市", "city": "上海市", "district": "徐汇区", "line": "漕溪北路 88 号", "divisionCode": "310104",
                "position": { "latitude": 31.19, "longitude": 121.44 } }] });
        let customer = self.act(who, "intake", "CreateCustomer", customer).await["customerId"].clone();
        let product = json!({ "customerId": customer, "model": "WM-80S", "categoryCode": "appliance.washer" });
        let product = self.act(who, "intake", "CreateProduct", product).await["productId"].clone();
        let case = json!({ "customerId": customer, "productId": product, "kind": "REQUEST_KIND_REPAIR", "channel": "CHANNEL_PARTNER",
            "faultCode": "WM01", "description": "洗衣机不排水", "partnerId": "pa_somebody_else" });
        let case = self.act(who, "intake", "CreateServiceRequest", case).await;
        assert_eq!(text(&case, "partnerId"), partner, "a partner is who it is, whatever it says");
        let case = case["serviceRequestId"].clone();
        let contact = json!({ "customerId": customer, "direction": "CONTACT_DIRECTION_INBOUND", "channel": "phone", "summary": "called" });
        self.act(who, "intake", "RecordContact", contact).await;
        let complaint = self.complain(who, "office-east", &customer, &case).await;
        let owned = |id: &Value| (partner.clone(), id.as_str().unwrap_or_default().to_owned());
        self.partners_customers.insert(owned(&customer));
        self.partners_complaints.insert(owned(&complaint));
    }

    /// An account for everybody who comes through the door, and what the door knows them by.
    pub(crate) async fn accounts(&mut self) {
        let admin = gateway::Admin::new(self.core.clone(), self.loaded.service.clone()).expect("accounts");
        let hashed = admin.hash(PASSWORD).await.expect("a good password");
        for (username, unit) in [("spare-east", "office-east"), ("spare-north", "office-north")] {
            let spare = gateway::NewAccount {
                username: username.to_owned(),
                display_name: SPARE.to_owned(),
                role: Role::Agent,
                org_unit_id: unit.to_owned(),
                person_id: String::new(),
                partner_id: String::new(),
            };
            admin.account(spare, &hashed, false).await.expect("an account");
        }
        let mut door = IdentityServiceClient::new(self.wire.channel.clone());
        for at in 0..self.callers.len() {
            let caller = self.callers[at].clone();
            if !caller.has_account() {
                continue;
            }
            let username = caller.name.replace(' ', "-");
            let is = |role| caller.actor.role == role;
            let account = gateway::NewAccount {
                username: username.clone(),
                display_name: caller.name.to_owned(),
                role: caller.actor.role,
                org_unit_id: caller.actor.org_unit_id.clone(),
                person_id: if is(Role::Technician) { caller.actor.id.clone() } else { String::new() },
                partner_id: caller.actor.partner_id.clone(),
            };
            admin.account(account, &hashed, false).await.expect("an account");
            let request = SignInRequest { username, password: PASSWORD.to_owned() };
            // The matrix may end one session; the other one is what the door knows the caller by.
            let ended = door.sign_in(request.clone()).await.expect("signed in").into_inner();
            let signed = door.sign_in(request).await.expect("signed in").into_inner();
            let account_id = signed.account.map(|account| account.account_id).unwrap_or_default();
            let caller = &mut self.callers[at];
            caller.bearer = signed.access_token;
            if caller.actor.id != caller.actor.account_id {
                caller.actor.account_id.clone_from(&account_id);
            } else {
                (caller.actor.id, caller.actor.account_id) = (account_id.clone(), account_id.clone());
            }
            let session = json!({ "sessionId": ended.session_id, "accountId": account_id });
            self.keep("session", "sessionId", session);
        }
        let linked = self.caller("link").actor.link.clone().expect("a link").record_id;
        let link = json!({ "purpose": "LINK_PURPOSE_PROGRESS", "recordId": linked });
        // The matrix may revoke the first one.
        self.act("admin", "gateway", "CreateLink", link.clone()).await;
        let link = self.act("admin", "gateway", "CreateLink", link).await;
        let at = self.callers.iter().position(|caller| caller.name == "link").expect("the bearer of the link");
        let bearer = &mut self.callers[at];
        bearer.bearer = text(&link, "token").to_owned();
        bearer.actor.id = text(&link["link"], "linkId").to_owned();
        bearer.actor.account_id.clone_from(&bearer.actor.id);
    }

    /// A plan and a slot of a region.
    pub(crate) async fn planned(&mut self, region: &str) {
        let plan = json!({ "orgUnitId": region, "seconds": 1, "maxIterations": "10", "days": 1 });
        self.act("admin", "dispatch", "StartPlan", plan).await;
        let job = json!({ "kind": "repair", "categoryCode": "fridge", "orgUnitId": region });
        for order in self.records.iter().filter(|one| one.kind == "work_order") {
            if text(&order.json, "orgUnitId") != region || holder(&order.json).is_empty() {
                continue;
            }
            let asked = json!({ "workOrderId": order.id, "days": 7 });
            let slots = self.act("admin", "dispatch", "ListSlots", asked).await;
            let Some(window) =
                slots["slots"].as_array().and_then(|slots| slots.first()).map(|slot| slot["window"].clone())
            else {
                continue;
            };
            let hold = json!({ "workOrderId": order.id, "window": window, "job": job });
            let rpc = rpc("dispatch", "HoldSlot");
            let message = contract::from_json(rpc.input(), hold).expect("a request");
            let Ok(held) = self.wire.direct(self.caller("admin"), &rpc, &message).await else { continue };
            let held = contract::json(&held).expect("JSON");
            assert_eq!(text(&held, "orgUnitId"), region);
            self.keep("slot_hold", "slotHoldId", held);
            return;
        }
        panic!("no slot in {region} can be held");
    }

    /// What the gateway itself keeps: clients, links, endpoints, files, jobs.
    pub(crate) async fn gateways_own(&mut self) {
        for (region, partner) in [("office-east", "pa_one"), ("office-north", "pa_two")] {
            let client =
                json!({ "orgUnitId": region, "name": partner, "partnerId": partner, "scopes": ["intake.read"] });
            self.act("admin", "gateway", "CreateClient", client).await;
            let case = self.pick("service_request", region, |_| true)["serviceRequestId"].clone();
            let link = json!({ "purpose": "LINK_PURPOSE_PROGRESS", "recordId": case });
            self.act("admin", "gateway", "CreateLink", link).await;
            let customer = self.pick("customer", region, |_| true);
            let caller = if region == "office-east" { "supervisor east" } else { "agent north" };
            self.file(caller, text(&customer, "customerId")).await;
        }
        for who in ["partner one", "partner two"] {
            let endpoint = json!({ "url": "https://hooks.example.invalid/x", "kinds": ["*"] });
            self.act(who, "gateway", "CreateEndpoint", endpoint).await;
            self.file(who, "").await;
            self.partner(who).await;
        }
        for at in 0..self.callers.len() {
            let caller = self.callers[at].clone();
            if caller.has_account() && caller.actor.role != Role::Finance {
                self.file(caller.name, "").await;
            }
            if caller.has_account() {
                let export = json!({ "path": "/v1/articles", "format": "SHEET_FORMAT_CSV" });
                let job = self.act(caller.name, "gateway", "StartExport", export).await;
                assert_eq!(text(&job, "creatorId"), caller.actor.account_id);
                self.keep("job", "jobId", job);
            }
        }
    }

    async fn file(&mut self, who: &str, customer: &str) {
        let file = self.upload(who, customer).await;
        self.keep("file", "fileId", file);
    }

    /// A file that somebody sends, for a customer or for later.
    pub(crate) async fn upload(&self, who: &str, customer: &str) -> Value {
        let mut headers = self.wire.headers(self.caller(who));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
        let target = if customer.is_empty() {
            "/v1/files?name=a.pdf".to_owned()
        } else {
            format!("/v1/files?name=a.pdf&record_kind=customer&record_id={customer}")
        };
        let body = "%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n";
        let (status, _, answer) = self.wire.door.raw(Method::POST, &target, headers, body).await.expect("an answer");
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert!(status.is_success(), "{who}: {answer}");
        answer
    }

    /// What was put down for the partners' endpoints.
    pub(crate) async fn deliveries(&mut self) {
        let endpoints = self.list(self.caller("admin"), "gateway", "ListEndpoints").await.expect("endpoints");
        for endpoint in endpoints {
            let partner = endpoint["partnerId"].clone();
            for _ in 0..200 {
                let asked = json!({ "endpointId": endpoint["endpointId"], "pageSize": 3 });
                let found = self.act("admin", "gateway", "ListDeliveries", asked).await;
                let found = found["deliveries"].as_array().cloned().unwrap_or_default();
                if found.is_empty() {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
                for mut delivery in found {
                    delivery["partnerId"] = partner.clone();
                    self.keep("delivery", "deliveryId", delivery);
                }
                break;
            }
        }
        let partners: BTreeSet<_> =
            self.of_kind("delivery").map(|one| text(&one.json, "partnerId").to_owned()).collect();
        assert_eq!(partners.len(), 2, "both partners are told of something");
    }
}
