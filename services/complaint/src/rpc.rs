//! The table of RPCs. Each line is served by `handle` in the file of its name.

#[cfg(test)]
pub(crate) mod testing;

pub(crate) mod accept_regulator_case;
pub(crate) mod acknowledge_complaint;
pub(crate) mod analyse_corrective_action;
pub(crate) mod approve_solution;
pub(crate) mod archive_complaint;
pub(crate) mod check_corrective_action;
pub(crate) mod complete_action;
pub(crate) mod contain_corrective_action;
pub(crate) mod correct_corrective_action;
pub(crate) mod decide_action;
pub(crate) mod decline_regulator_case;
pub(crate) mod end_mediation;
pub(crate) mod get_complaint;
pub(crate) mod get_complaint_figures;
pub(crate) mod get_corrective_action;
pub(crate) mod get_regulator_case;
pub(crate) mod investigate_complaint;
pub(crate) mod judge_complaint;
pub(crate) mod keep_promise;
pub(crate) mod link_complaint;
pub(crate) mod list_complaints;
pub(crate) mod list_corrective_actions;
pub(crate) mod list_reasons;
pub(crate) mod list_regulator_cases;
pub(crate) mod list_timeline;
pub(crate) mod make_promise;
pub(crate) mod notify_regulator_case;
pub(crate) mod open_corrective_action;
pub(crate) mod open_regulator_case;
pub(crate) mod prevent_corrective_action;
pub(crate) mod propose_solutions;
pub(crate) mod receive_complaint;
pub(crate) mod record_agreement;
pub(crate) mod record_follow_up;
pub(crate) mod send_back_solutions;
pub(crate) mod update_complaint;

use proto::aftercare::{
    common::v1::{ListTimelineRequest, ListTimelineResponse},
    complaint::v1::{complaint_service_server::ComplaintService, *},
};

use crate::Context;

/// What answers the calls.
#[derive(Clone, Debug)]
pub(crate) struct Api(pub(crate) Context);

common::rpc_table! {
    ComplaintService as "aftercare.complaint.v1.ComplaintService" for Api {
        receive_complaint(ReceiveComplaintRequest) -> Complaint;
        get_complaint(GetComplaintRequest) -> Complaint;
        list_complaints(ListComplaintsRequest) -> ListComplaintsResponse;
        update_complaint(UpdateComplaintRequest) -> Complaint;
        link_complaint(LinkComplaintRequest) -> Complaint;
        acknowledge_complaint(AcknowledgeComplaintRequest) -> Complaint;
        judge_complaint(JudgeComplaintRequest) -> Complaint;
        investigate_complaint(InvestigateComplaintRequest) -> Complaint;
        propose_solutions(ProposeSolutionsRequest) -> Complaint;
        approve_solution(ApproveSolutionRequest) -> Complaint;
        send_back_solutions(SendBackSolutionsRequest) -> Complaint;
        record_agreement(RecordAgreementRequest) -> Complaint;
        complete_action(CompleteActionRequest) -> Complaint;
        decide_action(DecideActionRequest) -> Complaint;
        record_follow_up(RecordFollowUpRequest) -> Complaint;
        archive_complaint(ArchiveComplaintRequest) -> Complaint;
        make_promise(MakePromiseRequest) -> Complaint;
        keep_promise(KeepPromiseRequest) -> Complaint;
        list_reasons(ListReasonsRequest) -> ListReasonsResponse;
        get_complaint_figures(GetComplaintFiguresRequest) -> ComplaintFigures;
        open_corrective_action(OpenCorrectiveActionRequest) -> CorrectiveAction;
        get_corrective_action(GetCorrectiveActionRequest) -> CorrectiveAction;
        list_corrective_actions(ListCorrectiveActionsRequest) -> ListCorrectiveActionsResponse;
        contain_corrective_action(ContainCorrectiveActionRequest) -> CorrectiveAction;
        analyse_corrective_action(AnalyseCorrectiveActionRequest) -> CorrectiveAction;
        correct_corrective_action(CorrectCorrectiveActionRequest) -> CorrectiveAction;
        prevent_corrective_action(PreventCorrectiveActionRequest) -> CorrectiveAction;
        check_corrective_action(CheckCorrectiveActionRequest) -> CorrectiveAction;
        open_regulator_case(OpenRegulatorCaseRequest) -> RegulatorCase;
        get_regulator_case(GetRegulatorCaseRequest) -> RegulatorCase;
        list_regulator_cases(ListRegulatorCasesRequest) -> ListRegulatorCasesResponse;
        accept_regulator_case(AcceptRegulatorCaseRequest) -> RegulatorCase;
        decline_regulator_case(DeclineRegulatorCaseRequest) -> RegulatorCase;
        end_mediation(EndMediationRequest) -> RegulatorCase;
        notify_regulator_case(NotifyRegulatorCaseRequest) -> RegulatorCase;
        list_timeline(ListTimelineRequest) -> ListTimelineResponse;
    }
}
