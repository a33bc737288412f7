//! Answers that are kept for repeats of a call: they hold what the caller was shown, personal data included. And events
//! that are kept for consumers who missed them: they name no person, but a reason in them may be in somebody's words.

use std::{collections::BTreeSet, sync::OnceLock};

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};
use proto::aftercare::common::v1::Event;
use sea_orm::{EntityTrait as _, QueryOrder as _, QuerySelect as _, entity::prelude::*};

use crate::{
    db::Db,
    error::{Error, Result},
    idempotency::entity::{Column, Entity},
};

/// Rows that are looked at together.
const BATCH: u64 = 500;

/// Blanks the answers that name one of these records, and counts them. The rows stay: a repeat is still a repeat.
pub(super) async fn blank(db: &Db, ids: &BTreeSet<String>, check_only: bool) -> Result<i32> {
    let mut blanked = 0;
    let mut after = String::new();
    loop {
        let select = Entity::find().filter(Column::Key.gt(after.clone())).order_by_asc(Column::Key).limit(BATCH);
        let rows = select.all(db.write()).await?;
        let Some(last) = rows.last() else { return Ok(blanked) };
        after.clone_from(&last.key);
        for row in rows {
            if !names_one(&row.answer, ids) {
                continue;
            }
            let silent = silent(&row.key, &row.answer)?;
            if silent == row.answer {
                continue;
            }
            blanked += 1;
            if !check_only {
                Entity::update_many()
                    .col_expr(Column::Answer, Expr::value(silent))
                    .filter(Column::Key.eq(row.key))
                    .exec(db.write())
                    .await?;
            }
        }
    }
}

/// Blanks what kept events of these records say in somebody's words, and counts them. The events themselves stay: a consumer
/// that missed one must still get it.
pub(super) async fn blank_events(db: &Db, ids: &BTreeSet<String>, check_only: bool) -> Result<i32> {
    use crate::outbox::entity::{Column, Entity};
    let mut blanked = 0;
    for id in ids {
        for row in Entity::find().filter(Column::AggregateId.eq(id)).all(db.write()).await? {
            let mut event = Event::decode(row.envelope.as_slice()).map_err(Error::internal)?;
            let Some(descriptor) = pool().get_message_by_name(&event.r#type) else { continue };
            let mut payload = DynamicMessage::decode(descriptor, event.payload.as_slice()).map_err(Error::internal)?;
            silence_words(&mut payload);
            let silent = payload.encode_to_vec();
            if silent == event.payload {
                continue;
            }
            blanked += 1;
            if !check_only {
                event.payload = silent;
                Entity::update_many()
                    .col_expr(Column::Envelope, Expr::value(event.encode_to_vec()))
                    .filter(Column::Id.eq(row.id))
                    .exec(db.write())
                    .await?;
            }
        }
    }
    Ok(blanked)
}

/// Ids are of one form: a prefix, an underscore and 26 digits. So one walk over the bytes is enough for any number of them.
fn names_one(answer: &[u8], ids: &BTreeSet<String>) -> bool {
    let text = String::from_utf8_lossy(answer);
    text.split(|letter: char| !letter.is_ascii_lowercase() && !letter.is_ascii_digit() && letter != '_').any(|word| {
        word.len() > 27
            && (ids.contains(word) || ids.iter().any(|id| word.ends_with(id.as_str()) || word.starts_with(id.as_str())))
    })
}

/// The answer without a person's words: what is neither an id, a number nor a code.
fn silent(key: &str, answer: &[u8]) -> Result<Vec<u8>> {
    let Some(descriptor) = answer_of(key) else { return Ok(Vec::new()) };
    let mut message = DynamicMessage::decode(descriptor, answer).map_err(Error::internal)?;
    silence(&mut message);
    Ok(message.encode_to_vec())
}

fn pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| DescriptorPool::decode(proto::DESCRIPTORS).unwrap_or_default())
}

/// What the RPC in a key answers with. The key holds `aftercare.intake.v1.IntakeService/create_customer`.
fn answer_of(key: &str) -> Option<MessageDescriptor> {
    let (service, rpc) = key.split('|').find(|part| part.contains("Service/"))?.split_once('/')?;
    let service = pool().get_service_by_name(service)?;
    let plain = |name: &str| name.replace('_', "").to_ascii_lowercase();
    service.methods().find(|method| plain(method.name()) == plain(rpc)).map(|method| method.output())
}

/// Fields of events in which somebody's words may stand.
const WORDS: [&str; 6] = ["reason", "note", "text", "description", "summary", "remarks"];

/// Blanks words, and keeps what consumers work by.
fn silence_words(message: &mut DynamicMessage) {
    let fields: Vec<_> = message.fields().map(|(field, value)| (field, value.clone())).collect();
    for (field, mut value) in fields {
        match &mut value {
            Value::Message(inner) => silence_words(inner),
            Value::List(items) => {
                items.iter_mut().filter_map(Value::as_message_mut).for_each(silence_words);
            }
            other if WORDS.contains(&field.name()) => silence_value(other),
            _ => continue,
        }
        message.set_field(&field, value);
    }
}

fn silence(message: &mut DynamicMessage) {
    let fields: Vec<_> = message.fields().map(|(field, value)| (field, value.clone())).collect();
    for (field, mut value) in fields {
        let name = field.name();
        let kept = name.ends_with("_id")
            || ["number", "etag", "state"].contains(&name) && field.kind() == prost_reflect::Kind::String;
        let phone = field.parent_message().name() == "Phone";
        if !kept || phone {
            silence_value(&mut value);
            message.set_field(&field, value);
        }
    }
}

fn silence_value(value: &mut Value) {
    match value {
        Value::String(text) if !super::blank::is_code(text) => text.clear(),
        Value::Message(inner) => silence(inner),
        Value::List(items) => items.iter_mut().for_each(silence_value),
        Value::Map(items) => items.values_mut().for_each(silence_value),
        _ => {}
    }
}
