//! TLS with the installation's own certificate, at the public port. The files are read again when they change, so that a
//! renewed certificate needs no restart; one that cannot be used leaves the present one in place.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, ensure};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// The files. The comments of the keys stand in `config/default.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// Chain of certificates in PEM, the own one first; empty for no TLS.
    pub certificate: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

/// TLS of one port. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    present: Arc<Present>,
    settings: TlsSettings,
}

impl fmt::Debug for Tls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Tls({})", self.settings.certificate.display())
    }
}

#[derive(Debug)]
struct Present(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Present {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Tls {
    /// Reads the files; `None` when there is to be no TLS.
    ///
    /// # Errors
    ///
    /// When they cannot be read, or do not belong together.
    pub fn open(settings: &TlsSettings) -> anyhow::Result<Option<Self>> {
        let none = Path::new("");
        if settings.certificate == none && settings.key == none {
            return Ok(None);
        }
        ensure!(settings.certificate != none && settings.key != none, "tls needs both certificate and key");
        let present = Arc::new(Present(RwLock::new(Arc::new(read(settings)?))));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(present.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Some(Self { acceptor: TlsAcceptor::from(Arc::new(config)), present, settings: settings.clone() }))
    }

    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<TlsStream<S>> {
        self.acceptor.accept(stream).await
    }

    /// Reads the files again whenever one of them changed, until `ending`.
    pub(super) async fn follow(self, ending: CancellationToken) {
        self.follow_every(LOOK, ending).await;
    }

    async fn follow_every(self, pause: Duration, ending: CancellationToken) {
        let mut seen = changed(&self.settings);
        while ending.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            let now = changed(&self.settings);
            if now == seen {
                continue;
            }
            match read(&self.settings) {
                Ok(key) => {
                    *self.present.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                    seen = now;
                    tracing::info!("the certificate was renewed");
                }
                // Perhaps one file is new and the other not yet: it is tried again.
                Err(error) => tracing::warn!(error = format!("{error:#}"), "the present certificate stays in use"),
            }
        }
    }
}

fn read(settings: &TlsSettings) -> anyhow::Result<CertifiedKey> {
    let of = |path: &Path| format!("tls: {} cannot be used", path.display());
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(&settings.certificate).with_context(|| of(&settings.certificate))?.collect();
    let chain = chain.with_context(|| of(&settings.certificate))?;
    ensure!(!chain.is_empty(), "{} holds no certificate", settings.certificate.display());
    let key = PrivateKeyDer::from_pem_file(&settings.key).with_context(|| of(&settings.key))?;
    let key = CertifiedKey::from_der(chain, key, &ring::default_provider())?;
    key.keys_match().context("tls: the key is not that of the certificate")?;
    Ok(key)
}

fn changed(settings: &TlsSettings) -> [Option<SystemTime>; 2] {
    [&settings.certificate, &settings.key].map(|path| std::fs::metadata(path).and_then(|file| file.modified()).ok())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsConnector;

    use super::*;

    /// A new certificate for localhost in this folder.
    fn certificate(folder: &Path) -> TlsSettings {
        let settings = TlsSettings { certificate: folder.join("tls.crt"), key: folder.join("tls.key") };
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ]);
        openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
        openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        openssl.arg("-keyout").arg(&settings.key).arg("-out").arg(&settings.certificate);
        let made = openssl.output().expect("openssl is needed for this test");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        settings
    }

    /// The certificate that a client is shown, when it trusts the one in this file.
    async fn shown(at: std::net::SocketAddr, trusted: &Path) -> io::Result<Vec<u8>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(at).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        Ok(stream.get_ref().1.peer_certificates().unwrap()[0].to_vec())
    }

    #[tokio::test]
    async fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let settings = certificate(folder.path());
        let tls = Tls::open(&settings).unwrap().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let serving = tls.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let tls = serving.clone();
                tokio::spawn(async move { tls.accept(stream).await.map(drop) });
            }
        });
        let ending = CancellationToken::new();
        let following = tokio::spawn(tls.follow_every(Duration::from_millis(10), ending.clone()));
        let first = shown(at, &settings.certificate).await.unwrap();

        let whole = std::fs::read(&settings.certificate).unwrap();
        std::fs::write(&settings.certificate, "nonsense").unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let copy = folder.path().join("copy.crt");
        std::fs::write(&copy, whole).unwrap();
        assert_eq!(shown(at, &copy).await.unwrap(), first, "the good one stays");

        certificate(folder.path());
        let mut second = shown(at, &settings.certificate).await;
        for _ in 0..100 {
            if second.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            second = shown(at, &settings.certificate).await;
        }
        assert_ne!(second.unwrap(), first);
        ending.cancel();
        following.await.unwrap();
    }

    #[test]
    fn no_files_mean_no_tls_and_half_of_them_or_nonsense_is_refused() {
        assert!(Tls::open(&TlsSettings::default()).unwrap().is_none());
        let folder = tempfile::tempdir().unwrap();
        let whole = certificate(folder.path());
        assert!(Tls::open(&TlsSettings { key: PathBuf::new(), ..whole.clone() }).is_err());
        assert!(Tls::open(&TlsSettings { certificate: whole.key.clone(), ..whole.clone() }).is_err());
        let other = tempfile::tempdir().unwrap();
        let other = certificate(other.path());
        assert!(Tls::open(&TlsSettings { key: other.key, ..whole }).is_err(), "not its key");
    }
}
