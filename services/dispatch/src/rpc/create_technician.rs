//! Makes a technician's file.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{CreateTechnicianRequest, Technician};

use crate::{
    Context, convert,
    domain::{
        ServicePointId,
        technician::{State, Technician as Person},
    },
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: CreateTechnicianRequest) -> Result<Technician> {
    let point_id = ServicePointId::parse(&request.service_point_id)?;
    let number = match request.validate_only {
        // A number that was given away does not come back.
        true => String::new(),
        false => ctx.core.numbers.next("T", call.now).await?,
    };
    let validate_only = request.validate_only;
    let work = ctx.core.begin(call, &request).await?;
    let point = store::service_point::load(&*work, &point_id).await?;
    let time_zone = if request.time_zone.is_empty() { point.time_zone } else { request.time_zone };
    convert::zone::check(&time_zone, "time_zone")?;
    let technician = Person {
        id: call.ids.make(call.now),
        version: 0,
        number,
        created_at: call.now,
        updated_at: call.now,
        org_unit_id: point.org_unit_id,
        service_point_id: point_id,
        name: request.name,
        phone: request.phone,
        state: State::Active,
        skills: convert::technician::skills(request.skills),
        certificates: convert::technician::certificates(request.certificates)?,
        home: request.home.map(Into::into),
        shifts: convert::technician::shifts(request.shifts)?,
        absences: Vec::new(),
        languages: request.languages,
        daily_job_limit: request.daily_job_limit,
        time_zone,
        photo: request.photo.map(convert::attachment),
        overtime_minutes: request.overtime_minutes,
        driving_limit_minutes: request.driving_limit_minutes,
        territories: request.territories,
        position_consent: request.position_consent,
    };
    let technician = store::technician::insert(&work, call, technician.checked()?).await?;
    work.commit_unless(validate_only, convert::technician::message(&technician)).await
}
