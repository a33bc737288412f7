//! The body of a call that can be had back as long as nobody has begun to send it.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tonic::{Status, body::Body};

/// A body, and whether it is still whole.
#[derive(Clone)]
pub(super) struct Unsent(Arc<Mutex<Option<Body>>>);

impl Unsent {
    pub(super) fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Some(body))))
    }

    /// The body for one attempt.
    pub(super) fn lend(&self) -> Body {
        Body::new(Lent { kept: self.clone(), taken: None })
    }

    /// Whether nobody has asked for any of it: no service can have the message. An empty one is sent with the call's
    /// head, and nobody asks for it.
    pub(super) fn is_whole(&self) -> bool {
        self.lock().as_ref().is_some_and(|body| !body.is_end_stream())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Body>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the body with the first frame that is asked for.
struct Lent {
    kept: Unsent,
    taken: Option<Body>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.taken.is_none() {
            let kept = self.kept.lock().take();
            self.taken = kept;
        }
        match &mut self.taken {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.taken {
            Some(body) => body.is_end_stream(),
            None => self.kept.lock().as_ref().is_none_or(HttpBody::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.taken {
            Some(body) => body.size_hint(),
            None => self.kept.lock().as_ref().map(HttpBody::size_hint).unwrap_or_default(),
        }
    }
}
