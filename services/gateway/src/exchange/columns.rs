//! What the columns of an imported table mean: `data/imports.toml`, and how cells become a request.

use std::collections::BTreeMap;

use anyhow::Context as _;
use chrono::NaiveDate;
use common::{Error, Result, catalog::Language};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    domain::exchange::Imported,
    error::{CELL_MISSING, CELL_UNREADABLE, COLUMN_MISSING, COLUMN_TWICE, COLUMN_UNKNOWN},
};

const DATA: &str = include_str!("../../data/imports.toml");

/// How a cell becomes its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Type {
    Text,
    Texts,
    Whole,
    Decimal,
    Flag,
    Day,
    Instant,
    Cents,
    Choice,
    Skills,
}

impl Type {
    /// What a cell of it must be, as a fact of the refusal.
    fn expected(self) -> &'static str {
        match self {
            Self::Text | Self::Texts => "text",
            Self::Whole => "123",
            Self::Decimal | Self::Cents => "12.34",
            Self::Flag => "yes / no",
            Self::Day | Self::Instant => "2026-03-01",
            Self::Choice => "",
            Self::Skills => "code:level",
        }
    }
}

/// Records that people name by something else than their id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Find {
    CustomerByPhone,
    ServicePointByName,
}

/// One column.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Column {
    pub(crate) path: String,
    pub(crate) r#type: Type,
    en: String,
    zh: String,
    #[serde(default)]
    also: Vec<String>,
    #[serde(default)]
    pub(crate) required: bool,
    #[serde(default)]
    pub(crate) once: bool,
    #[serde(default)]
    pub(crate) find: Option<Find>,
    pub(crate) example: String,
    #[serde(default)]
    choices: BTreeMap<String, Vec<String>>,
}

impl Column {
    /// Its heading in a template.
    pub(crate) fn title(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en,
            Language::Chinese => &self.zh,
        }
    }

    fn is_called(&self, heading: &str) -> bool {
        let heading = plain(heading);
        let path = self.find.is_none().then(|| self.path.replace(".*", "").replace(".0", ""));
        path.iter().chain([&self.en, &self.zh]).chain(&self.also).any(|name| plain(name) == heading)
    }
}

/// Without what people write this way or that.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_whitespace() && !matches!(letter, '_' | '*' | '-' | '(' | ')' | '（' | '）'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// One kind of import.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// The service that makes the records.
    pub(crate) service: String,
    /// Its RPC.
    pub(crate) rpc: String,
    pub(crate) columns: Vec<Column>,
}

/// All kinds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plans {
    customers: Plan,
    products: Plan,
    parts: Plan,
    technicians: Plan,
}

impl Plans {
    /// Reads the embedded data.
    pub(crate) fn read() -> anyhow::Result<Self> {
        toml::from_str(DATA).context("data/imports.toml")
    }

    /// The RPCs that make the records.
    pub(crate) fn rpcs(&self) -> [&str; 4] {
        [&self.customers, &self.products, &self.parts, &self.technicians].map(|plan| plan.rpc.as_str())
    }

    /// The plan of a kind.
    pub(crate) fn of(&self, kind: Imported) -> &Plan {
        match kind {
            Imported::Customers => &self.customers,
            Imported::Products => &self.products,
            Imported::Parts => &self.parts,
            Imported::Technicians => &self.technicians,
        }
    }
}

/// A fault of one cell, at its place.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Place of the column in the file, from 0; `None` for the whole line.
    pub(crate) place: Option<usize>,
    /// What is wrong.
    pub(crate) error: Error,
}

/// A file's headings, understood.
#[derive(Clone, Debug)]
pub(crate) struct Layout<'p> {
    plan: &'p Plan,
    /// The columns of the file in their order.
    pub(crate) columns: Vec<&'p Column>,
    heading: Vec<String>,
}

/// A line as the request that makes its record, with what must be looked up first.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) request: Map<String, Value>,
    /// Place, what to look up, and where its id goes.
    pub(crate) wanted: Vec<(usize, Find, String, String)>,
}

impl<'p> Layout<'p> {
    /// Understands the headings of a file, or says everything that is wrong with them.
    pub(crate) fn of(plan: &'p Plan, heading: &[String]) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut columns: Vec<&Column> = Vec::new();
        for (place, name) in heading.iter().enumerate() {
            let fault = |reason| Fault { place: Some(place), error: Error::new(reason).with("heading", name) };
            match plan.columns.iter().find(|column| column.is_called(name)) {
                None => faults.push(fault(COLUMN_UNKNOWN)),
                Some(column) if columns.iter().any(|other| std::ptr::eq(*other, column)) => {
                    faults.push(fault(COLUMN_TWICE));
                }
                Some(column) => columns.push(column),
            }
        }
        let missing = plan
            .columns
            .iter()
            .filter(|column| column.required && !columns.iter().any(|there| std::ptr::eq(*there, *column)));
        faults.extend(
            missing.map(|column| Fault { place: None, error: Error::new(COLUMN_MISSING).with("heading", &column.en) }),
        );
        if faults.is_empty() { Ok(Self { plan, columns, heading: heading.to_vec() }) } else { Err(faults) }
    }

    /// The heading at a place, as it stands in the file.
    pub(crate) fn heading(&self, place: usize) -> &str {
        self.heading.get(place).map_or("", String::as_str)
    }

    /// The place of the column that fills a field of the request, `phones[0].number`.
    pub(crate) fn place_of(&self, field: &str) -> Option<usize> {
        let field: Vec<&str> = field.split(['.', '[', ']']).filter(|part| !part.is_empty()).collect();
        let matches = |column: &&Column| {
            let path: Vec<&str> = column.path.split('.').collect();
            let both = path.len().min(field.len());
            both > 0 && path.iter().zip(&field).all(|(own, asked)| *own == "*" || own == asked)
        };
        self.columns.iter().position(matches)
    }

    /// The line as a request, or everything that is wrong with its cells.
    pub(crate) fn make(&self, cells: &[String]) -> Result<Made, Vec<Fault>> {
        let mut made = Made { request: Map::new(), wanted: Vec::new() };
        let mut faults = Vec::new();
        for (place, column) in self.columns.iter().enumerate() {
            let text = cells.get(place).map_or("", String::as_str);
            if text.is_empty() {
                if column.required {
                    let error = Error::new(CELL_MISSING).with("heading", self.heading(place));
                    faults.push(Fault { place: Some(place), error });
                }
                continue;
            }
            if let Some(find) = column.find {
                made.wanted.push((place, find, text.to_owned(), column.path.clone()));
                continue;
            }
            if !fill(&mut made.request, column, text) {
                let choices = || column.choices.values().filter_map(|names| names.first()).cloned();
                let expected = match column.r#type {
                    Type::Choice => choices().collect::<Vec<_>>().join(" / "),
                    other => other.expected().to_owned(),
                };
                let error = Error::new(CELL_UNREADABLE).with("heading", self.heading(place)).with("expected", expected);
                faults.push(Fault { place: Some(place), error });
            }
        }
        if let Some(extra) = cells.iter().skip(self.columns.len()).position(|cell| !cell.is_empty()) {
            let error = Error::new(COLUMN_UNKNOWN).with("heading", "");
            faults.push(Fault { place: Some(self.columns.len() + extra), error });
        }
        if faults.is_empty() { Ok(made) } else { Err(faults) }
    }

    /// The RPC that makes the records.
    pub(crate) fn rpc(&self) -> &str {
        &self.plan.rpc
    }
}

/// Puts a cell into the request; `false` when it is not what its column holds.
fn fill(request: &mut Map<String, Value>, column: &Column, text: &str) -> bool {
    let value = match column.r#type {
        Type::Text => json!(text),
        Type::Texts => {
            let items = text.split([';', '；', '、']).map(str::trim).filter(|item| !item.is_empty());
            json!(items.collect::<Vec<_>>())
        }
        Type::Whole => match text.replace(',', "").parse::<i64>() {
            Ok(number) => json!(number),
            Err(_) => return false,
        },
        Type::Decimal => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => json!(number),
            _ => return false,
        },
        Type::Flag => match plain(text).as_str() {
            "yes" | "y" | "true" | "1" | "x" | "是" | "有" | "√" => json!(true),
            "no" | "n" | "false" | "0" | "否" | "无" => json!(false),
            _ => return false,
        },
        Type::Day => match day(text) {
            Some(day) => json!(day.to_string()),
            None => return false,
        },
        Type::Instant => match day(text) {
            Some(day) => json!(format!("{day}T00:00:00Z")),
            None => return false,
        },
        Type::Cents => match cents(text) {
            Some(cents) => {
                let currency = request.get("price").and_then(|price| price["currency_code"].as_str()).unwrap_or("CNY");
                json!({ "minor_units": cents, "currency_code": currency })
            }
            None => return false,
        },
        Type::Choice => match choice(column, text) {
            Some(name) => json!(name),
            None => return false,
        },
        Type::Skills => match skills(text) {
            Some(skills) => skills,
            None => return false,
        },
    };
    let path: Vec<&str> = column.path.split('.').collect();
    set(request, &path, value);
    true
}

/// Sets a value at a path; `*` spreads a list over the elements, a number is a place in a list.
fn set(object: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => {
            object.insert((*name).to_owned(), value);
        }
        [name, "*"] => {
            object.insert((*name).to_owned(), value);
        }
        [name, "*", inner @ ..] => {
            let Value::Array(values) = value else { return };
            let elements = values.into_iter().map(|value| {
                let mut element = Map::new();
                set(&mut element, inner, value);
                Value::Object(element)
            });
            object.insert((*name).to_owned(), Value::Array(elements.collect()));
        }
        [name, "0", inner @ ..] => {
            let list = object.entry((*name).to_owned()).or_insert_with(|| json!([{}]));
            if let Some(Value::Object(first)) = list.as_array_mut().and_then(|list| list.first_mut()) {
                set(first, inner, value);
            }
        }
        [name, inner @ ..] => {
            let below = object.entry((*name).to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = below {
                set(below, inner, value);
            }
        }
    }
}

/// A date as people write it: 2026-03-01, 2026/3/1, 2026.3.1, 2026年3月1日, 20260301.
fn day(text: &str) -> Option<NaiveDate> {
    let text = text.split(['T', ' ']).next().unwrap_or_default();
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return NaiveDate::parse_from_str(text, "%Y%m%d").ok();
    }
    let parts: Vec<&str> = text.split(['-', '/', '.', '年', '月', '日']).filter(|part| !part.is_empty()).collect();
    let [year, month, day] = parts[..] else { return None };
    if year.len() != 4 {
        return None;
    }
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// An amount in minor units, without a detour over fractions of two.
fn cents(text: &str) -> Option<i64> {
    let text = text.trim_start_matches(['¥', '￥']).replace(',', "");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 2 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<2}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(fraction)
}

fn choice(column: &Column, text: &str) -> Option<String> {
    let wanted = plain(text);
    let called = |(name, others): &(&String, &Vec<String>)| {
        plain(name) == wanted || others.iter().any(|other| plain(other) == wanted)
    };
    column.choices.iter().find(called).map(|(name, _)| name.clone())
}

/// `code:level`, several of them; a skill without a level is of the first.
fn skills(text: &str) -> Option<Value> {
    let mut skills = Vec::new();
    for item in text.split([';', '；', '、']).map(str::trim).filter(|item| !item.is_empty()) {
        let (code, level) = item.split_once([':', '：']).unwrap_or((item, "1"));
        skills.push(json!({ "code": code.trim(), "level": level.trim().parse::<i32>().ok()? }));
    }
    Some(Value::Array(skills))
}
