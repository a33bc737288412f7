//! The bus inside one process. Publishing an event ends when every group has committed it, so the outbox is marked no
//! sooner and a restart loses nothing.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{Notify, mpsc};

use super::{Ack, Delivery};

/// The groups of each publishing service.
#[derive(Debug, Default)]
pub struct Memory {
    groups: Mutex<Groups>,
}

#[derive(Debug, Default)]
struct Groups {
    by_name: BTreeMap<String, Arc<Group>>,
    by_publisher: BTreeMap<String, Vec<Arc<Group>>>,
}

/// A consuming service: what waits for it. Its replicas, if there are several, share the queue.
#[derive(Debug, Default)]
pub(crate) struct Group {
    name: String,
    waiting: Mutex<VecDeque<Letter>>,
    arrived: Notify,
}

/// An event for one group.
#[derive(Clone, Debug)]
struct Letter {
    payload: Arc<[u8]>,
    ticket: Arc<Ticket>,
}

/// Counts the groups that have not committed an event yet, and tells the relay when none is left.
#[derive(Debug)]
pub(crate) struct Ticket {
    id: i64,
    open: AtomicUsize,
    done: mpsc::UnboundedSender<i64>,
}

impl Memory {
    /// The group of that name, listening to these services from now on.
    pub(crate) fn join(&self, name: &str, publishers: &[&str]) -> Arc<Group> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Group { name: name.to_owned(), ..Group::default() });
        let group = groups.by_name.entry(name.to_owned()).or_insert_with(new).clone();
        for publisher in publishers {
            let listening = groups.by_publisher.entry((*publisher).to_owned()).or_default();
            if !listening.iter().any(|listener| Arc::ptr_eq(listener, &group)) {
                listening.push(group.clone());
            }
        }
        group
    }

    /// Hands an event to every group that listens to `publisher`; `done` hears `id` once all have committed it.
    pub(crate) fn publish(&self, publisher: &str, id: i64, payload: Vec<u8>, done: &mpsc::UnboundedSender<i64>) {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let listening = groups.by_publisher.get(publisher).map(Vec::as_slice).unwrap_or_default();
        if listening.is_empty() {
            // The relay that hears it may be gone: then the next one publishes again.
            let _ = done.send(id);
            return;
        }
        let ticket = Arc::new(Ticket { id, open: AtomicUsize::new(listening.len()), done: done.clone() });
        let payload: Arc<[u8]> = payload.into();
        for group in listening {
            group.put(Letter { payload: payload.clone(), ticket: ticket.clone() });
        }
    }
}

impl Group {
    fn put(&self, letter: Letter) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(letter);
        self.arrived.notify_one();
    }

    async fn take(&self) -> Letter {
        loop {
            let next = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            match next {
                Some(letter) => return letter,
                None => self.arrived.notified().await,
            }
        }
    }
}

/// A letter in the hands of a consumer; it goes back to the queue when it is dropped.
#[derive(Debug)]
pub(crate) struct Parcel {
    letter: Option<Letter>,
    group: Arc<Group>,
}

impl Parcel {
    pub(crate) fn ack(mut self) {
        if let Some(letter) = self.letter.take()
            && letter.ticket.open.fetch_sub(1, Ordering::AcqRel) == 1
        {
            let _ = letter.ticket.done.send(letter.ticket.id);
        }
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        if let Some(letter) = self.letter.take() {
            self.group.put(letter);
        }
    }
}

/// Hands the group's events out.
pub(crate) async fn run(group: &Arc<Group>, out: &mpsc::Sender<Delivery>) {
    loop {
        let letter = group.take().await;
        let payload = letter.payload.clone();
        let origin = format!("memory/{}/{}", group.name, letter.ticket.id);
        let parcel = Parcel { letter: Some(letter), group: group.clone() };
        if out.send(Delivery { payload, origin, ack: Ack::Memory(parcel) }).await.is_err() {
            return;
        }
    }
}
