//! Records the check of the effect, once it is due: AWAITING_CHECK > CLOSED (passed) or CONTAINED (failed).

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{CheckCorrectiveActionRequest, CorrectiveAction};

use crate::{
    Context, convert,
    domain::{CorrectiveActionId, corrective::EffectCheck},
    store,
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: CheckCorrectiveActionRequest,
) -> Result<CorrectiveAction> {
    let id = CorrectiveActionId::parse(&request.corrective_action_id)?;
    let check = EffectCheck {
        result: convert::corrective::effect_result(request.result)?,
        evidence: request.evidence.clone(),
        by: call.actor.clone(),
        at: call.now,
    };
    let work = ctx.core.begin(call, &request).await?;
    let action = store::corrective::load(&*work, &id).await?;
    call.check_etag(&request.etag, &action)?;
    let changed = action.check(check, call.now)?;
    let action = store::corrective::save(&work, call, changed).await?;
    work.commit(convert::corrective::corrective_action(&action)).await
}

#[cfg(test)]
pub(crate) mod tests {
    use chrono::Duration;
    use common::{error::Result, record::Role, testing::Backend};
    use proto::aftercare::complaint::v1::*;
    use rstest::rstest;

    use crate::rpc::testing::*;

    async fn open(desk: &Desk) -> Result<CorrectiveAction> {
        let request = OpenCorrectiveActionRequest {
            cause_code: "product.seal".to_owned(),
            problem: "the seal is too thin".to_owned(),
            ..Default::default()
        };
        run!(desk, desk.call(Role::Quality), open_corrective_action, request)
    }

    async fn contain(desk: &Desk, id: &str) -> Result<CorrectiveAction> {
        let request = ContainCorrectiveActionRequest {
            corrective_action_id: id.to_owned(),
            containment: "stock is blocked".to_owned(),
            ..Default::default()
        };
        run!(desk, desk.call(Role::Quality), contain_corrective_action, request)
    }

    async fn analyse(desk: &Desk, id: &str) -> Result<CorrectiveAction> {
        let request = AnalyseCorrectiveActionRequest {
            corrective_action_id: id.to_owned(),
            whys: ["leak", "thin seal", "wrong drawing", "no review", "no rule"].map(str::to_owned).to_vec(),
            ..Default::default()
        };
        run!(desk, desk.call(Role::Quality), analyse_corrective_action, request)
    }

    async fn correct(desk: &Desk, id: &str) -> Result<CorrectiveAction> {
        let request = CorrectCorrectiveActionRequest {
            corrective_action_id: id.to_owned(),
            correction: "seals exchanged".to_owned(),
            ..Default::default()
        };
        run!(desk, desk.call(Role::Quality), correct_corrective_action, request)
    }

    async fn prevent(desk: &Desk, id: &str) -> Result<CorrectiveAction> {
        let request = PreventCorrectiveActionRequest {
            corrective_action_id: id.to_owned(),
            prevention: "drawings are reviewed".to_owned(),
            ..Default::default()
        };
        run!(desk, desk.call(Role::Quality), prevent_corrective_action, request)
    }

    async fn check(desk: &Desk, id: &str, result: EffectResult) -> Result<CorrectiveAction> {
        let request = CheckCorrectiveActionRequest {
            corrective_action_id: id.to_owned(),
            result: result.into(),
            evidence: "no leak since".to_owned(),
            ..Default::default()
        };
        run!(desk, desk.call(Role::Quality), check_corrective_action, request)
    }

    /// Takes an open corrective action to its end.
    pub(crate) async fn finish(desk: &Desk, action: &CorrectiveAction) -> CorrectiveAction {
        let id = &action.corrective_action_id;
        contain(desk, id).await.unwrap();
        analyse(desk, id).await.unwrap();
        correct(desk, id).await.unwrap();
        prevent(desk, id).await.unwrap();
        desk.bench.advance(Duration::days(31)).await.unwrap();
        check(desk, id, EffectResult::Passed).await.unwrap()
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn the_steps_come_in_order_and_only_a_passed_check_closes(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let action = open(&desk).await.unwrap();
        let id = &action.corrective_action_id;
        assert_eq!(refusal(open(&desk).await), "CORRECTIVE_ACTION_OPEN");
        assert_eq!(refusal(analyse(&desk, id).await), "ILLEGAL_TRANSITION");
        assert_eq!(refusal(check(&desk, id, EffectResult::Passed).await), "ILLEGAL_TRANSITION");
        contain(&desk, id).await.unwrap();
        analyse(&desk, id).await.unwrap();
        assert_eq!(refusal(prevent(&desk, id).await), "ILLEGAL_TRANSITION");
        correct(&desk, id).await.unwrap();
        let waiting = prevent(&desk, id).await.unwrap();
        assert_eq!((waiting.state(), waiting.check_called), (CorrectiveActionState::AwaitingCheck, false));
        assert_eq!(refusal(check(&desk, id, EffectResult::Passed).await), "CHECK_TOO_EARLY");

        // The timer calls for the check once; it is not done by itself.
        desk.bench.advance(Duration::days(40)).await.unwrap();
        let request = GetCorrectiveActionRequest { corrective_action_id: id.clone() };
        let called = run!(desk, desk.call(Role::Quality), get_corrective_action, request).unwrap();
        assert!(called.check_called);
        assert_eq!(called.etag, "6");

        let failed = check(&desk, id, EffectResult::Failed).await.unwrap();
        assert_eq!(failed.state(), CorrectiveActionState::Contained);
        analyse(&desk, id).await.unwrap();
        correct(&desk, id).await.unwrap();
        prevent(&desk, id).await.unwrap();
        assert_eq!(refusal(check(&desk, id, EffectResult::Passed).await), "CHECK_TOO_EARLY");
        desk.bench.advance(Duration::days(30)).await.unwrap();
        let closed = check(&desk, id, EffectResult::Passed).await.unwrap();
        assert_eq!((closed.state(), closed.checks.len()), (CorrectiveActionState::Closed, 2));
        // The cause is free for the next one.
        open(&desk).await.unwrap();
    }
}
