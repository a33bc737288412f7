//! The service's own configuration (comments of the keys stand in `config/default.toml`) and the rules made of it.

use std::{collections::BTreeMap, fs, time::Duration as StdDuration};

use anyhow::{Context as _, anyhow, bail};
use chrono::Duration;
use common::{
    calendar::{Calendar, CalendarData, SpecialDays},
    catalog::Language,
    config::duration,
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    SAFETY_SCRIPTS, SLA_POLICIES, WARRANTY_RULES,
    domain::{
        attention::Times,
        ladder::Ladder,
        org::{OrgUnit, OrgUnits},
        request::ApprovalRules,
        sla::{Hours, Policies},
        values::Kind,
        warranty::Rules,
    },
};

/// All of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Customers.
    pub customers: Customers,
    /// Requests.
    pub requests: Requests,
    /// Approvals.
    pub approval: Approvals,
    /// Escalations.
    pub ladder: LadderConfig,
    /// Rules as data.
    pub rules: RuleFiles,
    /// Business hours.
    pub hours: HoursConfig,
    /// Organisation units.
    pub organisation: Organisation,
}

/// Customers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Customers {
    /// Language of a file that names none.
    pub language: String,
    /// Country of telephone numbers that name none.
    pub country: String,
}

/// Requests.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requests {
    /// Until a solved one is closed.
    #[serde(with = "duration")]
    pub auto_close: StdDuration,
    /// How long a quote holds.
    #[serde(with = "duration")]
    pub quote_valid: StdDuration,
    /// How far back duplicates are looked for.
    pub duplicate_days: i32,
    /// Until a release without a work order is told.
    #[serde(with = "duration")]
    pub work_order_within: StdDuration,
}

/// Approvals.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approvals {
    /// Kinds that need it.
    pub kinds: Vec<Kind>,
    /// Quotes that need it.
    pub quote_from_minor: i64,
    /// What a supervisor may approve.
    pub supervisor_limit_minor: i64,
}

/// Escalations.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LadderConfig {
    /// Between reminders.
    #[serde(with = "duration")]
    pub remind_every: StdDuration,
    /// To the supervisor.
    #[serde(with = "duration")]
    pub to_supervisor: StdDuration,
    /// To the manager.
    #[serde(with = "duration")]
    pub to_manager: StdDuration,
    /// To head office.
    #[serde(with = "duration")]
    pub to_head_office: StdDuration,
}

/// Files that replace the rules built in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFiles {
    /// SLA policies.
    pub sla: String,
    /// Warranty rules.
    pub warranty: String,
    /// Safety scripts.
    pub safety: String,
}

/// Business hours.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoursConfig {
    /// The zone.
    pub time_zone: String,
    /// Holidays.
    pub special_days: String,
    /// Opening hours.
    pub open: Vec<common::calendar::Hours>,
}

/// Organisation units.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// Parents before children.
    pub units: Vec<OrgUnit>,
}

/// What an agent says at once in an emergency.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// The rules, read and checked.
#[derive(Clone, Debug)]
pub struct RuleBook {
    /// Language of a file that names none.
    pub language: String,
    /// Country of telephone numbers that name none.
    pub country: phonenumber::country::Id,
    /// How long a quote holds.
    pub quote_valid: Duration,
    /// How far back duplicates are looked for, in days.
    pub duplicate_days: i32,
    /// Approvals.
    pub approval: ApprovalRules,
    /// Escalations.
    pub ladder: Ladder,
    /// Automatic times of a request.
    pub times: Times,
    /// SLA policies.
    pub policies: Policies,
    /// Calendars.
    pub hours: Hours,
    /// Warranty.
    pub warranty: Rules,
    /// Safety scripts by fault code.
    pub safety: BTreeMap<String, Script>,
    /// Organisation units.
    pub org_units: OrgUnits,
}

impl RuleBook {
    /// Reads and checks the rules.
    ///
    /// # Errors
    ///
    /// Says what makes no sense.
    pub fn read(config: Config) -> anyhow::Result<Self> {
        let policies: Policies = data("SLA policies", &config.rules.sla, SLA_POLICIES)?;
        let warranty: Rules = data("warranty rules", &config.rules.warranty, WARRANTY_RULES)?;
        if let Some(fault) = policies.fault().or_else(|| warranty.fault()) {
            bail!("{fault}");
        }
        let org_units = OrgUnits::new(config.organisation.units).map_err(|fault| anyhow!(fault))?;
        let country = config.customers.country.parse();
        Ok(Self {
            language: config.customers.language,
            country: country.map_err(|_| anyhow!("{} is no country code", config.customers.country))?,
            quote_valid: span(config.requests.quote_valid)?,
            duplicate_days: config.requests.duplicate_days,
            approval: ApprovalRules {
                kinds: config.approval.kinds,
                quote_from_minor: config.approval.quote_from_minor,
                supervisor_limit_minor: config.approval.supervisor_limit_minor,
            },
            ladder: Ladder {
                remind_every: span(config.ladder.remind_every)?,
                to_supervisor: span(config.ladder.to_supervisor)?,
                to_manager: span(config.ladder.to_manager)?,
                to_head_office: span(config.ladder.to_head_office)?,
            },
            times: Times {
                auto_close: span(config.requests.auto_close)?,
                work_order_within: span(config.requests.work_order_within)?,
            },
            hours: hours(&config.hours, &org_units)?,
            safety: data("safety scripts", &config.rules.safety, SAFETY_SCRIPTS)?,
            policies,
            warranty,
            org_units,
        })
    }

    /// What an agent says at once; empty when the fault is no emergency.
    #[must_use]
    pub fn safety_script(&self, fault_code: &str, language: Language) -> &str {
        self.safety.get(fault_code).map_or("", |script| match language {
            Language::English => &script.en,
            Language::Chinese => &script.zh,
        })
    }
}

fn data<T: DeserializeOwned>(what: &str, file: &str, built_in: &str) -> anyhow::Result<T> {
    let text = if file.is_empty() {
        built_in.to_owned()
    } else {
        fs::read_to_string(file).with_context(|| format!("cannot read the {what} in {file}"))?
    };
    toml::from_str(&text).with_context(|| format!("the {what} cannot be understood"))
}

fn hours(config: &HoursConfig, units: &OrgUnits) -> anyhow::Result<Hours> {
    let special_days = match config.special_days.as_str() {
        "china" => SpecialDays::china()?,
        "none" => SpecialDays::default(),
        other => bail!("hours.special_days is \"china\" or \"none\", not {other:?}"),
    };
    let calendar = |time_zone: &str| {
        Calendar::try_from(CalendarData {
            version: format!("configured, special days {}", config.special_days),
            time_zone: time_zone.to_owned(),
            hours: config.open.clone(),
            makeup_hours: Vec::new(),
            special_days: special_days.clone(),
        })
    };
    let of_unit = |unit: &OrgUnit| Ok((unit.id.clone(), calendar(&unit.time_zone)?));
    Ok(Hours {
        units: units.all().iter().map(of_unit).collect::<common::Result<_>>()?,
        usual: calendar(&config.time_zone)?,
        always: Calendar::always(&config.time_zone)?,
    })
}

fn span(time: StdDuration) -> anyhow::Result<Duration> {
    Duration::from_std(time).context("a configured time is too long")
}
