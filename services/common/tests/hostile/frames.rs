//! A client that speaks HTTP/2 frame by frame, so that it can say what no library would.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// One frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A number in HPACK, with this many bits in its first byte.
fn number(first: u8, bits: u32, value: usize, into: &mut Vec<u8>) {
    let most = (1_usize << bits) - 1;
    if value < most {
        into.push(first | u8::try_from(value).unwrap());
        return;
    }
    into.push(first | u8::try_from(most).unwrap());
    let mut left = value - most;
    while left >= 128 {
        into.push(u8::try_from(left % 128).unwrap() | 128);
        left /= 128;
    }
    into.push(u8::try_from(left).unwrap());
}

/// A header in HPACK, spelled out; `first` says whether it goes into the table.
fn literal(first: u8, name: &str, value: &[u8], into: &mut Vec<u8>) {
    into.push(first);
    number(0, 7, name.len(), into);
    into.extend(name.as_bytes());
    number(0, 7, value.len(), into);
    into.extend(value);
}

/// A header that stays out of the table.
pub(crate) fn header(name: &str, value: &[u8], into: &mut Vec<u8>) {
    literal(0, name, value, into);
}

/// A header that goes into the table, as its newest entry.
pub(crate) fn kept(name: &str, value: &[u8], into: &mut Vec<u8>) {
    literal(0x40, name, value, into);
}

/// The newest entry of the table.
pub(crate) const NEWEST: u8 = 0x80 | 62;

/// The head of a call.
pub(crate) fn head(path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "hostile"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        header(name, value.as_bytes(), &mut block);
    }
    block
}

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The server said goodbye, with this error code, or closed.
    Left(Option<u32>),
    /// It is still there.
    Stayed,
}

/// A hostile connection.
pub(crate) struct Hostile {
    stream: TcpStream,
    received: Vec<u8>,
    goodbye: Option<u32>,
}

impl Hostile {
    pub(crate) async fn connect(at: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(at).await.unwrap(), received: Vec::new(), goodbye: None }
    }

    /// Connects and says the preface, with these settings.
    pub(crate) async fn greet(at: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut hostile = Self::connect(at).await;
        let mut payload = Vec::new();
        for (name, value) in settings {
            payload.extend(name.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        let mut hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        hello.extend(frame(SETTINGS, 0, 0, &payload));
        hello.extend(frame(SETTINGS, 1, 0, &[]));
        hostile.send(&hello).await;
        hostile
    }

    /// Sends bytes, reading meanwhile so that nobody waits for the other; false once the server has left.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        let (mut reader, mut writer) = self.stream.split();
        let mut left = bytes;
        let mut buffer = vec![0; 16 * 1024];
        while !left.is_empty() {
            tokio::select! {
                biased;
                read = reader.read(&mut buffer) => match read {
                    Ok(0) | Err(_) => return false,
                    Ok(length) => {
                        self.received.extend(&buffer[..length]);
                        scan(&mut self.received, &mut self.goodbye);
                    }
                },
                written = writer.write(left) => match written {
                    Ok(length) => left = &left[length..],
                    Err(_) => return false,
                },
            }
        }
        true
    }

    /// Sends bytes without ever reading; false once nothing can be sent any more.
    pub(crate) async fn send_deaf(&mut self, bytes: &[u8]) -> bool {
        let sent = tokio::time::timeout(Duration::from_millis(500), self.stream.write_all(bytes)).await;
        matches!(sent, Ok(Ok(())))
    }

    /// Reads until the server leaves, for so long at the most. Pings are not answered.
    pub(crate) async fn end_within(&mut self, limit: Duration) -> End {
        let begun = Instant::now();
        let mut buffer = vec![0; 16 * 1024];
        while let Some(left) = limit.checked_sub(begun.elapsed()) {
            match tokio::time::timeout(left, self.stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => return End::Left(self.goodbye),
                Ok(Ok(length)) => {
                    self.received.extend(&buffer[..length]);
                    scan(&mut self.received, &mut self.goodbye);
                    if self.goodbye.is_some_and(|code| code != 0) {
                        return End::Left(self.goodbye);
                    }
                }
                Err(_) => break,
            }
        }
        End::Stayed
    }

    /// Waits until the server has closed its side, without reading what is there. Sees it by writing.
    pub(crate) async fn cut_within(&mut self, limit: Duration, knock: &[u8]) -> End {
        let begun = Instant::now();
        while begun.elapsed() < limit {
            match self.stream.try_write(knock) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return End::Left(None),
                Ok(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        End::Stayed
    }
}

/// Takes whole frames off and remembers a goodbye.
fn scan(received: &mut Vec<u8>, goodbye: &mut Option<u32>) {
    let mut at = 0;
    while let Some([a, b, c, kind, ..]) = received.get(at..at + 9) {
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap();
        let Some(payload) = received.get(at + 9..at + 9 + length) else { break };
        if *kind == GOAWAY
            && let Some([a, b, c, d]) = payload.get(4..8)
        {
            *goodbye = Some(u32::from_be_bytes([*a, *b, *c, *d]));
        }
        at += 9 + length;
    }
    received.drain(..at);
}
