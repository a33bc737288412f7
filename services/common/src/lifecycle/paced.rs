//! Answers in small pieces, with a note of whom they wait for. The library asks for the next piece when its peer has room
//! for it, so an answer that is not asked for is one that its peer does not read.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tonic::{Status, body::Body};

use super::server::Since;

/// What a peer that opened its window by one byte can make the library hold, per stream.
const PIECE: usize = 16 * 1024;

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Paced {
    body: Body,
    rest: Bytes,
    since: Arc<Since>,
}

impl Paced {
    pub(super) fn new(body: Body, since: Arc<Since>) -> Self {
        Self { body, rest: Bytes::new(), since }
    }
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => {
                    self.since.waits_for_us();
                    return Poll::Pending;
                }
                Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                    self.rest = frame.into_data().unwrap_or_default();
                }
                Poll::Ready(other) => {
                    self.since.waits_for_peer();
                    return Poll::Ready(other);
                }
            }
        }
        self.since.waits_for_peer();
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        let (lower, upper) = (hint.lower().saturating_add(rest), hint.upper().map(|upper| upper.saturating_add(rest)));
        if let Some(upper) = upper {
            hint.set_upper(upper);
        }
        hint.set_lower(lower);
        hint
    }
}
