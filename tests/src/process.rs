//! One service as a process of its own, which can be killed and started again.

use std::{
    collections::BTreeSet,
    fs::File,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rand::RngExt as _;

/// How long a process may take to start.
const START: Duration = Duration::from_secs(30);

/// A process of one service.
#[derive(Debug)]
pub struct Process {
    name: String,
    config: PathBuf,
    log: PathBuf,
    admin: SocketAddr,
    child: Option<Child>,
    begun: Instant,
    ready_after: Option<Duration>,
}

impl Process {
    /// A process that has not been started. `config` is its configuration file, `admin` where its probes answer.
    #[must_use]
    pub fn new(name: &str, config: &Path, admin: SocketAddr) -> Self {
        Self {
            name: name.to_owned(),
            config: config.to_owned(),
            log: config.with_extension("log"),
            admin,
            child: None,
            begun: Instant::now(),
            ready_after: None,
        }
    }

    fn command(&self, action: &str) -> anyhow::Result<Command> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = boxed(binary(&self.name)?);
        command.arg("--config").arg(&self.config).arg(action);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }

    /// Runs a command of the binary to its end.
    ///
    /// # Errors
    ///
    /// When it fails; with its log.
    pub fn run(&self, action: &str) -> anyhow::Result<()> {
        if self.command(action)?.status()?.success() {
            return Ok(());
        }
        bail!("{} {action} failed:\n{}", self.name, self.log())
    }

    /// Starts it; [`Process::ready`] waits for it.
    ///
    /// # Errors
    ///
    /// When there is no such binary.
    pub fn start(&mut self) -> anyhow::Result<()> {
        self.begun = Instant::now();
        self.child = Some(self.command("serve")?.spawn()?);
        Ok(())
    }

    /// Waits until its probe says that it is ready.
    ///
    /// # Errors
    ///
    /// When it ends, or is not ready in time; with its log.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        loop {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                bail!("{} ended with {status}:\n{}", self.name, self.log());
            }
            if is_ready(self.admin).await {
                self.ready_after = Some(self.begun.elapsed());
                return if is_boxed() { self.check_box() } else { Ok(()) };
            }
            if self.begun.elapsed() > START {
                bail!("{} is not ready after {START:?}:\n{}", self.name, self.log());
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Kills it as a power cut would.
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().with_context(|| format!("{} is not running", self.name))?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Tells it to stop, as Kubernetes does, and waits until it is gone by itself; says how long that took.
    ///
    /// # Errors
    ///
    /// When it is not gone after `limit`, or ends with a failure; with its log.
    pub async fn dismiss(&mut self, limit: Duration) -> anyhow::Result<Duration> {
        let mut child = self.child.take().with_context(|| format!("{} is not running", self.name))?;
        let begun = Instant::now();
        let told = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status()?;
        anyhow::ensure!(told.success(), "{} cannot be told to stop", self.name);
        loop {
            if let Some(status) = child.try_wait()? {
                anyhow::ensure!(status.success(), "{} ended with {status}:\n{}", self.name, self.log());
                return Ok(begun.elapsed());
            }
            if begun.elapsed() > limit {
                let at = stacks(child.id());
                child.kill()?;
                child.wait()?;
                bail!("{} is not gone {limit:?} after it was told to stop:\n{}\n{at}", self.name, self.log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Bytes that it has in memory.
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub fn memory(&self) -> anyhow::Result<u64> {
        let id = self.id().with_context(|| format!("{} is not running", self.name))?;
        let text = std::fs::read_to_string(format!("/proc/{id}/statm"))?;
        let pages: u64 = text.split_whitespace().nth(1).context("no resident pages")?.parse()?;
        Ok(pages * 4096)
    }

    /// How soon it was ready, and what it had in memory at the most, in words.
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub fn figures(&self) -> anyhow::Result<String> {
        let status = self.told("status")?;
        let most = field(&status, "VmHWM").context("no peak of memory")?;
        let kib: u64 = most.trim_end_matches(" kB").parse()?;
        let ready = self.ready_after.unwrap_or_default();
        Ok(format!("{:<16} ready after {:.2} s, {} MiB at the most", self.name, ready.as_secs_f64(), kib / 1024))
    }

    /// Sees that it really is in its box: nobody's user, no capability and no way to one, a root that cannot be written,
    /// and not more memory than a pod has.
    fn check_box(&self) -> anyhow::Result<()> {
        let status = self.told("status")?;
        let is = |name: &str, wanted: &str| {
            let found = field(&status, name).unwrap_or_default();
            anyhow::ensure!(found == wanted, "{} is not in its box: {name} {found}", self.name);
            Ok(())
        };
        is("Uid", "10001\t10001\t10001\t10001")?;
        is("Gid", "10001\t10001\t10001\t10001")?;
        is("NoNewPrivs", "1")?;
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            is(set, "0000000000000000")?;
        }
        let mounts = self.told("mounts")?;
        let root = mounts.lines().find(|line| line.split(' ').nth(1) == Some("/")).unwrap_or_default();
        let options = root.split(' ').nth(3).unwrap_or_default();
        anyhow::ensure!(options.split(',').any(|one| one == "ro"), "{} may write its root: {root}", self.name);
        let groups = self.told("cgroup")?;
        anyhow::ensure!(groups.contains("aftercare-pods/"), "{} has no limits: {groups}", self.name);
        Ok(())
    }

    /// What the kernel says of it in one of its files.
    fn told(&self, file: &str) -> anyhow::Result<String> {
        let id = self.id().with_context(|| format!("{} is not running", self.name))?;
        Ok(std::fs::read_to_string(format!("/proc/{id}/{file}"))?)
    }

    /// Makes it stand still, as a machine that hangs, or go on.
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub fn freeze(&self, still: bool) -> anyhow::Result<()> {
        let id = self.id().with_context(|| format!("{} is not running", self.name))?;
        let signal = if still { "-STOP" } else { "-CONT" };
        let told = Command::new("kill").arg(signal).arg(id.to_string()).status()?;
        anyhow::ensure!(told.success(), "{} {id} cannot be told {signal}", self.name);
        Ok(())
    }

    /// What its admin port tells Prometheus.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        get(self.admin, "/metrics").await
    }

    /// What it wrote.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Where all threads of a process are, on a machine that has gdb.
fn stacks(id: u32) -> String {
    let gdb = Command::new("gdb").args(["-batch", "-ex", "thread apply all bt 25", "-p", &id.to_string()]).output();
    gdb.map_or_else(|error| format!("gdb: {error}"), |output| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A line of `/proc/<pid>/status`.
fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// Whether processes run inside a box.
#[must_use]
pub fn is_boxed() -> bool {
    std::env::var_os("AFTERCARE_TEST_WRAPPER").is_some()
}

/// The binary itself, or inside what `AFTERCARE_TEST_WRAPPER` names: a program that becomes the binary given to it
/// (tests/in-pod.sh).
fn boxed(binary: PathBuf) -> Command {
    match std::env::var_os("AFTERCARE_TEST_WRAPPER") {
        Some(wrapper) => {
            let mut command = Command::new(wrapper);
            command.arg(binary);
            command
        }
        None => Command::new(binary),
    }
}

async fn is_ready(admin: SocketAddr) -> bool {
    get(admin, "/readyz").await.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// What an admin port answers, head and all.
async fn get(admin: SocketAddr, path: &str) -> anyhow::Result<String> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(admin).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        anyhow::Ok(answer)
    };
    tokio::time::timeout(Duration::from_secs(2), ask).await?
}

/// The binary of a service: built beside the tests (`make test` does it before they run), or in the folder that
/// `AFTERCARE_TEST_BINARIES` names.
///
/// # Errors
///
/// When it was not built.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let tests = std::env::current_exe()?;
    let folder = match std::env::var_os("AFTERCARE_TEST_BINARIES") {
        Some(folder) => PathBuf::from(folder),
        None => tests.parent().and_then(Path::parent).context("the tests are not in a target folder")?.to_owned(),
    };
    let path = folder.join(format!("aftercare-{name}"));
    anyhow::ensure!(path.exists(), "{} is missing: run the tests by `make test`, or build it", path.display());
    Ok(path)
}

/// Ports given away, so that two processes that have not started yet never get the same one.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// An address on this machine that nobody listens at. It is outside the range that outgoing connections take their ports
/// from, so a service that was killed finds it free again.
///
/// # Errors
///
/// When there is none.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    for _ in 0..200 {
        let port = rand::rng().random_range(10_000..32_000);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let fresh = GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port);
        if fresh && TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no free port")
}
