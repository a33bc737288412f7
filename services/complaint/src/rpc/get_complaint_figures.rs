//! Gives the figures of a period.

use common::{
    convert::instant,
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::complaint::v1::{ComplaintFigures, GetComplaintFiguresRequest};

use crate::{Context, convert, domain::figures::Figures, store};

pub(crate) async fn handle(
    ctx: &Context,
    _call: &Call,
    request: GetComplaintFiguresRequest,
) -> Result<ComplaintFigures> {
    let (Some(start), Some(end)) = (&request.start, &request.end) else {
        return Err(Error::invalid("start", "required"));
    };
    let (start, end) = (instant(start, "start")?, instant(end, "end")?);
    if start >= end {
        return Err(Error::invalid("end", "window.start_before_end"));
    }
    let mut figures = Figures::default();
    for complaint in store::complaint::received_in(ctx.core.db.read(), start, end, &request.org_unit_id).await? {
        figures.add(&complaint);
    }
    Ok(convert::figures::figures(&figures, &ctx.policy.currency))
}
