//! The table of RPCs; each is one file.

use common::{rpc_table, service::Call};
use proto::aftercare::{
    common::v1::{ListTimelineRequest, ListTimelineResponse},
    parts_inventory::v1::{
        parts_inventory_service_server::{PartsInventoryService, PartsInventoryServiceServer},
        *,
    },
};
use tonic::service::Routes;

use crate::Context;

mod adjust_stock;
mod approve_return;
mod approve_supplementary_order;
mod cancel_return;
mod cancel_supplementary_order;
mod change_stock_condition;
mod close_return;
mod consume_reservation;
mod create_location;
mod create_part;
mod dispose_return;
mod extend_reservation;
mod get_location;
mod get_old_part_debt;
mod get_part;
mod get_reservation;
mod get_return;
mod get_stock_document;
mod get_supplementary_order;
mod get_transfer;
mod hand_on_supplementary_order;
mod inspect_return;
mod issue_stock;
mod list_locations;
mod list_old_part_debts;
mod list_parts;
mod list_reservations;
mod list_returns;
mod list_stock_balances;
mod list_stock_movements;
mod list_supplementary_orders;
mod list_timeline;
mod list_transfers;
mod open_return;
mod place_supplementary_order;
mod receive_old_part;
mod receive_return;
mod receive_stock;
mod receive_supplementary_order;
mod receive_transfer;
mod reject_return;
mod reject_supplementary_order;
mod release_reservation;
mod request_supplementary_order;
mod reserve_parts;
mod retry_reservation;
mod return_stock;
mod scrap_stock;
mod settle_return;
mod settle_transfer_shortage;
mod ship_supplementary_order;
mod ship_transfer;
mod update_location;
mod update_part;
mod waive_old_part_debt;

/// Answers the RPCs.
#[derive(Clone, Debug)]
struct Api(Context);

rpc_table! {
    PartsInventoryService as "aftercare.parts_inventory.v1.PartsInventoryService" for Api {
        create_part(CreatePartRequest) -> Part;
        get_part(GetPartRequest) -> Part;
        list_parts(ListPartsRequest) -> ListPartsResponse;
        update_part(UpdatePartRequest) -> Part;
        create_location(CreateLocationRequest) -> Location;
        get_location(GetLocationRequest) -> Location;
        list_locations(ListLocationsRequest) -> ListLocationsResponse;
        update_location(UpdateLocationRequest) -> Location;
        list_stock_balances(ListStockBalancesRequest) -> ListStockBalancesResponse;
        list_stock_movements(ListStockMovementsRequest) -> ListStockMovementsResponse;
        receive_stock(ReceiveStockRequest) -> StockDocument;
        issue_stock(IssueStockRequest) -> StockDocument;
        return_stock(ReturnStockRequest) -> StockDocument;
        adjust_stock(AdjustStockRequest) -> StockDocument;
        change_stock_condition(ChangeStockConditionRequest) -> StockDocument;
        scrap_stock(ScrapStockRequest) -> StockDocument;
        get_stock_document(GetStockDocumentRequest) -> StockDocument;
        ship_transfer(ShipTransferRequest) -> Transfer;
        receive_transfer(ReceiveTransferRequest) -> Transfer;
        settle_transfer_shortage(SettleTransferShortageRequest) -> Transfer;
        get_transfer(GetTransferRequest) -> Transfer;
        list_transfers(ListTransfersRequest) -> ListTransfersResponse;
        reserve_parts(ReservePartsRequest) -> Reservation;
        get_reservation(GetReservationRequest) -> Reservation;
        list_reservations(ListReservationsRequest) -> ListReservationsResponse;
        extend_reservation(ExtendReservationRequest) -> Reservation;
        release_reservation(ReleaseReservationRequest) -> Reservation;
        retry_reservation(RetryReservationRequest) -> Reservation;
        consume_reservation(ConsumeReservationRequest) -> Reservation;
        request_supplementary_order(RequestSupplementaryOrderRequest) -> SupplementaryOrder;
        approve_supplementary_order(ApproveSupplementaryOrderRequest) -> SupplementaryOrder;
        reject_supplementary_order(RejectSupplementaryOrderRequest) -> SupplementaryOrder;
        place_supplementary_order(PlaceSupplementaryOrderRequest) -> SupplementaryOrder;
        ship_supplementary_order(ShipSupplementaryOrderRequest) -> SupplementaryOrder;
        receive_supplementary_order(ReceiveSupplementaryOrderRequest) -> SupplementaryOrder;
        hand_on_supplementary_order(HandOnSupplementaryOrderRequest) -> SupplementaryOrder;
        cancel_supplementary_order(CancelSupplementaryOrderRequest) -> SupplementaryOrder;
        get_supplementary_order(GetSupplementaryOrderRequest) -> SupplementaryOrder;
        list_supplementary_orders(ListSupplementaryOrdersRequest) -> ListSupplementaryOrdersResponse;
        open_return(OpenReturnRequest) -> Return;
        approve_return(ApproveReturnRequest) -> Return;
        reject_return(RejectReturnRequest) -> Return;
        receive_return(ReceiveReturnRequest) -> Return;
        inspect_return(InspectReturnRequest) -> Return;
        dispose_return(DisposeReturnRequest) -> Return;
        settle_return(SettleReturnRequest) -> Return;
        close_return(CloseReturnRequest) -> Return;
        cancel_return(CancelReturnRequest) -> Return;
        get_return(GetReturnRequest) -> Return;
        list_returns(ListReturnsRequest) -> ListReturnsResponse;
        receive_old_part(ReceiveOldPartRequest) -> OldPartDebt;
        waive_old_part_debt(WaiveOldPartDebtRequest) -> OldPartDebt;
        get_old_part_debt(GetOldPartDebtRequest) -> OldPartDebt;
        list_old_part_debts(ListOldPartDebtsRequest) -> ListOldPartDebtsResponse;
        list_timeline(ListTimelineRequest) -> ListTimelineResponse;
    }
}

/// The service's gRPC routes.
pub(crate) fn routes(context: &Context) -> Routes {
    Routes::new(PartsInventoryServiceServer::new(Api(context.clone())))
}

/// Owner of a new record: the unit named, or the caller's.
fn org_unit(call: &Call, named: &str) -> String {
    if named.is_empty() { call.actor.org_unit_id.clone() } else { named.to_owned() }
}

/// The stored name of a state out of the contract's name, `TRANSFER_STATE_SHIPPED` to `shipped`; nothing when unsaid.
fn state_name<E>(contract: Result<&'static str, E>) -> Option<String> {
    let (_, name) = contract.ok()?.split_once("_STATE_")?;
    (name != "UNSPECIFIED").then(|| name.to_lowercase())
}
