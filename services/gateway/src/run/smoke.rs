//! The command `smoke`: one case through the public door of a running platform, as a client from outside makes it. `helm
//! test` runs it. The case is cancelled at the end, whatever happened.

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use common::{
    clock::Clock,
    id::Ids,
    run::{channel, print},
};
use proto::aftercare::{
    common::v1::Address,
    dispatch::v1::{ListWorkOrdersRequest, WorkOrder, WorkOrderState, dispatch_service_client::DispatchServiceClient},
    gateway::v1::{SignInRequest, identity_service_client::IdentityServiceClient},
    intake::v1::{
        CancelServiceRequestRequest, Channel as Heard, CreateCustomerRequest, CreateProductRequest,
        CreateServiceRequestRequest, CustomerKind, ReleaseServiceRequestRequest, RequestKind, RequestState,
        ServiceRequest, TriageServiceRequestRequest, intake_service_client::IntakeServiceClient,
    },
};
use tonic::{
    Code, Request, Response, Status,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};
use uuid::Uuid;

/// Where the password is read; the command line shows in every list of processes.
const PASSWORD: &str = "AFTERCARE_SMOKE_PASSWORD";
/// Longest time of one call.
const CALL: Duration = Duration::from_secs(10);
/// Pause before a call is made again, and between two looks at what others are to do.
const PAUSE: Duration = Duration::from_millis(250);
/// What its records are known by.
const MARK: &str = "smoke-test";

/// What is asked for.
#[derive(Debug, Args)]
pub(super) struct Smoke {
    /// Where the gateway is, for example http://aftercare-gateway:8080.
    #[arg(long, env = "AFTERCARE_SMOKE_ADDRESS")]
    address: String,
    /// An account of role agent (or above it), whose password stands in the environment variable AFTERCARE_SMOKE_PASSWORD.
    #[arg(long, env = "AFTERCARE_SMOKE_USERNAME")]
    username: String,
    /// Category of the product that the case is about.
    #[arg(long, default_value = "appliance.washer")]
    category: String,
    /// Division code of the customer's address; it says which organisation unit the case belongs to, which must be within
    /// the account's reach. Empty: the whole organisation's.
    #[arg(long, default_value = "")]
    division: String,
    /// Seconds that all of it may take.
    #[arg(long, default_value_t = 120)]
    patience: u64,
}

/// Runs the case and prints each step; fails with the first thing that does not work.
pub(super) async fn run(asked: Smoke) -> anyhow::Result<()> {
    let password = env::var(PASSWORD).ok().filter(|password| !password.is_empty());
    let password = password.with_context(|| format!("{PASSWORD} is not set"))?;
    let visitor = Visitor::sign_in(&asked, password).await?;
    let mut opened = None;
    let case = visitor.case(&asked, &mut opened).await;
    // Nothing stays open; but what failed first is what is told.
    let cancelled = match opened {
        Some(id) => visitor.cancel(&id).await,
        None => Ok(()),
    };
    case.and(cancelled)?;
    print("one case went through the platform");
    Ok(())
}

/// Somebody who has signed in.
struct Visitor {
    intake: IntakeServiceClient<Channel>,
    dispatch: DispatchServiceClient<Channel>,
    token: MetadataValue<Ascii>,
    /// Begins the request ids of this run.
    id: Uuid,
    patience: Patience,
}

/// The time that everything may take.
#[derive(Clone, Copy)]
struct Patience {
    begun: Instant,
    whole: Duration,
}

impl Patience {
    /// Says that a step worked.
    fn done(self, what: &str) {
        print(&format!("{:5.1} s  {what}", self.begun.elapsed().as_secs_f64()));
    }

    fn is_over(self) -> bool {
        self.begun.elapsed() > self.whole
    }

    /// Makes a call that may be made again until it is answered.
    async fn call<T>(
        self,
        what: &str,
        mut call: impl AsyncFnMut() -> Result<Response<T>, Status>,
    ) -> anyhow::Result<T> {
        loop {
            match call().await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) if may_pass(&status) && !self.is_over() => tokio::time::sleep(PAUSE).await,
                Err(status) => bail!("{what}: {:?}: {}", status.code(), status.message()),
            }
        }
    }
}

fn may_pass(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown | Code::Aborted
    )
}

impl Visitor {
    async fn sign_in(asked: &Smoke, password: String) -> anyhow::Result<Self> {
        let patience = Patience { begun: Instant::now(), whole: Duration::from_secs(asked.patience) };
        let channel = channel(&asked.address)?;
        let sessions = IdentityServiceClient::new(channel.clone());
        let who = SignInRequest { username: asked.username.clone(), password };
        let signed_in =
            patience.call("signing in", async || sessions.clone().sign_in(timed(who.clone())).await).await?;
        ensure!(!signed_in.totp_required, "the account has a second factor, which nobody here can answer");
        ensure!(
            !signed_in.password_change_required,
            "the account's password is to be changed first: make it with `admin create --lasting-password`"
        );
        patience.done(&format!("signed in as {}", asked.username));
        Ok(Self {
            intake: IntakeServiceClient::new(channel.clone()),
            dispatch: DispatchServiceClient::new(channel),
            token: format!("Bearer {}", signed_in.access_token).parse()?,
            id: Ids::random().uuid(Clock::system().now()),
            patience,
        })
    }

    fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = timed(message);
        request.metadata_mut().insert("authorization", self.token.clone());
        request
    }

    /// The same in every try of a step, so that a step is taken once.
    fn step(&self, name: &str) -> String {
        format!("{MARK}-{}-{name}", self.id)
    }

    /// From the call to the work order. `opened` gets the request as soon as there is one.
    async fn case(&self, asked: &Smoke, opened: &mut Option<String>) -> anyhow::Result<()> {
        let intake = || self.intake.clone();
        let patience = self.patience;
        let address = Address { line: MARK.to_owned(), division_code: asked.division.clone(), ..Default::default() };
        let customer = CreateCustomerRequest {
            request_id: self.step("customer"),
            kind: CustomerKind::Company.into(),
            name: MARK.to_owned(),
            addresses: vec![address],
            tags: vec![MARK.to_owned()],
            source: MARK.to_owned(),
            ..Default::default()
        };
        let customer =
            patience.call("a customer", async || intake().create_customer(self.ask(customer.clone())).await).await?;
        patience.done(&format!("customer {}", customer.customer_id));

        let product = CreateProductRequest {
            request_id: self.step("product"),
            customer_id: customer.customer_id.clone(),
            model: MARK.to_owned(),
            category_code: asked.category.clone(),
            serial_number: self.id.simple().to_string(),
            ..Default::default()
        };
        let product =
            patience.call("a product", async || intake().create_product(self.ask(product.clone())).await).await?;
        patience.done(&format!("product {}", product.product_id));

        let request = CreateServiceRequestRequest {
            request_id: self.step("request"),
            channel: Heard::Hotline.into(),
            kind: RequestKind::Repair.into(),
            customer_id: customer.customer_id,
            product_id: product.product_id,
            description: MARK.to_owned(),
            ..Default::default()
        };
        let request = patience
            .call("a service request", async || intake().create_service_request(self.ask(request.clone())).await)
            .await?;
        let service_request_id = || request.service_request_id.clone();
        *opened = Some(service_request_id());
        patience.done(&format!("service request {}", request.number));

        let triage = TriageServiceRequestRequest {
            request_id: self.step("triage"),
            service_request_id: service_request_id(),
            ..Default::default()
        };
        let triaged = patience
            .call("the triage", async || intake().triage_service_request(self.ask(triage.clone())).await)
            .await?;
        self.must_be("triaged", &triaged, &[RequestState::Triaged])?;

        // Whatever the installation's warranty says: the customer agrees to a quote on site.
        let release = ReleaseServiceRequestRequest {
            request_id: self.step("release"),
            service_request_id: service_request_id(),
            on_site_quote_consent: true,
            ..Default::default()
        };
        let released = patience
            .call("the release", async || intake().release_service_request(self.ask(release.clone())).await)
            .await?;
        self.must_be("released", &released, &[RequestState::Ready, RequestState::Scheduled])?;

        let orders = self.orders(&service_request_id(), "no work order was made of it", |all| !all.is_empty()).await?;
        patience.done(&format!("work order {}", orders[0].number));
        Ok(())
    }

    async fn cancel(&self, service_request_id: &str) -> anyhow::Result<()> {
        let cancel = CancelServiceRequestRequest {
            request_id: self.step("cancel"),
            service_request_id: service_request_id.to_owned(),
            reason: MARK.to_owned(),
            ..Default::default()
        };
        let ask = async || self.intake.clone().cancel_service_request(self.ask(cancel.clone())).await;
        let cancelled = self.patience.call("the cancellation", ask).await?;
        self.must_be("cancelled", &cancelled, &[RequestState::Cancelled])?;
        let all_cancelled = |all: &[WorkOrder]| all.iter().all(|one| one.state() == WorkOrderState::Cancelled);
        let orders = self.orders(service_request_id, "its work order was not cancelled", all_cancelled).await?;
        self.patience.done(&format!("{} work order cancelled with it", orders.len()));
        Ok(())
    }

    fn must_be(&self, what: &str, request: &ServiceRequest, states: &[RequestState]) -> anyhow::Result<()> {
        let state = request.state();
        ensure!(states.contains(&state), "{what}, but the request is {}", state.as_str_name());
        self.patience.done(&format!("{what}: {}", state.as_str_name()));
        Ok(())
    }

    /// Waits until the request's work orders are as they should be, which events bring about.
    async fn orders(
        &self,
        service_request_id: &str,
        otherwise: &str,
        holds: impl Fn(&[WorkOrder]) -> bool,
    ) -> anyhow::Result<Vec<WorkOrder>> {
        let list = ListWorkOrdersRequest { service_request_id: service_request_id.to_owned(), ..Default::default() };
        loop {
            let ask = async || self.dispatch.clone().list_work_orders(self.ask(list.clone())).await;
            let found = self.patience.call(otherwise, ask).await?.work_orders;
            if holds(&found) {
                return Ok(found);
            }
            ensure!(!self.patience.is_over(), "{otherwise} within {:?}", self.patience.whole);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL);
    request
}
