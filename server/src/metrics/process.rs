//! What the system says about this process, under the names that all exporters use.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// See the module. Stays at 0 where the system does not tell.
pub(super) struct Process {
    resident: Gauge,
    descriptors: Gauge,
    max_descriptors: Gauge,
}

impl Process {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let process =
            Self { resident: Gauge::default(), descriptors: Gauge::default(), max_descriptors: Gauge::default() };
        let r = registry.sub_registry_with_prefix("process");
        let resident = process.resident.clone();
        r.register_with_unit("resident_memory", "Memory that the process holds", Unit::Bytes, resident);
        r.register("open_fds", "Open file descriptors", process.descriptors.clone());
        r.register("max_fds", "Most file descriptors that may be open", process.max_descriptors.clone());
        process
    }

    pub(super) fn look(&self) {
        set(&self.resident, resident_bytes());
        set(&self.descriptors, open_descriptors());
        set(&self.max_descriptors, max_descriptors());
    }
}

fn set(gauge: &Gauge, value: Option<u64>) {
    if let Some(value) = value {
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    }
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

fn open_descriptors() -> Option<u64> {
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count() as u64)
}

#[cfg(unix)]
fn max_descriptors() -> Option<u64> {
    rlimit::Resource::NOFILE.get_soft().ok()
}

#[cfg(not(unix))]
const fn max_descriptors() -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 100_000));
        assert!(open_descriptors().is_some_and(|count| count >= 3));
        assert!(max_descriptors().is_some_and(|count| count >= 3));
    }
}
