//! A disk that is full is a clean answer to whoever wants to store a file, and nothing to everybody else.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Result, ensure};
use privmsg_blackbox::{Device, raw};
use privmsg_harness::{ServerProcess, binaries};

/// What the server's disk takes of one file.
const ROOM: usize = 8 * 1024 * 1024;

/// A server that gets "no room" from the system in the middle of a large file. A limit of the size of its files has
/// that effect in every container, without rights to mount anything; the signal that would kill it is ignored.
async fn server_with_little_room(folder: &Path) -> Result<ServerProcess> {
    let wrapper = folder.join("server-with-little-room");
    let binary = binaries::server()?;
    let script = format!("#!/bin/bash\ntrap '' XFSZ\nulimit -f {}\nexec '{}' \"$@\"\n", ROOM / 1024, binary.display());
    std::fs::write(&wrapper, script)?;
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755))?;
    ServerProcess::start(&wrapper, folder, &[]).await
}

async fn sign_in(server: &ServerProcess, name: &str) -> Result<Device> {
    let account = server.admin().creates(name).await?;
    Device::signs_in(server, name, account.access_key.expose()).await
}

async fn send(
    server: &ServerProcess,
    who: &Device,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Result<raw::Answer> {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Tus-Resumable: 1.0.0\r\nContent-Length: {}\r\n{headers}\r\n",
        who.token,
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    raw::exchange(server.address(), &request).await
}

#[tokio::test]
async fn a_full_disk_refuses_files_and_nothing_else() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = server_with_little_room(folder.path()).await?;
    let alice = sign_in(&server, "alice").await?;
    let files = folder.path().join("files");
    let large = vec![7; 2 * ROOM];

    let begin = format!("Upload-Length: {}\r\n", large.len());
    let begun = send(&server, &alice, "POST", "/api/v1/files/uploads", &begin, b"").await?;
    ensure!(begun.status == 201, "{}", begun.text());
    // Relative to the address that was asked.
    let upload = format!("/api/v1/files/{}", begun.header("location").unwrap_or_default());
    let bytes = "Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\n";
    let refused = send(&server, &alice, "PATCH", &upload, bytes, &large).await?;
    ensure!((refused.status, refused.code().as_deref()) == (507, Some("storage_full")), "{}", refused.text());

    let form = |content: &[u8]| {
        [b"--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n", content, b"\r\n--b--\r\n"].concat()
    };
    let kind = "Content-Type: multipart/form-data; boundary=b\r\n";
    let refused = send(&server, &alice, "POST", "/api/v1/files/upload", kind, &form(&large)).await?;
    ensure!((refused.status, refused.code().as_deref()) == (507, Some("storage_full")), "{}", refused.text());
    ensure!(std::fs::read_dir(&files)?.count() == 1, "only the upload that was begun is on the disk");

    // The upload is whole as far as it says, what fits is taken, and everything else goes on.
    let known = send(&server, &alice, "HEAD", &upload, "", b"").await?;
    ensure!(known.status == 200 && known.header("upload-offset") == Some("0"), "{:?}", known.headers);
    let small = send(&server, &alice, "POST", "/api/v1/files/upload", kind, &form(b"small")).await?;
    ensure!(small.status == 200, "{}", small.text());
    sign_in(&server, "bob").await?;
    ensure!(send(&server, &alice, "DELETE", &upload, "", b"").await?.status == 204, "the upload is not given up");
    let database = rusqlite::Connection::open(server.database())?;
    let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    ensure!(verdict == "ok", "{verdict}");
    Ok(())
}
