//! Streams that end for our sake: at the end of their longest life, and when the process stops. Their clients are told to
//! open them again from where they are, so that a stop never has to cut them off.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use common::Error;
use http_body::{Body as HttpBody, Frame};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Status, body::Body};

use crate::error::STREAM_ENDED;

/// Time for a stream's own service to end it, with a better hint than ours, when the process stops.
const PATIENCE: Duration = Duration::from_millis(500);

/// Looks at a stream's caller again and again; ready once they may not go on, with what they are told.
pub(crate) type Watch = Pin<Box<dyn Future<Output = Status> + Send>>;

/// When a stream ends for our sake.
pub(crate) struct Life {
    end: Pin<Box<Sleep>>,
    stopping: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    watch: Option<Watch>,
}

impl std::fmt::Debug for Life {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Life({:?})", self.end.deadline())
    }
}

impl Life {
    pub(crate) fn new(until: Instant, stopping: CancellationToken, watch: Option<Watch>) -> Self {
        let stopping = Some(Box::pin(stopping.cancelled_owned()));
        Self { end: Box::pin(tokio::time::sleep_until(until)), stopping, watch }
    }

    /// Ready once it is over; says what the caller is told instead of farewell, if they may not go on.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Option<Status>> {
        if let Some(watch) = &mut self.watch
            && let Poll::Ready(told) = watch.as_mut().poll(cx)
        {
            self.watch = None;
            return Poll::Ready(Some(told));
        }
        if let Some(stopping) = &mut self.stopping
            && stopping.as_mut().poll(cx).is_ready()
        {
            self.stopping = None;
            let soon = Instant::now() + PATIENCE;
            let end = self.end.deadline().min(soon);
            self.end.as_mut().reset(end);
        }
        self.end.as_mut().poll(cx).map(|()| None)
    }

    /// Waits for its end, as [`Life::poll_over`] has it.
    pub(crate) async fn over(&mut self) -> Option<Status> {
        std::future::poll_fn(|cx| self.poll_over(cx)).await
    }
}

/// What a client is told then.
pub(crate) fn farewell() -> Error {
    Error::new(STREAM_ENDED)
}

/// A gRPC stream on its way to the client, which ends with `farewell` once its life is over.
#[derive(Debug)]
pub(crate) struct Lasting {
    body: Body,
    life: Option<Life>,
    farewell: Status,
    /// Bytes of the present message that are still to come: a message is never cut in two.
    missing: usize,
    head: Vec<u8>,
}

impl Lasting {
    pub(crate) fn new(body: Body, life: Life, farewell: Status) -> Self {
        Self { body, life: Some(life), farewell, missing: 0, head: Vec::new() }
    }

    /// Keeps count of where messages end.
    fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.missing > 0 {
                let taken = self.missing.min(bytes.len());
                self.missing -= taken;
                bytes = &bytes[taken..];
                continue;
            }
            self.head.push(bytes[0]);
            bytes = &bytes[1..];
            if let [_, a, b, c, d] = self.head[..] {
                self.missing = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
                self.head.clear();
            }
        }
    }
}

impl HttpBody for Lasting {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let between = self.missing == 0 && self.head.is_empty();
        let Some(life) = &mut self.life else { return Poll::Ready(None) };
        if between && let Poll::Ready(told) = life.poll_over(cx) {
            self.life = None;
            let mut trailers = http::HeaderMap::new();
            let told = told.as_ref().unwrap_or(&self.farewell).add_header(&mut trailers);
            return Poll::Ready(Some(told.map(|()| Frame::trailers(trailers))));
        }
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(bytes) = frame.data_ref()
        {
            let bytes = bytes.clone();
            self.pass(&bytes);
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use http_body_util::{BodyExt as _, StreamBody};
    use tonic::Code;

    use super::*;

    fn status() -> Status {
        Status::unavailable("again")
    }

    /// A body of these pieces that then stays silent.
    fn silent(pieces: Vec<&'static [u8]>) -> Body {
        let pieces = pieces.into_iter().map(|piece| Ok::<_, Status>(Frame::data(Bytes::from_static(piece))));
        Body::new(StreamBody::new(futures::stream::iter(pieces).chain(futures::stream::pending())))
    }

    #[tokio::test]
    async fn a_silent_stream_ends_with_a_hint_when_the_process_stops() {
        let stopping = CancellationToken::new();
        let life = Life::new(Instant::now() + Duration::from_secs(600), stopping.clone(), None);
        let mut body = Lasting::new(silent(vec![b"\0\0\0\0\x02ab"]), life, status());
        assert!(body.frame().await.unwrap().unwrap().is_data());
        stopping.cancel();
        let trailers = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(Status::from_header_map(&trailers).unwrap().code(), Code::Unavailable);
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_message_is_never_cut_in_two() {
        let life = Life::new(Instant::now(), CancellationToken::new(), None);
        tokio::time::sleep(Duration::from_millis(5)).await;
        let mut body = Lasting::new(silent(vec![b"\0\0\0", b"\0\x03a", b"bc\0"]), life, status());
        // Nothing has begun: it may end at once.
        assert!(body.frame().await.unwrap().unwrap().is_trailers());

        let stopping = CancellationToken::new();
        let life = Life::new(Instant::now() + Duration::from_secs(600), stopping.clone(), None);
        let mut body = Lasting::new(silent(vec![b"\0\0\0", b"\0\x03a", b"bc"]), life, status());
        assert!(body.frame().await.unwrap().unwrap().is_data());
        stopping.cancel();
        tokio::time::sleep(PATIENCE).await;
        assert!(body.frame().await.unwrap().unwrap().is_data());
        assert!(body.frame().await.unwrap().unwrap().is_data());
        assert!(body.frame().await.unwrap().unwrap().is_trailers());
    }
}
