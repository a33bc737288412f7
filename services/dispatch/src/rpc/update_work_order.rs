//! Changes what a job needs.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{UpdateWorkOrderRequest, WorkOrder};

use crate::{
    Context, convert,
    domain::{
        TechnicianId, WorkOrderId,
        work_order::{Patch, PickUp},
    },
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UpdateWorkOrderRequest) -> Result<WorkOrder> {
    let id = WorkOrderId::parse(&request.work_order_id)?;
    let patch = patch(&request)?;
    let work = ctx.core.begin(call, &request).await?;
    let order = store::work_order::load(&*work, &id).await?;
    call.check_etag(&request.etag, &order)?;
    let changed = order.update(patch, call.now)?;
    let order = store::work_order::save(&work, call, changed).await?;
    work.commit(convert::work_order::message(&order)).await
}

fn technicians(ids: &[String]) -> Result<Vec<String>> {
    ids.iter().map(|id| TechnicianId::parse(id).map(String::from)).collect()
}

fn patch(request: &UpdateWorkOrderRequest) -> Result<Patch> {
    let mut patch = Patch::default();
    for path in convert::mask(request.update_mask.as_ref())? {
        match path.as_str() {
            "required_skills" => {
                patch.required_skills = Some(convert::technician::skills(request.required_skills.clone()));
            }
            "required_certificates" => patch.required_certificates = Some(request.required_certificates.clone()),
            "duration_minutes" => patch.duration_minutes = Some(request.duration_minutes),
            "preferred_technician_ids" => patch.preferred = Some(technicians(&request.preferred_technician_ids)?),
            "excluded_technician_ids" => patch.excluded = Some(technicians(&request.excluded_technician_ids)?),
            "windows" => patch.windows = Some(convert::windows(&request.windows, "windows")?),
            "crew_size" => patch.crew_size = Some(request.crew_size),
            "pick_up" => {
                let name = request.pick_up_name.clone();
                patch.pick_up = Some(request.pick_up.map(|place| PickUp { name, position: place.into() }));
            }
            unknown => return Err(convert::unknown_path(unknown)),
        }
    }
    Ok(patch)
}
