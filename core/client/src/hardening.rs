//! Keeps what a program has in memory away from others: for its first line.

/// No core file, and no other process of the same user may read this one's memory or environment. Where the system
/// does not allow it, the program works as well, only less protected.
#[cfg(target_os = "linux")]
pub fn protect_memory() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let no_core = Rlimit { current: Some(0), maximum: Some(0) };
    if setrlimit(Resource::Core, no_core).is_err() || set_dumpable_behavior(DumpableBehavior::NotDumpable).is_err() {
        tracing::debug!("memory is not protected from core files");
    }
}

/// As on Linux, as far as the system has it.
#[cfg(not(target_os = "linux"))]
pub fn protect_memory() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        // Without it the program works as well.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
}
