//! The catalogue.

use chrono::{DateTime, Utc};
use common::{
    convert::Money,
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::PartId;
use crate::error;

named! {
    /// What a part is for.
    PartKind {
        /// Replaces a part of a product.
        Spare = "spare",
        /// Missing or damaged on delivery, sent after.
        Supplementary = "supplementary",
        /// Used up at work.
        Consumable = "consumable",
        /// Given away.
        Gift = "gift",
        /// A whole product, kept for exchange.
        Product = "product",
    }
}

named! {
    /// How single pieces are told apart.
    PartTracking {
        /// Not at all.
        Plain = "plain",
        /// By batch.
        Batch = "batch",
        /// By serial number.
        Serial = "serial",
    }
}

named! {
    /// Who pays unless the used line says otherwise.
    PartPayer {
        /// The factory.
        Factory = "factory",
        /// The service point.
        ServicePoint = "service_point",
        /// The customer.
        Customer = "customer",
        /// The house.
        Goodwill = "goodwill",
    }
}

/// What can be changed of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Name.
    pub name: String,
    /// Unit of its quantities.
    pub unit: String,
    /// Decimals its quantities may have, 0 to 3.
    pub decimals: u32,
    /// Product models it fits; empty for all.
    pub models: Vec<String>,
    /// SKUs that can stand in, best first.
    pub substitutes: Vec<String>,
    /// List price of one unit.
    pub price: Option<Money>,
    /// Weight of one unit in grams.
    pub weight_grams: i64,
    /// Days it may lie in stock; 0 for ever.
    pub shelf_life_days: i32,
    /// Whether the old part must come back.
    pub return_old_part: bool,
    /// Months of warranty of its own.
    pub warranty_months: i32,
    /// Since when it is no longer made.
    pub end_of_production: Option<DateTime<Utc>>,
    /// Until when the factory owes it.
    pub last_supply: Option<DateTime<Utc>>,
    /// Who pays.
    pub payer: PartPayer,
    /// Barcode.
    pub barcode: String,
}

/// One entry of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Id.
    pub id: PartId,
    /// Changes seen.
    pub version: i64,
    /// Owner.
    pub org_unit_id: String,
    /// Made.
    pub created_at: DateTime<Utc>,
    /// Last changed.
    pub updated_at: DateTime<Utc>,
    /// Stock keeping unit; unique and never changed.
    pub sku: String,
    /// What it is for.
    pub kind: PartKind,
    /// How pieces are told apart; never changed, because stock lies under it.
    pub tracking: PartTracking,
    /// The rest.
    pub card: Card,
}

impl Record for Part {
    const KIND: &'static str = "part";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn number(&self) -> &str {
        &self.sku
    }
}

impl Part {
    /// Checks what the contract cannot say.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS`.
    pub fn check(self) -> Result<Self> {
        let card = &self.card;
        if card.name.trim().is_empty() || card.unit.trim().is_empty() {
            return Err(Error::invalid("name, unit", "not_blank"));
        }
        if self.tracking == PartTracking::Serial && card.decimals != 0 {
            return Err(Error::invalid("decimals", "serial parts are counted in whole pieces"));
        }
        if card.substitutes.contains(&self.sku) {
            return Err(Error::invalid("substitutes", "a part cannot stand in for itself"));
        }
        if let (Some(end), Some(last)) = (card.end_of_production, card.last_supply)
            && last < end
        {
            return Err(Error::invalid("last_supply_time", "not before end_of_production_time"));
        }
        Ok(self)
    }

    /// Changes the card.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS`.
    pub fn update(self, card: Card, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let part = Self { card, updated_at: now, ..self }.check()?;
        Ok(Changed::new(part, "update", "", ""))
    }

    /// Refuses a quantity that the unit does not allow.
    ///
    /// # Errors
    ///
    /// `QUANTITY_DECIMALS`.
    pub fn check_quantity(&self, milli: i64) -> Result<()> {
        let step = 10_i64.pow(3_u32.saturating_sub(self.card.decimals));
        if milli % step == 0 {
            return Ok(());
        }
        Err(Error::new(error::QUANTITY_DECIMALS)
            .with("sku", &self.sku)
            .with("quantity_milli", milli)
            .with("decimals", self.card.decimals))
    }

    /// Refuses a line of stock whose quantity, or batch or serial number, does not fit the part.
    ///
    /// # Errors
    ///
    /// `QUANTITY_DECIMALS`, `TRACKING_MISMATCH`.
    pub fn check_line(&self, milli: i64, tracking: &str) -> Result<()> {
        self.check_quantity(milli)?;
        let fits = match self.tracking {
            PartTracking::Plain => tracking.is_empty(),
            PartTracking::Batch => !tracking.is_empty(),
            PartTracking::Serial => !tracking.is_empty() && milli.abs() == 1000,
        };
        if fits {
            return Ok(());
        }
        Err(Error::new(error::TRACKING_MISMATCH).with("sku", &self.sku).with("tracking", self.tracking.as_str()))
    }

    /// What a quantity is worth at the list price, rounded up to a whole minor unit; `None` without a price.
    #[must_use]
    pub fn worth(&self, milli: i64) -> Option<Money> {
        let price = self.card.price.as_ref()?;
        let thousandths = i128::from(price.minor_units) * i128::from(milli);
        let minor_units = i64::try_from((thousandths + 999).div_euclid(1000)).unwrap_or(i64::MAX);
        Some(Money { minor_units, currency: price.currency.clone() })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use common::id::Id as _;

    pub(crate) fn part(sku: &str, tracking: PartTracking) -> Part {
        Part {
            id: PartId::wrap(format!("pt_{sku}")),
            version: 1,
            org_unit_id: String::new(),
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            sku: sku.to_owned(),
            kind: PartKind::Spare,
            tracking,
            card: Card {
                name: "Hinge".to_owned(),
                unit: "pcs".to_owned(),
                decimals: 0,
                models: Vec::new(),
                substitutes: Vec::new(),
                price: Some(Money { minor_units: 1250, currency: "CNY".to_owned() }),
                weight_grams: 0,
                shelf_life_days: 0,
                return_old_part: false,
                warranty_months: 0,
                end_of_production: None,
                last_supply: None,
                payer: PartPayer::Factory,
                barcode: String::new(),
            },
        }
    }

    #[test]
    fn quantities_keep_to_the_unit() {
        let mut hinge = part("H", PartTracking::Plain);
        assert!(hinge.check_line(2000, "").is_ok());
        assert_eq!(hinge.check_line(500, "").unwrap_err().reason, error::QUANTITY_DECIMALS);
        hinge.card.decimals = 1;
        assert!(hinge.check_line(500, "").is_ok());
        assert_eq!(hinge.check_line(550, "").unwrap_err().reason, error::QUANTITY_DECIMALS);
    }

    #[test]
    fn tracked_parts_need_their_number_and_plain_ones_have_none() {
        for (tracking, milli, number, ok) in [
            (PartTracking::Plain, 1000, "B1", false),
            (PartTracking::Batch, 5000, "", false),
            (PartTracking::Batch, 5000, "B1", true),
            (PartTracking::Serial, 1000, "S1", true),
            (PartTracking::Serial, 2000, "S1", false),
            (PartTracking::Serial, 1000, "", false),
        ] {
            let result = part("H", tracking).check_line(milli, number);
            assert_eq!(result.is_ok(), ok, "{tracking:?} {milli} {number}");
            if let Err(refused) = result {
                assert_eq!(refused.reason, error::TRACKING_MISMATCH);
            }
        }
    }

    #[test]
    fn worth_is_rounded_up() {
        let wire = part("W", PartTracking::Plain);
        assert_eq!(wire.worth(2000).unwrap().minor_units, 2500);
        assert_eq!(wire.worth(1).unwrap().minor_units, 2);
    }

    #[test]
    fn a_card_that_makes_no_sense_is_refused() {
        let good = part("H", PartTracking::Serial);
        let mut card = good.card.clone();
        card.decimals = 1;
        assert!(good.clone().update(card, DateTime::UNIX_EPOCH).is_err());
        let mut card = good.card.clone();
        card.substitutes = vec!["H".to_owned()];
        assert!(good.clone().update(card, DateTime::UNIX_EPOCH).is_err());
        let mut card = good.card.clone();
        card.end_of_production = Some(DateTime::UNIX_EPOCH + chrono::Duration::days(1));
        card.last_supply = Some(DateTime::UNIX_EPOCH);
        assert!(good.update(card, DateTime::UNIX_EPOCH).is_err());
    }
}
