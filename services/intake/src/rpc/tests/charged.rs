//! Charged work: quotes, consent, and the visit that a yes releases, once.

use chrono::Duration;
use common::{error::reason, record::Role, testing::Backend};
use proto::aftercare::intake::v1::*;
use rstest::rstest;

use super::{World, at, names, world, yuan};
use crate::{error::*, rpc::*};

async fn charged(world: &World) -> String {
    let customer = world.customer("13800138000").await;
    let product = world.product(&customer, "", "2023-01-10").await;
    let request = world.create(world.wanted(&customer, &product)).await;
    assert_eq!(
        (request.charge_kind(), request.warranty.unwrap().charged_reason.as_str()),
        (ChargeKind::Charged, "expired")
    );
    world.triage(&request.service_request_id).await;
    request.service_request_id
}

fn quote(id: &str, price: i64) -> QuoteServiceRequestRequest {
    let line = |text: &str, quantity_milli, price| QuoteLineInput {
        text: text.to_owned(),
        sku: String::new(),
        quantity_milli,
        unit_price: yuan(price),
    };
    QuoteServiceRequestRequest {
        service_request_id: id.to_owned(),
        lines: vec![line("labour", 1500, price), line("compressor", 1000, 600)],
        ..Default::default()
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_yes_to_the_quote_releases_one_visit(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = charged(&world).await;
    let release = ReleaseServiceRequestRequest { service_request_id: id.clone(), ..Default::default() };
    assert_eq!(
        release_service_request::handle(&world.ctx, &world.agent(), release).await.unwrap_err().reason,
        QUOTE_NEEDED
    );
    let quoted = quote_service_request::handle(&world.ctx, &world.agent(), quote(&id, 200)).await.unwrap();
    assert_eq!((quoted.state(), quoted.quotes[0].total.clone()), (RequestState::PendingQuote, yuan(900)));
    assert_eq!(quoted.quotes[0].expires_at, at(world.now() + Duration::days(7)));
    let accept = AcceptQuoteRequest {
        service_request_id: id.clone(),
        consent: "phone".to_owned(),
        etag: quoted.etag,
        ..Default::default()
    };
    let accepted = accept_quote::handle(&world.ctx, &world.agent(), accept.clone()).await.unwrap();
    assert_eq!(
        (accepted.state(), accepted.visit_number, accepted.quotes[0].state.as_str()),
        (RequestState::Ready, 1, "accepted")
    );
    assert_eq!(accept_quote::handle(&world.ctx, &world.agent(), accept).await.unwrap_err().reason, reason::STALE_ETAG);
    let told = world.facts(&id).await;
    use ServiceRequestFact::{Created, QuoteAccepted, Quoted, Released, Triaged};
    assert_eq!(names(&told), [Created, Triaged, Quoted, QuoteAccepted, Released]);
    assert_eq!((told[4].visit_number, told[4].state.as_str(), told[4].charge_kind.as_str()), (1, "ready", "charged"));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_no_or_no_answer_leads_back_and_a_late_yes_is_refused(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = charged(&world).await;
    quote_service_request::handle(&world.ctx, &world.agent(), quote(&id, 200)).await.unwrap();
    let decline =
        DeclineQuoteRequest { service_request_id: id.clone(), reason: "too dear".to_owned(), ..Default::default() };
    let declined = decline_quote::handle(&world.ctx, &world.agent(), decline).await.unwrap();
    assert_eq!((declined.state(), declined.quotes[0].state.as_str()), (RequestState::Triaged, "declined"));
    let short = QuoteServiceRequestRequest { expires_at: at(world.now() + Duration::hours(2)), ..quote(&id, 100) };
    quote_service_request::handle(&world.ctx, &world.agent(), short).await.unwrap();
    world.advance(Duration::hours(2)).await;
    let expired = world.get(&id).await;
    assert_eq!((expired.state(), expired.quotes[1].state.as_str()), (RequestState::Triaged, "expired"));
    let late = AcceptQuoteRequest { service_request_id: id.clone(), consent: "phone".to_owned(), ..Default::default() };
    assert_eq!(
        accept_quote::handle(&world.ctx, &world.agent(), late).await.unwrap_err().reason,
        reason::ILLEGAL_TRANSITION
    );
    let expired = world.facts(&id).await.iter().filter(|told| told.fact() == ServiceRequestFact::QuoteExpired).count();
    assert_eq!(expired, 1);
    let consent = ReleaseServiceRequestRequest {
        service_request_id: id.clone(),
        on_site_quote_consent: true,
        ..Default::default()
    };
    let released = release_service_request::handle(&world.ctx, &world.agent(), consent).await.unwrap();
    assert_eq!((released.state(), released.on_site_quote_consent), (RequestState::Ready, true));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_large_quote_needs_a_manager(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = charged(&world).await;
    let large = quote_service_request::handle(&world.ctx, &world.agent(), quote(&id, 4000)).await.unwrap_err();
    assert_eq!(large.reason, APPROVAL_NEEDED);
    let ask = AskApprovalRequest {
        service_request_id: id.clone(),
        reason: "large".to_owned(),
        amount: yuan(6600),
        ..Default::default()
    };
    ask_approval::handle(&world.ctx, &world.agent(), ask).await.unwrap();
    let approve = ApproveServiceRequestRequest { service_request_id: id.clone(), ..Default::default() };
    let beyond = approve_service_request::handle(&world.ctx, &world.bench.call(Role::Supervisor), approve.clone())
        .await
        .unwrap_err();
    assert_eq!((beyond.reason, beyond.facts["limit"].as_str()), (APPROVAL_BEYOND_LIMIT, "200000"));
    approve_service_request::handle(&world.ctx, &world.bench.call(Role::Manager), approve).await.unwrap();
    let quoted = quote_service_request::handle(&world.ctx, &world.agent(), quote(&id, 4000)).await.unwrap();
    assert_eq!(quoted.state(), RequestState::PendingQuote);
    let mixed = QuoteServiceRequestRequest {
        lines: vec![QuoteLineInput {
            text: "x".to_owned(),
            sku: String::new(),
            quantity_milli: 1000,
            unit_price: None,
        }],
        ..quote(&id, 1)
    };
    assert_eq!(
        quote_service_request::handle(&world.ctx, &world.agent(), mixed).await.unwrap_err().reason,
        reason::INVALID_FIELDS
    );
}
