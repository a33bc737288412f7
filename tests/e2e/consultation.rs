//! A question is answered on the phone with an article: no visit, no parts, and the article is counted.

use harness::{Platform, steps, world::World};
use proto::aftercare::intake::v1::{
    AnswerServiceRequestRequest, Article, Channel, CreateArticleRequest, CreateServiceRequestRequest,
    GetArticleRequest, PublishArticleRequest, RequestKind, RequestState, ServiceRequest,
};

pub(crate) async fn travel(platform: &Platform, _: &World) {
    let agent = platform.person("agent", "us_wang");
    let editor = platform.person("supervisor", "us_sun");
    let household = steps::household(&agent, 400).await;
    let draft = CreateArticleRequest {
        title: "洗衣机显示 E2".to_owned(),
        body: "# E2\n请检查排水管是否打折。".to_owned(),
        category_codes: vec!["appliance.washer".to_owned()],
        fault_codes: vec!["WM01".to_owned()],
        language: "zh-CN".to_owned(),
        ..Default::default()
    };
    let article: Article = editor.call(draft).await;
    let call = CreateServiceRequestRequest {
        channel: Channel::Hotline.into(),
        kind: RequestKind::Consultation.into(),
        customer_id: household.customer_id.clone(),
        product_id: household.product_id.clone(),
        description: "显示 E2 怎么办".to_owned(),
        ..Default::default()
    };
    let request: ServiceRequest = agent.call(call).await;
    let answer = AnswerServiceRequestRequest {
        service_request_id: request.service_request_id.clone(),
        article_id: article.article_id.clone(),
        ..Default::default()
    };

    // A draft answers nobody, and the refusal changes nothing.
    agent.refused::<_, ServiceRequest>(answer.clone()).await;
    steps::request_in(&agent, &request.service_request_id, RequestState::New).await;
    let publish = PublishArticleRequest { article_id: article.article_id.clone(), ..Default::default() };
    editor.call::<_, Article>(publish).await;
    let answered: ServiceRequest = agent.call(answer).await;
    assert_eq!(answered.state(), RequestState::Resolved);
    assert_eq!(answered.article_id, article.article_id);

    let counted: Article = agent.call(GetArticleRequest { article_id: article.article_id }).await;
    assert_eq!(counted.answered_count, 1);
    assert!(steps::work_orders(&agent, &request.service_request_id).await.is_empty());
}
