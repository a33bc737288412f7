//! Customers of the demo answer what they are asked: most are happy, some are not.

use common::record::Role;
use proto::aftercare::survey::v1::{
    Answer, GetSurveyByTokenRequest, InvitationState, ListInvitationsRequest, QuestionKind, SubmitAnswersRequest,
};
use rand::{RngExt as _, rngs::StdRng};

use super::doors::Doorkeeper;

/// Answers about two of three invitations that are out.
pub(super) async fn answer(keeper: &Doorkeeper, rng: &mut StdRng) -> anyhow::Result<()> {
    let mut agent = keeper.open("demo-agent-1", Role::Agent).survey;
    let request = ListInvitationsRequest { state: InvitationState::Sent.into(), page_size: 50, ..Default::default() };
    let sent = agent.list_invitations(request).await?.into_inner().invitations;
    let mut customer = keeper.open("demo-customer", Role::CustomerLink).survey;
    for invitation in sent {
        let draw = rng.random_range(0..12);
        let Some(token) = invitation.link_path.strip_prefix("/s/").filter(|_| draw < 8) else { continue };
        let page = customer
            .get_survey_by_token(GetSurveyByTokenRequest { token: token.to_owned(), ..Default::default() })
            .await?
            .into_inner();
        let unhappy = draw == 0;
        let answers = page.questions.iter().filter(|question| question.required).map(|question| {
            let score = match question.kind() {
                QuestionKind::Nps => Some(if unhappy { 2 } else { rng.random_range(8..=10) }),
                QuestionKind::Csat | QuestionKind::Stars => Some(if unhappy { 1 } else { rng.random_range(4..=5) }),
                QuestionKind::Ces => Some(if unhappy { 2 } else { 6 }),
                QuestionKind::Unspecified | QuestionKind::Choice | QuestionKind::SeveralChoice | QuestionKind::Text => {
                    None
                }
            };
            Answer {
                question_key: question.key.clone(),
                score,
                option_keys: question.options.first().map(|option| option.key.clone()).into_iter().collect(),
                text: String::new(),
            }
        });
        let answers = answers.filter(|answer| answer.score.is_some()).collect();
        customer
            .submit_answers(SubmitAnswersRequest { token: token.to_owned(), answers, ..Default::default() })
            .await?;
    }
    Ok(())
}
