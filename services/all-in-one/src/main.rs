//! The binary `aftercare`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use all_in_one::{SERVICES, data_folder, demo, door, services};
use anyhow::ensure;
use clap::{Parser, Subcommand};
use common::{
    clock::Clock,
    config::Sources,
    id::Ids,
    run::{block_on, print, sources},
};

/// Aftercare in one process.
#[derive(Debug, Parser)]
#[command(name = "aftercare", version, disable_help_subcommand = true)]
struct Line {
    /// File with settings; see the services' `config/default.toml` for the keys. The environment wins over it.
    #[arg(long, global = true, env = "AFTERCARE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the databases are.
    #[arg(long, global = true, env = "AFTERCARE_DATA", value_name = "FOLDER", default_value = "data")]
    data: PathBuf,
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Serves until it is stopped; runs pending migrations first.
    Serve {
        /// Fill an empty data folder with demo data before serving.
        #[arg(long)]
        demo: bool,
    },
    /// Runs pending migrations.
    Migrate,
    /// Fills an empty data folder with demo data.
    Demo,
    /// Checks settings and databases, and says what is wrong.
    Check,
    /// The audit trail.
    #[command(subcommand)]
    Audit(gateway::run::Audit),
    /// Accounts and keys.
    #[command(subcommand)]
    Admin(gateway::run_admin::Admin),
}

fn main() -> ExitCode {
    let line = Line::parse();
    block_on(async move {
        let sources = data_folder(sources(&SERVICES, line.config)?, &line.data)?;
        match line.command {
            Action::Serve { demo } => {
                if demo && !has_data(&line.data)? {
                    fill(sources.clone(), &line.data).await?;
                }
                serve(sources, demo.then_some(&*line.data)).await
            }
            Action::Migrate => {
                services(sources, Clock::system(), Ids::random()).await?;
                print("the databases are up to date");
                Ok(())
            }
            Action::Demo => {
                ensure!(
                    !has_data(&line.data)?,
                    "{} is not empty: demo data goes into an empty folder",
                    line.data.display()
                );
                fill(sources, &line.data).await
            }
            Action::Admin(command) => {
                print(&gateway::run_admin::admin(&sources, command).await?);
                Ok(())
            }
            Action::Audit(command) => {
                print(&gateway::run::audit(&sources, command).await?);
                Ok(())
            }
            Action::Check => {
                let host = services(sources, Clock::system(), Ids::random()).await?;
                for service in SERVICES {
                    if let Some(core) = host.core(service) {
                        core.db.ping().await?;
                        print(&format!("{service}: settings and database are in order"));
                    }
                }
                Ok(())
            }
        }
    })
}

/// Serves; `shown` is the data folder whose accounts are shown.
async fn serve(sources: Sources, shown: Option<&Path>) -> anyhow::Result<()> {
    let mut host = services(sources, Clock::system(), Ids::random()).await?;
    host.life().obey_signals();
    let address = door(&mut host).await?;
    let accounts = match shown {
        Some(folder) => demo::accounts::ensure(&host, &demo::doorkeeper(&host)?, folder).await?,
        None => String::new(),
    };
    let running = host.start().await?;
    print(&format!(
        "Aftercare is running.\n\n  \
         http://{address}/                       where to begin\n  \
         http://{address}/docs                   every RPC, with its rules\n  \
         http://{address}/openapi.json           OpenAPI 3.1\n  \
         http://{address}/v1/service-requests    the latest cases\n  \
         http://{admin}/metrics                  metrics (also /livez, /readyz)\n\n\
         Sign in, then call with the access token of the answer:\n  \
         curl -s http://{address}/v1/sign-in -H 'content-type: application/json' -d '{{\"username\": \"agent\", \"password\": \"…\"}}'\n  \
         curl -s 'http://{address}/v1/service-requests?page_size=3' -H 'authorization: Bearer …'\n\n\
         {accounts}\n\
         gRPC and gRPC-Web answer on the same port, with reflection. Ctrl-C stops it; the data stays.",
        admin = running.admin,
    ));
    running.wait().await
}

/// Whether services have kept data there before.
fn has_data(folder: &Path) -> anyhow::Result<bool> {
    Ok(std::fs::read_dir(folder)?.next().is_some())
}

/// Makes the demo data beside the folder and moves it in when it is whole: a half-made demo is never served.
async fn fill(sources: Sources, folder: &Path) -> anyhow::Result<()> {
    let begun = std::time::Instant::now();
    let half = folder.with_extension("half-made");
    if half.exists() {
        std::fs::remove_dir_all(&half)?;
    }
    let clock = Clock::fixed(demo::beginning(Clock::system().now(), demo::FULL));
    let own = sources.text("demo data", "admin = \"127.0.0.1:0\"\n")?;
    let host = services(data_folder(own, &half)?, clock.clone(), Ids::seeded(1)).await?;
    let keeper = demo::doorkeeper(&host)?;
    let cores: Vec<_> = SERVICES.iter().filter_map(|service| host.core(service).cloned()).collect();
    let life = host.life().clone();
    let running = host.start().await?;
    print("making demo data, once:");
    demo::build(&keeper, &cores, &clock, demo::FULL, &|step| print(&format!("  {step}"))).await?;
    life.stop();
    running.wait().await?;
    std::fs::remove_dir(folder)?;
    std::fs::rename(&half, folder)?;
    print(&format!("demo data made in {} s", begun.elapsed().as_secs()));
    Ok(())
}
