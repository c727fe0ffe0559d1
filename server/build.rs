//! Puts the example configurations where `init` finds them, without any secret in them.
//!
//! They are the very files that the documentation has people fill in. Whoever has done that, and builds the program or
//! its image afterwards in the same folder, must not carry the keys away in it.

use std::path::Path;
use std::{env, fs, io};

/// The file, the beginning of a line with a secret, and what the line is made to be.
const SECRETS: [(&str, &str, &str); 3] = [
    ("config/server/config.toml", "credential = ", "credential = \"PUT_YOUR_TURN_SECRET_HERE\""),
    ("config/server/config.toml", "master_key = ", "master_key = \"PUT_YOUR_ADMIN_KEY_HERE\""),
    ("config/coturn/turnserver.conf", "static-auth-secret=", "static-auth-secret=PUT_YOUR_TURN_SECRET_HERE"),
];

fn main() -> io::Result<()> {
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    for (file, name) in
        [("config/server/config.toml", "config.toml"), ("config/coturn/turnserver.conf", "turnserver.conf")]
    {
        let path = Path::new("..").join(file);
        println!("cargo:rerun-if-changed={}", path.display());
        let text = fs::read_to_string(&path)?;
        let lines = text.lines().map(|line| without_secret(file, line));
        fs::write(Path::new(&out).join(name), lines.map(|line| format!("{line}\n")).collect::<String>())?;
    }
    Ok(())
}

fn without_secret<'a>(file: &str, line: &'a str) -> &'a str {
    let beginning = line.trim_start();
    let found = SECRETS
        .iter()
        .find(|(of, key, _)| *of == file && beginning.replace(' ', "").starts_with(&key.replace(' ', "")));
    found.map_or(line, |(_, _, safe)| safe)
}
