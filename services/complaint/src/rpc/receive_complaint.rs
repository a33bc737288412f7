//! Opens a complaint (> RECEIVED). The same matter by the same customer joins the complaint that is open, and that
//! one is the answer.

use common::{
    convert::optional_instant,
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::complaint::v1::{Complaint, ReceiveComplaintRequest};

use crate::{
    Context, convert,
    domain::{
        complaint::{Complainant, Links},
        receive::Matter,
    },
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ReceiveComplaintRequest) -> Result<Complaint> {
    let matter = matter(ctx, call, &request)?;
    let number = ctx.core.numbers.next("CP", call.now).await?;
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::receive(&work, call, &ctx.policy, matter, number).await?;
    work.commit(convert::complaint(&complaint)).await
}

fn matter(ctx: &Context, call: &Call, request: &ReceiveComplaintRequest) -> Result<Matter> {
    let subject = convert::subject(request.subject)?;
    let reason = ctx.reasons.within(subject, &request.reason_code)?;
    let org_unit_id =
        if request.org_unit_id.is_empty() { &call.actor.org_unit_id } else { &request.org_unit_id }.clone();
    if org_unit_id.is_empty() {
        return Err(Error::invalid("org_unit_id", "string.min_len"));
    }
    let mut links = Links::default();
    links.add(Links {
        service_requests: vec![request.service_request_id.clone()],
        work_orders: vec![request.work_order_id.clone()],
        technicians: vec![request.technician_id.clone()],
        skus: vec![request.sku.clone()],
        survey_responses: Vec::new(),
        products: vec![request.product_id.clone()],
    });
    Ok(Matter {
        channel: convert::channel(request.channel)?,
        subject,
        reason_code: reason.code.clone(),
        severity: convert::severity(request.severity)?,
        customer_id: request.customer_id.clone(),
        complainant: Complainant { name: request.complainant_name.clone(), phone: request.complainant_phone.clone() },
        description: request.description.clone(),
        wanted: request.wanted.clone(),
        links,
        org_unit_id,
        partner_id: call.actor.partner_id.clone(),
        about_org_unit_id: request.about_org_unit_id.clone(),
        owner_id: request.owner_id.clone(),
        received_at: optional_instant(request.received_at.as_ref(), "received_at")?.unwrap_or(call.now),
        outside_due_at: optional_instant(request.outside_due_at.as_ref(), "outside_due_at")?,
        accepted_at: optional_instant(request.accepted_at.as_ref(), "accepted_at")?,
        survey_consent: request.survey_consent,
        source: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use common::{convert::timestamp, error::reason, record::Role, testing::Backend};
    use proto::aftercare::complaint::v1::{
        ComplaintChannel, ComplaintFact, ComplaintState, ComplaintSubject, Severity,
    };
    use rstest::rstest;

    use crate::rpc::testing::*;

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn it_is_kept_with_its_due_times_and_presumption(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let now = desk.bench.core.clock.now();
        let mut request = receive_request();
        request.received_at = Some(timestamp(now - Duration::hours(1)));
        request.accepted_at = Some(timestamp(now - Duration::days(30)));
        let complaint = run!(desk, desk.call(Role::Agent), receive_complaint, request).unwrap();
        assert_eq!(complaint.state(), ComplaintState::Received);
        assert!(complaint.number.starts_with("CP-2026-"), "{}", complaint.number);
        assert_eq!(complaint.acknowledge_due_at, Some(timestamp(now + Duration::hours(1))));
        assert_eq!(complaint.next_due_at, complaint.acknowledge_due_at);
        assert_eq!(complaint.resolution_due_at, Some(timestamp(now - Duration::hours(1) + Duration::days(5))));
        assert_eq!(complaint.org_unit_id, "ou_head");
        assert!(complaint.presumed_ours);
        assert_eq!(desk.get(&complaint).await, complaint);
        assert_eq!(desk.facts(&complaint).await, [ComplaintFact::Received]);
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn a_repeated_request_id_opens_nothing_twice(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let mut request = receive_request();
        request.request_id = "call-17".to_owned();
        let first = run!(desk, desk.call(Role::Agent), receive_complaint, request.clone()).unwrap();
        let again = run!(desk, desk.call(Role::Agent), receive_complaint, request.clone());
        assert!(again.unwrap_err().take_first_answer().is_some());
        request.description = "another story".to_owned();
        let other = run!(desk, desk.call(Role::Agent), receive_complaint, request);
        assert_eq!(refusal(other), "REQUEST_ID_REUSED");
        unchanged(&desk, &first).await;
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn the_same_matter_joins_the_open_complaint(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let first = desk.received().await;
        let mut graver = receive_request();
        graver.severity = Severity::Crisis.into();
        graver.product_id = "pr_1".to_owned();
        let joined = run!(desk, desk.call(Role::Agent), receive_complaint, graver).unwrap();
        assert_eq!((&joined.complaint_id, joined.joined_count), (&first.complaint_id, 1));
        assert_eq!(joined.severity(), Severity::Crisis);
        assert_eq!(joined.product_ids, ["pr_1"]);
        let facts = [ComplaintFact::Received, ComplaintFact::Linked, ComplaintFact::Escalated];
        assert_eq!(desk.facts(&first).await, facts);
        // Another customer, another subject, another request: another complaint.
        for change in [
            |request: &mut super::ReceiveComplaintRequest| request.customer_id = "cu_2".to_owned(),
            |request: &mut super::ReceiveComplaintRequest| request.service_request_id = "sr_2".to_owned(),
            |request: &mut super::ReceiveComplaintRequest| {
                request.subject = ComplaintSubject::Delay.into();
                request.reason_code = String::new();
            },
        ] {
            let mut other = receive_request();
            change(&mut other);
            let other = run!(desk, desk.call(Role::Agent), receive_complaint, other).unwrap();
            assert_ne!(other.complaint_id, first.complaint_id);
        }
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn eight_callers_at_once_open_one_complaint(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let callers = (0..8).map(|_| {
            let caller = desk.caller(Role::Agent);
            tokio::spawn(async move {
                run!(caller, caller.call.clone(), receive_complaint, receive_request()).unwrap().complaint_id
            })
        });
        let mut ids = Vec::new();
        for caller in callers.collect::<Vec<_>>() {
            ids.push(caller.await.unwrap());
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "{ids:?}");
        let request = proto::aftercare::complaint::v1::GetComplaintRequest { complaint_id: ids.remove(0) };
        let one = run!(desk, desk.call(Role::Agent), get_complaint, request).unwrap();
        assert_eq!(one.joined_count, 7);
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn a_grave_one_is_told_at_once_and_only_once(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let mut request = receive_request();
        request.severity = Severity::Crisis.into();
        let complaint = run!(desk, desk.call(Role::Agent), receive_complaint, request).unwrap();
        let told: Vec<_> = complaint.notices.iter().map(|notice| notice.recipient.as_str()).collect();
        assert_eq!(told, ["role:manager", "duty"]);
        let now = desk.bench.core.clock.now();
        assert_eq!(complaint.acknowledge_due_at, Some(timestamp(now + Duration::minutes(15))));
        let joined = desk.received().await;
        assert_eq!(joined.notices, complaint.notices);
        let facts = [ComplaintFact::Received, ComplaintFact::Escalated, ComplaintFact::Linked];
        assert_eq!(desk.facts(&complaint).await, facts);
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn bad_input_is_refused_and_keeps_nothing(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let now = desk.bench.core.clock.now();
        let media = |due: Option<Duration>| {
            let mut request = receive_request();
            request.channel = ComplaintChannel::Media.into();
            request.outside_due_at = due.map(|due| timestamp(now + due));
            request
        };
        let mut cases = vec![
            (media(None), "OUTSIDE_DEADLINE_MISSING"),
            (media(Some(-Duration::hours(1))), "OUTSIDE_DEADLINE_MISSING"),
        ];
        for change in [
            |request: &mut super::ReceiveComplaintRequest| request.channel = 99,
            |request: &mut super::ReceiveComplaintRequest| request.severity = 0,
            |request: &mut super::ReceiveComplaintRequest| request.customer_id = String::new(),
            |request: &mut super::ReceiveComplaintRequest| request.description = "x".repeat(4_001),
            |request: &mut super::ReceiveComplaintRequest| request.reason_code = "fee.general".to_owned(),
        ] {
            let mut request = receive_request();
            change(&mut request);
            cases.push((request, reason::INVALID_FIELDS.name));
        }
        let mut future = receive_request();
        future.received_at = Some(timestamp(now + Duration::seconds(1)));
        cases.push((future, reason::INVALID_FIELDS.name));
        for (request, expected) in cases {
            let result = run!(desk, desk.call(Role::Agent), receive_complaint, request.clone());
            assert_eq!(refusal(result), expected, "{request:?}");
        }
        assert_eq!(desk.bench.events().await.unwrap().len(), 0);
        let taken = run!(desk, desk.call(Role::Agent), receive_complaint, media(Some(Duration::hours(1)))).unwrap();
        assert_eq!(taken.outside_due_at, taken.next_due_at);
    }
}
