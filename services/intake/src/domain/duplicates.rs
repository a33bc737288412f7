//! Is the same matter already there? Compared are who, where and what, within some days.

use super::{request::ServiceRequest, values::Address};

/// What a new request would say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// The customer.
    pub customer_id: String,
    /// Whom to call, in E.164.
    pub phone: String,
    /// Where it is.
    pub address_key: String,
    /// The registered product.
    pub product_id: String,
    /// Category code.
    pub category: String,
    /// Fault code.
    pub fault: String,
}

/// What is the same; empty when the requests are not about the same matter. The same person or place, and the same
/// product (or at least category) with no other fault.
#[must_use]
pub fn signals(draft: &Draft, other: &ServiceRequest) -> Vec<&'static str> {
    let same = |one: &str, two: &str| !one.is_empty() && one == two;
    let other_address = other.address.as_ref().map(Address::key).unwrap_or_default();
    let other_product = other.product_id.as_ref().map_or("", |id| id.as_str());
    let other_fault = !draft.fault.is_empty() && !other.fault_code.is_empty() && draft.fault != other.fault_code;
    let other_unit = !draft.product_id.is_empty() && !other_product.is_empty() && draft.product_id != other_product;
    let who = [
        ("customer", same(&draft.customer_id, other.asker.customer_id.as_str())),
        ("phone", same(&draft.phone, &other.contact_phone)),
        ("address", same(&draft.address_key, &other_address)),
    ];
    let what = [
        ("product", same(&draft.product_id, other_product)),
        ("category", same(&draft.category, &other.category_code)),
        ("fault", same(&draft.fault, &other.fault_code)),
    ];
    let any = |signals: &[(&str, bool)]| signals.iter().any(|(_, same)| *same);
    if other_fault || other_unit || !any(&who) || !any(&what) {
        return Vec::new();
    }
    who.into_iter().chain(what).filter(|(_, same)| *same).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::tests::request;

    fn draft_of(request: &ServiceRequest) -> Draft {
        Draft {
            customer_id: request.asker.customer_id.to_string(),
            phone: request.contact_phone.clone(),
            address_key: request.address.as_ref().map(Address::key).unwrap_or_default(),
            product_id: request.product_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            category: request.category_code.clone(),
            fault: request.fault_code.clone(),
        }
    }

    #[test]
    fn the_same_matter_is_found_by_phone_or_place_and_product_or_fault() {
        let other = request();
        let same = draft_of(&other);
        assert_eq!(signals(&same, &other), ["customer", "phone", "address", "product", "category", "fault"]);
        let by_phone = Draft {
            customer_id: "cu_x".to_owned(),
            address_key: String::new(),
            product_id: String::new(),
            ..same.clone()
        };
        assert_eq!(signals(&by_phone, &other), ["phone", "category", "fault"]);
        for different in [
            Draft { fault: "other".to_owned(), ..same.clone() },
            Draft { product_id: "pr_x".to_owned(), ..same.clone() },
            Draft { customer_id: "cu_x".to_owned(), phone: "+861".to_owned(), address_key: "x".to_owned(), ..same },
            Draft::default(),
        ] {
            assert_eq!(signals(&different, &other), Vec::<&str>::new(), "{different:?}");
        }
    }
}
