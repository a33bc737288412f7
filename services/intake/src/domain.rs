//! The rules of intake, pure: no database, no clock, no network.

pub mod article;
pub mod attention;
pub mod contact;
pub mod customer;
pub mod duplicates;
pub mod ladder;
mod names;
pub mod org;
pub mod product;
pub mod request;
pub mod sla;
pub mod values;
pub mod warranty;

use common::typed_id;

typed_id! {
    /// A customer file.
    CustomerId = "cu";
    /// A registered product.
    ProductId = "pr";
    /// A service request.
    ServiceRequestId = "sr";
    /// A contact with a customer.
    ContactId = "ct";
    /// An article.
    ArticleId = "ka";
    /// One asking of a supervisor.
    ApprovalId = "ap";
    /// A quote.
    QuoteId = "qu";
}
