//! The audit trail: what one entry says, how entries hang together, and how meddling with them shows.
//!
//! Every entry holds the hash of the entry before it and a hash over that and all of its own fields. So an edited entry
//! no longer fits its own hash, a missing one leaves a hole in the numbers, and a replaced one no longer fits the next.
//! Whoever recomputes everything from some entry on is stopped by the anchors: signed (number, hash) pairs with a key
//! that the database does not hold, which also go into the log.

pub(crate) mod mask;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use common::{id, record::Actor, typed_id};
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

typed_id! {
    /// An entry. Its bits are those of the event that it tells of.
    AuditEntryId = "ae";
}

impl AuditEntryId {
    /// The id of an entry that is kept under an event's id.
    pub(crate) fn of_event(event: &str) -> Self {
        id::of(u128::from_str_radix(event, 16).unwrap_or_default())
    }

    /// The id of the event.
    pub(crate) fn event(&self) -> String {
        format!("{:032x}", id::bits(self.as_str()))
    }
}

/// A hash of the chain.
pub(crate) type Hash = [u8; 32];

/// What begins the bytes of every entry: another form of entry will have another mark.
const FORM: &[u8] = b"aftercare audit 1";

/// How what was tried ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
    /// It failed on our side.
    Failed,
}

impl Outcome {
    /// Every outcome.
    pub(crate) const ALL: [Self; 3] = [Self::Done, Self::Refused, Self::Failed];

    /// The name in rows.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// The outcome of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }
}

/// Who did or saw what. Holds ids, never names, phones or addresses of customers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Who: the id acted under.
    pub(crate) actor_id: String,
    /// In which role.
    pub(crate) actor_role: String,
    /// For which organisation unit.
    pub(crate) actor_org_unit_id: String,
    /// What was done, for example `sign_in`, `unmask`, `read`, `download`, `work_order.assign`.
    pub(crate) action: String,
    /// The service that did it.
    pub(crate) service: String,
    /// Kind of what it was done to, for example `customer`.
    pub(crate) subject_kind: String,
    /// Id of what it was done to.
    pub(crate) subject_id: String,
    /// Version of the record since then; 0 when nothing was changed.
    pub(crate) subject_version: i64,
    /// The customer concerned; empty for none.
    pub(crate) customer_id: String,
    /// The client's network address; empty when it is not known here.
    pub(crate) from_address: String,
    /// Joins what belongs to one call: the trace's id.
    pub(crate) trace_id: String,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// Why: a stable reason of a refusal, or the actor's words.
    pub(crate) reason: String,
    /// SHA-256, in hex, of the before and after that the record's owner keeps, or of what was handed out.
    pub(crate) digest: String,
}

impl Entry {
    /// `actor` did `action` to one thing. It was done, unless the entry is told otherwise.
    pub(crate) fn new(actor: &Actor, action: &str, subject_kind: &str, subject_id: &str) -> Self {
        Self {
            actor_id: actor.id.clone(),
            actor_role: actor.role.as_str().to_owned(),
            actor_org_unit_id: actor.org_unit_id.clone(),
            action: action.to_owned(),
            service: crate::NAME.to_owned(),
            subject_kind: subject_kind.to_owned(),
            subject_id: subject_id.to_owned(),
            subject_version: 0,
            customer_id: String::new(),
            from_address: String::new(),
            trace_id: String::new(),
            outcome: Outcome::Done,
            reason: String::new(),
            digest: String::new(),
        }
    }

    /// The customer concerned.
    pub(crate) fn customer(mut self, customer_id: &str) -> Self {
        customer_id.clone_into(&mut self.customer_id);
        self
    }

    /// Where the caller is.
    pub(crate) fn seen_from(mut self, address: &str) -> Self {
        address.clone_into(&mut self.from_address);
        self
    }

    /// The trace of the call, out of a W3C `traceparent` or as a bare id.
    pub(crate) fn trace(mut self, traceparent: &str) -> Self {
        traceparent.split('-').nth(1).unwrap_or(traceparent).clone_into(&mut self.trace_id);
        self
    }

    /// It was refused, for a stable reason.
    pub(crate) fn refused(mut self, reason: &str) -> Self {
        self.outcome = Outcome::Refused;
        self.because(reason)
    }

    /// It failed on our side.
    pub(crate) fn failed(mut self, reason: &str) -> Self {
        self.outcome = Outcome::Failed;
        self.because(reason)
    }

    /// Why.
    pub(crate) fn because(mut self, reason: &str) -> Self {
        reason.clone_into(&mut self.reason);
        self
    }

    /// Digest of what was changed or handed out, in hex.
    pub(crate) fn digest(mut self, digest: &str) -> Self {
        digest.clone_into(&mut self.digest);
        self
    }
}

/// An entry in its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// Its number: one more than that of the entry before.
    pub(crate) seq: i64,
    /// Its id.
    pub(crate) id: String,
    /// When it happened.
    pub(crate) at: DateTime<Utc>,
    /// What it says.
    pub(crate) entry: Entry,
    /// Hash of the entry before.
    pub(crate) previous: Hash,
    /// Its own hash.
    pub(crate) hash: Hash,
}

impl Sealed {
    /// Puts an entry behind the one that has `previous`.
    pub(crate) fn chain(seq: i64, id: String, at: DateTime<Utc>, entry: Entry, previous: Hash) -> Self {
        let mut sealed = Self { seq, id, at, entry, previous, hash: Hash::default() };
        sealed.hash = sealed.computed();
        sealed
    }

    /// The hash that it must have.
    pub(crate) fn computed(&self) -> Hash {
        let Self { seq, id, at, entry, previous, hash: _ } = self;
        let Entry {
            actor_id,
            actor_role,
            actor_org_unit_id,
            action,
            service,
            subject_kind,
            subject_id,
            subject_version,
            customer_id,
            from_address,
            trace_id,
            outcome,
            reason,
            digest,
        } = entry;
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(FORM);
        bytes.extend_from_slice(previous);
        for number in [*seq, at.timestamp_micros(), *subject_version] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        // Every text with its length before it, so that no text can flow over into its neighbour.
        for text in [
            id,
            actor_id,
            actor_role,
            actor_org_unit_id,
            action,
            service,
            subject_kind,
            subject_id,
            customer_id,
            from_address,
            trace_id,
            outcome.as_str(),
            reason,
            digest,
        ] {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        Sha256::digest(&bytes).into()
    }
}

/// Where the chain begins and ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// Number of the last entry; 0 before the first.
    pub(crate) seq: i64,
    /// Its hash; zeroes before the first.
    pub(crate) hash: Hash,
    /// Number of the last entry that was deleted because its time was over; 0 while none was.
    pub(crate) base_seq: i64,
    /// Its hash.
    pub(crate) base_hash: Hash,
    /// Number of the last anchor.
    pub(crate) anchored_seq: i64,
}

/// Signs heads and anchors with a key that is not in the database: the first one. The others only verify.
#[derive(Clone)]
pub(crate) struct Seal(Vec<Vec<u8>>);

impl std::fmt::Debug for Seal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Seal(secret)")
    }
}

impl Seal {
    /// A seal with these keys, the present one first.
    pub(crate) fn new(keys: &[String]) -> Self {
        Self(keys.iter().map(|key| key.as_bytes().to_vec()).collect())
    }

    /// Signs the chain's head.
    pub(crate) fn head(&self, head: &Head) -> Vec<u8> {
        self.sign(&head_bytes(head))
    }

    /// Signs an anchor.
    pub(crate) fn anchor(&self, seq: i64, hash: &Hash, at: DateTime<Utc>) -> Vec<u8> {
        self.sign(&anchor_bytes(seq, hash, at))
    }

    /// Whether the head is ours.
    pub(crate) fn knows_head(&self, head: &Head, mac: &[u8]) -> bool {
        self.knows(&head_bytes(head), mac)
    }

    /// Whether the anchor is ours.
    pub(crate) fn knows_anchor(&self, seq: i64, hash: &Hash, at: DateTime<Utc>, mac: &[u8]) -> bool {
        self.knows(&anchor_bytes(seq, hash, at), mac)
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.first().map(|key| sign(key, bytes).to_vec()).unwrap_or_default()
    }

    fn knows(&self, bytes: &[u8], mac: &[u8]) -> bool {
        self.0.iter().any(|key| sign(key, bytes)[..] == *mac)
    }
}

fn sign(key: &[u8], bytes: &[u8]) -> Hash {
    // HMAC takes keys of any length.
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mac| mac.chain_update(bytes).finalize().into_bytes().into())
        .unwrap_or_default()
}

fn head_bytes(head: &Head) -> Vec<u8> {
    let Head { seq, hash, base_seq, base_hash, anchored_seq } = head;
    let numbers = [*seq, *base_seq, *anchored_seq].map(i64::to_le_bytes).concat();
    [b"aftercare audit head".as_slice(), &numbers, hash, base_hash].concat()
}

fn anchor_bytes(seq: i64, hash: &Hash, at: DateTime<Utc>) -> Vec<u8> {
    let numbers = [seq, at.timestamp_micros()].map(i64::to_le_bytes).concat();
    [b"aftercare audit anchor".as_slice(), &numbers, hash].concat()
}

/// What is wrong with the chain, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The entry no longer fits its own hash: a field, its number or its hash was changed.
    Edited(i64),
    /// The entry fits itself, but the one before it is not the one it was chained to: that one was replaced.
    Replaced(i64),
    /// These entries are missing, first and last.
    Missing(i64, i64),
    /// Behind the first number and up to the second everything was made anew: the anchor there has another hash.
    Rewritten(i64, i64),
    /// The trail goes on behind its head: these were added by somebody else.
    Beyond(i64, i64),
    /// The anchor of that number is gone, or not signed by us.
    ForgedAnchor(i64),
    /// The head is not signed by us, or is gone.
    ForgedHead,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Edited(seq) => write!(out, "entry {seq} was edited: it does not fit its hash"),
            Self::Replaced(seq) => write!(out, "entry {seq} was replaced: the next one was chained to another"),
            Self::Missing(from, to) if from == to => write!(out, "entry {from} is missing"),
            Self::Missing(from, to) => write!(out, "entries {from} to {to} are missing"),
            Self::Rewritten(after, to) => {
                write!(out, "entries after {after} were made anew: the anchor at {to} has another hash")
            }
            Self::Beyond(from, to) => write!(out, "entries {from} to {to} lie behind the head: they are not ours"),
            Self::ForgedAnchor(seq) => write!(out, "the anchor at {seq} is gone or not signed with the audit key"),
            Self::ForgedHead => write!(out, "the head of the chain is gone or not signed with the audit key"),
        }
    }
}

/// Checks one stretch of the chain, entry by entry in the order of their numbers.
#[derive(Debug)]
pub(crate) struct Stretch<'a> {
    /// Number that comes next.
    next: i64,
    /// Hash of the entry before, when it is known and was not found faulty.
    before: Option<Hash>,
    /// Hashes that anchors know.
    anchors: &'a BTreeMap<i64, Hash>,
    faults: Vec<Fault>,
}

impl<'a> Stretch<'a> {
    /// A stretch that begins with the entry `first`; `before` is the hash of the one before it, if that is there.
    pub(crate) fn new(first: i64, before: Option<Hash>, anchors: &'a BTreeMap<i64, Hash>) -> Self {
        Self { next: first, before, anchors, faults: Vec::new() }
    }

    /// Checks the next entry.
    pub(crate) fn check(&mut self, row: &Sealed) {
        if row.seq > self.next {
            self.faults.push(Fault::Missing(self.next, row.seq - 1));
            self.before = None;
        }
        let sound = row.computed() == row.hash;
        if !sound {
            self.faults.push(Fault::Edited(row.seq));
        } else if self.before.is_some_and(|before| before != row.previous) {
            self.faults.push(Fault::Replaced(row.seq - 1));
        }
        if sound && self.anchors.get(&row.seq).is_some_and(|known| *known != row.hash) {
            let after = self.anchors.range(..row.seq).next_back().map_or(0, |(seq, _)| *seq);
            self.faults.push(Fault::Rewritten(after, row.seq));
        }
        // A faulty entry says nothing about the next one: its hash may be what was edited.
        self.before = sound.then_some(row.hash);
        self.next = row.seq + 1;
    }

    /// Ends the stretch at its last number and says what was wrong with it.
    pub(crate) fn end(mut self, last: i64) -> Vec<Fault> {
        if self.next <= last {
            self.faults.push(Fault::Missing(self.next, last));
        }
        self.faults
    }
}

#[cfg(test)]
mod tests {
    use common::record::Role;

    use super::*;

    fn chain(length: i64) -> Vec<Sealed> {
        let actor = Actor::service("test");
        let mut previous = Hash::default();
        (1..=length)
            .map(|seq| {
                let entry = Entry::new(&actor, "read", "customer", &format!("cu_{seq}"));
                let sealed = Sealed::chain(seq, format!("e{seq}"), DateTime::UNIX_EPOCH, entry, previous);
                previous = sealed.hash;
                sealed
            })
            .collect()
    }

    fn faults(rows: &[Sealed], anchors: &BTreeMap<i64, Hash>, last: i64) -> Vec<Fault> {
        let mut stretch = Stretch::new(1, Some(Hash::default()), anchors);
        rows.iter().for_each(|row| stretch.check(row));
        stretch.end(last)
    }

    #[test]
    fn a_sound_chain_has_no_fault() {
        let rows = chain(50);
        let anchors = BTreeMap::from([(10, rows[9].hash), (50, rows[49].hash)]);
        assert_eq!(faults(&rows, &anchors, 50), []);
    }

    #[test]
    fn every_kind_of_meddling_shows_where_it_was_done() {
        let none = BTreeMap::new();
        let mut edited = chain(9);
        edited[4].entry.subject_id = "cu_other".to_owned();
        assert_eq!(faults(&edited, &none, 9), [Fault::Edited(5)]);

        let mut replaced = chain(9);
        replaced[4].entry.actor_role = Role::Admin.as_str().to_owned();
        replaced[4].hash = replaced[4].computed();
        assert_eq!(faults(&replaced, &none, 9), [Fault::Replaced(5)]);

        let mut shorter = chain(9);
        shorter.remove(4);
        assert_eq!(faults(&shorter, &none, 9), [Fault::Missing(5, 5)]);

        let mut swapped = chain(9);
        (swapped[3].seq, swapped[6].seq) = (7, 4);
        swapped.swap(3, 6);
        assert_eq!(faults(&swapped, &none, 9), [Fault::Edited(4), Fault::Edited(7)]);

        assert_eq!(faults(&chain(7), &none, 9), [Fault::Missing(8, 9)]);

        let honest = chain(9);
        let anchors = BTreeMap::from([(2, honest[1].hash), (8, honest[7].hash)]);
        let mut rewritten = chain(9);
        rewritten[4].entry.reason = "made up".to_owned();
        let mut previous = rewritten[3].hash;
        for row in &mut rewritten[4..] {
            row.previous = previous;
            row.hash = row.computed();
            previous = row.hash;
        }
        assert_eq!(faults(&rewritten, &anchors, 9), [Fault::Rewritten(2, 8)]);
    }

    #[test]
    fn texts_do_not_flow_into_each_other() {
        let mut one = chain(1).remove(0);
        let mut other = one.clone();
        (one.entry.actor_id, one.entry.actor_role) = ("ab".to_owned(), "c".to_owned());
        (other.entry.actor_id, other.entry.actor_role) = ("a".to_owned(), "bc".to_owned());
        assert_ne!(one.computed(), other.computed());
    }

    #[test]
    fn only_our_seal_is_known_and_a_former_one_still_is() {
        let seal = |keys: &[&str]| Seal::new(&keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>());
        let (old, new) = (seal(&["old"]), seal(&["new", "old"]));
        let mac = old.anchor(3, &Hash::default(), DateTime::UNIX_EPOCH);
        assert!(new.knows_anchor(3, &Hash::default(), DateTime::UNIX_EPOCH, &mac));
        assert!(!new.knows_anchor(4, &Hash::default(), DateTime::UNIX_EPOCH, &mac));
        assert!(!seal(&["other"]).knows_anchor(3, &Hash::default(), DateTime::UNIX_EPOCH, &mac));
        let head = Head { seq: 3, ..Head::default() };
        assert!(new.knows_head(&head, &old.head(&head)));
        assert!(!new.knows_head(&Head { base_seq: 1, ..head.clone() }, &old.head(&head)));
    }
}
