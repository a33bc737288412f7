//! Figures: scores with counts and intervals, and how well the loop is closed.

use proto::aftercare::survey::v1::{
    CloseFollowUpRequest, ClosedLoop, FollowUpOutcome, GetClosedLoopRequest, GetScoresRequest, OpenCallbackRequest,
    Score, ScoreGroup, Trigger,
};
use rstest::rstest;

use super::*;

async fn scores(house: &House, request: GetScoresRequest) -> Vec<Score> {
    house.client().get_scores(house.by(Role::Manager, request)).await.unwrap().into_inner().scores
}

fn by(group: ScoreGroup) -> GetScoresRequest {
    GetScoresRequest { group_by: group.into(), ..Default::default() }
}

const CASES: [(&str, &str, &str); 6] = [
    ("sr_a", "cu_a", "te_1"),
    ("sr_b", "cu_b", "te_1"),
    ("sr_c", "cu_c", "te_1"),
    ("sr_d", "cu_d", "te_2"),
    ("sr_e", "cu_e", "te_2"),
    ("sr_f", "cu_f", "te_2"),
];

/// Six customers asked, five answer: NPS 10, 9, 7 for the first technician, 6, 0 for the second.
async fn survey(house: &House) {
    let given = [answers(5, 10), answers(4, 9), answers(3, 7), answers(2, 6), answers(1, 0)];
    for (id, customer, technician) in CASES {
        let case = Case { id, customer, kind: if technician == "te_1" { "repair" } else { "cleaning" }, ..REPAIR };
        house.visited(&case, 1, technician).await;
        house.resolved(&case, 5).await;
    }
    house.advance(Duration::days(3)).await;
    for (number, given) in given.into_iter().enumerate() {
        let case = Case { id: CASES[number].0, ..REPAIR };
        house.submit(&token(&house.invitation(&case).await), "", given).await.unwrap();
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn scores_have_their_count_and_their_interval(#[case] backend: Backend) {
    let house = open(backend, "[scores]\nleast_answers = 3").await;
    assert!(scores(&house, by(ScoreGroup::Unspecified)).await.is_empty());
    let start = house.now();
    survey(&house).await;
    let all = scores(&house, by(ScoreGroup::Unspecified)).await.remove(0);
    let (rate, nps, csat, low) = (all.response_rate.unwrap(), all.nps.unwrap(), all.csat.unwrap(), all.low.unwrap());
    assert_eq!((rate.part, rate.count, low.part, low.count), (5, 6, 2, 5));
    assert_eq!((nps.promoters, nps.passives, nps.detractors, nps.count), (2, 1, 2, 5));
    assert!(nps.value.abs() < 1e-9 && (nps.margin - 78.4).abs() < 0.1, "{nps:?}");
    assert_eq!((csat.part, csat.count), (2, 5));
    assert!((csat.low - 0.1176).abs() < 1e-3 && (csat.high - 0.7693).abs() < 1e-3, "{csat:?}");
    assert_eq!(all.ces.unwrap().count, 0);

    let technicians = scores(&house, by(ScoreGroup::Technician)).await;
    assert_eq!(
        technicians.iter().map(|one| (one.key.as_str(), one.hidden)).collect::<Vec<_>>(),
        [("te_1", false), ("te_2", true)]
    );
    assert!((technicians[0].nps.unwrap().value - 66.667).abs() < 0.01);
    assert!(technicians[1].nps.is_none() && technicians[1].csat.is_none() && technicians[1].low.is_none());
    assert_eq!(technicians[1].response_rate.unwrap().part, 2);
    // Not by the side door, either.
    let one = GetScoresRequest { technician_id: "te_2".to_owned(), ..by(ScoreGroup::Kind) };
    assert!(scores(&house, one).await.iter().all(|row| row.hidden));

    let keys = async |group| scores(&house, by(group)).await.into_iter().map(|row| row.key).collect::<Vec<_>>();
    assert_eq!(keys(ScoreGroup::Kind).await, ["cleaning", "repair"]);
    assert_eq!(keys(ScoreGroup::ServicePoint).await, ["sp_1"]);
    assert_eq!(keys(ScoreGroup::OrgUnit).await, ["ou_1"]);
    assert_eq!(keys(ScoreGroup::Trigger).await, ["visit_completed"]);
    assert_eq!(keys(ScoreGroup::Month).await, ["2026-03"]);

    let later = GetScoresRequest {
        start_time: Some(common::convert::timestamp(start + Duration::seconds(1))),
        ..by(ScoreGroup::Unspecified)
    };
    assert!(scores(&house, later).await.is_empty());
    let deliveries = GetScoresRequest { trigger: Trigger::Delivery.into(), ..by(ScoreGroup::Unspecified) };
    assert!(scores(&house, deliveries).await.is_empty());
    let repairs = GetScoresRequest { kind: "repair".to_owned(), ..by(ScoreGroup::Unspecified) };
    assert_eq!(scores(&house, repairs).await[0].nps.unwrap().count, 3);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_closed_loop_is_measured(#[case] backend: Backend) {
    let house = open(backend, "").await;
    let closed_loop = async || -> ClosedLoop {
        let request = house.by(Role::Manager, GetClosedLoopRequest::default());
        house.client().get_closed_loop(request).await.unwrap().into_inner()
    };
    assert_eq!(closed_loop().await.closed.unwrap().count, 0);
    survey(&house).await;
    let case = Case { id: "sr_f", ..REPAIR };
    let open = OpenCallbackRequest { invitation_id: house.invitation(&case).await.invitation_id, ..Default::default() };
    house.client().open_callback(house.agent(open)).await.unwrap();
    house.advance(Duration::minutes(90)).await;
    for open in house.follow_ups().await {
        let close = CloseFollowUpRequest {
            follow_up_id: open.follow_up_id,
            outcome: FollowUpOutcome::Explained.into(),
            note: "explained".to_owned(),
            ..Default::default()
        };
        house.client().close_follow_up(house.by(Role::Supervisor, close)).await.unwrap();
        // The second is too late.
        house.advance(Duration::days(1)).await;
    }
    let figures = closed_loop().await;
    let (closed, in_time, callbacks) =
        (figures.closed.unwrap(), figures.closed_in_time.unwrap(), figures.callbacks_in_time.unwrap());
    assert_eq!((closed.part, closed.count), (2, 2));
    assert_eq!((in_time.part, in_time.count), (1, 2));
    assert_eq!((callbacks.part, callbacks.count), (0, 1));
    assert!((figures.mean_minutes_to_close - (90.0 + 90.0 + 1_440.0) / 2.0).abs() < 1e-6);
}
