//! Quotes: lines that add up, and the customer's answer.

use chrono::{DateTime, Utc};
use common::{
    convert::Money,
    error::{Error, Result},
    record::{Actor, Changed},
};
use serde::{Deserialize, Serialize};

use super::{Action, ApprovalRules, Outcome, Quote, ServiceRequest, State};
use crate::{
    domain::{
        QuoteId,
        sla::{Fact, Level},
        values::Charge,
    },
    error::{ADDRESS_NEEDED, APPROVAL_NEEDED, KIND_HAS_NO_VISIT},
};

/// A line of a quote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteLine {
    /// What it is.
    pub text: String,
    /// Stock keeping unit; empty for labour.
    pub sku: String,
    /// Quantity in thousandths.
    pub quantity_milli: i64,
    /// Price of one unit.
    pub unit_price: Money,
    /// Price of the line.
    pub amount: Money,
}

impl QuoteLine {
    /// A line with its price: quantity times unit price, rounded half up to the minor unit.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS` when the price is negative or too large.
    pub fn new(text: String, sku: String, quantity_milli: i64, unit_price: Money) -> Result<Self> {
        let wrong = || Error::invalid("lines.unit_price", "money.range");
        let exact = quantity_milli.checked_mul(unit_price.minor_units).filter(|exact| *exact >= 0).ok_or_else(wrong)?;
        let minor_units = exact.checked_add(500).ok_or_else(wrong)? / 1000;
        let amount = Money { minor_units, currency: unit_price.currency.clone() };
        Ok(Self { text, sku, quantity_milli, unit_price, amount })
    }
}

/// The sum of the lines.
fn total(lines: &[QuoteLine]) -> Result<Money> {
    let first = lines.first().ok_or_else(|| Error::invalid("lines", "repeated.min_items"))?;
    let mut total = Money { minor_units: 0, currency: first.amount.currency.clone() };
    for (place, line) in lines.iter().enumerate() {
        if line.amount.currency != total.currency {
            return Err(Error::invalid(format!("lines[{place}].unit_price.currency_code"), "one_currency"));
        }
        total.minor_units = total
            .minor_units
            .checked_add(line.amount.minor_units)
            .ok_or_else(|| Error::invalid("lines", "money.range"))?;
    }
    Ok(total)
}

impl ServiceRequest {
    /// The quote that the customer took and that still holds.
    #[must_use]
    pub fn accepted_quote(&self) -> Option<&Quote> {
        self.quotes.iter().rev().find(|one| one.round == self.reopen_count && one.outcome == Outcome::Accepted)
    }

    /// Makes the customer a quote.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `INVALID_FIELDS`; `KIND_HAS_NO_VISIT`, `ADDRESS_NEEDED` because taking it releases a visit;
    /// `APPROVAL_NEEDED` when kind, charge or amount need one.
    pub fn quote(
        mut self,
        id: QuoteId,
        by: &Actor,
        lines: Vec<QuoteLine>,
        expires_at: DateTime<Utc>,
        rules: &ApprovalRules,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.check(Action::Quote, now)?;
        let total = total(&lines)?;
        if expires_at <= now {
            return Err(Error::invalid("expires_at", "timestamp.future"));
        }
        if !self.kind.has_visit() {
            return Err(Error::new(KIND_HAS_NO_VISIT).with("kind", self.kind));
        }
        if self.address.is_none() {
            return Err(Error::new(ADDRESS_NEEDED));
        }
        let asks = rules.asks_for(self.kind, self.charge) || total.minor_units >= rules.quote_from_minor;
        if asks && self.approval_mark() != Some(Outcome::Approved) {
            return Err(Error::new(APPROVAL_NEEDED).with("kind", self.kind));
        }
        self.charge = Some(Charge::Charged);
        self.quotes.push(Quote {
            id: id.clone(),
            lines,
            total,
            expires_at,
            outcome: Outcome::Open,
            quoted_by: by.clone(),
            quoted_at: now,
            answered_at: None,
            answer: String::new(),
            round: self.reopen_count,
        });
        Ok(self.to(State::PendingQuote { quote_id: id }, Action::Quote, ""))
    }

    /// The customer takes the quote. The visit is told to dispatch by [`Self::release_visit`], in the same transaction.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn accept_quote(mut self, consent: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::AcceptQuote, now)?;
        self.answer_quote(Outcome::Accepted, consent, now);
        self.visit_number += 1;
        if self.hold.take().is_some() {
            self.log(now, Fact::Resumed);
        }
        self.log(now, Fact::With(Level::ServicePoint));
        Ok(self.to(State::Ready { since: now }, Action::AcceptQuote, consent))
    }

    /// Tells dispatch of the visit that an accepted quote released.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn release_visit(self, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::ReleaseVisit, now)?;
        Ok(self.stay(Action::ReleaseVisit, "quote_accepted"))
    }

    /// The customer does not take the quote.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn decline_quote(mut self, why: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::DeclineQuote, now)?;
        self.answer_quote(Outcome::Declined, why, now);
        Ok(self.to(State::Triaged, Action::DeclineQuote, why))
    }

    /// The quote runs out.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn expire_quote(mut self, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::ExpireQuote, now)?;
        self.answer_quote(Outcome::Expired, "", now);
        Ok(self.to(State::Triaged, Action::ExpireQuote, "quote_expired"))
    }

    fn answer_quote(&mut self, outcome: Outcome, answer: &str, now: DateTime<Utc>) {
        if let Some(quote) = self.quotes.last_mut() {
            quote.outcome = outcome;
            quote.answered_at = Some(now);
            answer.clone_into(&mut quote.answer);
        }
    }
}
