//! Accounts to try the demo with: one for every role, one for every technician, and a partner's program. Their password is
//! made once for each data folder and kept there, readable by its owner only.

use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use anyhow::Context as _;
use common::{record::Role, run::Host};
use gateway::{Admin, Config, NewAccount};
use proto::aftercare::dispatch::v1::ListTechniciansRequest;

use super::doors::Doorkeeper;

/// The file in the data folder.
pub const FILE: &str = "demo-accounts.txt";

/// Name, role, organisation unit, and what to say of it.
const PEOPLE: [(&str, Role, &str, &str); 10] = [
    ("admin", Role::Admin, "head-office", "runs the platform"),
    ("manager", Role::Manager, "head-office", "head office, sees everything"),
    ("manager-east", Role::Manager, "office-east", "one region only"),
    ("supervisor", Role::Supervisor, "head-office", "approves"),
    ("agent", Role::Agent, "head-office", "takes calls"),
    ("dispatcher", Role::Dispatcher, "head-office", "plans visits"),
    ("dispatcher-east", Role::Dispatcher, "office-east", "one region only"),
    ("warehouse", Role::Warehouse, "head-office", "keeps the stores"),
    ("quality", Role::Quality, "head-office", "judges complaints"),
    ("finance", Role::Finance, "head-office", "settles fees"),
];
/// The partner of the demo.
const PARTNER: &str = "demo-partner";

/// Makes the accounts, unless the data folder has them, and gives the text of the file.
///
/// # Errors
///
/// When a service refuses, or the file cannot be written.
pub async fn ensure(host: &Host, keeper: &Doorkeeper, folder: &Path) -> anyhow::Result<String> {
    let file = folder.join(FILE);
    if file.exists() {
        return std::fs::read_to_string(&file).with_context(|| file.display().to_string());
    }
    let core = host.core(gateway::NAME).context("the gateway is not in this process")?;
    let config = host.sources().load::<Config>(gateway::NAME, gateway::DEFAULTS)?.service;
    let admin = Admin::new(core.clone(), config)?;
    let password = Admin::password();
    let hashed = admin.hash(&password).await?;
    let mut text = format!("Accounts of this data folder; all have the same password.\npassword: {password}\n\n");
    let account = |username: &str, role: Role, unit: &str| NewAccount {
        username: username.to_owned(),
        display_name: username.to_owned(),
        role,
        org_unit_id: unit.to_owned(),
        person_id: String::new(),
        partner_id: String::new(),
    };
    for (username, role, unit, about) in PEOPLE {
        admin.account(account(username, role, unit), &hashed, false).await?;
        text.push_str(&format!("{username:<16} {about}\n"));
    }
    let partner = NewAccount { partner_id: PARTNER.to_owned(), ..account("partner", Role::Partner, "head-office") };
    admin.account(partner, &hashed, false).await?;
    text.push_str(&format!("{:<16} sees what the partner's program made\n", "partner"));
    let mut doors = keeper.open("demo-manager", Role::Manager);
    let request = ListTechniciansRequest { page_size: 500, ..Default::default() };
    let technicians = doors.dispatch.list_technicians(request).await?.into_inner().technicians;
    let mut first = String::new();
    for technician in technicians {
        let username = technician.number.to_lowercase();
        let new = NewAccount {
            display_name: technician.name,
            person_id: technician.technician_id,
            ..account(&username, Role::Technician, &technician.org_unit_id)
        };
        admin.account(new, &hashed, false).await?;
        if first.is_empty() {
            first = username;
        }
    }
    text.push_str(&format!("{first:<16} a technician; every other one by the number of the badge\n\n"));
    let (client, secret) = admin.client("Demo partner's program", PARTNER, "head-office").await?;
    text.push_str(&format!("partner's program: client_id {client}\nAPI key and client_secret: {secret}\n"));
    // Whole or not at all: a half-written file would pass for the accounts.
    let half = folder.join("demo-accounts.half");
    let mut out = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    std::fs::rename(&half, &file)?;
    Ok(text)
}
