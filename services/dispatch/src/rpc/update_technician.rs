//! Changes a technician's file.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{Technician, UpdateTechnicianRequest};

use crate::{
    Context, convert,
    domain::{ServicePointId, TechnicianId, technician::Patch},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UpdateTechnicianRequest) -> Result<Technician> {
    let id = TechnicianId::parse(&request.technician_id)?;
    let (mut patch, moves) = patch(&request)?;
    let work = ctx.core.begin(call, &request).await?;
    let technician = store::technician::load(&*work, &id).await?;
    call.check_etag(&request.etag, &technician)?;
    if moves {
        let point_id = ServicePointId::parse(&request.service_point_id)?;
        let point = store::service_point::load(&*work, &point_id).await?;
        patch.service_point = Some((point_id, point.org_unit_id));
    }
    let changed = technician.update(patch, call.now)?;
    let technician = store::technician::save(&work, call, changed).await?;
    if !technician.position_consent {
        // Consent that is taken back takes what was known with it.
        store::position::forget(&work, technician.id.as_str()).await?;
    }
    work.commit(convert::technician::message(&technician)).await
}

/// The fields to change, and whether the technician moves to another service point.
fn patch(request: &UpdateTechnicianRequest) -> Result<(Patch, bool)> {
    let (mut patch, mut moves) = (Patch::default(), false);
    for path in convert::mask(request.update_mask.as_ref())? {
        match path.as_str() {
            "service_point_id" => moves = true,
            "name" => patch.name = Some(request.name.clone()),
            "phone" => patch.phone = Some(request.phone.clone()),
            "skills" => patch.skills = Some(convert::technician::skills(request.skills.clone())),
            "certificates" => {
                patch.certificates = Some(convert::technician::certificates(request.certificates.clone())?);
            }
            "home" => patch.home = Some(request.home.map(Into::into)),
            "shifts" => patch.shifts = Some(convert::technician::shifts(request.shifts.clone())?),
            "languages" => patch.languages = Some(request.languages.clone()),
            "daily_job_limit" => patch.daily_job_limit = Some(request.daily_job_limit),
            "time_zone" => {
                convert::zone::check(&request.time_zone, "time_zone")?;
                patch.time_zone = Some(request.time_zone.clone());
            }
            "overtime_minutes" => patch.overtime_minutes = Some(request.overtime_minutes),
            "driving_limit_minutes" => patch.driving_limit_minutes = Some(request.driving_limit_minutes),
            "territories" => patch.territories = Some(request.territories.clone()),
            "position_consent" => patch.position_consent = Some(request.position_consent),
            "photo" => patch.photo = Some(request.photo.clone().map(convert::attachment)),
            unknown => return Err(convert::unknown_path(unknown)),
        }
    }
    Ok((patch, moves))
}
