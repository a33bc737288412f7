//! Articles, and a consultation answered on the phone with one.

use common::{error::reason, testing::Backend};
use prost_types::FieldMask;
use proto::aftercare::intake::v1::*;
use rstest::rstest;

use super::{names, world};
use crate::{error::ARTICLE_NOT_PUBLISHED, rpc::*};

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_consultation_is_answered_with_a_published_article(#[case] backend: Backend) {
    let world = world(backend).await;
    let write = CreateArticleRequest {
        title: "Ice on the back wall".to_owned(),
        body: "Defrost it. 化霜。".to_owned(),
        ..Default::default()
    };
    let article = create_article::handle(&world.ctx, &world.agent(), write).await.unwrap();
    assert_eq!((article.state(), article.language.as_str()), (ArticleState::Draft, "zh-CN"));
    let customer = world.customer("13800138000").await;
    let wanted = CreateServiceRequestRequest {
        kind: RequestKind::Consultation.into(),
        ..world.wanted(&customer, &Product::default())
    };
    let id = world.create(wanted).await.service_request_id;
    let answer = AnswerServiceRequestRequest {
        service_request_id: id.clone(),
        article_id: article.article_id.clone(),
        ..Default::default()
    };
    let early = answer_service_request::handle(&world.ctx, &world.agent(), answer.clone()).await.unwrap_err();
    assert_eq!(early.reason, ARTICLE_NOT_PUBLISHED);
    assert_eq!(world.get(&id).await.state(), RequestState::New);
    let publish = PublishArticleRequest { article_id: article.article_id.clone(), ..Default::default() };
    let published = publish_article::handle(&world.ctx, &world.agent(), publish.clone()).await.unwrap();
    assert_eq!((published.state(), published.revision), (ArticleState::Published, 1));
    let twice = publish_article::handle(&world.ctx, &world.agent(), publish).await.unwrap_err();
    assert_eq!((twice.reason, twice.facts["allowed"].as_str()), (reason::ILLEGAL_TRANSITION, "retire"));
    let empty = AnswerServiceRequestRequest { article_id: String::new(), ..answer.clone() };
    let refused = answer_service_request::handle(&world.ctx, &world.agent(), empty).await.unwrap_err();
    assert_eq!(refused.fields[0].field, "answer");
    let answered = answer_service_request::handle(&world.ctx, &world.agent(), answer).await.unwrap();
    assert_eq!((answered.state(), answered.article_id.as_str()), (RequestState::Resolved, article.article_id.as_str()));
    let told = world.facts(&id).await;
    assert_eq!(names(&told), [ServiceRequestFact::Created, ServiceRequestFact::Answered]);
    assert_eq!(told[1].article_id, article.article_id);
    let get = GetArticleRequest { article_id: article.article_id };
    assert_eq!(get_article::handle(&world.ctx, &world.agent(), get).await.unwrap().answered_count, 1);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn drafts_change_and_published_ones_are_retired(#[case] backend: Backend) {
    let world = world(backend).await;
    let write = CreateArticleRequest {
        title: "Noise".to_owned(),
        body: "Level it.".to_owned(),
        language: "en".to_owned(),
        ..Default::default()
    };
    let article = create_article::handle(&world.ctx, &world.agent(), write).await.unwrap();
    let update = |etag: &str| UpdateArticleRequest {
        article_id: article.article_id.clone(),
        etag: etag.to_owned(),
        update_mask: Some(FieldMask { paths: vec!["body".to_owned()] }),
        body: "Level the feet.".to_owned(),
        ..Default::default()
    };
    let changed = update_article::handle(&world.ctx, &world.agent(), update("1")).await.unwrap();
    assert_eq!((changed.title.as_str(), changed.body.as_str()), ("Noise", "Level the feet."));
    assert_eq!(
        update_article::handle(&world.ctx, &world.agent(), update("1")).await.unwrap_err().reason,
        reason::STALE_ETAG
    );
    let publish = PublishArticleRequest { article_id: article.article_id.clone(), ..Default::default() };
    publish_article::handle(&world.ctx, &world.agent(), publish).await.unwrap();
    assert_eq!(
        update_article::handle(&world.ctx, &world.agent(), update("3")).await.unwrap_err().reason,
        reason::ILLEGAL_TRANSITION
    );
    let find = |text: &str, state: ArticleState| ListArticlesRequest {
        text: text.to_owned(),
        state: state.into(),
        ..Default::default()
    };
    let count = async |text: &str, state| {
        list_articles::handle(&world.ctx, &world.agent(), find(text, state)).await.unwrap().articles.len()
    };
    assert_eq!(
        (
            count("FEET", ArticleState::Published).await,
            count("feet", ArticleState::Draft).await,
            count("legs", ArticleState::Unspecified).await
        ),
        (1, 0, 0)
    );
    let retire =
        RetireArticleRequest { article_id: article.article_id.clone(), reason: "old".to_owned(), ..Default::default() };
    assert_eq!(
        retire_article::handle(&world.ctx, &world.agent(), retire).await.unwrap().state(),
        ArticleState::Retired
    );
}
