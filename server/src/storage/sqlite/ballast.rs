//! A file beside the database that is thrown overboard when there is no room to start.
//!
//! A server that died on a full disk may need some more room to start there than it had: SQLite makes its index of the
//! log anew, also for what was never committed. What is acknowledged must be readable all the same, and only a running
//! server can be asked to delete something.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::paths::beside;
use crate::private;

/// Ending of the file.
const ENDING: &str = ".ballast";

/// The index takes 32 kB for 16 MB of the log.
const SIZE: u64 = 1024 * 1024;

/// Bytes that are written at once: when the disk fills meanwhile, what is there already helps, too.
const PIECE: usize = 16 * 1024;

fn place(database: &Path) -> PathBuf {
    beside(database, ENDING)
}

/// Throws the ballast overboard. `false` if there was none.
pub(super) fn release(database: &Path) -> bool {
    fs::remove_file(place(database)).is_ok()
}

/// Takes ballast in, as much as there is room for.
pub(super) fn take_in(database: &Path) {
    // A full disk is told about elsewhere, and whatever else is wrong here will be wrong with the database, too.
    if let Err(error) = fill(&place(database)) {
        tracing::debug!(error = &error as &dyn std::error::Error, "less ballast than there should be");
    }
}

fn fill(path: &Path) -> io::Result<()> {
    drop(private::file(path)?);
    let mut file = File::options().append(true).open(path)?;
    let mut missing = SIZE.saturating_sub(file.metadata()?.len());
    while missing > 0 {
        let piece = [0; PIECE];
        let next = usize::try_from(missing).unwrap_or(PIECE).min(PIECE);
        file.write_all(&piece[..next])?;
        missing -= next as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ballast_is_taken_in_once_and_thrown_overboard_whole() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("privmsg.db");
        assert!(!release(&database));
        fs::write(place(&database), "less than there should be").unwrap();
        for _ in 0..2 {
            take_in(&database);
            assert_eq!(place(&database).metadata().unwrap().len(), SIZE);
        }
        assert!(release(&database));
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}
