//! Starts an export of everything that is known about a customer.

use common::{error::Result, service::Call};
use proto::aftercare::{
    gateway::v1::{Job, StartPersonalDataExportRequest},
    intake::v1::{GetCustomerRequest, intake_service_client::IntakeServiceClient},
};

use crate::{
    audit::{self, Entry},
    convert,
    domain::exchange::Task,
    exchange::jobs,
    service::Context,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: StartPersonalDataExportRequest) -> Result<Job> {
    // Whoever may not see the customer gets the same answer as for one that is not there.
    let way = ctx.core.way("intake", &call.actor, call.language)?;
    let customer = GetCustomerRequest { customer_id: request.customer_id.clone() };
    let customer = IntakeServiceClient::new(way).get_customer(customer).await.map_err(jobs::passed_on)?.into_inner();
    let task = Task::PersonalData { customer_id: customer.customer_id };
    let work = ctx.core.begin(&call.own(), &request).await?;
    let found = jobs::begin(ctx, call, &work, task).await?;
    let id = &request.customer_id;
    audit::record(&work, &ctx.core, Entry::new(&call.actor, "export_personal_data", "customer", id).customer(id))
        .await?;
    let answer = work.commit(convert::exchange::job(&found)).await?;
    ctx.exchange.wake.notify_one();
    Ok(answer)
}
