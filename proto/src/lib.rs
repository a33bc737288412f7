//! The contract: messages, clients, servers and descriptors, generated from the `.proto` files beside this crate.
//!
//! Nothing here is written by hand but the two traits by which the plumbing handles any request without knowing it.

// Generated code brings its own `allow`s.
#![allow(clippy::allow_attributes)]

pub mod access;
pub mod mask;
pub mod validate;

pub use access::{Access, access};
pub use mask::{Clear, Mask};
pub use validate::{Validate, Violation};

/// The encoded `FileDescriptorSet` of the whole contract, options and comments included.
pub static DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/aftercare.binpb"));

/// What the plumbing reads of any request. A request without such a field answers with the empty value.
pub trait Request: Validate + Mask {
    /// The client's own id of this call; a repeat with the same id and body gives the first answer again.
    fn request_id(&self) -> &str {
        ""
    }
    /// The version of the record that the caller saw.
    fn etag(&self) -> &str {
        ""
    }
    /// Where the last page ended.
    fn page_token(&self) -> &str {
        ""
    }
    /// Field to order by, with ` desc` behind it for descending.
    fn order_by(&self) -> &str {
        ""
    }
    /// Rows wanted; 0 for the default.
    fn page_size(&self) -> i32 {
        0
    }
    /// Leaves only what all pages of a list have in common: its filters and its order.
    fn clear_page(&mut self) {}
}

/// Generated messages of our own packages.
#[allow(missing_docs, clippy::all, clippy::unwrap_used, unused_qualifications, unreachable_pub)]
pub mod aftercare {
    /// Access rules.
    pub mod access {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("aftercare.access.v1");
        }
    }
    /// Values every service speaks of.
    pub mod common {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("aftercare.common.v1");
        }
    }
    /// Customers, products, service requests.
    pub mod intake {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("aftercare.intake.v1");
        }
    }
    /// Work orders and technicians.
    pub mod dispatch {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("aftercare.dispatch.v1");
        }
    }
    /// Parts and stock.
    pub mod parts_inventory {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("aftercare.parts_inventory.v1");
        }
    }
    /// Complaints.
    pub mod complaint {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("aftercare.complaint.v1");
        }
    }
    /// Surveys.
    pub mod survey {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("aftercare.survey.v1");
        }
    }
    /// What the gateway answers itself.
    pub mod gateway {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("aftercare.gateway.v1");
        }
    }
}

/// Generated messages of Google's API packages.
#[allow(missing_docs, clippy::all, rustdoc::all, unused_qualifications, unreachable_pub)]
pub mod google {
    /// HTTP mappings.
    pub mod api {
        tonic::include_proto!("google.api");
    }
    /// Status and error details.
    pub mod rpc {
        tonic::include_proto!("google.rpc");
    }
}

/// Generated rules of protovalidate.
#[allow(missing_docs, clippy::all, rustdoc::all, unused_qualifications, unreachable_pub)]
pub mod buf {
    /// Rules.
    pub mod validate {
        tonic::include_proto!("buf.validate");
    }
}

#[allow(clippy::all, unused_parens)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/requests.rs"));
    include!(concat!(env!("OUT_DIR"), "/rules.rs"));
    include!(concat!(env!("OUT_DIR"), "/mask.rs"));
}
