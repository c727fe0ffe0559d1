//! Writes the stored conversation that `core/e2ee/tests/e2ee/stored_state.rs` reads: `cargo run --example stored`.

fn main() -> std::io::Result<()> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core/e2ee/tests/e2ee/stored");
    for (name, bytes) in privmsg_fuzz_e2ee::stored() {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
