//! The five services' clients, each signing as somebody of the demo company. The demo data goes through the same
//! RPCs as everybody's: nothing is written behind a rule's back.

use common::{
    auth::{IDENTITY, Identity},
    clock::Clock,
    record::{Actor, Role},
};
use proto::aftercare::{
    complaint::v1::complaint_service_client::ComplaintServiceClient,
    dispatch::v1::dispatch_service_client::DispatchServiceClient,
    intake::v1::intake_service_client::IntakeServiceClient,
    parts_inventory::v1::parts_inventory_service_client::PartsInventoryServiceClient,
    survey::v1::survey_service_client::SurveyServiceClient,
};
use tonic::{
    Request, Status,
    service::{Interceptor, Routes, interceptor::InterceptedService},
};

/// Puts the signed identity of one person on every call.
#[derive(Clone, Debug)]
pub struct Signing {
    identity: Identity,
    actor: Actor,
}

impl Interceptor for Signing {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        // Identities expire by the real clock, whatever day the demo is living through.
        let refused = |_| Status::internal("the identity cannot be signed");
        let token = self.identity.sign(&self.actor, Clock::system().now()).map_err(refused)?;
        let token = token.parse().map_err(|_| Status::internal("the identity is no metadata"))?;
        request.metadata_mut().insert(IDENTITY, token);
        Ok(request)
    }
}

/// A way into one service.
pub type Door = InterceptedService<Routes, Signing>;

/// The way into all services as one person.
#[derive(Clone, Debug)]
pub struct Doors {
    /// Customers, products, requests.
    pub intake: IntakeServiceClient<Door>,
    /// Technicians, work orders.
    pub dispatch: DispatchServiceClient<Door>,
    /// Parts and stock.
    pub parts: PartsInventoryServiceClient<Door>,
    /// Complaints.
    pub complaint: ComplaintServiceClient<Door>,
    /// Surveys.
    pub survey: SurveyServiceClient<Door>,
}

/// Opens doors for any person.
#[derive(Clone, Debug)]
pub struct Doorkeeper {
    /// Signs.
    pub identity: Identity,
    /// The services' routes by name.
    pub routes: std::collections::BTreeMap<String, Routes>,
}

impl Doorkeeper {
    /// The doors for a person of this role at head office.
    #[must_use]
    pub fn open(&self, id: &str, role: Role) -> Doors {
        let signing =
            Signing { identity: self.identity.clone(), actor: Actor::new(id, role, "head-office").everywhere() };
        let door = |service: &str| {
            let routes = self.routes.get(service).cloned().unwrap_or_default();
            InterceptedService::new(routes, signing.clone())
        };
        Doors {
            intake: IntakeServiceClient::new(door("intake")),
            dispatch: DispatchServiceClient::new(door("dispatch")),
            parts: PartsInventoryServiceClient::new(door("parts-inventory")),
            complaint: ComplaintServiceClient::new(door("complaint")),
            survey: SurveyServiceClient::new(door("survey")),
        }
    }
}
