//! Where this build's programs are.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// `target/<profile>/NAME`, found from where this program lies (`target/<profile>` or `target/<profile>/deps`).
///
/// # Errors
/// If it has not been built.
pub fn find(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("where this program is")?;
    let mut dir = own.parent().context("this program's folder")?;
    if dir.ends_with("deps") {
        dir = dir.parent().context("the folder of this build")?;
    }
    let path = dir.join(name).with_extension(std::env::consts::EXE_EXTENSION);
    if !path.exists() {
        bail!("{} does not exist; `cargo build --workspace --bins` makes it", path.display());
    }
    Ok(path)
}

/// The server.
///
/// # Errors
/// If it has not been built.
pub fn server() -> Result<PathBuf> {
    find("privmsg-server")
}

/// The terminal client.
///
/// # Errors
/// If it has not been built.
pub fn terminal() -> Result<PathBuf> {
    find("privmsg")
}

/// A new folder on the same disk as the build. `/tmp` may be memory, where fdatasync costs nothing.
///
/// # Errors
/// If it cannot be made.
pub fn dir_on_disk() -> Result<tempfile::TempDir> {
    let own = std::env::current_exe().context("where this program is")?;
    let beside = own.parent().context("this program's folder")?;
    tempfile::Builder::new().prefix("privmsg-testkit-").tempdir_in(beside).context("a folder beside this program")
}
