//! Peers that open a connection and say nothing, or greet as HTTP/2 clients do and then say nothing. Neither hears that it
//! ought to leave.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use harness::eventually;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

/// What an HTTP/2 client begins with: the preface and an empty SETTINGS frame.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";

/// Two such peers of every process. They come back whenever they are cut off, and go when this is dropped.
pub(super) struct SilentPeers {
    there: BTreeMap<String, [Arc<AtomicBool>; 2]>,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl SilentPeers {
    pub(super) fn start(processes: impl Iterator<Item = (String, SocketAddr)>) -> Self {
        let (mut there, mut tasks) = (BTreeMap::new(), JoinSet::new());
        let connections = Arc::<AtomicUsize>::default();
        for (name, port) in processes {
            let peers: [Arc<AtomicBool>; 2] = Default::default();
            for (peer, greeting) in peers.iter().zip([&b""[..], GREETING]) {
                tasks.spawn(hold_on(port, greeting, peer.clone(), connections.clone()));
            }
            there.insert(name, peers);
        }
        Self { there, connections, _tasks: tasks }
    }

    /// Waits until both hold on to this process.
    pub(super) async fn hold(&self, process: &str) {
        eventually(&format!("silent peers hold on to {process}"), async || {
            let there = self.there[process].each_ref().map(|peer| peer.load(Ordering::Relaxed));
            if there == [true, true] { Ok(()) } else { Err(there) }
        })
        .await;
    }

    /// How many connections they have made.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn hold_on(port: SocketAddr, greeting: &[u8], there: Arc<AtomicBool>, connections: Arc<AtomicUsize>) {
    loop {
        if let Ok(mut stream) = TcpStream::connect(port).await
            && stream.write_all(greeting).await.is_ok()
        {
            connections.fetch_add(1, Ordering::Relaxed);
            there.store(true, Ordering::Relaxed);
            let mut unheard = [0; 1024];
            while matches!(stream.read(&mut unheard).await, Ok(read) if read > 0) {}
            there.store(false, Ordering::Relaxed);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
