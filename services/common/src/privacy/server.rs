//! Answers the other services' questions about one person.

use proto::aftercare::common::v1::{
    ErasePersonalDataRequest, ErasureReceipt, FindPersonalDataRequest, PersonalData,
    privacy_service_server::{PrivacyService, PrivacyServiceServer},
};
use tonic::{Request, Response, Status};

use super::Place;
use crate::{
    error::{Error, reason},
    record::Role,
    rpc,
    service::{Call, Core},
};

/// The privacy service of one service.
#[derive(Clone, Debug)]
pub struct PrivacyServer {
    core: Core,
    places: &'static [Place],
}

impl PrivacyServer {
    /// Answers for these places of a service's database.
    #[must_use]
    pub fn new(core: Core, places: &'static [Place]) -> Self {
        Self { core, places }
    }

    /// As a gRPC service.
    #[must_use]
    pub fn into_service(self) -> PrivacyServiceServer<Self> {
        PrivacyServiceServer::new(self)
    }

    fn told(&self, call: &Call, error: Error) -> Status {
        rpc::status(&self.core, call.language, error)
    }

    /// Only services ask this.
    fn check(&self, call: &Call) -> Result<(), Status> {
        match call.actor.role {
            Role::Service => Ok(()),
            role => Err(self.told(call, Error::new(reason::NOT_ALLOWED).with("role", role.as_str()))),
        }
    }
}

#[tonic::async_trait]
impl PrivacyService for PrivacyServer {
    async fn find_personal_data(
        &self,
        request: Request<FindPersonalDataRequest>,
    ) -> Result<Response<PersonalData>, Status> {
        let (call, request) = rpc::enter(&self.core, "aftercare.common.v1.PrivacyService/find_personal_data", request)?;
        self.check(&call)?;
        let found = super::find(&self.core.db, self.places, &request.subject_id).await;
        found.map(Response::new).map_err(|error| self.told(&call, error))
    }

    async fn erase_personal_data(
        &self,
        request: Request<ErasePersonalDataRequest>,
    ) -> Result<Response<ErasureReceipt>, Status> {
        let (call, request) =
            rpc::enter(&self.core, "aftercare.common.v1.PrivacyService/erase_personal_data", request)?;
        self.check(&call)?;
        let erased = super::erase(&self.core, self.places, &request.subject_id, request.check_only).await;
        erased.map(Response::new).map_err(|error| self.told(&call, error))
    }
}
