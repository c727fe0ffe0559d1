//! What durability costs on this disk, without any of our code.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use privmsg_testkit::figures::Times;

use super::Bench;
use super::report::Goal;

const APPENDS: usize = 1000;

pub(super) fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let mut file = File::create(dir.join("appends"))?;
    let page = [7; 4096];
    let mut times = Times::default();
    for _ in 0..APPENDS {
        file.write_all(&page)?;
        let start = Instant::now();
        file.sync_data()?;
        times.note(start.elapsed());
    }
    bench.report.fdatasync_ms = Some((times.p50_ms(), times.p99_ms()));
    bench.report.line("disk: fdatasync of a 4 kB append, p50", times.p50_ms(), "ms", Goal::None);
    bench.report.line("disk: fdatasync of a 4 kB append, p99", times.p99_ms(), "ms", Goal::None);
    Ok(())
}
