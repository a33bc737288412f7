//! Lists the organisation units, or the one responsible for a place.

use common::{error::Result, page, service::Call};
use proto::aftercare::intake::v1::{self as pb, ListOrgUnitsRequest};

use crate::{Context, domain::org::OrgUnit};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    mut request: ListOrgUnitsRequest,
) -> Result<pb::ListOrgUnitsResponse> {
    let token = std::mem::take(&mut request.page_token);
    let size = match std::mem::take(&mut request.page_size) {
        0 => usize::MAX,
        wanted => usize::try_from(page::size(wanted)?).unwrap_or(usize::MAX),
    };
    let print = page::fingerprint(&call.reach, &request);
    let units = &ctx.rules.org_units;
    let found: Vec<&OrgUnit> = match request.division_code.as_str() {
        "" => units.all().iter().collect(),
        code => vec![units.responsible(code)],
    };
    // The units stand in the configuration, the same for every replica: a place among them is a good cursor.
    let start = page::open::<usize>(&token, &print)?.unwrap_or(0);
    let mut rest = found.into_iter().skip(start);
    let org_units = rest.by_ref().take(size).map(message).collect();
    let next_page_token = rest.next().map(|_| page::seal(&(start + size), &print)).unwrap_or_default();
    Ok(pb::ListOrgUnitsResponse { org_units, next_page_token })
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
