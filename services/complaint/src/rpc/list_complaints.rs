//! Lists complaints.

use common::{error::Result, service::Call};
use proto::aftercare::complaint::v1::{ListComplaintsRequest, ListComplaintsResponse};

use crate::{Context, convert, store};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListComplaintsRequest,
) -> Result<ListComplaintsResponse> {
    let (found, next_page_token) = store::complaint::list(&ctx.core.read(call), &request, call.now).await?;
    let complaints = found.iter().map(convert::complaint).collect();
    Ok(ListComplaintsResponse { complaints, next_page_token })
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use common::{convert::timestamp, record::Role, testing::Backend};
    use proto::aftercare::complaint::v1::{ComplaintState, ComplaintSubject, ListComplaintsRequest, Severity};
    use rstest::rstest;

    use crate::rpc::testing::*;

    async fn numbers(desk: &Desk, request: ListComplaintsRequest) -> Vec<String> {
        let page = run!(desk, desk.call(Role::Agent), list_complaints, request).unwrap();
        page.complaints.into_iter().map(|complaint| complaint.number).collect()
    }

    #[rstest]
    #[case(Backend::Sqlite)]
    #[case(Backend::Postgres)]
    #[tokio::test]
    async fn filters_orders_and_pages(#[case] backend: Backend) {
        let desk = desk(backend).await;
        let now = desk.bench.core.clock.now();
        let mut all = Vec::new();
        for customer in 0..5 {
            let mut request = receive_request();
            request.customer_id = format!("cu_{customer}");
            request.received_at = Some(timestamp(now - Duration::minutes(customer)));
            if customer == 3 {
                request.severity = Severity::Major.into();
                request.subject = ComplaintSubject::Fee.into();
                request.reason_code = String::new();
                request.owner_id = "ag_3".to_owned();
                request.org_unit_id = "ou_3".to_owned();
            }
            all.push(run!(desk, desk.call(Role::Agent), receive_complaint, request).unwrap());
        }
        desk.acknowledge(&all[1]).await;
        let named = |places: &[usize]| places.iter().map(|place| all[*place].number.clone()).collect::<Vec<_>>();
        let list = ListComplaintsRequest::default();
        let acknowledged = vec![ComplaintState::Acknowledged.into(), ComplaintState::Closed.into()];
        for (request, expected) in [
            (list.clone(), vec![4, 3, 2, 1, 0]),
            (ListComplaintsRequest { order_by: "received_at desc".to_owned(), ..list.clone() }, vec![0, 1, 2, 3, 4]),
            (ListComplaintsRequest { states: acknowledged, ..list.clone() }, vec![1]),
            (ListComplaintsRequest { severity: Severity::Major.into(), ..list.clone() }, vec![3]),
            (ListComplaintsRequest { subject: ComplaintSubject::Fee.into(), ..list.clone() }, vec![3]),
            (ListComplaintsRequest { owner_id: "ag_3".to_owned(), ..list.clone() }, vec![3]),
            (ListComplaintsRequest { org_unit_id: "ou_head".to_owned(), ..list.clone() }, vec![4, 2, 1, 0]),
            (ListComplaintsRequest { customer_id: "cu_2".to_owned(), ..list.clone() }, vec![2]),
            (
                ListComplaintsRequest {
                    received_from: Some(timestamp(now - Duration::minutes(3))),
                    received_to: Some(timestamp(now - Duration::minutes(1))),
                    ..list.clone()
                },
                vec![3, 2],
            ),
            (ListComplaintsRequest { overdue: true, ..list.clone() }, vec![]),
        ] {
            assert_eq!(numbers(&desk, request.clone()).await, named(&expected), "{request:?}");
        }
        let mut seen = Vec::new();
        let mut request = ListComplaintsRequest { page_size: 2, order_by: "number desc".to_owned(), ..list.clone() };
        loop {
            let page = run!(desk, desk.call(Role::Agent), list_complaints, request.clone()).unwrap();
            seen.extend(page.complaints.into_iter().map(|complaint| complaint.number));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(seen, named(&[4, 3, 2, 1, 0]));
        let foreign = ListComplaintsRequest { page_token: request.page_token, ..list.clone() };
        let refused = run!(desk, desk.call(Role::Agent), list_complaints, foreign);
        assert_eq!(refusal(refused), "INVALID_PAGE_TOKEN");
        let order = ListComplaintsRequest { order_by: "customer_id".to_owned(), ..list };
        assert_eq!(refusal(run!(desk, desk.call(Role::Agent), list_complaints, order)), "INVALID_ORDER");
    }
}
