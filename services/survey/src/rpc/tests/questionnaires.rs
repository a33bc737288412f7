//! Questionnaires: versions, of which a published one never changes.

use proto::aftercare::survey::v1::{
    Condition, ConditionTest, CreateQuestionnaireRequest, GetQuestionnaireRequest, ListQuestionnairesRequest,
    LocalizedText, PublishQuestionnaireRequest, Question, QuestionKind, Questionnaire, QuestionnaireState,
    RetireQuestionnaireRequest, UpdateQuestionnaireRequest,
};
use rstest::rstest;

use super::*;

fn texts(text: &str) -> Vec<LocalizedText> {
    ["en", "zh-CN"].map(|language| LocalizedText { language: language.to_owned(), text: text.to_owned() }).to_vec()
}

fn question(key: &str, kind: QuestionKind) -> Question {
    Question { key: key.to_owned(), kind: kind.into(), texts: texts(key), ..Question::default() }
}

fn draft(request_id: &str) -> CreateQuestionnaireRequest {
    let why = Question {
        show_when: Some(Condition {
            question_key: "nps".to_owned(),
            test: ConditionTest::AtMost.into(),
            score: 6,
            option_key: String::new(),
        }),
        ..question("why", QuestionKind::Text)
    };
    CreateQuestionnaireRequest {
        request_id: request_id.to_owned(),
        code: "visit".to_owned(),
        titles: texts("A shorter one"),
        questions: vec![question("nps", QuestionKind::Nps), why],
    }
}

async fn list(house: &House, code: &str) -> Vec<Questionnaire> {
    let list = ListQuestionnairesRequest {
        code: code.to_owned(),
        order_by: "version_number".to_owned(),
        ..Default::default()
    };
    house.client().list_questionnaires(house.agent(list)).await.unwrap().into_inner().questionnaires
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_new_installation_has_its_questionnaires_once(#[case] backend: Backend) {
    let house = open(backend, "").await;
    workers::seed::questionnaires(&house.context()).await.unwrap();
    let all = list(&house, "").await;
    let mut codes: Vec<_> = all.iter().map(|one| one.code.as_str()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["complaint", "consultation", "delivery", "installation", "visit"]);
    for one in all {
        assert_eq!((one.state(), one.version_number), (QuestionnaireState::Published, 1));
        assert!(one.publish_time.is_some() && one.titles.len() == 2);
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_new_version_replaces_the_old_one_which_never_changes(#[case] backend: Backend) {
    let house = open(backend, "").await;
    let old = list(&house, "visit").await.remove(0);
    let created = house.client().create_questionnaire(house.by(Role::Quality, draft("a"))).await.unwrap().into_inner();
    assert_eq!((created.version_number, created.state()), (2, QuestionnaireState::Draft));

    // The same call again is the same draft; the same id with another body is refused.
    let again = house.client().create_questionnaire(house.by(Role::Quality, draft("a"))).await.unwrap().into_inner();
    assert_eq!(again, created);
    let other = CreateQuestionnaireRequest { code: "delivery".to_owned(), ..draft("a") };
    let status = house.client().create_questionnaire(house.by(Role::Quality, other)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (tonic::Code::AlreadyExists, "REQUEST_ID_REUSED"));

    let update = UpdateQuestionnaireRequest {
        questionnaire_id: created.questionnaire_id.clone(),
        etag: created.etag.clone(),
        titles: texts("Shorter still"),
        update_mask: Some(prost_types::FieldMask { paths: vec!["titles".to_owned()] }),
        ..Default::default()
    };
    let updated =
        house.client().update_questionnaire(house.by(Role::Quality, update.clone())).await.unwrap().into_inner();
    assert_eq!((updated.titles[0].text.as_str(), updated.questions.len()), ("Shorter still", 2));
    let status = house.client().update_questionnaire(house.by(Role::Quality, update.clone())).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (tonic::Code::Aborted, "STALE_ETAG"));
    let foreign = UpdateQuestionnaireRequest {
        etag: updated.etag.clone(),
        update_mask: Some(prost_types::FieldMask { paths: vec!["code".to_owned()] }),
        ..update.clone()
    };
    let status = house.client().update_questionnaire(house.by(Role::Quality, foreign)).await.unwrap_err();
    assert_eq!(fields(&status), ["update_mask"]);

    let publish =
        PublishQuestionnaireRequest { questionnaire_id: created.questionnaire_id.clone(), ..Default::default() };
    let published =
        house.client().publish_questionnaire(house.by(Role::Quality, publish.clone())).await.unwrap().into_inner();
    assert_eq!(published.state(), QuestionnaireState::Published);
    let get = GetQuestionnaireRequest { questionnaire_id: old.questionnaire_id.clone() };
    let retired = house.client().get_questionnaire(house.agent(get)).await.unwrap().into_inner();
    assert_eq!((retired.state(), &retired.questions), (QuestionnaireState::Retired, &old.questions));

    let late = UpdateQuestionnaireRequest { etag: published.etag.clone(), ..update };
    let status = house.client().update_questionnaire(house.by(Role::Quality, late)).await.unwrap_err();
    assert_eq!((reason(&status).as_str(), fact(&status, "allowed").as_str()), ("ILLEGAL_TRANSITION", "retire"));
    let status = house.client().publish_questionnaire(house.by(Role::Quality, publish)).await.unwrap_err();
    assert_eq!(reason(&status), "ILLEGAL_TRANSITION");

    let retire = RetireQuestionnaireRequest {
        questionnaire_id: created.questionnaire_id,
        reason: "not asked any more".to_owned(),
        ..Default::default()
    };
    let retired =
        house.client().retire_questionnaire(house.by(Role::Quality, retire.clone())).await.unwrap().into_inner();
    assert_eq!(retired.state(), QuestionnaireState::Retired);
    let status = house.client().retire_questionnaire(house.by(Role::Quality, retire)).await.unwrap_err();
    assert_eq!((reason(&status).as_str(), fact(&status, "allowed").as_str()), ("ILLEGAL_TRANSITION", ""));

    // Nothing is published any more: nobody is asked.
    house.resolved(&REPAIR, 5).await;
    house.advance(Duration::days(4)).await;
    let invitation = house.invitation(&REPAIR).await;
    assert_eq!((invitation.state(), invitation.reason.as_str()), (InvitationState::Suppressed, "no_questionnaire"));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_could_not_be_asked_is_refused(#[case] backend: Backend) {
    let house = open(backend, "").await;
    let mut one = draft("");
    one.questions[1].show_when = None;
    one.questions[1].key = "nps".to_owned();
    one.titles.pop();
    let status = house.client().create_questionnaire(house.by(Role::Quality, one)).await.unwrap_err();
    assert_eq!(
        (status.code(), fields(&status)),
        (tonic::Code::InvalidArgument, vec!["titles".to_owned(), "questions[1].key".to_owned()])
    );
    let mut one = draft("");
    one.questions[0].kind = 99;
    let status = house.client().create_questionnaire(house.by(Role::Quality, one)).await.unwrap_err();
    assert_eq!(fields(&status), ["questions[0].kind"]);
    assert_eq!(list(&house, "visit").await.len(), 1);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn lists_have_pages_filters_and_orders(#[case] backend: Backend) {
    let house = open(backend, "").await;
    let mut token = String::new();
    let mut seen = Vec::new();
    loop {
        let list = ListQuestionnairesRequest { page_size: 2, page_token: token, ..Default::default() };
        let page = house.client().list_questionnaires(house.agent(list)).await.unwrap().into_inner();
        seen.extend(page.questionnaires.into_iter().map(|one| one.questionnaire_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let whole = seen.len();
    seen.dedup();
    assert_eq!((whole, seen.len()), (5, 5));
    let drafts = ListQuestionnairesRequest { state: QuestionnaireState::Draft.into(), ..Default::default() };
    assert!(
        house.client().list_questionnaires(house.agent(drafts)).await.unwrap().into_inner().questionnaires.is_empty()
    );
    let disorder = ListQuestionnairesRequest { order_by: "colour".to_owned(), ..Default::default() };
    let status = house.client().list_questionnaires(house.agent(disorder)).await.unwrap_err();
    assert_eq!(
        (reason(&status).as_str(), fact(&status, "allowed").as_str()),
        ("INVALID_ORDER", "create_time, version_number")
    );
}
