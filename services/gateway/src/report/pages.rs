//! The report on paper: which facts stand where. What is empty is left out, heading and all.

use chrono::{DateTime, Utc};
use common::{catalog::Language, convert::optional_instant};
use jiff::{Timestamp, tz::TimeZone};
use paper::{About, Column, Paper, PaperError, Picture};
use prost_types::Timestamp as Stamp;
use proto::aftercare::{
    common::v1::{Address, Money, TimeWindow},
    dispatch::v1::{PartUse, Signature, SiteRecord, WorkOrderState},
    intake::v1::{Product, ServiceRequest},
};

use super::{
    case::{Case, Pictures},
    words::{Codes, Labels, Text, Words, spoken},
};

/// Currencies without a smaller unit (ISO 4217).
const WHOLE: [&str; 5] = ["JPY", "KRW", "VND", "CLP", "ISK"];

/// Writes the report. Takes milliseconds of a processor.
///
/// # Errors
///
/// When the document cannot be written.
pub(super) fn write(
    case: &Case,
    pictures: Pictures,
    words: &Words,
    language: Language,
    zone: &TimeZone,
) -> Result<Vec<u8>, PaperError> {
    let order = &case.order;
    let labels = &words.labels;
    // Its place's own time.
    let local = case.technician.as_ref().and_then(|technician| TimeZone::get(&technician.time_zone).ok());
    let title = format!("{} {}", labels.title.of(language), order.number);
    let ended = instant(order.completed_at.as_ref().or(order.update_time.as_ref())).unwrap_or_default();
    let about = About { title, language: language.tag().to_owned(), date: ended, foot: order.number.clone() };
    let mut report =
        Report { paper: Paper::new(about)?, words, labels, language, zone: local.unwrap_or_else(|| zone.clone()) };
    let record = case.record();
    report.paper.title(labels.title.of(language), &order.number);
    report.visit(case, &record);
    report.customer(case.request.as_ref());
    report.product(case.request.as_ref(), case.product.as_ref());
    report.work(case, &record);
    report.receipt(&record, pictures.receipt_signature);
    if let Some(signature) = &record.signature {
        report.paper.heading(report.t(&labels.signature));
        report.signed(signature, pictures.signature);
    }
    report.photos(pictures.photos, record.photos.len());
    report.paper.finish()
}

struct Report<'a> {
    paper: Paper,
    words: &'a Words,
    labels: &'a Labels,
    language: Language,
    zone: TimeZone,
}

impl<'a> Report<'a> {
    fn t(&self, text: &'a Text) -> &'a str {
        text.of(self.language)
    }

    fn code(&self, codes: &Codes, code: &str) -> String {
        spoken(codes, code, self.language)
    }

    fn visit(&mut self, case: &Case, record: &SiteRecord) {
        let (l, order) = (self.labels, &case.order);
        let step = |action: &str| record.steps.iter().find(|step| step.action == action).and_then(|step| step.at);
        let mut result = self.code(&self.words.result, short(order.state().as_str_name(), "WORK_ORDER_STATE_"));
        if order.state() == WorkOrderState::Failed {
            let why = self.code(&self.words.failure, short(order.fail_reason().as_str_name(), "FAIL_REASON_"));
            result = format!("{result}: {why}");
        }
        let window = order.promised_window.or_else(|| order.assignment.as_ref().and_then(|given| given.window));
        let facts = [
            (self.t(&l.work_order), order.number.clone()),
            (self.t(&l.request), order.service_request_number.clone()),
            (self.t(&l.job), self.code(&self.words.job, &order.kind)),
            (self.t(&l.visit_number), order.visit_number.to_string()),
            (self.t(&l.charge), self.code(&self.words.charge, &order.charge_kind)),
            (self.t(&l.result), result),
            (self.t(&l.fee), record.fee_collected.as_ref().map(money).unwrap_or_default()),
            (self.t(&l.technician), case.technician.as_ref().map(|who| who.name.clone()).unwrap_or_default()),
            (self.t(&l.badge), case.technician.as_ref().map(|who| who.number.clone()).unwrap_or_default()),
            (self.t(&l.window), self.window(window.as_ref())),
            (self.t(&l.arrived), self.time(step("arrive").as_ref())),
            (self.t(&l.started), self.time(step("start").as_ref())),
            (self.t(&l.completed), self.time(order.completed_at.as_ref())),
        ];
        self.section(&l.visit, facts);
    }

    fn customer(&mut self, request: Option<&ServiceRequest>) {
        let Some(request) = request else { return };
        let l = self.labels;
        let facts = [
            (self.t(&l.contact), request.contact_name.clone()),
            (self.t(&l.phone), request.contact_phone.clone()),
            (self.t(&l.address), request.address.as_ref().map(address).unwrap_or_default()),
            (self.t(&l.fault), request.description.clone()),
        ];
        self.section(&l.customer, facts);
    }

    fn product(&mut self, request: Option<&ServiceRequest>, product: Option<&Product>) {
        let l = self.labels;
        let facts = match (product, request) {
            (Some(product), _) => vec![
                (self.t(&l.model), product.model.clone()),
                (self.t(&l.serial), product.serial_number.clone()),
                (self.t(&l.purchased), product.purchase_date.clone()),
                (self.t(&l.installed), product.install_date.clone()),
            ],
            (None, Some(request)) => vec![(self.t(&l.model), request.product_text.clone())],
            (None, None) => Vec::new(),
        };
        self.section(&l.product, facts);
    }

    fn work(&mut self, case: &Case, record: &SiteRecord) {
        let l = self.labels;
        if let Some(found) = &record.diagnosis {
            let facts = [
                (self.t(&l.fault_code), found.fault_code.clone()),
                (self.t(&l.cause_code), found.cause_code.clone()),
                (self.t(&l.text), found.text.clone()),
            ];
            self.section(&l.diagnosis, facts);
        }
        if let Some(consent) = &record.consent {
            let agreed = if consent.agreed { &l.yes } else { &l.no };
            let facts = [
                (self.t(&l.proposal), consent.proposal.clone()),
                (self.t(&l.price), consent.price.as_ref().map(money).unwrap_or_default()),
                (self.t(&l.agreed), self.t(agreed).to_owned()),
                (
                    self.t(&l.method),
                    self.code(&self.words.consent, short(consent.method().as_str_name(), "CONSENT_METHOD_")),
                ),
                (self.t(&l.at), self.time(consent.at.as_ref())),
            ];
            self.section(&l.consent, facts);
        }
        let labour =
            record.labour.iter().map(|line| vec![line.code.clone(), line.text.clone(), line.minutes.to_string()]);
        self.table(&l.labour, &[(&l.code, 2.0, false), (&l.text, 6.0, false), (&l.minutes, 1.2, true)], labour);
        let parts = record.parts.iter().filter_map(|used| part(case, used));
        self.table(
            &l.parts,
            &[
                (&l.sku, 2.2, false),
                (&l.part, 3.0, false),
                (&l.quantity, 1.2, true),
                (&l.new_serial, 2.0, false),
                (&l.old_serial, 2.0, false),
            ],
            parts,
        );
        let readings = record.readings.iter().map(|reading| {
            vec![reading.name.clone(), format!("{} {}", reading.value, reading.unit).trim_end().to_owned()]
        });
        self.table(&l.readings, &[(&l.item, 3.0, false), (&l.value, 3.0, false)], readings);
        let (yes, no) = (self.t(&l.yes), self.t(&l.no));
        let items: Vec<Vec<String>> = record
            .checklist
            .iter()
            .map(|entry| {
                let item = self.code(&self.words.checklist, &entry.item);
                vec![item, if entry.done { yes } else { no }.to_owned(), entry.note.clone()]
            })
            .collect();
        self.table(&l.checklist, &[(&l.item, 3.0, false), (&l.done, 1.0, false), (&l.note, 4.0, false)], items);
        if let Some(test) = &record.functional_test {
            let passed = if test.passed { &l.passed } else { &l.not_passed };
            let facts = [(self.t(&l.result), self.t(passed).to_owned()), (self.t(&l.note), test.note.clone())];
            self.section(&l.test, facts);
        }
        if !record.remarks.is_empty() {
            self.paper.heading(self.t(&l.remarks));
            self.paper.text(&record.remarks);
        }
    }

    fn receipt(&mut self, record: &SiteRecord, signature: Option<bytes::Bytes>) {
        let Some(receipt) = &record.receipt else { return };
        let l = self.labels;
        let facts = [
            (self.t(&l.receipt_number), receipt.receipt_number.clone()),
            (self.t(&l.item), receipt.item.clone()),
            (self.t(&l.serial), receipt.serial_number.clone()),
            (self.t(&l.taken_at), self.time(receipt.taken_at.as_ref())),
            (self.t(&l.returned_at), self.time(receipt.returned_at.as_ref())),
            (self.t(&l.note), receipt.return_note.clone()),
        ];
        self.section(&l.receipt, facts);
        if let Some(signed) = &receipt.signature {
            self.signed(signed, signature);
        }
    }

    fn photos(&mut self, photos: Vec<(String, Option<bytes::Bytes>)>, all: usize) {
        if all == 0 {
            return;
        }
        let l = self.labels;
        let shown = photos.len();
        self.paper.heading(self.t(&l.photos));
        let pictures = photos.into_iter().map(|(label, bytes)| Picture {
            bytes: bytes.map(Vec::from).unwrap_or_default(),
            caption: self.code(&self.words.photo, &label),
        });
        let pictures = pictures.collect();
        self.paper.pictures(pictures);
        if all > shown {
            self.paper.text(&self.t(&l.more_photos).replace("{count}", &(all - shown).to_string()));
        }
    }

    fn signed(&mut self, signature: &Signature, picture: Option<bytes::Bytes>) {
        let l = self.labels;
        let who = self.code(&self.words.signer, &signature.signed_as);
        let caption = if who.is_empty() { String::new() } else { self.t(&l.signed_as).replace("{who}", &who) };
        if signature.vector.is_empty() {
            self.paper.signed_picture(picture.map(Vec::from).unwrap_or_default(), &caption);
        } else {
            self.paper.signature(&signature.vector, &caption);
        }
    }

    fn section(&mut self, heading: &'a Text, facts: impl IntoIterator<Item = (&'a str, String)>) {
        let facts: Vec<_> = facts.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        if !facts.is_empty() {
            self.paper.heading(self.t(heading));
            self.paper.facts(facts);
        }
    }

    fn table(
        &mut self,
        heading: &'a Text,
        columns: &[(&'a Text, f32, bool)],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) {
        let rows: Vec<_> = rows.into_iter().collect();
        if rows.is_empty() {
            return;
        }
        let columns: Vec<_> = columns
            .iter()
            .map(|(title, share, figures)| Column { title: self.t(title), share: *share, figures: *figures })
            .collect();
        self.paper.heading(self.t(heading));
        self.paper.table(&columns, &rows);
    }

    fn time(&self, at: Option<&Stamp>) -> String {
        self.shown(at, "%Y-%m-%d %H:%M")
    }

    fn window(&self, window: Option<&TimeWindow>) -> String {
        let Some(window) = window else { return String::new() };
        let (start, end) = (self.time(window.start.as_ref()), self.shown(window.end.as_ref(), "%H:%M"));
        format!("{start} – {end}")
    }

    fn shown(&self, at: Option<&Stamp>, format: &str) -> String {
        let at = at.and_then(|at| Timestamp::new(at.seconds, 0).ok());
        at.map(|at| at.to_zoned(self.zone.clone()).strftime(format).to_string()).unwrap_or_default()
    }
}

/// SKU, name, quantity and serial numbers of a part that was used; what was only brought back is no matter of the customer's.
fn part(case: &Case, used: &PartUse) -> Option<Vec<String>> {
    let part = used.part.as_ref().filter(|part| part.used_milli > 0)?;
    let name = case.parts.get(&part.sku).cloned().unwrap_or_default();
    Some(vec![part.sku.clone(), name, thousandths(part.used_milli), part.new_serial.clone(), part.old_serial.clone()])
}

fn thousandths(quantity: i64) -> String {
    let text = format!("{}.{:03}", quantity / 1000, quantity % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// "CNY 1280.00".
fn money(money: &Money) -> String {
    let code = &money.currency_code;
    let sign = if money.minor_units < 0 { "-" } else { "" };
    let amount = money.minor_units.unsigned_abs();
    if WHOLE.contains(&code.as_str()) {
        return format!("{code} {sign}{amount}");
    }
    format!("{code} {sign}{}.{:02}", amount / 100, amount % 100)
}

fn address(address: &Address) -> String {
    let mut text = String::new();
    // A municipality is its own province.
    for part in [&address.province, &address.city, &address.district, &address.line] {
        if !text.ends_with(part.as_str()) {
            text.push_str(part);
        }
    }
    text
}

fn short<'a>(name: &'a str, prefix: &str) -> &'a str {
    name.strip_prefix(prefix).filter(|name| *name != "UNSPECIFIED").unwrap_or_default()
}

fn instant(at: Option<&Stamp>) -> Option<DateTime<Utc>> {
    optional_instant(at, "at").ok().flatten()
}
