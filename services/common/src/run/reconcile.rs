//! After a database was restored to an earlier moment: which records do services speak of that their owner does not have,
//! or not so far; and what has somebody missed that can be told again.

use std::collections::{BTreeMap, HashMap};

use proto::aftercare::common::v1::{
    ListHeardRequest, ListHeardResponse, ListVersionsRequest, RecordVersion, RepublishRequest,
    event_service_client::EventServiceClient,
};
use tonic::service::Routes;

use crate::{
    auth,
    catalog::Language,
    config::Settings,
    error::Result,
    outbox::EventServer,
    peers::{Passport, Peer, Peers, Way, way},
    record::Actor,
    service::{Core, Definition},
};

/// One thing that does not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The consumer knows a record that no service has: a dangling reference.
    Dangling {
        /// Who knows of it.
        consumer: String,
        /// The record.
        record_id: String,
        /// Up to which version.
        heard: i64,
    },
    /// The consumer has heard more than the owner has: the owner lost changes.
    Ahead {
        /// Who knows more.
        consumer: String,
        /// The owner's record.
        owned: RecordVersion,
        /// Up to which version.
        heard: i64,
    },
    /// The consumer has missed changes; the owner can tell them again as long as its outbox keeps them.
    Behind {
        /// Who missed them.
        consumer: String,
        /// The owner's record.
        owned: RecordVersion,
        /// Up to which version it heard; 0 for nothing.
        heard: i64,
    },
}

impl Finding {
    /// Whether republishing can mend it. What cannot is for people.
    #[must_use]
    pub fn is_mendable(&self) -> bool {
        matches!(self, Self::Behind { .. })
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dangling { consumer, record_id, heard } => {
                write!(out, "dangling: {consumer} knows {record_id} up to version {heard}, no service has it")
            }
            Self::Ahead { consumer, owned, heard } => write!(
                out,
                "ahead: {consumer} knows {} {} up to version {heard}, {} has it only up to {}",
                owned.kind, owned.record_id, owned.service, owned.version
            ),
            Self::Behind { consumer, owned, heard } => write!(
                out,
                "behind: {consumer} knows {} {} of {} up to version {heard} of {}",
                owned.kind, owned.record_id, owned.service, owned.version
            ),
        }
    }
}

/// What a command of one service's binary compares: all services at their addresses, and its own database.
///
/// # Errors
///
/// When an address cannot be read.
pub fn peers<D: Definition>(settings: &Settings, config: D::Config, core: Core) -> anyhow::Result<Peers> {
    let mut known = super::host::remote_peers(settings)?;
    let service = D::build(config, core.clone())?;
    let routes = Routes::new(EventServer::of(&core, &service.subscriptions).into_service());
    known.insert(D::NAME.to_owned(), Peer::Local(routes));
    Ok(Peers::of(known))
}

/// Compares all services that there are ways to, as `service`. Events on their way show as behind: ask again a moment later.
///
/// # Errors
///
/// `UNAVAILABLE` when a service does not answer: half a comparison would call everything dangling.
pub async fn reconcile(peers: &Peers, identity: &auth::Identity, service: &'static str) -> Result<Vec<Finding>> {
    let connect = |name: &str| {
        let passport = Passport::new(identity, &Actor::service(service), Language::English);
        Ok::<_, crate::Error>(EventServiceClient::new(way(peers, name, passport)?))
    };
    let mut owned: HashMap<String, RecordVersion> = HashMap::new();
    let mut heard = BTreeMap::new();
    for name in peers.names() {
        let mut client = connect(name)?;
        for version in versions(&mut client).await? {
            owned.insert(version.record_id.clone(), version);
        }
        heard.insert(name.to_owned(), all_heard(&mut client).await?);
    }
    let mut findings = Vec::new();
    for (consumer, (known, subscriptions)) in heard {
        for (record_id, heard) in &known {
            let (consumer, heard) = (consumer.clone(), *heard);
            match owned.get(record_id) {
                None => findings.push(Finding::Dangling { consumer, record_id: record_id.clone(), heard }),
                Some(owned) if owned.version < heard => {
                    findings.push(Finding::Ahead { consumer, owned: owned.clone(), heard });
                }
                Some(_) => {}
            }
        }
        for owned in owned.values().filter(|one| subscriptions.contains(&format!("{}/{}", one.service, one.kind))) {
            let heard = known.get(&owned.record_id).copied().unwrap_or_default();
            if heard < owned.version {
                findings.push(Finding::Behind { consumer: consumer.clone(), owned: owned.clone(), heard });
            }
        }
    }
    findings.sort_by_key(ToString::to_string);
    Ok(findings)
}

/// Lets the owners tell again what consumers have missed, and says how many events are on their way.
///
/// # Errors
///
/// `UNAVAILABLE` when an owner does not answer.
pub async fn mend(
    findings: &[Finding],
    peers: &Peers,
    identity: &auth::Identity,
    service: &'static str,
) -> Result<i64> {
    let mut events = 0;
    for finding in findings {
        let Finding::Behind { owned, heard, .. } = finding else { continue };
        let passport = Passport::new(identity, &Actor::service(service), Language::English);
        let mut client = EventServiceClient::new(way(peers, &owned.service, passport)?);
        let request = RepublishRequest { aggregate_id: owned.record_id.clone(), from_version: heard + 1 };
        events += i64::from(client.republish(request).await.map_err(unavailable)?.into_inner().events);
    }
    Ok(events)
}

async fn versions(client: &mut EventServiceClient<Way>) -> Result<Vec<RecordVersion>> {
    let mut request = ListVersionsRequest::default();
    let mut all = Vec::new();
    loop {
        let page = client.list_versions(request.clone()).await.map_err(unavailable)?.into_inner();
        all.extend(page.versions);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

async fn all_heard(client: &mut EventServiceClient<Way>) -> Result<(HashMap<String, i64>, Vec<String>)> {
    let mut request = ListHeardRequest::default();
    let mut all = HashMap::new();
    loop {
        let ListHeardResponse { heard, next_page_token, subscriptions } =
            client.list_heard(request.clone()).await.map_err(unavailable)?.into_inner();
        all.extend(heard.into_iter().map(|one| (one.record_id, one.version)));
        if next_page_token.is_empty() {
            return Ok((all, subscriptions));
        }
        request.page_token = next_page_token;
    }
}

fn unavailable(status: tonic::Status) -> crate::Error {
    crate::Error::new(crate::error::reason::UNAVAILABLE).caused_by(status)
}
