//! The table of RPCs, one line each.

use common::{
    reach::Reach,
    record::{Actor, Link},
    rpc_table,
    service::Call,
};
use proto::aftercare::{
    common::v1::{ListTimelineRequest, ListTimelineResponse},
    survey::v1::{
        AssignCallbackRequest, Callback, CallbackAgent, CallbackScript, CloseFollowUpRequest, ClosedLoop,
        CompleteCallbackRequest, CreateQuestionnaireRequest, FollowUp, GetCallbackRequest, GetCallbackScriptRequest,
        GetClosedLoopRequest, GetFollowUpRequest, GetInvitationRequest, GetQuestionnaireRequest, GetResponseRequest,
        GetScoresRequest, GetSurveyByTokenRequest, Invitation, ListCallbackAgentsRequest, ListCallbackAgentsResponse,
        ListCallbacksRequest, ListCallbacksResponse, ListFollowUpsRequest, ListFollowUpsResponse,
        ListInvitationsRequest, ListInvitationsResponse, ListQuestionnairesRequest, ListQuestionnairesResponse,
        ListResponsesRequest, ListResponsesResponse, OpenCallbackRequest, PublishQuestionnaireRequest, Questionnaire,
        RecordCallbackTryRequest, Response, RetireQuestionnaireRequest, SaveAnswersRequest, ScoreReport,
        SetCallbackAgentRequest, SubmitAnswersRequest, Survey, Thanks, UpdateQuestionnaireRequest,
        WithdrawInvitationRequest, survey_service_server::SurveyService,
    },
};

use crate::{Context, domain::InvitationId};

mod assign_callback;
mod close_follow_up;
mod complete_callback;
mod create_questionnaire;
mod get_callback;
mod get_callback_script;
mod get_closed_loop;
mod get_follow_up;
mod get_invitation;
mod get_questionnaire;
mod get_response;
mod get_scores;
mod get_survey_by_token;
mod list_callback_agents;
mod list_callbacks;
mod list_follow_ups;
mod list_invitations;
mod list_questionnaires;
mod list_responses;
mod list_timeline;
mod open_callback;
mod publish_questionnaire;
mod record_callback_try;
mod retire_questionnaire;
mod save_answers;
mod set_callback_agent;
mod submit_answers;
#[cfg(test)]
mod tests;
mod update_questionnaire;
mod withdraw_invitation;

/// What serves the RPCs.
#[derive(Clone, Debug)]
pub(crate) struct Api(pub(crate) Context);

rpc_table! {
    SurveyService as "aftercare.survey.v1.SurveyService" for Api {
        create_questionnaire(CreateQuestionnaireRequest) -> Questionnaire;
        update_questionnaire(UpdateQuestionnaireRequest) -> Questionnaire;
        publish_questionnaire(PublishQuestionnaireRequest) -> Questionnaire;
        retire_questionnaire(RetireQuestionnaireRequest) -> Questionnaire;
        get_questionnaire(GetQuestionnaireRequest) -> Questionnaire;
        list_questionnaires(ListQuestionnairesRequest) -> ListQuestionnairesResponse;
        get_invitation(GetInvitationRequest) -> Invitation;
        list_invitations(ListInvitationsRequest) -> ListInvitationsResponse;
        withdraw_invitation(WithdrawInvitationRequest) -> Invitation;
        open_callback(OpenCallbackRequest) -> Callback;
        get_survey_by_token(GetSurveyByTokenRequest) -> Survey;
        save_answers(SaveAnswersRequest) -> Survey;
        submit_answers(SubmitAnswersRequest) -> Thanks;
        get_response(GetResponseRequest) -> Response;
        list_responses(ListResponsesRequest) -> ListResponsesResponse;
        get_callback(GetCallbackRequest) -> Callback;
        list_callbacks(ListCallbacksRequest) -> ListCallbacksResponse;
        assign_callback(AssignCallbackRequest) -> Callback;
        record_callback_try(RecordCallbackTryRequest) -> Callback;
        complete_callback(CompleteCallbackRequest) -> Callback;
        get_callback_script(GetCallbackScriptRequest) -> CallbackScript;
        set_callback_agent(SetCallbackAgentRequest) -> CallbackAgent;
        list_callback_agents(ListCallbackAgentsRequest) -> ListCallbackAgentsResponse;
        get_follow_up(GetFollowUpRequest) -> FollowUp;
        list_follow_ups(ListFollowUpsRequest) -> ListFollowUpsResponse;
        close_follow_up(CloseFollowUpRequest) -> FollowUp;
        get_scores(GetScoresRequest) -> ScoreReport;
        get_closed_loop(GetClosedLoopRequest) -> ClosedLoop;
        list_timeline(ListTimelineRequest) -> ListTimelineResponse;
    }
}

/// Who holds a link acts as the invitation behind it and sees nothing else: one customer's request ids never meet another's.
fn bearer(call: &Call, invitation: &InvitationId) -> Call {
    let actor = Actor { id: invitation.to_string(), ..call.actor.clone() };
    let link = Link { purpose: "survey".to_owned(), record_id: invitation.to_string() };
    Call { actor, reach: Reach::Link(link), ..call.clone() }
}
