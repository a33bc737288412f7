//! Partners' programs.

mod create_client;
mod disable_client;
mod get_client;
mod list_clients;
mod retire_client_secret;
mod rotate_client_secret;
mod update_client;

use common::{db::Tx, error::Result, rpc_table, service::Call};
use proto::aftercare::gateway::v1::{client_service_server::ClientService, *};

use super::Api;
use crate::{
    audit::{self, Entry},
    service::Context,
};

rpc_table! {
    ClientService as "aftercare.gateway.v1.ClientService" for Api {
        create_client(CreateClientRequest) -> ClientWithSecret;
        get_client(GetClientRequest) -> Client;
        list_clients(ListClientsRequest) -> ListClientsResponse;
        update_client(UpdateClientRequest) -> Client;
        rotate_client_secret(RotateClientSecretRequest) -> ClientWithSecret;
        retire_client_secret(RetireClientSecretRequest) -> Client;
        disable_client(DisableClientRequest) -> Client;
    }
}

/// Notes in the audit what was done to a client.
async fn note(ctx: &Context, tx: &Tx, call: &Call, action: &str, id: &str, why: &str) -> Result<()> {
    let entry = Entry::new(&call.actor, action, "client", id).seen_from(&call.origin.address).because(why);
    audit::record(tx, &ctx.core, entry).await
}
