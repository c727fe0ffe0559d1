//! Where this build's programs are.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// `target/<profile>/NAME`, found from where this program lies (`target/<profile>` or `target/<profile>/deps`).
///
/// # Errors
/// If it has not been built, or before the last change of what it is built from: cargo does not build it for the tests,
/// which do not link it, and a test of what was there yesterday would tell nothing.
pub fn find(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("where this program is")?;
    let mut dir = own.parent().context("this program's folder")?;
    if dir.ends_with("deps") {
        dir = dir.parent().context("the folder of this build")?;
    }
    let path = dir.join(name).with_extension(std::env::consts::EXE_EXTENSION);
    if !path.exists() {
        bail!("{} does not exist; {BUILD}", path.display());
    }
    if let Some(newer) = newer_source(&path) {
        bail!("{} is older than {}; {BUILD}", path.display(), newer.display());
    }
    Ok(path)
}

const BUILD: &str = "`make programs` builds it for the tests, `make build` for the benchmarks";

/// A file that the program is built from and that has changed since. Cargo lists them beside it, in the form of a rule
/// for `make`.
fn newer_source(program: &Path) -> Option<PathBuf> {
    let built = program.metadata().and_then(|data| data.modified()).ok()?;
    let rule = std::fs::read_to_string(program.with_extension("d")).ok()?;
    let (_, sources) = rule.split_once(": ")?;
    // A space that belongs to a name has a backslash before it.
    let names = sources.trim_end().replace("\\ ", "\0");
    names.split(' ').map(|name| PathBuf::from(name.replace('\0', " "))).find(|source| {
        let changed = source.metadata().and_then(|data| data.modified());
        changed.is_ok_and(|changed| changed > built)
    })
}

/// The server.
///
/// # Errors
/// As [`find`].
pub fn server() -> Result<PathBuf> {
    find("privmsg-server")
}

/// The terminal client.
///
/// # Errors
/// As [`find`].
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

#[cfg(test)]
mod tests {
    use std::fs::{File, write};
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_program_older_than_its_sources_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let [program, one, two] = ["program", "one.rs", "the other.rs"].map(|name| folder.path().join(name));
        for path in [&program, &one, &two] {
            write(path, "").unwrap();
        }
        assert_eq!(newer_source(&program), None, "nothing is known of it");
        let names = [&one, &two].map(|path| path.display().to_string().replace(' ', "\\ ")).join(" ");
        write(folder.path().join("program.d"), format!("{}: {names}\n", program.display())).unwrap();
        let set = |path: &Path, time| File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        let now = SystemTime::now();
        set(&program, now);
        set(&one, now - Duration::from_secs(1));
        set(&two, now);
        assert_eq!(newer_source(&program), None);
        set(&two, now + Duration::from_secs(1));
        assert_eq!(newer_source(&program), Some(two));
    }
}
