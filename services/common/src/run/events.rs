//! The work that every service does beside its RPCs: events out and in, timers, sweeping.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{checks, peers};
use crate::{
    bus::{self, Bus},
    config::{BusKind, Settings},
    idempotency,
    inbox::Consumer,
    lifecycle::Lifecycle,
    outbox::Relay,
    peers::Peers,
    privacy::{self, Place},
    service::{Core, Subscription, Worker},
    timer,
};

/// How often answers kept for repeats are looked through for old ones.
const SWEEP: Duration = Duration::from_secs(3600);

/// The bus that the settings name.
pub(super) fn bus(settings: &Settings) -> anyhow::Result<Bus> {
    match settings.bus.kind {
        BusKind::Memory => Ok(Bus::memory()),
        BusKind::Redis => Bus::redis(settings.bus.url.expose(), &settings.bus.prefix),
    }
}

/// The bus's settings as the bus wants them.
pub(super) fn bus_settings(settings: &Settings) -> bus::Settings {
    let given = &settings.bus;
    bus::Settings {
        instance: checks::instance(settings),
        poll: given.poll,
        lease: given.lease,
        tries: given.tries,
        gap_wait: given.gap_wait,
        claim_after: given.claim_after,
        // A handler must end before its events are taken over by another.
        handler_limit: bus::Settings::default().handler_limit.min(given.claim_after / 2),
        outbox_kept: given.outbox_kept,
        stream_kept: given.stream_kept,
        ..bus::Settings::default()
    }
}

/// What a service does beside its RPCs.
pub(super) struct Beside {
    pub(super) core: Core,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) timers: Vec<(&'static str, timer::Handler)>,
    pub(super) workers: Vec<Worker>,
    pub(super) places: &'static [Place],
}

/// Starts it for all services of the process. All consumers join the bus before the first event is published.
pub(super) fn start(life: &Lifecycle, bus: &Bus, settings: &bus::Settings, peers: &Peers, services: Vec<Beside>) {
    let mut joined = Vec::with_capacity(services.len());
    for Beside { core, subscriptions, timers, workers, places } in services {
        let ask = peers::ask_owner(core.service, core.identity.clone(), core.clock.clone(), peers.clone());
        let consumer = Consumer::new(&core, bus, subscriptions, ask, settings);
        joined.push((core, consumer, timers, workers, places));
    }
    for (core, consumer, timers, workers, places) in joined {
        let name = core.service;
        begin_counters(name);
        life.spawn(format!("{name}/events in"), |ending| consumer.run(ending));
        let relay = Relay::new(&core, bus, settings);
        life.spawn(format!("{name}/events out"), |ending| relay.run(ending));
        life.spawn(format!("{name}/timers"), |ending| timer::run(core.clone(), timers, ending));
        life.spawn(format!("{name}/sweep"), |ending| sweep(core, places, ending));
        for worker in workers {
            life.spawn(format!("{name}/{}", worker.name), worker.run);
        }
    }
}

/// What rarely happens is told as 0 from the start: an alert on a series that is not there never fires.
fn begin_counters(service: &'static str) {
    metrics::counter!("aftercare_events_forgotten_total", "service" => service).increment(0);
    for rare in
        ["aftercare_events_repeated_total", "aftercare_events_redelivered_total", "aftercare_events_retried_total"]
    {
        metrics::counter!(rare, "consumer" => service).increment(0);
    }
}

async fn sweep(core: Core, places: &'static [Place], ending: CancellationToken) -> anyhow::Result<()> {
    while !ending.is_cancelled() {
        if let Err(error) = idempotency::sweep(&core.db, core.clock.now()).await {
            tracing::warn!(%error, "old answers could not be swept");
        }
        if let Err(error) = privacy::sweep(&core, places).await {
            tracing::warn!(%error, "what was written about forgotten people could not be blanked");
        }
        tokio::select! {
            () = ending.cancelled() => {}
            () = tokio::time::sleep(SWEEP) => {}
        }
    }
    Ok(())
}
