//! The parties have the notice: MEDIATION_ENDED > CLOSED.

use common::{convert::optional_instant, error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{NotifyRegulatorCaseRequest, RegulatorCase};

use crate::{Context, convert, domain::RegulatorCaseId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: NotifyRegulatorCaseRequest) -> Result<RegulatorCase> {
    let id = RegulatorCaseId::parse(&request.regulator_case_id)?;
    let at = optional_instant(request.notified_at.as_ref(), "notified_at")?.unwrap_or(call.now);
    let work = ctx.core.begin(call, &request).await?;
    let case = store::regulator::load(&*work, &id).await?;
    call.check_etag(&request.etag, &case)?;
    let changed = case.notify(at, call.now)?;
    let case = store::regulator::save(&work, call, changed).await?;
    work.commit(convert::regulator::regulator_case(&case)).await
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration, Utc};
    use common::{convert::instant, error::Result, record::Role, testing::Backend};
    use proto::aftercare::complaint::v1::*;
    use rstest::rstest;

    use crate::rpc::testing::*;

    fn at(time: Option<&prost_types::Timestamp>) -> DateTime<Utc> {
        instant(time.unwrap(), "time").unwrap()
    }

    fn wall(text: &str) -> DateTime<Utc> {
        format!("{text}:00+08:00").parse().unwrap()
    }

    async fn open(desk: &Desk, complaint: &Complaint) -> Result<RegulatorCase> {
        let request = OpenRegulatorCaseRequest {
            complaint_id: complaint.complaint_id.clone(),
            authority: "12315 上海".to_owned(),
            external_number: "SH-1".to_owned(),
            ..Default::default()
        };
        run!(desk, desk.call(Role::Agent), open_regulator_case, request)
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn its_clocks_run_in_working_days(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let complaint = desk.received().await;
        let case = open(&desk, &complaint).await.unwrap();
        assert_eq!(refusal(open(&desk, &complaint).await), "CASE_KNOWN");
        // Monday 2 March 2026 + 7 working days: the end of Wednesday the 11th.
        assert_eq!(at(case.accept_due_at.as_ref()), wall("2026-03-12T00:00"));
        let id = case.regulator_case_id.clone();
        let end = EndMediationRequest {
            regulator_case_id: id.clone(),
            result: MediationResult::Agreed.into(),
            ..Default::default()
        };
        assert_eq!(refusal(run!(desk, desk.call(Role::Agent), end_mediation, end.clone())), "ILLEGAL_TRANSITION");
        let accept = AcceptRegulatorCaseRequest { regulator_case_id: id.clone(), ..Default::default() };
        let accepted = run!(desk, desk.call(Role::Agent), accept_regulator_case, accept).unwrap();
        // 45 working days, over Qingming (one day) and Labour Day (three days off, the Saturday after worked).
        let calendar = &desk.ctx.clocks.calendar;
        let due = at(accepted.mediation_due_at.as_ref());
        let date = calendar.date_of(due - Duration::seconds(1));
        assert!(calendar.is_working_day(date));
        let first = calendar.date_of(at(accepted.accepted_at.as_ref()));
        let days = first.iter_days().skip(1).take_while(|day| *day <= date);
        assert_eq!(days.filter(|day| calendar.is_working_day(*day)).count(), 45);
        assert_eq!(accepted.next_due_at, accepted.mediation_due_at);
        assert_eq!(accepted.calendar_version, "cn-2022-2026");

        desk.bench.core.clock.advance(Duration::days(3));
        let ended = run!(desk, desk.call(Role::Agent), end_mediation, end).unwrap();
        // Thursday 5 March + 7 working days.
        assert_eq!(at(ended.notice_due_at.as_ref()), wall("2026-03-17T00:00"));
        let notify = NotifyRegulatorCaseRequest { regulator_case_id: id, ..Default::default() };
        let closed = run!(desk, desk.call(Role::Agent), notify_regulator_case, notify).unwrap();
        assert_eq!((closed.state(), closed.next_due_at), (RegulatorCaseState::Closed, None));
        desk.bench.advance(Duration::days(200)).await.unwrap();
        let request = GetRegulatorCaseRequest { regulator_case_id: closed.regulator_case_id.clone() };
        assert_eq!(run!(desk, desk.call(Role::Agent), get_regulator_case, request).unwrap(), closed);
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn a_clock_that_runs_out_is_told_of_once(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let complaint = desk.received().await;
        let case = open(&desk, &complaint).await.unwrap();
        desk.bench.advance(Duration::days(30)).await.unwrap();
        let list = ListRegulatorCasesRequest { overdue: true, ..Default::default() };
        let overdue = run!(desk, desk.call(Role::Agent), list_regulator_cases, list.clone()).unwrap();
        assert_eq!(overdue.regulator_cases.len(), 1);
        assert_eq!((overdue.regulator_cases[0].overruns, &*overdue.regulator_cases[0].etag), (1, "2"));
        let decline = DeclineRegulatorCaseRequest {
            regulator_case_id: case.regulator_case_id,
            reason: "not theirs".to_owned(),
            ..Default::default()
        };
        let declined = run!(desk, desk.call(Role::Agent), decline_regulator_case, decline).unwrap();
        assert_eq!(declined.state(), RegulatorCaseState::Declined);
        let none = run!(desk, desk.call(Role::Agent), list_regulator_cases, list).unwrap();
        assert_eq!(none.regulator_cases, []);
    }
}
