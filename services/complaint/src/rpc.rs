//! The table of RPCs. Each line is served by `handle` in the file of its name.

#[cfg(test)]
mod testing;

mod accept_regulator_case;
mod acknowledge_complaint;
mod analyse_corrective_action;
mod approve_solution;
mod archive_complaint;
mod check_corrective_action;
mod complete_action;
mod contain_corrective_action;
mod correct_corrective_action;
mod decide_action;
mod decline_regulator_case;
mod end_mediation;
mod get_complaint;
mod get_complaint_figures;
mod get_corrective_action;
mod get_regulator_case;
mod investigate_complaint;
mod judge_complaint;
mod keep_promise;
mod link_complaint;
mod list_complaints;
mod list_corrective_actions;
mod list_reasons;
mod list_regulator_cases;
mod list_timeline;
mod make_promise;
mod notify_regulator_case;
mod open_corrective_action;
mod open_regulator_case;
mod prevent_corrective_action;
mod propose_solutions;
mod receive_complaint;
mod record_agreement;
mod record_follow_up;
mod send_back_solutions;
mod update_complaint;

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
