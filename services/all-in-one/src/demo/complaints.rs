//! The demo's office deals with the complaints that unhappy customers bring: most to the end, the latest ones are left
//! for people to try.

use common::record::Role;
use proto::aftercare::complaint::v1::{
    AcknowledgeComplaintRequest, ComplaintState, FollowUpResult, JudgeComplaintRequest, ListComplaintsRequest,
    RecordFollowUpRequest, Verdict,
};

use super::doors::Doorkeeper;

/// Acknowledges what was received, judges what was acknowledged the day before, closes what was replied to before that.
pub(super) async fn deal(keeper: &Doorkeeper) -> anyhow::Result<()> {
    let mut agent = keeper.open("demo-agent-2", Role::Agent).complaint;
    let mut quality = keeper.open("demo-quality", Role::Quality).complaint;
    for complaint_id in in_state(keeper, ComplaintState::Replied).await? {
        let result = FollowUpResult::Satisfied.into();
        let note = "客户接受解释".to_owned();
        agent.record_follow_up(RecordFollowUpRequest { complaint_id, result, note, ..Default::default() }).await?;
    }
    for complaint_id in in_state(keeper, ComplaintState::Acknowledged).await? {
        let request = JudgeComplaintRequest {
            complaint_id,
            verdict: Verdict::Unfounded.into(),
            reply: "已向客户说明维修过程并致歉".to_owned(),
            grounds: "回访录音与维修记录一致".to_owned(),
            ..Default::default()
        };
        quality.judge_complaint(request).await?;
    }
    for complaint_id in in_state(keeper, ComplaintState::Received).await? {
        let note = "已致电客户".to_owned();
        agent.acknowledge_complaint(AcknowledgeComplaintRequest { complaint_id, note, ..Default::default() }).await?;
    }
    Ok(())
}

async fn in_state(keeper: &Doorkeeper, state: ComplaintState) -> anyhow::Result<Vec<String>> {
    let mut office = keeper.open("demo-quality", Role::Quality).complaint;
    let request = ListComplaintsRequest { states: vec![state.into()], page_size: 100, ..Default::default() };
    let page = office.list_complaints(request).await?.into_inner();
    Ok(page.complaints.into_iter().map(|complaint| complaint.complaint_id).collect())
}
