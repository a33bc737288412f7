//! Telephone numbers: any usual writing in, E.164 out.

use common::error::{Error, Result};
use phonenumber::{Mode, country};

use crate::error::INVALID_PHONE;

/// The number in E.164; `country` is meant when it names none.
///
/// # Errors
///
/// `INVALID_PHONE` when no plan has such a number.
pub(crate) fn normalize(text: &str, country: country::Id, field: &str) -> Result<String> {
    phonenumber::parse(Some(country), text)
        .ok()
        .filter(phonenumber::PhoneNumber::is_valid)
        .map(|number| number.format().mode(Mode::E164).to_string())
        .ok_or_else(|| Error::new(INVALID_PHONE).with("number", text).field(field, "phone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_writings_of_one_number_are_one_number() {
        for text in ["13800138000", "138 0013 8000", "+86 138-0013-8000", "0086 13800138000"] {
            assert_eq!(normalize(text, country::Id::CN, "phone").unwrap(), "+8613800138000", "{text}");
        }
        assert_eq!(normalize("021-6279 8888", country::Id::CN, "phone").unwrap(), "+862162798888");
        assert_eq!(normalize("+49 30 901820", country::Id::CN, "phone").unwrap(), "+4930901820");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "abc", "123", "+86 1", "999999999999999"] {
            let error = normalize(text, country::Id::CN, "phones[0].number").unwrap_err();
            assert_eq!((error.reason, error.fields[0].field.as_str()), (INVALID_PHONE, "phones[0].number"), "{text}");
        }
    }
}
