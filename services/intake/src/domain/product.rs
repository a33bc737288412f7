//! The registered product: what stands in a customer's home.

use chrono::{DateTime, NaiveDate, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::{
    CustomerId, ProductId,
    values::{Address, Attachment},
    warranty,
};
use crate::error::PRODUCT_EXCHANGED;

/// What of a product may be changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plate {
    /// Model.
    pub model: String,
    /// Stock keeping unit.
    pub sku: String,
    /// Category code.
    pub category_code: String,
    /// Colour code.
    pub color_code: String,
    /// Serial number; empty when unknown.
    pub serial_number: String,
    /// Day of purchase.
    pub purchase_date: Option<NaiveDate>,
    /// Where it was bought.
    pub purchase_channel: String,
    /// Order or contract number.
    pub order_number: String,
    /// The store.
    pub store: String,
    /// Day of installation.
    pub install_date: Option<NaiveDate>,
    /// Where it is installed.
    pub install_address: Option<Address>,
    /// Maker.
    pub maker: String,
    /// Pictures.
    pub photos: Vec<Attachment>,
}

/// A registered product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// Id.
    pub id: ProductId,
    /// Version.
    pub version: i64,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Organisation unit that owns it.
    pub org_unit_id: String,
    /// Its owner.
    pub customer_id: CustomerId,
    /// What may be changed.
    pub plate: Plate,
    /// The product that took its place.
    pub replaced_by: Option<ProductId>,
    /// The product whose place it took.
    pub replaces: Option<ProductId>,
}

impl Record for Product {
    const KIND: &'static str = "product";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn state(&self) -> &'static str {
        if self.replaced_by.is_some() { "exchanged" } else { "registered" }
    }

    fn subject_id(&self) -> Option<&str> {
        Some(self.customer_id.as_str())
    }
}

impl Plate {
    /// Refuses days that cannot be.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS`.
    pub fn check(&self, today: NaiveDate) -> Result<()> {
        if self.model.trim().is_empty() {
            return Err(Error::invalid("model", "string.min_len"));
        }
        if self.category_code.trim().is_empty() {
            return Err(Error::invalid("category_code", "string.min_len"));
        }
        for (field, day) in [("purchase_date", self.purchase_date), ("install_date", self.install_date)] {
            if day.is_some_and(|day| day > today || !warranty::plausible(day)) {
                return Err(Error::invalid(field, "date.past"));
            }
        }
        match (self.purchase_date, self.install_date) {
            (Some(bought), Some(installed)) if installed < bought => {
                Err(Error::invalid("install_date", "not_before purchase_date"))
            }
            _ => Ok(()),
        }
    }
}

impl Product {
    /// What the warranty looks at.
    #[must_use]
    pub fn unit(&self) -> warranty::Unit {
        warranty::Unit {
            category: self.plate.category_code.clone(),
            serial: self.plate.serial_number.clone(),
            purchased: self.plate.purchase_date,
            installed: self.plate.install_date,
        }
    }

    /// Changes it.
    ///
    /// # Errors
    ///
    /// `PRODUCT_EXCHANGED`, `INVALID_FIELDS`.
    pub fn update(mut self, plate: Plate, today: NaiveDate) -> Result<Changed<Self>> {
        if let Some(replaced_by) = &self.replaced_by {
            return Err(Error::new(PRODUCT_EXCHANGED).with("replaced_by_id", replaced_by));
        }
        plate.check(today)?;
        self.plate = plate;
        Ok(Changed::new(self, "update", "registered", ""))
    }

    /// Gives it to the file that was kept when its owner's file was merged.
    #[must_use]
    pub fn move_to(mut self, customer_id: CustomerId) -> Changed<Self> {
        let from = self.state();
        self.customer_id = customer_id;
        Changed::new(self, "move", from, "customer_merged")
    }

    /// Another one takes its place. Its warranty starts anew on the day of the exchange, and the old one's repairs do
    /// not come with it. `None` when it was exchanged before.
    #[must_use]
    pub fn exchange(
        mut self,
        id: ProductId,
        serial_number: &str,
        on: NaiveDate,
        now: DateTime<Utc>,
    ) -> Option<(Changed<Self>, Self)> {
        if self.replaced_by.is_some() {
            return None;
        }
        let new = Self {
            id: id.clone(),
            version: 0,
            created_at: now,
            updated_at: now,
            org_unit_id: self.org_unit_id.clone(),
            customer_id: self.customer_id.clone(),
            plate: Plate {
                serial_number: serial_number.to_owned(),
                purchase_date: Some(on),
                install_date: Some(on),
                photos: Vec::new(),
                ..self.plate.clone()
            },
            replaced_by: None,
            replaces: Some(self.id.clone()),
        };
        self.replaced_by = Some(id);
        Some((Changed::new(self, "exchange", "registered", ""), new))
    }
}

#[cfg(test)]
mod tests {
    use common::id::Ids;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn product() -> Product {
        let ids = Ids::random();
        let now = DateTime::UNIX_EPOCH;
        Product {
            id: ids.make(now),
            version: 1,
            created_at: now,
            updated_at: now,
            org_unit_id: "head-office".to_owned(),
            customer_id: ids.make(now),
            plate: Plate {
                model: "KX-1".to_owned(),
                category_code: "fridge".to_owned(),
                serial_number: "LX2503A1".to_owned(),
                install_date: Some(day("2025-03-01")),
                ..Plate::default()
            },
            replaced_by: None,
            replaces: None,
        }
    }

    #[test]
    fn an_exchange_starts_anew_and_ends_the_old_one() {
        let id: ProductId = Ids::random().make(DateTime::UNIX_EPOCH);
        let (old, new) = product().exchange(id.clone(), "LX2601B2", day("2026-01-10"), DateTime::UNIX_EPOCH).unwrap();
        assert_eq!((old.record.state(), old.record.replaced_by.clone()), ("exchanged", Some(id)));
        assert_eq!(new.plate.install_date, Some(day("2026-01-10")));
        assert_eq!((new.plate.serial_number.as_str(), new.replaces.as_ref()), ("LX2601B2", Some(&old.record.id)));
        assert_eq!(new.unit().installed, Some(day("2026-01-10")));
        let refused = old.record.clone().update(Plate::default(), day("2026-02-01")).unwrap_err();
        assert_eq!(refused.reason, PRODUCT_EXCHANGED);
        assert!(
            old.record
                .exchange(Ids::random().make(DateTime::UNIX_EPOCH), "x", day("2026-02-01"), DateTime::UNIX_EPOCH)
                .is_none()
        );
    }

    #[test]
    fn days_that_cannot_be_are_refused() {
        let today = day("2026-03-02");
        let plate = product().plate;
        for wrong in [
            Plate { purchase_date: Some(day("2026-03-03")), ..plate.clone() },
            Plate { purchase_date: Some(day("2025-03-02")), ..plate.clone() },
            Plate { install_date: Some(day("1970-01-01")), ..plate.clone() },
            Plate { model: " ".to_owned(), ..plate.clone() },
        ] {
            assert!(wrong.check(today).is_err(), "{wrong:?}");
        }
        plate.check(today).unwrap();
    }
}
