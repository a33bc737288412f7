//! The command line of a service's binary, and [`Host`]: one or several services in one process.
//!
//! ```text
//! fn main() -> std::process::ExitCode {
//!     common::run::<dispatch::Dispatch>()
//! }
//! ```

use std::{io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::{
    config::Sources,
    dead_letters,
    service::{Command as OwnCommand, Core, Definition},
    telemetry,
};

mod checks;
mod events;
mod host;
mod open;
mod peers;
pub mod reconcile;

pub use checks::check;
pub use host::{Host, LIVENESS, READINESS, Running, SchemaPolicy};
pub use open::{Opened, migrate, open};
pub use peers::{Balanced, channel};

/// The allocator of every binary: the system's keeps memory that a burst of calls once needed.
#[cfg(not(test))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What stands on the command line.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
struct Line {
    /// File with settings; see `config/default.toml` for the keys. The environment wins over it.
    #[arg(long, global = true, env = "AFTERCARE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Serves until it is stopped. Refuses to start on a database whose migrations did not run.
    Serve,
    /// Runs pending migrations.
    Migrate,
    /// Checks settings, database and bus, and says what is wrong.
    Check,
    /// Events that could not be handled.
    #[command(subcommand)]
    DeadLetters(DeadLetters),
}

#[derive(Debug, Subcommand)]
enum DeadLetters {
    /// Lists them.
    List,
    /// Hands them to their consumer again: one, or all.
    Replay {
        /// Id of the event.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        event: Option<String>,
        /// All of them, in order.
        #[arg(long)]
        all: bool,
    },
}

/// Runs the binary of a service.
#[must_use]
pub fn run<D: Definition>() -> ExitCode {
    let own = D::commands();
    let name = format!("aftercare-{}", D::NAME.replace('_', "-"));
    let mut line = Line::command().name(D::NAME).bin_name(name).about(format!("Aftercare: the service {}", D::NAME));
    for command in &own {
        line = line.subcommand(clap::Command::new(command.name).about(command.about));
    }
    let matches = line.get_matches();
    let config = matches.get_one::<PathBuf>("config").cloned();
    let asked = matches.subcommand_name().and_then(|name| own.iter().find(|command| command.name == name)).copied();
    block_on(async move {
        let sources = sources(&[D::NAME], config)?;
        match asked {
            Some(command) => run_own::<D>(&sources, command).await,
            None => {
                let line = Line::from_arg_matches(&matches)?;
                run_action::<D>(sources, line.command).await
            }
        }
    })
}

/// The configuration sources of a process: the file, then the environment.
///
/// # Errors
///
/// When the file cannot be read.
pub fn sources(services: &[&str], file: Option<PathBuf>) -> anyhow::Result<Sources> {
    let mut sources = Sources::new(services);
    if let Some(file) = file {
        sources = sources.file(&file)?;
    }
    Ok(sources.environment(
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
    ))
}

/// Runs the main function of a binary on a runtime of its own and says on standard error why it failed.
#[must_use]
pub fn block_on(main: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let result = runtime.block_on(async {
        let result = main.await;
        telemetry::stop().await;
        result
    });
    // Whatever still blocks a thread must not hold the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {error:#}");
    ExitCode::FAILURE
}

/// Prints to standard output; a reader that went away is no failure.
pub fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

async fn run_action<D: Definition>(sources: Sources, action: Action) -> anyhow::Result<()> {
    match action {
        Action::Serve => {
            let mut host = Host::new(D::NAME, D::DEFAULTS, sources)?;
            host.life().obey_signals();
            let settings = host.add::<D>(SchemaPolicy::MustBeCurrent).await?;
            host.port_for(D::NAME, &settings).await?;
            host.start().await?.wait().await
        }
        Action::Migrate => {
            for name in migrate::<D>(&sources).await? {
                print(&name);
            }
            print("the database is up to date");
            Ok(())
        }
        Action::Check => {
            let report = check::<D>(&sources).await?;
            print(&report.join("\n"));
            Ok(())
        }
        Action::DeadLetters(action) => {
            let opened = open::<D>(&sources).await?;
            opened.must_be_current::<D>().await?;
            run_dead_letters(&opened.core, action).await
        }
    }
}

async fn run_own<D: Definition>(sources: &Sources, command: OwnCommand) -> anyhow::Result<()> {
    let opened = open::<D>(sources).await?;
    opened.must_be_current::<D>().await?;
    print(&(command.run)(opened.core).await?);
    Ok(())
}

async fn run_dead_letters(core: &Core, action: DeadLetters) -> anyhow::Result<()> {
    match action {
        DeadLetters::List => {
            let letters = dead_letters::list(&core.db).await?;
            for letter in &letters {
                print(&format!(
                    "{} {} {} version {}: {} ({} tries, parked {})",
                    letter.event_id,
                    letter.consumer,
                    letter.aggregate_id,
                    letter.aggregate_version,
                    letter.error,
                    letter.deliveries,
                    letter.parked_at.to_rfc3339(),
                ));
            }
            print(&format!("{} dead letters", letters.len()));
        }
        DeadLetters::Replay { event, .. } => {
            let which = event.as_deref().map_or(dead_letters::Which::All, dead_letters::Which::Event);
            let asked = dead_letters::replay(&core.db, core.clock.now(), core.service, which).await?;
            print(&format!("{asked} dead letters will be handled again by the running service"));
        }
    }
    Ok(())
}
