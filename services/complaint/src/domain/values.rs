//! The words a complaint is described with.

use serde::{Deserialize, Serialize};

/// Declares an enum whose values have stable lower-case names.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// The stable name.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    )+};
}

words! {
    /// How a complaint reached us.
    Channel {
        /// Telephone.
        Hotline = "hotline",
        /// Public page.
        Web = "web",
        /// App.
        App = "app",
        /// E-mail.
        Email = "email",
        /// In a store.
        Store = "store",
        /// Through a partner.
        Partner = "partner",
        /// Press and social media.
        Media = "media",
        /// An authority.
        Authority = "authority",
        /// An unhappy answer.
        Survey = "survey",
    }
    /// What it is about.
    Subject {
        /// The product.
        ProductQuality = "product_quality",
        /// The installation.
        Installation = "installation",
        /// How people behaved.
        ServiceAttitude = "service_attitude",
        /// It took too long.
        Delay = "delay",
        /// A charge.
        Fee = "fee",
        /// Parts.
        Parts = "parts",
        /// Damage on the way.
        DeliveryDamage = "delivery_damage",
        /// Something promised was not done.
        PromiseNotKept = "promise_not_kept",
        /// Anything else.
        Other = "other",
    }
    /// How grave it is; the order is the gravity.
    Severity {
        /// A small thing.
        Minor = "minor",
        /// The usual.
        Normal = "normal",
        /// Manager and duty list know at once.
        Major = "major",
        /// As major, and acknowledged within minutes.
        Crisis = "crisis",
    }
    /// Whether it is right.
    Verdict {
        /// It is.
        Founded = "founded",
        /// In part.
        Partly = "partly",
        /// It is not.
        Unfounded = "unfounded",
    }
    /// What a follow-up brought, and how a complaint ended.
    FollowUpResult {
        /// Satisfied.
        Satisfied = "satisfied",
        /// Not satisfied.
        NotSatisfied = "not_satisfied",
        /// Nobody was reached.
        Unreachable = "unreachable",
    }
    /// What we can do for a customer.
    Remedy {
        /// Say sorry.
        Apology = "apology",
        /// Explain.
        Explanation = "explanation",
        /// Repair.
        Repair = "repair",
        /// Do the work again.
        Rework = "rework",
        /// Exchange the product.
        Exchange = "exchange",
        /// Take it back and return the money.
        Refund = "refund",
        /// Lower the price.
        PriceReduction = "price_reduction",
        /// Pay for the harm.
        Compensation = "compensation",
        /// Give goods.
        Goods = "goods",
        /// Help with something.
        Assistance = "assistance",
        /// Name who can help.
        Referral = "referral",
    }
    /// How the customer agreed.
    AgreementKind {
        /// Signed.
        Signature = "signature",
        /// Said so, recorded.
        Recording = "recording",
    }
}

/// What becomes of an action whose service request was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActionDecision {
    /// It is done after all.
    Retry,
    /// It is given up.
    Drop,
}

impl Severity {
    /// Whether manager and duty list are told at once and another unit judges.
    pub(crate) fn is_grave(self) -> bool {
        self >= Self::Major
    }
}

impl Channel {
    /// Whether such complaints carry a deadline set from outside.
    pub(crate) fn has_outside_deadline(self) -> bool {
        matches!(self, Self::Media | Self::Authority)
    }
}

impl Subject {
    /// Whether it speaks of a defect, to which the burden of proof applies.
    pub(crate) fn is_defect(self) -> bool {
        match self {
            Self::ProductQuality | Self::Installation | Self::Parts => true,
            Self::ServiceAttitude
            | Self::Delay
            | Self::Fee
            | Self::DeliveryDamage
            | Self::PromiseNotKept
            | Self::Other => false,
        }
    }
}

impl Remedy {
    /// Whether a service request of this kind carries out the remedy.
    pub(crate) fn is_done_by(self, request_kind: &str) -> bool {
        match self {
            Self::Repair | Self::Rework => matches!(request_kind, "repair" | "installation" | "inspection"),
            Self::Exchange => request_kind == "exchange",
            Self::Refund => request_kind == "return",
            Self::Apology
            | Self::Explanation
            | Self::PriceReduction
            | Self::Compensation
            | Self::Goods
            | Self::Assistance
            | Self::Referral => false,
        }
    }
}

/// A file that shows something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Evidence {
    /// Id or address of the file.
    pub(crate) file_id: String,
    /// What it shows.
    pub(crate) label: String,
}
