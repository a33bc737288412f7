//! Lists the organisation units, or the one responsible for a place.

use common::{error::Result, service::Call};
use proto::aftercare::intake::v1::{self as pb, ListOrgUnitsRequest};

use crate::{Context, domain::org::OrgUnit};

pub(crate) async fn handle(
    ctx: &Context,
    _call: &Call,
    request: ListOrgUnitsRequest,
) -> Result<pb::ListOrgUnitsResponse> {
    let units = &ctx.rules.org_units;
    let org_units = match request.division_code.as_str() {
        "" => units.all().iter().map(message).collect(),
        code => vec![message(units.responsible(code))],
    };
    Ok(pb::ListOrgUnitsResponse { org_units, next_page_token: String::new() })
}

fn message(unit: &OrgUnit) -> pb::OrgUnit {
    pb::OrgUnit {
        org_unit_id: unit.id.clone(),
        name: unit.name.clone(),
        parent_id: unit.parent.clone(),
        territories: unit.territories.clone(),
        time_zone: unit.time_zone.clone(),
    }
}
