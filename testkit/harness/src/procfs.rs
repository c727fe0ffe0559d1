//! What Linux tells of processes and of the machine.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Ticks of `/proc/PID/stat` in a second (`sysconf(_SC_CLK_TCK)` is 100 on every Linux that Rust supports).
const TICKS: u32 = 100;

/// Memory of a process that is in RAM, in bytes.
///
/// # Errors
/// If the process is not there.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("status of a process")?;
    Ok(number(&status, "VmRSS:").context("no VmRSS")? * 1024)
}

/// The most memory of a process that has been in RAM, in bytes.
///
/// # Errors
/// If the process is not there.
pub fn peak_resident_bytes(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("status of a process")?;
    Ok(number(&status, "VmHWM:").context("no VmHWM")? * 1024)
}

/// Processor time that a process has used, all threads together.
///
/// # Errors
/// If the process is not there.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("stat of a process")?;
    // The name in parentheses may hold spaces; fields 14 and 15 (utime, stime) are the 12th and 13th behind it.
    let fields = stat.rsplit_once(')').context("no name in stat")?.1;
    let ticks: u32 = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u32>().unwrap_or(0)).sum();
    Ok(Duration::from_secs(1) * ticks / TICKS)
}

/// How often the threads of a process have gone to sleep by themselves so far: as often they were woken.
///
/// # Errors
/// If the process is not there.
pub fn wakeups(pid: u32) -> Result<u64> {
    let mut woken = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).context("threads of a process")? {
        // One that has ended meanwhile is none.
        let status = std::fs::read_to_string(thread?.path().join("status")).unwrap_or_default();
        woken += number(&status, "voluntary_ctxt_switches:").unwrap_or(0);
    }
    Ok(woken)
}

/// The number behind a name.
fn number(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()?.parse().ok()
}

fn first_line_of(path: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':').map_or(line, |(_, value)| value).trim().to_owned())
}

fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The machine in a few lines: processor, memory, system, file system below `dir`, compiler, and how busy it is.
#[must_use]
pub fn describe_machine(dir: &Path) -> Vec<(&'static str, String)> {
    let unknown = || "unknown".to_owned();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let cpu = first_line_of("/proc/cpuinfo", "model name").unwrap_or_else(unknown);
    let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| number(&text, "MemTotal:"));
    let file_system = output_of("df", &["--output=fstype", &dir.display().to_string()]);
    vec![
        ("CPU", format!("{cpu}, {cores} cores")),
        ("memory", memory.map_or_else(unknown, |kb| format!("{:.1} GiB", kb as f64 / 1024.0 / 1024.0))),
        ("system", output_of("uname", &["-sr"]).unwrap_or_else(unknown)),
        ("file system", file_system.and_then(|text| text.lines().last().map(str::to_owned)).unwrap_or_else(unknown)),
        ("rustc", output_of("rustc", &["--version"]).unwrap_or_else(unknown)),
        (
            "load before",
            std::fs::read_to_string("/proc/loadavg")
                .map_or_else(|_| unknown(), |text| text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")),
        ),
    ]
}
