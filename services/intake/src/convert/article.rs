//! Articles.

use common::convert::timestamp;
use proto::aftercare::intake::v1 as pb;

use super::article_state_value;
use crate::domain::article::Article;

/// The article's message.
pub(crate) fn article(from: &Article) -> pb::Article {
    pb::Article {
        article_id: from.id.to_string(),
        etag: from.version.to_string(),
        create_time: Some(timestamp(from.created_at)),
        update_time: Some(timestamp(from.updated_at)),
        org_unit_id: from.org_unit_id.clone(),
        title: from.text.title.clone(),
        body: from.text.body.clone(),
        category_codes: from.text.category_codes.clone(),
        fault_codes: from.text.fault_codes.clone(),
        language: from.text.language.clone(),
        state: article_state_value(from.state),
        revision: from.revision,
        answered_count: from.answered,
    }
}
