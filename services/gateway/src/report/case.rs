//! What a report is written from, asked of the owners of the records.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use common::{
    catalog::Language,
    error::{Error, Kind, Result},
    record::Actor,
};
use futures::future::try_join_all;
use proto::aftercare::{
    dispatch::v1::{
        GetTechnicianRequest, GetWorkOrderRequest, SiteRecord, Technician, WorkOrder,
        dispatch_service_client::DispatchServiceClient,
    },
    intake::v1::{
        GetProductRequest, GetServiceRequestRequest, Product, ServiceRequest,
        intake_service_client::IntakeServiceClient,
    },
    parts_inventory::v1::{ListPartsRequest, parts_inventory_service_client::PartsInventoryServiceClient},
};

use super::ready;
use crate::{error::REPORT_NOT_READY, peer::answered, service::Context};

/// Photos of one report at the most.
pub(super) const PHOTOS: usize = 24;
/// Bytes of them all at the most: a report is one message, and clients take four million bytes.
const LARGEST: usize = 2_000_000;
/// What the record's owner calls a visit, and files that belong to one.
const WORK_ORDER: &str = "work_order";

/// The records of one visit. What its reader may not see is not there.
#[derive(Clone, Debug, Default)]
pub(super) struct Case {
    pub(super) order: WorkOrder,
    pub(super) request: Option<ServiceRequest>,
    pub(super) product: Option<Product>,
    pub(super) technician: Option<Technician>,
    /// Names of the parts used, by SKU.
    pub(super) parts: BTreeMap<String, String>,
}

/// The pictures of one visit; `None` for one that is not there, or is no picture.
#[derive(Clone, Debug, Default)]
pub(super) struct Pictures {
    /// What it shows, and its bytes.
    pub(super) photos: Vec<(String, Option<Bytes>)>,
    pub(super) signature: Option<Bytes>,
    pub(super) receipt_signature: Option<Bytes>,
}

impl Case {
    /// Asks for all of it as this actor.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when the actor does not see the visit; else as [`Case::around`].
    pub(super) async fn of(ctx: &Context, actor: &Actor, language: Language, order: &str) -> Result<Self> {
        let mut dispatch = DispatchServiceClient::new(ctx.core.way("dispatch", actor, language)?);
        let asked = GetWorkOrderRequest { work_order_id: order.to_owned() };
        let order = answered(dispatch.get_work_order(asked).await)?;
        Self::around(ctx, actor, language, order).await
    }

    /// Asks for what belongs to a visit.
    ///
    /// # Errors
    ///
    /// `REPORT_NOT_READY` before the visit ended, and then nobody is asked; `UNAVAILABLE` when an owner does not answer.
    pub(super) async fn around(ctx: &Context, actor: &Actor, language: Language, order: WorkOrder) -> Result<Self> {
        if !ready(order.state()) {
            let state = order.state().as_str_name().trim_start_matches("WORK_ORDER_STATE_").to_owned();
            return Err(Error::new(REPORT_NOT_READY).with("state", state));
        }
        let mut dispatch = DispatchServiceClient::new(ctx.core.way("dispatch", actor, language)?);
        let mut intake = IntakeServiceClient::new(ctx.core.way("intake", actor, language)?);
        let asked = GetServiceRequestRequest { service_request_id: order.service_request_id.clone() };
        let request = seen(answered(intake.get_service_request(asked).await))?;
        let product = match request.as_ref().map(|request| request.product_id.clone()).filter(|id| !id.is_empty()) {
            Some(product_id) => seen(answered(intake.get_product(GetProductRequest { product_id }).await))?,
            None => None,
        };
        let technician = match &order.assignment {
            Some(assignment) => {
                let asked = GetTechnicianRequest { technician_id: assignment.technician_id.clone() };
                seen(answered(dispatch.get_technician(asked).await))?
            }
            None => None,
        };
        let record = order.record.clone().unwrap_or_default();
        let used: BTreeSet<_> = record.parts.into_iter().filter_map(|used| Some(used.part?.sku)).collect();
        let named = used.into_iter().map(|sku| name(ctx, actor, language, sku));
        let parts = try_join_all(named).await?.into_iter().flatten().collect();
        Ok(Self { order, request, product, technician, parts })
    }

    /// Without what a stranger should not read: a link may be passed on. Nor who came: the technician of a visit that is over
    /// is not shown by a link, so that nobody at the door can refer to it.
    pub(super) fn without_personal_data(mut self) -> Self {
        if let Some(request) = &mut self.request {
            request.contact_name.clear();
            request.contact_phone.clear();
            request.description.clear();
            request.address = None;
        }
        if let Some(technician) = &mut self.technician {
            technician.name.clear();
            technician.number.clear();
        }
        if let Some(record) = &mut self.order.record {
            record.remarks.clear();
        }
        self
    }

    /// What is written down on site.
    pub(super) fn record(&self) -> SiteRecord {
        self.order.record.clone().unwrap_or_default()
    }

    /// The small pictures of its photos and signatures: they are large enough for paper.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when the storage does not answer.
    pub(super) async fn pictures(&self, ctx: &Context) -> Result<Pictures> {
        let record = self.record();
        let (mut photos, mut size) = (Vec::new(), 0);
        for photo in record.photos.iter().take(PHOTOS) {
            let picture = self.picture(ctx, &photo.file_id).await?;
            size += picture.as_ref().map_or(0, Bytes::len);
            if size > LARGEST {
                break;
            }
            photos.push((photo.label.clone(), picture));
        }
        let signature = record.signature.map(|signature| signature.file_id).unwrap_or_default();
        let receipt = record.receipt.and_then(|receipt| receipt.signature);
        let receipt = receipt.map(|signature| signature.file_id).unwrap_or_default();
        Ok(Pictures {
            photos,
            signature: self.picture(ctx, &signature).await?,
            receipt_signature: self.picture(ctx, &receipt).await?,
        })
    }

    /// Only files of this visit: a record may name any file, and whoever sees the record need not see that one.
    async fn picture(&self, ctx: &Context, file_id: &str) -> Result<Option<Bytes>> {
        if file_id.is_empty() {
            return Ok(None);
        }
        ctx.files.thumbnail_of(file_id, WORK_ORDER, &self.order.work_order_id).await
    }
}

/// What somebody may not see is left out; that an owner does not answer is an error.
fn seen<A>(answer: Result<A>) -> Result<Option<A>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if matches!(error.kind(), Kind::NotFound | Kind::PermissionDenied) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn name(ctx: &Context, actor: &Actor, language: Language, sku: String) -> Result<Option<(String, String)>> {
    let mut parts = PartsInventoryServiceClient::new(ctx.core.way("parts-inventory", actor, language)?);
    let asked = ListPartsRequest { sku: sku.clone(), page_size: 1, ..Default::default() };
    let found = seen(answered(parts.list_parts(asked).await))?;
    Ok(found.and_then(|found| found.parts.into_iter().next()).map(|part| (sku, part.name)))
}
