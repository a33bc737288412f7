//! Notifications over real sockets, on both databases.

mod world;

use std::{sync::atomic::Ordering, time::Duration};

use common::testing::{Backend, start};
use proto::aftercare::{
    dispatch::v1::WorkOrderFact as Fact,
    gateway::v1::{NotificationState as State, *},
};
use rstest::rstest;
use tonic_types::StatusExt as _;

use self::world::{CUSTOMER, EMAIL, PHONE, World, call};

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_customer_is_told_by_mail_and_no_address_is_kept(#[case] backend: Backend) {
    let world = World::mailing(backend).await;
    world.visit("wo_1", 1, Fact::Assigned, CUSTOMER).await;
    world.visit("wo_1", 2, Fact::Accepted, CUSTOMER).await;
    let sent = world.until(State::Sent, 1).await;
    assert_eq!(sent.len(), 1, "an offer to a technician is none of the customer's business");
    assert_eq!((&*sent[0].kind, &*sent[0].channel, &*sent[0].result), ("appointment_booked", "email", "250"));
    let mails = world.mail.mails();
    assert_eq!((mails.len(), &*mails[0].to), (1, EMAIL));
    // 06:00 UTC the next day is 14:00 in Shanghai.
    // A long line is folded on its way.
    let text = mails[0].data.replace("=\r\n", "").replace("=\n", "");
    assert!(text.contains("between 2026-03-03 14:00 and 16:00 for your request WO-wo_1"), "{text}");
    assert!(mails[0].data.contains("Subject: Your appointment for WO-wo_1"));
    let kept = format!("{sent:?}");
    assert!(!kept.contains(EMAIL) && !kept.contains(PHONE) && !kept.contains("李华"));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_night_is_quiet_but_for_what_is_urgent(#[case] backend: Backend) {
    let world = World::texting(backend).await;
    // 22:00 in Shanghai.
    world.bench.core.clock.set(start() + chrono::Duration::hours(12));
    world.visit("wo_1", 1, Fact::Accepted, CUSTOMER).await;
    world.visit("wo_2", 1, Fact::Departed, CUSTOMER).await;
    let all = world.until(State::Sent, 1).await;
    let urgent: Vec<_> = all.iter().filter(|one| one.state() == State::Sent).map(|one| &*one.kind).collect();
    assert_eq!(urgent, ["technician_on_the_way"]);
    let waiting = world.looked_at("quiet_hours").await;
    let waiting = waiting.iter().find(|one| one.state() == State::Pending).unwrap();
    let morning = start() + chrono::Duration::hours(22);
    assert_eq!(waiting.next_try_at, Some(common::convert::timestamp(morning)));
    assert_eq!(waiting.tries, 0, "waiting for the morning is no failed try");
    world.bench.core.clock.set(morning);
    world.until(State::Sent, 2).await;
    let seen = world.gate.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 2);
    assert_eq!((&seen[0].1["mobile"], seen[0].0["x-key"].to_str().unwrap()), (&PHONE.into(), "s3cret"));
    assert!(seen[1].1["content"].as_str().unwrap().contains("Your visit for WO-wo_1"));
    assert_eq!(world.mail.mails().len(), 0, "one way is enough");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn failures_are_repeated_and_end_and_refusals_end_at_once(#[case] backend: Backend) {
    let world = World::texting(backend).await;
    world.gate.status.store(503, Ordering::SeqCst);
    world.visit("wo_1", 1, Fact::Departed, CUSTOMER).await;
    let mut tries = 0;
    let parked = loop {
        tries += 1;
        let now = loop {
            let one = world.all().await.remove(0);
            if one.tries >= tries {
                break one;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        match &now.next_try_at {
            None => break now,
            Some(next) => world.bench.core.clock.set(common::convert::instant(next, "").unwrap()),
        }
    };
    assert_eq!((parked.state(), parked.tries, &*parked.result), (State::Parked, 7, "503"));
    assert_eq!(world.gate.seen.lock().unwrap().len(), 7);
    world.gate.status.store(400, Ordering::SeqCst);
    world.visit("wo_2", 1, Fact::Departed, CUSTOMER).await;
    let all = world.until(State::Parked, 2).await;
    assert_eq!(all.iter().map(|one| one.tries).collect::<Vec<_>>(), [7, 1]);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn nobody_is_told_too_much_too_late_or_against_their_will(#[case] backend: Backend) {
    let world = World::mailing(backend).await;
    for number in 0..7 {
        world.visit(&format!("wo_{number}"), 1, Fact::Accepted, CUSTOMER).await;
    }
    let all = world.until(State::Suppressed, 2).await;
    assert_eq!(all.iter().filter(|one| one.state() == State::Sent).count(), 5, "five a day");
    assert!(all.iter().filter(|one| one.state() == State::Suppressed).all(|one| one.result == "too_many"));
    world.visit("wo_7", 1, Fact::Departed, CUSTOMER).await;
    world.until(State::Sent, 6).await;

    world.bench.core.clock.advance(chrono::Duration::days(1));
    let asked = || GetPreferencesRequest { person_id: CUSTOMER.to_owned() };
    let before: NotificationPreferences = call!(world, get_preferences, asked()).unwrap();
    assert_eq!((&*before.etag, before.muted_kinds.len()), ("0", 0));
    let update = |etag: &str, kinds: &[&str]| UpdatePreferencesRequest {
        person_id: CUSTOMER.to_owned(),
        etag: etag.to_owned(),
        muted_kinds: kinds.iter().map(|&kind| kind.to_owned()).collect(),
        ..Default::default()
    };
    let kept: NotificationPreferences = call!(world, update_preferences, update("0", &["*"])).unwrap();
    assert_eq!(&*kept.etag, "1");
    assert_eq!(call!(world, update_preferences, update("0", &[])).unwrap_err().code(), tonic::Code::Aborted);
    assert!(call!(world, update_preferences, update("1", &["birthday"])).is_err());
    let stranger = GetPreferencesRequest { person_id: "cu_00000000000000000000000009".to_owned() };
    assert_eq!(call!(world, get_preferences, stranger).unwrap_err().code(), tonic::Code::NotFound);
    world.visit("wo_8", 1, Fact::Accepted, CUSTOMER).await;
    world.looked_at("opted_out").await;
    world.visit("wo_9", 1, Fact::Accepted, "cu_00000000000000000000000009").await;
    world.looked_at("no_contact").await;

    // At night it waits; a day later nobody wants to hear of it any more.
    let _: NotificationPreferences = call!(world, update_preferences, update("1", &[])).unwrap();
    world.bench.core.clock.set(start() + chrono::Duration::hours(36));
    world.visit("wo_10", 1, Fact::Accepted, CUSTOMER).await;
    world.looked_at("quiet_hours").await;
    world.bench.core.clock.advance(chrono::Duration::hours(25));
    world.looked_at("stale").await;
    assert_eq!(world.mail.mails().len(), 6);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn escalations_become_one_mail_for_each_who_is_responsible(#[case] backend: Backend) {
    let world =
        World::new(backend, |config, _| config.notifications.smtp.from = "Desk <desk@example.org>".to_owned()).await;
    for number in 0..30 {
        world.visit(&format!("wo_{number}"), 1, Fact::Escalated, "").await;
    }
    world.bench.core.clock.advance(chrono::Duration::minutes(16));
    // The customers' own notifications have nobody to go to; the escalations go out together.
    let all = world.until(State::Sent, 30).await;
    assert_eq!(all.iter().filter(|one| one.kind == "visit_late" && one.result == "no_contact").count(), 30);
    let mails = world.mail.mails();
    let mut to: Vec<&str> = mails.iter().map(|mail| &*mail.to).collect();
    to.sort_unstable();
    assert_eq!(to, ["deputy@example.org", "lead@example.org"], "one mail each");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn texts_are_changed_tried_and_brought_back(#[case] backend: Backend) {
    let world = World::mailing(backend).await;
    let listed: ListTemplatesResponse =
        call!(world, list_templates, ListTemplatesRequest { page_size: 10, ..Default::default() }).unwrap();
    assert_eq!(listed.templates.len(), 10);
    let mut all = listed.templates;
    let mut token = listed.next_page_token;
    while !token.is_empty() {
        let request = ListTemplatesRequest { page_size: 10, page_token: token, ..Default::default() };
        let page: ListTemplatesResponse = call!(world, list_templates, request).unwrap();
        all.extend(page.templates);
        token = page.next_page_token;
    }
    assert_eq!(all.len(), 8 * 2 * 4, "kinds, languages, channels");

    let update = |etag: &str, text: &str| UpdateTemplateRequest {
        kind: "appointment_booked".to_owned(),
        language: "en".to_owned(),
        channel: "email".to_owned(),
        etag: etag.to_owned(),
        text: text.to_owned(),
        ..Default::default()
    };
    let refused = call!(world, update_template, update("0", "Dear {name}")).unwrap_err();
    assert_eq!(refused.get_error_details().bad_request().unwrap().field_violations[0].field, "text");
    let changed: NotificationTemplate = call!(world, update_template, update("0", "Come {from}!")).unwrap();
    assert_eq!((&*changed.etag, &*changed.text), ("1", "Come {from}!"));
    assert_eq!(changed.subject, "Your appointment for {number}", "an empty subject leaves the one that came along");
    assert_eq!(call!(world, update_template, update("0", "x")).unwrap_err().code(), tonic::Code::Aborted);
    let preview = PreviewTemplateRequest {
        kind: "appointment_booked".to_owned(),
        language: "en".to_owned(),
        channel: "email".to_owned(),
        words: vec![TemplateWord { name: "from".to_owned(), value: "at noon".to_owned() }],
        ..Default::default()
    };
    let shown: PreviewTemplateResponse = call!(world, preview_template, preview).unwrap();
    assert_eq!((&*shown.subject, &*shown.text), ("Your appointment for SR-2026-000123", "Come at noon!"));
    let test = SendTestRequest {
        kind: "appointment_booked".to_owned(),
        language: "en".to_owned(),
        channel: "email".to_owned(),
        to: "editor@example.org".to_owned(),
        ..Default::default()
    };
    let sent: SendTestResponse = call!(world, send_test, test.clone()).unwrap();
    assert_eq!((sent.taken, &*sent.result), (true, "250"));
    assert!(world.mail.mails()[0].data.contains("Come 2026-03-02 14:00!"));
    world.mail.verdict.store(550, Ordering::SeqCst);
    let refused: SendTestResponse = call!(world, send_test, test.clone()).unwrap();
    assert_eq!((refused.taken, &*refused.result), (false, "550"));
    let unknown = SendTestRequest { channel: "sms".to_owned(), ..test };
    let nowhere: SendTestResponse = call!(world, send_test, unknown).unwrap();
    assert_eq!((nowhere.taken, &*nowhere.result), (false, "no_channel"));
    let back: NotificationTemplate = call!(world, update_template, update("1", "")).unwrap();
    assert!(back.text.starts_with("Dear customer"), "{}", back.text);
}

#[tokio::test]
async fn a_file_takes_everything_in_development() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out/notifications.jsonl");
    let file = path.display().to_string();
    let world = World::new(Backend::Sqlite, |config, _| config.notifications.file = file).await;
    world.visit("wo_1", 1, Fact::Accepted, CUSTOMER).await;
    // What falls due at one instant has no order among itself, and this clock stands still.
    world.bench.core.clock.set(start() + chrono::Duration::seconds(1));
    world.visit("wo_1", 2, Fact::Departed, CUSTOMER).await;
    world.until(State::Sent, 2).await;
    let lines = std::fs::read_to_string(path).unwrap();
    let kinds: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["appointment_booked", "technician_on_the_way"]);
    assert_eq!((world.mail.mails().len(), world.gate.seen.lock().unwrap().len()), (0, 0));
}
