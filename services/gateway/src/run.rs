//! The command line of the gateway's own process.

mod reconcile;
mod smoke;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use common::{
    config::Sources,
    run::{Host, SchemaPolicy, block_on, open, print, sources},
};

use crate::{
    Config, DEFAULTS, Gateway, NAME,
    contract::Contract,
    openapi,
    rest::table::Table,
    run_admin::{Admin, admin},
};

/// The public door of Aftercare.
#[derive(Debug, Parser)]
#[command(name = "aftercare-gateway", version, disable_help_subcommand = true)]
struct Line {
    /// File with settings; see `config/default.toml` for the keys. The environment wins over it.
    #[arg(long, global = true, env = "AFTERCARE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Serves until it is stopped.
    Serve,
    /// Runs pending migrations.
    Migrate,
    /// Checks the settings and says what is wrong.
    Check,
    /// Prints the OpenAPI document.
    Openapi,
    /// The audit trail.
    #[command(subcommand)]
    Audit(Audit),
    /// Accounts and keys.
    #[command(subcommand)]
    Admin(Admin),
    /// Compares what the services know of each other, after a database was restored; fails when records are missing.
    Reconcile {
        /// Let owners tell again what others have missed.
        #[arg(long)]
        mend: bool,
    },
    /// Takes one case through a running platform, from the call to the work order, and cancels it; fails when it does not
    /// go through.
    Smoke(smoke::Smoke),
}

/// What is done with the audit trail on the command line.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Checks the whole trail; fails and says where when it was meddled with.
    Verify {
        /// An anchor out of the log, to compare with: shows a tail that was cut off together with its anchors.
        #[arg(long = "anchor", value_name = "SEQ:HASH")]
        anchors: Vec<String>,
    },
}

/// Runs a command on the audit trail and gives what is to be printed.
///
/// # Errors
///
/// When the trail was meddled with, or the database cannot be opened.
pub async fn audit(sources: &Sources, command: Audit) -> anyhow::Result<String> {
    let Audit::Verify { anchors } = command;
    let opened = open::<Gateway>(sources).await?;
    opened.must_be_current::<Gateway>().await?;
    let config = sources.load::<Config>(NAME, DEFAULTS)?.service.audit;
    crate::verify_audit(&opened.core, &config, &anchors).await
}

/// Runs the gateway's binary.
#[must_use]
pub fn run() -> ExitCode {
    let line = Line::parse();
    block_on(async move {
        let sources = sources(&[NAME], line.config)?;
        match line.command {
            Action::Serve => {
                let mut host = Host::new(NAME, DEFAULTS, sources)?;
                host.life().obey_signals();
                host.add::<Gateway>(SchemaPolicy::MustBeCurrent).await?;
                crate::add(&mut host, Vec::new()).await?;
                host.start().await?.wait().await
            }
            Action::Migrate => {
                for name in common::run::migrate::<Gateway>(&sources).await? {
                    print(&name);
                }
                print("the database is up to date");
                Ok(())
            }
            Action::Check => {
                print(&common::run::check::<Gateway>(&sources).await?.join("\n"));
                Ok(())
            }
            Action::Admin(command) => {
                print(&admin(&sources, command).await?);
                Ok(())
            }
            Action::Audit(command) => {
                print(&audit(&sources, command).await?);
                Ok(())
            }
            Action::Reconcile { mend } => reconcile::run(&sources, mend).await,
            Action::Smoke(asked) => smoke::run(asked).await,
            Action::Openapi => {
                let contract = Contract::read(proto::DESCRIPTORS)?;
                let table = Table::read(&contract.rpcs)?;
                print(&serde_json::to_string_pretty(&openapi::document(&contract, &table))?);
                Ok(())
            }
        }
    })
}
