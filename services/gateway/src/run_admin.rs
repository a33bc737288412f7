//! The command `admin`, of the gateway's own binary and of the one process.

use std::io::Read as _;

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use common::{config::Sources, record::Role, run::open};

use crate::{Config, DEFAULTS, Gateway, NAME, NewAccount, identity::admin::Admin as Maker};

/// What is done with accounts and keys on the command line.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Makes an account. Its password is to be changed at the first sign-in, unless a program is to use it.
    Create {
        /// Name to sign in with.
        #[arg(long)]
        username: String,
        /// What the person acts as: admin, manager, supervisor, agent, dispatcher, technician, warehouse, quality, finance, partner.
        #[arg(long, default_value = "admin")]
        role: String,
        /// Organisation unit that the person works for.
        #[arg(long, default_value = "head-office")]
        org_unit: String,
        /// Name to show; the username if it is left out.
        #[arg(long)]
        display_name: Option<String>,
        /// The person's record elsewhere: a technician's id.
        #[arg(long, default_value = "")]
        person: String,
        /// The partner that the person works for.
        #[arg(long, default_value = "")]
        partner: String,
        /// Reads the first password from standard input instead of making one.
        #[arg(long)]
        password_stdin: bool,
        /// The password stays: for an account that a program signs in with.
        #[arg(long)]
        lasting_password: bool,
    },
    /// Adds a signing key; the present one goes on verifying what it signed.
    RotateKeys {
        /// What it signs: access (tokens) or link (public links).
        #[arg(long, default_value = "access")]
        purpose: String,
        /// The present key stops at once: after a leak. Everybody refreshes; links have to be made again.
        #[arg(long)]
        now: bool,
    },
}

/// Runs a command on accounts or keys and gives what is to be printed.
///
/// # Errors
///
/// When it is refused, or the database cannot be opened.
pub async fn admin(sources: &Sources, command: Admin) -> anyhow::Result<String> {
    let opened = open::<Gateway>(sources).await?;
    opened.must_be_current::<Gateway>().await?;
    let config = sources.load::<Config>(NAME, DEFAULTS)?.service;
    let maker = Maker::new(opened.core, config)?;
    match command {
        Admin::Create { username, role, org_unit, display_name, person, partner, password_stdin, lasting_password } => {
            let role = Role::parse(&role).with_context(|| format!("{role} is no role"))?;
            let given = if password_stdin { Some(first_line()?) } else { None };
            let password = given.clone().unwrap_or_else(Maker::password);
            let hashed = maker.hash(&password).await?;
            let new = NewAccount {
                display_name: display_name.unwrap_or_else(|| username.clone()),
                username: username.clone(),
                role,
                org_unit_id: org_unit,
                person_id: person,
                partner_id: partner,
            };
            let id = maker.account(new, &hashed, !lasting_password).await?;
            let said = if given.is_some() { String::new() } else { format!("\nfirst password: {password}") };
            let then = if lasting_password { "stays" } else { "is to be changed at the first sign-in" };
            Ok(format!("account {username} ({id}) is made; its password {then}{said}"))
        }
        Admin::RotateKeys { purpose, now } => {
            let key = maker.rotate(&purpose, now).await?;
            Ok(format!("{key} signs {} on", if now { "from now" } else { "from a minute from now" }))
        }
    }
}

fn first_line() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().take(1000).read_to_string(&mut text)?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    ensure!(!line.is_empty(), "standard input holds no password");
    Ok(line)
}
