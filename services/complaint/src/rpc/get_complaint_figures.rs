//! Gives the figures of a period.

use common::{
    convert::instant,
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::complaint::v1::{ComplaintFigures, GetComplaintFiguresRequest};

use crate::{Context, convert, domain::figures::Figures, store};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: GetComplaintFiguresRequest,
) -> Result<ComplaintFigures> {
    let (Some(start), Some(end)) = (&request.start, &request.end) else {
        return Err(Error::invalid("start", "required"));
    };
    let (start, end) = (instant(start, "start")?, instant(end, "end")?);
    if start >= end {
        return Err(Error::invalid("end", "window.start_before_end"));
    }
    let mut figures = Figures::default();
    for complaint in store::complaint::received_in(&ctx.core.read(call), start, end, &request.org_unit_id).await? {
        figures.add(&complaint);
    }
    Ok(convert::figures::figures(&figures, &ctx.policy.currency))
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use common::{convert::timestamp, record::Role, testing::Backend};
    use proto::aftercare::complaint::v1::{ComplaintState, FollowUpResult, GetComplaintFiguresRequest, Verdict};
    use rstest::rstest;

    use crate::rpc::testing::*;

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn they_count_what_happened(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let start = desk.bench.core.clock.now();
        let founded = desk.followed().await;
        desk.bench.core.clock.advance(Duration::hours(10));
        desk.follow_up(&founded, FollowUpResult::Satisfied).await.unwrap();
        let mut request = receive_request();
        request.customer_id = "cu_2".to_owned();
        let other = run!(desk, desk.call(Role::Agent), receive_complaint, request.clone()).unwrap();
        desk.bench.core.clock.advance(Duration::hours(4));
        let other = desk.acknowledge(&other).await;
        desk.judge(&other, Verdict::Unfounded).await.unwrap();
        request.customer_id = "cu_3".to_owned();
        request.reason_code = "installation.not_level".to_owned();
        run!(desk, desk.call(Role::Agent), receive_complaint, request).unwrap();

        let request = GetComplaintFiguresRequest {
            start: Some(timestamp(start)),
            end: Some(timestamp(start + Duration::days(1))),
            org_unit_id: "ou_head".to_owned(),
        };
        let figures = run!(desk, desk.call(Role::Quality), get_complaint_figures, request.clone()).unwrap();
        assert_eq!((figures.received, figures.judged, figures.founded, figures.closed), (3, 2, 1, 1));
        assert!((figures.founded_percent - 50.0).abs() < 1e-9);
        assert_eq!((figures.acknowledged, figures.acknowledged_in_time), (2, 1));
        assert_eq!(figures.median_acknowledge_seconds, 2 * 3600);
        assert_eq!(figures.median_resolve_seconds, 10 * 3600);
        assert_eq!(figures.cost, money(10_000));
        let states: Vec<_> = figures.states.iter().map(|line| (line.state(), line.count)).collect();
        let expected = [(ComplaintState::Received, 1), (ComplaintState::Replied, 1), (ComplaintState::Closed, 1)];
        assert_eq!(states, expected);
        let pareto: Vec<_> = figures.pareto.iter().map(|line| (line.reason_code.as_str(), line.count)).collect();
        assert_eq!(pareto, [("installation.leak", 2), ("installation.not_level", 1)]);

        let mut elsewhere = request.clone();
        elsewhere.org_unit_id = "ou_9".to_owned();
        let none = run!(desk, desk.call(Role::Quality), get_complaint_figures, elsewhere).unwrap();
        assert_eq!((none.received, none.founded_percent.to_bits()), (0, 0));
        let mut backwards = request;
        std::mem::swap(&mut backwards.start, &mut backwards.end);
        let refused = run!(desk, desk.call(Role::Quality), get_complaint_figures, backwards);
        assert_eq!(refusal(refused), "INVALID_FIELDS");
    }
}
