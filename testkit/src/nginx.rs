//! A real nginx on the loopback interface.

use std::fmt;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// Where the program is, if it is installed.
#[must_use]
pub fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Users other than root often do not look where servers lie.
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .map(|folder| folder.join("nginx"))
        .find(|file| file.is_file())
}

/// It ends when dropped.
#[derive(Debug)]
pub struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Nginx {
    /// Starts it with its files in `root`, which has to be there. `http` makes what stands in its block of that name from
    /// the address to listen on and the root.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(
        program: &Path,
        root: &Path,
        http: impl FnOnce(SocketAddr, fmt::Arguments<'_>) -> String,
    ) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let at = root.display();
        // As this process: without, a server started by root gives its workers to somebody who may not write here.
        let user = if std::os::unix::fs::MetadataExt::uid(&root.metadata()?) == 0 { "user root;" } else { "" };
        let http = http(address, format_args!("{at}"));
        let configuration = format!(
            "{user} daemon off; worker_processes auto; pid {at}/pid; error_log {at}/error.log warn;
             events {{ worker_connections 64; }}
             http {{
               access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;
               fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
               {http}
             }}"
        );
        let file = root.join("nginx.conf");
        std::fs::write(&file, configuration)?;
        let child = Command::new(program)
            .args(["-e", "stderr", "-c"])
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .context("starting nginx")?;
        let nginx = Self { child, address };
        for _ in 0..100 {
            if TcpStream::connect(address).is_ok() {
                return Ok(nginx);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("nginx does not listen")
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM by the system's own program: a master that is killed leaves its workers behind.
        let stopped = Command::new("kill").arg(self.child.id().to_string()).status();
        if !stopped.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
