//! Changes what a complaint says, in every state but CLOSED and ARCHIVED. Raised to major or crisis, manager and
//! duty list are told at once.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::complaint::v1::{Complaint, UpdateComplaintRequest};

use crate::{
    Context, convert,
    domain::{ComplaintId, receive::Update},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UpdateComplaintRequest) -> Result<Complaint> {
    let id = ComplaintId::parse(&request.complaint_id)?;
    let update = read(ctx, &request)?;
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::load(&*work, &id).await?;
    call.check_etag(&request.etag, &complaint)?;
    let changed = complaint.update(update, &ctx.policy, request.reason, call.now)?;
    store::complaint::refuse_double(&*work, &changed.record).await?;
    let complaint = store::complaint::save(&work, call, &ctx.policy, changed).await?;
    let complaint = store::complaint::notify(&work, call, &ctx.policy, complaint).await?;
    work.commit(convert::complaint(&complaint)).await
}

fn read(ctx: &Context, request: &UpdateComplaintRequest) -> Result<Update> {
    let paths = request.update_mask.as_ref().map(|mask| mask.paths.as_slice()).unwrap_or_default();
    let mut update = Update::default();
    for path in paths {
        match path.as_str() {
            "description" if request.description.is_empty() => {
                return Err(Error::invalid("description", "string.min_len"));
            }
            "description" => update.description = Some(request.description.clone()),
            "wanted" => update.wanted = Some(request.wanted.clone()),
            "severity" => update.severity = Some(convert::severity(request.severity)?),
            "reason_code" => {
                let reason = ctx.reasons.find(&request.reason_code)?;
                update.reason = Some((reason.subject, reason.code.clone()));
            }
            "owner_id" => update.owner_id = Some(request.owner_id.clone()),
            "org_unit_id" if request.org_unit_id.is_empty() => {
                return Err(Error::invalid("org_unit_id", "string.min_len"));
            }
            "org_unit_id" => update.org_unit_id = Some(request.org_unit_id.clone()),
            "about_org_unit_id" => update.about_org_unit_id = Some(request.about_org_unit_id.clone()),
            unknown => return Err(Error::invalid(format!("update_mask.{unknown}"), "field_mask.known")),
        }
    }
    if paths.is_empty() {
        return Err(Error::invalid("update_mask", "field_mask.not_empty"));
    }
    Ok(update)
}

#[cfg(test)]
mod tests {
    use common::{record::Role, testing::Backend};
    use proto::aftercare::complaint::v1::{
        Complaint, ComplaintSubject, FollowUpResult, LinkComplaintRequest, Severity, UpdateComplaintRequest,
    };
    use rstest::rstest;

    use crate::rpc::testing::*;

    fn update(complaint: &Complaint, paths: &[&str]) -> UpdateComplaintRequest {
        UpdateComplaintRequest {
            complaint_id: complaint.complaint_id.clone(),
            etag: complaint.etag.clone(),
            severity: Severity::Crisis.into(),
            reason_code: "delay.no_contact".to_owned(),
            owner_id: "ag_9".to_owned(),
            update_mask: Some(prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
            ..Default::default()
        }
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn only_what_the_mask_names_changes_and_a_graver_one_is_told(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let before = desk.received().await;
        let request = update(&before, &["reason_code", "severity"]);
        let after = run!(desk, desk.call(Role::Agent), update_complaint, request.clone()).unwrap();
        assert_eq!((after.subject(), after.severity()), (ComplaintSubject::Delay, Severity::Crisis));
        assert_eq!((&after.owner_id, &after.description), (&before.owner_id, &before.description));
        assert_eq!(after.notices.len(), 2);
        assert!(after.acknowledge_due_at.unwrap().seconds < before.acknowledge_due_at.unwrap().seconds);
        let stale = run!(desk, desk.call(Role::Agent), update_complaint, request);
        assert_eq!(refusal(stale), "STALE_ETAG");
        for paths in [vec![], vec!["number"], vec!["description"]] {
            let refused = run!(desk, desk.call(Role::Agent), update_complaint, update(&after, &paths));
            assert_eq!(refusal(refused), "INVALID_FIELDS", "{paths:?}");
        }
        // Back to the first subject: there the same matter is open again by now.
        let other = desk.received().await;
        assert_ne!(other.complaint_id, after.complaint_id);
        let mut back = update(&after, &["reason_code"]);
        back.reason_code = "installation.leak".to_owned();
        let refused = run!(desk, desk.call(Role::Agent), update_complaint, back);
        assert_eq!(refusal(refused), "SAME_MATTER_OPEN");
        unchanged(&desk, &after).await;
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn links_are_added_once_and_nothing_after_the_archive(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let complaint = desk.followed().await;
        let link = LinkComplaintRequest {
            complaint_id: complaint.complaint_id.clone(),
            work_order_id: "wo_1".to_owned(),
            sku: "SEAL-1".to_owned(),
            ..Default::default()
        };
        let linked = run!(desk, desk.call(Role::Agent), link_complaint, link.clone()).unwrap();
        assert_eq!(
            (&linked.work_order_ids[..], &linked.skus[..]),
            (&["wo_1".to_owned()][..], &["SEAL-1".to_owned()][..])
        );
        let again = run!(desk, desk.call(Role::Agent), link_complaint, link.clone()).unwrap();
        assert_eq!(again, linked);
        let nothing = LinkComplaintRequest { complaint_id: complaint.complaint_id.clone(), ..Default::default() };
        assert_eq!(refusal(run!(desk, desk.call(Role::Agent), link_complaint, nothing)), "INVALID_FIELDS");
        let closed = desk.follow_up(&complaint, FollowUpResult::Satisfied).await.unwrap();
        let late = run!(desk, desk.call(Role::Agent), update_complaint, update(&closed, &["owner_id"]));
        assert_eq!(refusal(late), "ILLEGAL_TRANSITION");
        let archived = desk.archive(&closed).await.unwrap();
        assert_eq!(refusal(run!(desk, desk.call(Role::Agent), link_complaint, link)), "ILLEGAL_TRANSITION");
        unchanged(&desk, &archived).await;
    }
}
