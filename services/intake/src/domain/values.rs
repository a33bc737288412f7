//! Values that customers, products and requests share.

use common::convert::Position;
use serde::{Deserialize, Serialize};

use super::names::names;

names! {
    /// What is asked for.
    pub enum Kind {
        /// A question.
        Consultation = "consultation",
        /// To install.
        Installation = "installation",
        /// To deliver.
        Delivery = "delivery",
        /// To repair.
        Repair = "repair",
        /// To maintain.
        Maintenance = "maintenance",
        /// To clean.
        Cleaning = "cleaning",
        /// To look at it on site first.
        Inspection = "inspection",
        /// To give the goods back.
        Return = "return",
        /// To change the goods for others.
        Exchange = "exchange",
        /// A suggestion.
        Suggestion = "suggestion",
        /// A complaint.
        Complaint = "complaint",
    }
}

impl Kind {
    /// Whether somebody can be sent out for it.
    #[must_use]
    pub fn has_visit(self) -> bool {
        match self {
            Self::Consultation | Self::Suggestion | Self::Complaint => false,
            Self::Installation
            | Self::Delivery
            | Self::Repair
            | Self::Maintenance
            | Self::Cleaning
            | Self::Inspection
            | Self::Return
            | Self::Exchange => true,
        }
    }

    /// Whether another service opened a case of its own from it: a return (RMA) or a complaint.
    #[must_use]
    pub fn has_case_elsewhere(self) -> bool {
        matches!(self, Self::Return | Self::Exchange | Self::Complaint)
    }

    /// Whether the warranty decides who pays.
    #[must_use]
    pub fn asks_warranty(self) -> bool {
        matches!(self, Self::Repair | Self::Inspection | Self::Return | Self::Exchange)
    }
}

names! {
    /// How urgent it is.
    pub enum Urgency {
        /// Normal.
        Normal = "normal",
        /// Urgent.
        Urgent = "urgent",
        /// Danger to people or things.
        Emergency = "emergency",
    }
}

names! {
    /// How a request reached us.
    pub enum Channel {
        /// Hotline.
        Hotline = "hotline",
        /// Web.
        Web = "web",
        /// App.
        App = "app",
        /// WeChat.
        Wechat = "wechat",
        /// E-mail.
        Email = "email",
        /// Store.
        Store = "store",
        /// A partner.
        Partner = "partner",
        /// Another Aftercare service.
        System = "system",
    }
}

impl Channel {
    /// Whether the customer is being spoken to while the request is made, so that no callback is owed.
    #[must_use]
    pub fn is_spoken(self) -> bool {
        matches!(self, Self::Hotline | Self::Store)
    }
}

names! {
    /// Who pays.
    pub enum Charge {
        /// We do.
        InWarranty = "in_warranty",
        /// The customer does.
        Charged = "charged",
        /// We do although we need not.
        Goodwill = "goodwill",
    }
}

names! {
    /// How much a customer weighs.
    pub enum Tier {
        /// Member.
        A = "A",
        /// Regular.
        B = "B",
        /// Everybody else.
        C = "C",
    }
}

/// A postal address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Address {
    /// Province or municipality.
    pub province: String,
    /// City.
    pub city: String,
    /// District or county.
    pub district: String,
    /// Street, number, building, room.
    pub line: String,
    /// Six-digit administrative code; empty when unknown.
    pub division_code: String,
    /// Where it is, when known.
    pub position: Option<Position>,
}

impl Address {
    /// What two writings of one place have in common; empty when the address says too little to compare.
    #[must_use]
    pub fn key(&self) -> String {
        let squeeze =
            |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
        let line = squeeze(&self.line);
        if line.is_empty() {
            return String::new();
        }
        let place = if self.division_code.is_empty() {
            squeeze(&self.city) + &squeeze(&self.district)
        } else {
            self.division_code.clone()
        };
        format!("{place}:{line}")
    }
}

/// A file kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Id or address of the file.
    pub file_id: String,
    /// What it shows.
    pub label: String,
}

/// A part that a visit is expected to need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartWanted {
    /// Stock keeping unit.
    pub sku: String,
    /// Quantity in thousandths.
    pub quantity_milli: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_without_signs_and_case() {
        let one =
            Address { line: "No. 5, Lane 12".to_owned(), division_code: "310104".to_owned(), ..Address::default() };
        let two =
            Address { line: "no 5 lane 12 ".to_owned(), division_code: "310104".to_owned(), ..Address::default() };
        assert_eq!(one.key(), two.key());
        assert_eq!(Address { division_code: "310104".to_owned(), ..Address::default() }.key(), "");
    }

    #[test]
    fn names_come_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(*kind));
        }
        assert_eq!(Kind::parse("repairs"), None);
    }
}
