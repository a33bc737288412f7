//! The RPCs of dispatch, one line each; every one has its file.

mod accept_work_order;
mod activate_service_point;
mod activate_technician;
mod add_absence;
mod apply_plan;
mod approve_service_point;
mod arrive_work_order;
mod assign_work_order;
mod book_slot;
mod bounce_work_order;
mod cancel_work_order;
mod compare_plan;
mod complete_work_order;
mod contact_customer;
mod contract_service_point;
mod create_service_point;
mod create_technician;
mod depart_work_order;
mod dismiss_technician;
mod drop_plan;
mod explain_assignment;
mod fail_work_order;
mod get_board;
mod get_plan;
mod get_service_point;
mod get_slot_hold;
mod get_technician;
mod get_work_order;
mod hold_slot;
mod inspect_service_point;
mod list_candidates;
mod list_durations;
mod list_plans;
mod list_service_points;
mod list_slots;
mod list_technicians;
mod list_timeline;
mod list_work_orders;
mod pin_work_order;
mod record_work;
mod refuse_work_order;
mod release_slot;
mod remove_absence;
mod repair_plan;
mod report_position;
mod reschedule_work_order;
mod resume_work_order;
mod return_taken_item;
mod start_plan;
mod start_work_order;
mod stop_plan;
mod suggest_assignment;
mod suspend_service_point;
mod suspend_technician;
mod suspend_work_order;
mod terminate_service_point;
mod unpin_work_order;
mod update_service_point;
mod update_technician;
mod update_work_order;
mod verify_work_order;
mod watch_board;
mod watch_plan;

#[cfg(test)]
pub(crate) mod tests;

use common::rpc_table;
use proto::aftercare::{
    common::v1::{ListTimelineRequest, ListTimelineResponse},
    dispatch::v1::{dispatch_service_server::DispatchService, *},
};

use crate::Context;

/// The gRPC service.
#[derive(Debug)]
pub(crate) struct Api(pub(crate) Context);

rpc_table! {
    DispatchService as "aftercare.dispatch.v1.DispatchService" for Api {
        create_service_point(CreateServicePointRequest) -> ServicePoint;
        get_service_point(GetServicePointRequest) -> ServicePoint;
        list_service_points(ListServicePointsRequest) -> ListServicePointsResponse;
        update_service_point(UpdateServicePointRequest) -> ServicePoint;
        inspect_service_point(InspectServicePointRequest) -> ServicePoint;
        approve_service_point(ApproveServicePointRequest) -> ServicePoint;
        contract_service_point(ContractServicePointRequest) -> ServicePoint;
        activate_service_point(ActivateServicePointRequest) -> ServicePoint;
        suspend_service_point(SuspendServicePointRequest) -> ServicePoint;
        terminate_service_point(TerminateServicePointRequest) -> ServicePoint;
        create_technician(CreateTechnicianRequest) -> Technician;
        get_technician(GetTechnicianRequest) -> Technician;
        list_technicians(ListTechniciansRequest) -> ListTechniciansResponse;
        update_technician(UpdateTechnicianRequest) -> Technician;
        add_absence(AddAbsenceRequest) -> Technician;
        remove_absence(RemoveAbsenceRequest) -> Technician;
        suspend_technician(SuspendTechnicianRequest) -> Technician;
        activate_technician(ActivateTechnicianRequest) -> Technician;
        dismiss_technician(DismissTechnicianRequest) -> Technician;
        get_work_order(GetWorkOrderRequest) -> WorkOrder;
        list_work_orders(ListWorkOrdersRequest) -> ListWorkOrdersResponse;
        update_work_order(UpdateWorkOrderRequest) -> WorkOrder;
        list_candidates(ListCandidatesRequest) -> ListCandidatesResponse;
        assign_work_order(AssignWorkOrderRequest) -> WorkOrder;
        accept_work_order(AcceptWorkOrderRequest) -> WorkOrder;
        refuse_work_order(RefuseWorkOrderRequest) -> WorkOrder;
        contact_customer(ContactCustomerRequest) -> WorkOrder;
        depart_work_order(DepartWorkOrderRequest) -> WorkOrder;
        arrive_work_order(ArriveWorkOrderRequest) -> WorkOrder;
        start_work_order(StartWorkOrderRequest) -> WorkOrder;
        record_work(RecordWorkRequest) -> WorkOrder;
        suspend_work_order(SuspendWorkOrderRequest) -> WorkOrder;
        resume_work_order(ResumeWorkOrderRequest) -> WorkOrder;
        return_taken_item(ReturnTakenItemRequest) -> WorkOrder;
        complete_work_order(CompleteWorkOrderRequest) -> WorkOrder;
        fail_work_order(FailWorkOrderRequest) -> WorkOrder;
        reschedule_work_order(RescheduleWorkOrderRequest) -> WorkOrder;
        cancel_work_order(CancelWorkOrderRequest) -> WorkOrder;
        verify_work_order(VerifyWorkOrderRequest) -> WorkOrder;
        bounce_work_order(BounceWorkOrderRequest) -> WorkOrder;
        list_timeline(ListTimelineRequest) -> ListTimelineResponse;
        pin_work_order(PinWorkOrderRequest) -> WorkOrder;
        unpin_work_order(UnpinWorkOrderRequest) -> WorkOrder;
        list_slots(ListSlotsRequest) -> ListSlotsResponse;
        hold_slot(HoldSlotRequest) -> SlotHold;
        get_slot_hold(GetSlotHoldRequest) -> SlotHold;
        book_slot(BookSlotRequest) -> SlotHold;
        release_slot(ReleaseSlotRequest) -> SlotHold;
        start_plan(StartPlanRequest) -> Plan;
        repair_plan(RepairPlanRequest) -> Plan;
        get_plan(GetPlanRequest) -> Plan;
        list_plans(ListPlansRequest) -> ListPlansResponse;
        stop_plan(StopPlanRequest) -> Plan;
        compare_plan(ComparePlanRequest) -> ComparePlanResponse;
        apply_plan(ApplyPlanRequest) -> Plan;
        drop_plan(DropPlanRequest) -> Plan;
        suggest_assignment(SuggestAssignmentRequest) -> SuggestAssignmentResponse;
        explain_assignment(ExplainAssignmentRequest) -> AssignmentExplanation;
        list_durations(ListDurationsRequest) -> ListDurationsResponse;
        get_board(GetBoardRequest) -> Board;
        report_position(ReportPositionRequest) -> TechnicianPosition;
    }
    streams {
        watch_plan(WatchPlanRequest) -> WatchPlanStream of Plan;
        watch_board(WatchBoardRequest) -> WatchBoardStream of Board;
    }
}
