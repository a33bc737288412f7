//! Two thousand customers, each with a product at home.

use chrono::{DateTime, Duration, Utc};
use common::record::Role;
use proto::aftercare::{
    common::v1::Address,
    intake::v1::{Consent, CreateCustomerRequest, CreateProductRequest, CustomerKind, CustomerTier, Phone},
};
use rand::{RngExt as _, rngs::StdRng};

use super::{
    company::OFFICES,
    doors::Doorkeeper,
    goods::{MODELS, Model},
    people::{self, District},
};

/// How many households there are.
pub const HOUSEHOLDS: u32 = 2_000;

/// A customer with a product.
#[derive(Clone, Debug)]
pub struct Household {
    /// Id of the customer.
    pub customer_id: String,
    /// Id of the product.
    pub product_id: String,
    /// What the product is.
    pub model: Model,
    /// Where it stands.
    pub address: Address,
}

/// Registers the households.
///
/// # Errors
///
/// When intake refuses.
pub async fn build(
    keeper: &Doorkeeper,
    rng: &mut StdRng,
    districts: &[District],
    now: DateTime<Utc>,
    count: u32,
) -> anyhow::Result<Vec<Household>> {
    let mut intake = keeper.open("demo-agent-1", Role::Agent).intake;
    let mut households = Vec::new();
    for serial in 0..count {
        let (_, city) = *people::one(rng, &OFFICES);
        let mine: Vec<_> = districts.iter().filter(|district| district.city == city).collect();
        let home = *people::one(rng, mine.as_slice());
        let address = people::address(rng, home);
        let created = intake.create_customer(customer(rng, serial, address.clone())).await?;
        let customer_id = created.into_inner().customer_id;
        let model = *people::one(rng, &MODELS);
        let bought = now - Duration::days(rng.random_range(20..1_000));
        let request = CreateProductRequest {
            request_id: format!("demo-product-{serial}"),
            customer_id: customer_id.clone(),
            model: model.model.to_owned(),
            category_code: model.category.to_owned(),
            serial_number: format!("{}{:07}", model.model.replace('-', ""), 1_000_000 + serial),
            purchase_date: bought.format("%Y-%m-%d").to_string(),
            purchase_channel: (*people::one(rng, &["天猫", "京东", "门店", "工程"])).to_owned(),
            install_date: (bought + Duration::days(7)).format("%Y-%m-%d").to_string(),
            install_address: Some(address.clone()),
            ..Default::default()
        };
        let product_id = intake.create_product(request).await?.into_inner().product_id;
        households.push(Household { customer_id, product_id, model, address });
    }
    Ok(households)
}

fn customer(rng: &mut StdRng, serial: u32, address: Address) -> CreateCustomerRequest {
    let tier = match rng.random_range(0..10) {
        0 => CustomerTier::A,
        1..4 => CustomerTier::B,
        _ => CustomerTier::C,
    };
    CreateCustomerRequest {
        request_id: format!("demo-customer-{serial}"),
        kind: CustomerKind::Person.into(),
        name: people::name(rng),
        phones: vec![Phone { number: people::phone(serial), primary: true, label: "手机".to_owned() }],
        addresses: vec![address],
        tier: tier.into(),
        language: "zh-CN".to_owned(),
        consent: Some(Consent { survey: rng.random_range(0..10) < 8, marketing: false }),
        source: (*people::one(rng, &["门店", "电商", "推荐"])).to_owned(),
        ..Default::default()
    }
}
