//! Starts the erasure of everything that is known about a customer.

use common::{error::Result, service::Call};
use proto::aftercare::{
    gateway::v1::{Job, StartErasureRequest},
    intake::v1::{GetCustomerRequest, intake_service_client::IntakeServiceClient},
};

use crate::{
    audit::{self, Entry},
    convert,
    domain::exchange::Task,
    exchange::{jobs, person},
    service::Context,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: StartErasureRequest) -> Result<Job> {
    let way = ctx.core.way("intake", &call.actor, call.language)?;
    let customer = GetCustomerRequest { customer_id: request.customer_id.clone() };
    let customer = IntakeServiceClient::new(way).get_customer(customer).await.map_err(jobs::passed_on)?.into_inner();
    // Told now, not by a job that fails later.
    if let Some(error) = person::against(ctx, &customer.customer_id).await.map_err(jobs::passed_on)? {
        return Err(error);
    }
    let task = Task::Erasure { customer_id: customer.customer_id, reason: request.reason.clone() };
    let work = ctx.core.begin(&call.own(), &request).await?;
    let found = jobs::begin(ctx, call, &work, task).await?;
    let id = &request.customer_id;
    let entry = Entry::new(&call.actor, "start_erasure", "customer", id).customer(id).because(&request.reason);
    audit::record(&work, &ctx.core, entry).await?;
    let answer = work.commit(convert::exchange::job(&found)).await?;
    ctx.exchange.wake.notify_one();
    Ok(answer)
}
